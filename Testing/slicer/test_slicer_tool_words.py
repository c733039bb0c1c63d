"""What the tool says in English, the panel can say in Slicer's language."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import translations

import UniFuseLib
from UniFuseLib import predict
from UniFuseLib.commands import export_result, fuse_files
from UniFuseLib.degradation import (
    CLASSES,
    Classification,
    coarse_voxels_warning,
    low_confidence_warning,
    metal_warning,
    modality_conflict_warning,
    uncalibrated_warning,
)
from UniFuseLib.degraded_reference import reference_doubts
from UniFuseLib.device import DeviceMemoryError, choose_device
from UniFuseLib.errors import InputError, UniFuseError
from UniFuseLib.io import paths, voxels, writing
from UniFuseLib.preprocessing import checks, guidance, intensity, prepare, working_pair
from UniFuseLib.preprocessing.checks import check_volume, copy_warning
from UniFuseLib.preprocessing.modality import ModalityEvidence, guess_modality
from UniFuseLib.progress import Stage
from UniFuseLib.registration import bspline_refinement
from UniFuseLib.registration.affine_decision import warnings_of
from UniFuseLib.spatial.volume import Grid, Volume
from UniFuseLib.verdict import judge, judged, reasons
from UniFuseLib.verdict.stretch import Stretch

TWO_MR = ("mr", "mr")
GREY = Volume(np.random.default_rng(0).gamma(2.0, 200.0, (9, 9, 9)), np.eye(4))
GERMAN = translations.read(translations.FOLDER / "UniFuseSlicer_de-DE.ts")


@pytest.fixture
def german(monkeypatch):
    """The panel's words with the German texts loaded."""
    from UniFuseSlicerLib import ToolWords

    german = GERMAN["UniFuseSlicerLib.ToolTexts"]
    monkeypatch.setattr(ToolWords, "_", german.__getitem__)
    return ToolWords.panelWords


def reasonsOfTheTool():
    values = (0.2, 0.96, 1.4, 7.0)
    return sorted({reasons._SENTENCES[name](v) for name in reasons.explained() for v in values})


def stagesOfTheTool():
    ofFuse = [stage.title for stage in vars(predict).values() if isinstance(stage, Stage)]
    return [*ofFuse, fuse_files._READING, fuse_files._WRITING, export_result._DRAWING]


def poseWarnings():
    chance = SimpleNamespace(mean=0.21, spread=0.03, best=0.3)
    found = {
        "score": 0.35,
        "chance": chance,
        "convincing": True,
        "scant": True,
        "far": True,
        "moved_mm": 80.0,
        "rotation_deg": 31.0,
        "covered": 0.1,
    }
    unsure = found | {"convincing": False}
    return [
        *warnings_of(SimpleNamespace(**found)),
        *warnings_of(SimpleNamespace(**unsure)),
        *warnings_of(SimpleNamespace(**unsure), guided=True),
    ]


def modalityWarnings():
    """Of volumes whose numbers, header and name disagree in every way that is said."""
    generator = np.random.default_rng(0)
    shape = (12, 12, 12)
    soft = np.where(generator.random(shape) < 0.5, -1000.0, 40.0) + generator.normal(size=shape)
    grey = generator.gamma(2.0, 200.0, shape)
    volumes = (soft, grey, grey / grey.max(), generator.normal(size=shape), soft + 1024)
    evidence = [
        ModalityEvidence(),
        ModalityEvidence(stated="CT", chosen="mr"),
        ModalityEvidence(chosen="mr", named="CT"),
        ModalityEvidence(chosen="pet", stated="MR", stated_by="its sidecar"),
        ModalityEvidence(named="PT"),
        ModalityEvidence(stated="CT"),
    ]
    found: list[str] = []
    for array in volumes:
        for known in evidence:
            with suppress(InputError):
                guess = guess_modality(Volume(array, np.diag([2.0, 2, 2, 1])), "degraded", known)
                found += guess.warnings
    return found


