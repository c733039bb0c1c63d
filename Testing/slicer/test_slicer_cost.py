"""What a pair will take stands below the button before it is fused: as the command line says it."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@pytest.fixture
def memory(monkeypatch):
    """Bytes → so many are free."""

    def free(count):
        monkeypatch.setattr("UniFuseLib.process.available_memory", lambda: count)

    free(1 << 40)
    return free


def test_theFiguresAreThoseOfADryRun(pair, tmp_path, capsys):
    """Oblique, anisotropic volumes, one of them under a transform, as a run writes them."""
    cli = pytest.importorskip("UniFuseLib.cli", reason="needs torch")
    pytest.importorskip("torch", reason="needs torch")
    from UniFuseSlicerLib.Cost import costOf
    from UniFuseSlicerLib.Guidance import NO_GUIDANCE
    from UniFuseSlicerLib.JobInputs import JobInputs
    from UniFuseSlicerLib.Nodes import vtkMatrix
    from UniFuseSlicerLib.Options import FusionOptions

    scene = pair.degraded.GetScene()
    turned = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    pose = [[0, -1, 0, 5], [1, 0, 0, 2], [0, 0, 1, -3], [0, 0, 0, 1]]
    turned.SetMatrixTransformToParent(vtkMatrix(np.array(pose, float)))
    pair.reference.SetAndObserveTransformNodeID(turned.GetID())
    JobInputs.ofNodes(pair.degraded, pair.reference, NO_GUIDANCE).write(tmp_path)
    files = [str(tmp_path / f"{role}.nrrd") for role in ("degraded", "reference")]
    for options in (
        FusionOptions(),
        FusionOptions(workingSpacing=2.5),
        FusionOptions(uncertainty=True, refinement="off", fusion="average"),
    ):
        command = ["fuse", *files, "-o", str(tmp_path / "out"), *options.arguments()]
        assert cli.main([*command, "--dry-run", "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        cost = costOf(pair.degraded, pair.reference, options)
        assert cost.size._asdict() == {name: said[name] for name in cost.size._fields}
        assert (cost.memory_bytes, cost.cpu_seconds) == (said["memory_bytes"], said["cpu_seconds"])
        assert cost.disk == (said["disk_bytes_low"], said["disk_bytes_high"])


def test_theLineFollowsPairAndOptions(build, memory):
    s = build()
    label = s.ui.costLabel
    first = label.text
    assert label.visible
    assert first.startswith("About ")
    assert " s of one core · " in first
    assert " of RAM · export up to " in first
    s.p.workingSpacing = 0.5
    assert label.text != first
    s.p.workingSpacing = 0.0
    assert label.text == first
    s.p.reference = None
    assert (label.text, label.visible) == ("", False)


def test_theLineGivesItsPlaceToTheProgress(build, memory):
    s = build()
    click(s.ui.fuseButton)
    assert (s.ui.costLabel.visible, s.ui.progressBar.visible) == (False, True)
    runToTheEnd(s)
    # then to the card of what was fused
    assert (s.ui.costLabel.visible, s.ui.progressBar.visible) == (False, False)
    assert s.ui.trustLabel.visible
    s.p.fused = None
    assert s.ui.costLabel.visible


def test_tooLittleMemoryIsSaidInAmberAndTheToolDecides(build, memory, monkeypatch):
    from UniFuseSlicerLib.Devices import KNOWN
    from UniFuseSlicerLib.View import trustGround

    memory(100_000_000)
    s = build()
    assert "Only 100 MB of memory are free" in s.ui.costLabel.text
    assert trustGround("amber") in s.ui.costLabel.styleSheet
    assert s.ui.fuseButton.enabled
    monkeypatch.setattr(KNOWN, "gpu", True)  # the tool will take it, and refuses nothing there
    s.panel.refresh()
    assert "Only" not in s.ui.costLabel.text
    monkeypatch.setattr(KNOWN, "gpu", None)
    memory(None)  # the system does not say
    s.panel.refresh()
    assert (s.ui.costLabel.styleSheet, "Only" in s.ui.costLabel.text) == ("", False)


@pytest.mark.parametrize("contract", [None, "no JSON", "{}", '{"working_spacing_mm": "wide"}'])
def test_weightsThatNobodyCanReadAreNoEstimate(pair, tmp_path, contract):
    """The tool says what is wrong with them."""
    from UniFuseSlicerLib.Cost import costView
    from UniFuseSlicerLib.Options import FusionOptions

    weights = tmp_path / "mine.safetensors"
    weights.touch()
    if contract is not None:
        weights.with_suffix(".json").write_text(contract, encoding="utf-8")
    assert costView(pair.degraded, pair.reference, FusionOptions(weights=weights)).text == ""
    spaced = FusionOptions(weights=weights, workingSpacing=2.0)
    assert costView(pair.degraded, pair.reference, spaced).text
