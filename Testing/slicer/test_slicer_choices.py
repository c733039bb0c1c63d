"""What the card says of a class, the fusion method, and centering volumes that lie apart."""

from __future__ import annotations

import json
import os

import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


def fuse(s):
    click(s.ui.fuseButton)
    runToTheEnd(s)


def reported(fakeTool, **figures):
    """What the next run writes down."""
    path = fakeTool.result / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**report, **figures}), encoding="utf-8")


def test_aClassThatWasNotCalibratedIsNotStated(build, fakeTool):
    reported(fakeTool, class_calibrated=False)
    s = build()
    fuse(s)
    first = s.ui.verdictLabel.text.split("\n")[0]
    assert first == "MR on MR"


@pytest.mark.parametrize(
    ("sureFrom", "sentence"),
    [
        (0.0, "Found: motion (97 %)"),
        (0.97, "Found: motion (97 %, sure)"),
        (0.98, "Found: motion (97 %, unsure)"),
    ],
)
def test_theCardSaysWhetherTheClassIsSure(sureFrom, sentence):
    from UniFuseSlicerLib.View import verdict

    report = {"class": "mr_motion", "probabilities": {"mr_motion": 0.97}, "sure_from": sureFrom}
    assert verdict(report) == sentence


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"severity_words": "moderate"}, "Found: motion, moderate (84 %, unsure)"),
        (
            {"class": "pet_low_dose", "severity_words": "severe", "dose_fraction": 0.04},
            "Found: low dose, severe, about 1/25 of the usual (84 %, unsure)",
        ),
        ({"severity_words": None, "dose_fraction": None}, "Found: motion (84 %, unsure)"),
    ],
)
def test_theCardSaysHowStrongTheDegradationIs(found, sentence):
    from UniFuseSlicerLib.View import verdict

    probabilities = {"mr_motion": 0.84, "pet_low_dose": 0.84}
    report = {"class": "mr_motion", "probabilities": probabilities, "sure_from": 0.9, **found}
    assert verdict(report) == sentence


def test_anotherFusionMethodIsChosenAndNamed(build, fakeTool):
    from UniFuseSlicerLib.Choices import FusionChoice

    reported(fakeTool, fusion_method="laplacian")
    s = build()
    s.ui.fusionComboBox.currentIndex = list(FusionChoice).index(FusionChoice.LAPLACIAN)
    fuse(s)
    assert any("--fusion laplacian" in line for line in s.ui.logTextEdit.lines)
    assert "fused by: Laplacian pyramid" in s.ui.verdictLabel.text


def test_theWindowOfACtIsHandedOver(build):
    from UniFuseSlicerLib.Choices import CtWindowChoice

    s = build()
    s.ui.ctWindowComboBox.currentIndex = list(CtWindowChoice).index(CtWindowChoice.SOFT_TISSUE)
    fuse(s)
    assert any("--ct-window soft-tissue" in line for line in s.ui.logTextEdit.lines)


def test_theUsualMethodIsNotNamed(build):
    s = build()
    fuse(s)
    assert not any("--fusion" in line for line in s.ui.logTextEdit.lines)
    assert not any("--ct-window" in line for line in s.ui.logTextEdit.lines)
    assert "fused by" not in s.ui.verdictLabel.text


@pytest.fixture
def farAway(pair):
    """The degraded volume, 2 m to the left."""
    from UniFuseSlicerLib.Nodes import vtkMatrix, worldFromIjk

    place = worldFromIjk(pair.degraded)
    place[0, 3] -= 2000
    pair.degraded.SetIJKToRASMatrix(vtkMatrix(place))
    return pair.degraded


def test_volumesThatDoNotOverlapAreCenteredByOneClick(build, farAway, fakeTool, monkeypatch):
    s = build("refuse")
    fuse(s)
    assert s.ui.messageLabel.text.startswith("The two fields of view do not overlap")
    assert s.ui.retryButton.visible
    assert s.ui.retryButton.text == "Center T2 on T1 and try again"
    monkeypatch.setattr(s.panel.logic, "_tool", fakeTool("work"))
    click(s.ui.retryButton)
    assert s.panel.run.running
    assert s.p.initialTransform.GetName() == "T2 centered on T1"
    assert not s.ui.retryButton.visible
    runToTheEnd(s)
    assert any("--initial-transform" in line for line in s.ui.logTextEdit.lines)
    assert s.p.fused is not None
    assert farAway.GetParentTransformNode() is None


def test_centeringIsOfferedOnlyWhereItMayHelp(build):
    s = build("refuse")
    fuse(s)
    assert not s.ui.retryButton.visible  # they overlap: the tool had another reason


def test_centeringIsNotOfferedTwice(build, farAway):
    s = build("refuse")
    fuse(s)
    click(s.ui.retryButton)
    runToTheEnd(s)
    assert not s.ui.retryButton.visible
    s.p.initialTransform = None
    fuse(s)
    assert s.ui.retryButton.visible
    s.p.degraded = None
    assert not s.ui.retryButton.visible  # it names volumes that are not chosen any more


def test_aCenteredStartIsDroppedWithItsVolumes(build, farAway, scene, pair):
    """Another pair would be moved out of sight by it."""
    s = build()
    click(s.ui.centerButton)
    start = s.p.initialTransform
    assert start is not None
    other = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "other T2")
    s.p.degraded = other
    assert s.p.initialTransform is None
    own = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "of the user")
    s.p.initialTransform = own
    s.p.degraded = farAway
    assert s.p.initialTransform is own