def voxelWarnings():
    volume = np.random.default_rng(0).gamma(2.0, 200.0, (24, 24, 24))
    found: list[str] = []
    for count in (1, 3):
        broken = volume.copy()
        broken[10, 10, 8 : 8 + count] = np.nan
        found += check_volume(Volume(broken, np.diag([2.0, 2, 2, 1])), "reference").warnings
    gap = volume.copy()
    gap[9] = 0
    found += check_volume(Volume(gap, np.diag([2.0, 2, 2, 1])), "degraded").warnings
    around = volume.copy()
    around[:, :, :5] = np.nan
    found += check_volume(Volume(around, np.diag([2.0, 2, 2, 1])), "reference").warnings
    return found


def referenceWarnings():
    """Beside a degraded volume that looks clean, and one that does not."""
    moved = dict.fromkeys(CLASSES, 0.0) | {"mr_motion": 0.93}
    degraded = Classification("mr_motion", moved, ())
    clean = Classification("clean", moved, ())
    return [*reference_doubts(degraded, "mr", clean), *reference_doubts(degraded, "mr", degraded)]


def warningsOfTheTool():
    degraded = dict.fromkeys(CLASSES, 0.0) | {"pet_low_dose": 1.0}
    unsure = dict.fromkeys(CLASSES, 0.1) | {"mr_motion": 0.7}
    found = [
        uncalibrated_warning(3.0, 1.5),
        coarse_voxels_warning(6.0, "mr"),
        modality_conflict_warning(degraded, "ct"),
        low_confidence_warning(unsure, 0.85),
        judge._UNREASONED,
        *judged.unfitted("ct", "ct"),
        *judged.one_sided({"mirror_ratio": 0.1, "far_share": 0.8, "variations_mm": 2.0}, TWO_MR),
        *Stretch(0.4, -7.0, 1).doubts(TWO_MR),
        *Stretch(0.4, 9.0, 2).doubts(TWO_MR),
        *copy_warning(GREY, GREY),
        *guidance._stretched(np.diag([1.1, 1.0, 1.0, 1.0])),
        metal_warning("clean", 0.4),
        checks._raised(300, "degraded"),
        *prepare._lifted("degraded", SimpleNamespace(offset=1000.0)),
        bspline_refinement._NO_GAIN,
        bspline_refinement._FOLDS,
        *referenceWarnings(),
        *poseWarnings(),
        *modalityWarnings(),
        *voxelWarnings(),
    ]
    assert len(set(found)) > 20
    return sorted(set(found))


def said(call, *arguments, **named):
    """What a refusal says."""
    with pytest.raises(UniFuseError) as error:
        call(*arguments, **named)
    return str(error.value)


def refusedVolumes():
    grid = np.diag([2.0, 2, 2, 1])
    values = np.random.default_rng(0).gamma(2.0, 200.0, (24, 24, 24))
    holes = values.copy()
    holes[::2, ::3] = np.nan
    dark = np.zeros((9, 9, 9))
    knots = {"mr": {"kind": "percentile", "upper": 99.0, "gamma": 1.0, "ceiling": 1.0}}
    flat = np.random.default_rng(1).uniform(0, 40, (24, 24, 24))
    stored = np.where(values > 300, 1064.0, 2.0) + np.random.default_rng(2).normal(
        0, 3, values.shape
    )
    ct = ModalityEvidence(chosen="ct")
    return [
        said(check_volume, Volume(values[:2], grid), "degraded"),
        said(check_volume, Volume(values.astype(complex), grid), "reference"),
        said(check_volume, Volume(holes, grid), "degraded"),
        said(check_volume, Volume(np.full_like(values, 7.0), grid), "degraded"),
        said(check_volume, Volume(values, np.diag([2000.0, 2000, 2000, 1])), "reference"),
        said(guess_modality, Volume(values, grid), "degraded", ModalityEvidence(stated="US")),
        said(guess_modality, Volume(stored, grid), "degraded", ct),
        said(guess_modality, Volume(flat, grid), "reference", ct),
        said(intensity.fit, dark, None, "mr", knots),
        said(intensity.fit, dark, None, "ct", knots),
    ]


def refusedGuidance():
    here, far = Grid((9, 9, 9), np.eye(4)), np.eye(4) + np.eye(4, k=3) * 500.0
    away = Grid((9, 9, 9), far)
    source = SimpleNamespace(volume=SimpleNamespace(grid=here))
    apart = SimpleNamespace(volume=SimpleNamespace(grid=away))
    pair = SimpleNamespace(
        degraded=SimpleNamespace(source=source),
        reference=SimpleNamespace(source=apart),
        given=SimpleNamespace(matrices=()),
    )
    return [
        said(guidance._check_in_view, far, here, here),
        said(guidance._check_in_view, np.linalg.inv(far), here, away),
        said(working_pair._alignment, pair, None, lambda _fraction: None),
    ]


def refusedByTheMachine(folder):
    broken = folder / "gone" / "fused.nii.gz"
    return [
        str(DeviceMemoryError(torch.device("cpu"))),
        str(DeviceMemoryError(torch.device("cuda", 0))),
        said(choose_device, "cuda:77"),
        writing._why_not_written(folder / "fused.nii.gz", OSError(28, "No space left on device")),
        paths._why_not_there(broken, FileNotFoundError()),
        str(voxels.truncated(broken)),
        str(voxels.damaged(broken, "CRC")),
    ]


def literals(template):
    """A sentence without what its places hold."""
    return tuple(re.split(r"\{\w+\}", template))


def sentencesInSources():
    """Of all strings with places in the tool, their fixed parts."""
    found: set[tuple[str, ...]] = set()
    for path in Path(UniFuseLib.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add((node.value,))
            if isinstance(node, ast.JoinedStr):
                parts = [""]
                for value in node.values:
                    if isinstance(value, ast.Constant):
                        parts[-1] += value.value
                    else:
                        parts.append("")
                found.add(tuple(parts))
    return found


@pytest.mark.parametrize("sentence", [*refusedVolumes(), *refusedGuidance()])
def test_aRefusalIsSaidInGermanWithItsFigures(german, sentence):
    inGerman = german(sentence)
    assert inGerman != sentence
    assert set(figures(inGerman)) <= set(figures(sentence))
    assert "--" not in inGerman
    assert not re.search(r"\b(the|degraded|reference|expected)\b", inGerman, re.IGNORECASE)


def test_whatTheMachineRefusesIsSaidInGerman(german, tmp_path):
    for sentence in refusedByTheMachine(tmp_path):
        inGerman = german(sentence)
        assert inGerman != sentence
        assert not re.search(r"\b(the|close|try|check|voxels)\b", inGerman, re.IGNORECASE)


def test_everyRefusalIsOneThatTheToolSays():
    """Those that are put together of parts are met by the tests above."""
    from UniFuseSlicerLib import ToolTexts

    composed: tuple[str, ...] = (
        "{device} ran out",
        "The initial transform moves",
        "The fields of view do not",
    )
    composed += ("looks like a", "not enough memory", "unexpected error", "Cannot write {file}: {r")
    sources = sentencesInSources()
    missing = [
        template
        for template in ToolTexts._refusals(str)
        if literals(template) not in sources and not any(part in template for part in composed)
    ]
    assert missing == []


@pytest.mark.parametrize("sentence", [*reasonsOfTheTool(), *warningsOfTheTool()])
def test_aSentenceOfTheToolIsSaidInGermanWithItsFigures(german, sentence):
    said = german(sentence)
    assert said != sentence
    assert figures(said) == figures(re.sub(r" \(--[^)]*\)", "", sentence))
    assert not re.search(r"\b(the|was|degraded|reference)\b", said)


def figures(text):
    return sorted(re.findall(r"\d+(?:\.\d+)?", text))


@pytest.mark.parametrize("title", stagesOfTheTool())
def test_everyStageHasAGermanTitle(german, title):
    assert german(title) != title


def test_sentencesInARowAreSaidOneByOne(german):
    first, second = reasonsOfTheTool()[:2]
    assert german(f"{first} {second}") == f"{german(first)} {german(second)}"
    assert german(f"{first} Nobody has written this.").endswith("Nobody has written this.")


def test_optionsOfTheCommandLineAreNotShown():
    from UniFuseSlicerLib.ToolWords import panelWords

    said = panelWords("Unknown (--degraded-modality mr). Set the modality (--x).")
    assert said == "Unknown. Set the modality."


def test_aPlaceThatIsNamedTwiceHoldsTheSame(german):
    two = "The degraded mask lies on another grid than the reference volume; it was read at the "
    assert german(f"{two}nearest voxel.") == f"{two}nearest voxel."
    one = two.replace("reference", "degraded")
    assert german(f"{one}nearest voxel.").count("gestört") == 2
