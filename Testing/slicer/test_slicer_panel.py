"""What a click does, with stand-in widgets made from the real .ui file and injected
collaborators.
"""

from __future__ import annotations

import os
import time

import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


def test_theReasonStandsOnTheButton(build, pair):
    s = build(chosen=False)
    assert (s.ui.fuseButton.text, s.ui.fuseButton.enabled) == (
        "Select the degraded volume",
        False,
    )
    s.p.degraded = pair.degraded
    assert s.ui.fuseButton.text == "Select the reference volume"
    s.p.reference = pair.degraded
    assert s.ui.fuseButton.text == "Select two different volumes"
    s.p.reference = pair.reference
    assert (s.ui.fuseButton.text, s.ui.fuseButton.enabled) == ("Fuse", True)


def test_anInputThatCannotBeFusedIsExplained(build, scene):
    s = build()
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing in it")
    s.p.degraded = empty
    assert not s.ui.fuseButton.enabled
    assert "nothing in it" in s.ui.messageLabel.text


def test_fuseShowsTheResult(build, scene, pair):
    s = build()
    click(s.ui.fuseButton)
    assert (s.ui.fuseButton.text, s.ui.inputsWidget.enabled) == ("Cancel", False)
    assert s.ui.progressBar.visible
    runToTheEnd(s)
    assert (s.ui.fuseButton.text, s.ui.progressBar.visible) == ("Fuse", False)
    assert s.ui.verdictLabel.text.startswith(
        "Found: motion (97 %) · MR on MR\n"
        "match with the reference 0.41 → 0.78 (1 = identical) · displacement 4.2 mm on average, "
        "7.1 mm at most"
    )
    assert s.p.fused.GetName() == "T2 on T1 fused"
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == pair.reference.GetID()
    assert composite.GetForegroundVolumeID() == s.p.fused.GetID()
    assert s.p.deformation.GetDisplayNode() is None  # the first picture is without the grid
    assert not s.timers["Run.poll"].active
    assert any("Running the network" in line for line in s.ui.logTextEdit.lines)


def test_theVerdictStandsInColourWithItsReasons(build):
    s = build()
    assert not s.ui.trustLabel.visible
    click(s.ui.fuseButton)
    runToTheEnd(s)
    lines = s.ui.trustLabel.text.split("\n")
    assert lines[0] == "Amber: check the alignment before using it"
    assert lines[1] == "• Only 62 % of the reference's body is covered."
    assert lines[2].startswith(
        "More than 3 mm off: 31 % likely. Expected error 2.1 mm (0.9 to 4.8) if both"
    )
    assert s.ui.trustLabel.visible
    assert "#ffc94d" in s.ui.trustLabel.styleSheet
    click(s.ui.fuseButton)
    assert (s.ui.trustLabel.text, s.ui.trustLabel.visible) == ("", False)


def test_aReportWithoutAVerdictHasNoColour():
    from UniFuseSlicerLib.View import TrustView, trust

    assert trust({}) == trust({"verdict": {"trust": None}}) == TrustView()


def test_fuseAgainKeepsTheNodes(build, scene):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    first, count = s.p.fused, scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.p.fused is first
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == count


@pytest.fixture
def otherPatient(pair, scene):
    """A second degraded volume."""
    from UniFuseSlicerLib.Nodes import copyVolume, worldFromIjk

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "other T2")
    copyVolume(pair.degraded, node, worldFromIjk(pair.degraded))
    return node


def test_anotherPairLeavesTheResultBefore(build, otherPatient):
    from UniFuseSlicerLib.Choices import OverlayChoice

    s = build()
    s.p.onlyInBody = False
    s.p.overlay = OverlayChoice.GRID
    click(s.ui.fuseButton)
    runToTheEnd(s)
    first = s.p.outputs()
    voxels = first.fused.GetImageData()
    s.p.degraded = otherPatient
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert [new is old for new, old in zip(s.p.outputs().all(), first.all(), strict=True)] == [
        False
    ] * 4
    assert (s.p.fused.GetName(), s.p.restored.GetName()) == (
        "other T2 on T1 fused",
        "other T2 restored",
    )
    assert (first.fused.GetName(), first.fused.GetImageData()) == ("T2 on T1 fused", voxels)
    assert s.p.deformation.GetDisplayNode().GetVisibility()
    assert not first.deformation.GetDisplayNode().GetVisibility()


def test_aResultStaysWhenItsVolumesAreClosed(build, otherPatient, pair, scene):
    """With a node goes every reference to it: a result must know by itself that it is one."""
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    first = s.p.outputs()
    reference = scene.CopyNode(pair.reference)
    s.p.degraded, s.p.reference = otherPatient, reference
    for node in (pair.degraded, pair.reference):
        scene.RemoveNode(node)
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert [new is old for new, old in zip(s.p.outputs().all(), first.all(), strict=True)] == [
        False
    ] * 4


def test_aResultIsChosenAsAWhole(build, otherPatient):
    from UniFuseSlicerLib.Choices import OverlayChoice

    s = build()
    s.p.onlyInBody = False
    s.p.overlay = OverlayChoice.GRID
    click(s.ui.fuseButton)
    runToTheEnd(s)
    first = s.p.outputs()
    s.p.degraded = otherPatient
    click(s.ui.fuseButton)
    runToTheEnd(s)
    second = s.p.outputs()
    s.p.fused = first.fused
    assert s.p.outputs() == first
    assert first.deformation.GetDisplayNode().GetVisibility()
    assert not second.deformation.GetDisplayNode().GetVisibility()


def test_aProblemIsShownAgainInTheNextScene(build, pair, scene):
    """The button says "see below": there must be something below."""

    def emptyInput():
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing in it")
        other = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "neither")
        s.panel.parameterNode.degraded, s.panel.parameterNode.reference = node, other

    s = build(chosen=False)
    emptyInput()
    assert "nothing in it" in s.ui.messageLabel.text
    scene.Clear(False)
    assert s.ui.messageLabel.text == ""
    emptyInput()
    assert "nothing in it" in s.ui.messageLabel.text


def test_aResultCanBeTheNextReference(build, otherPatient):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    first, voxels = s.p.fused, s.p.fused.GetImageData()
    s.p.degraded, s.p.reference = otherPatient, first
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.p.fused is not first
    assert first.GetImageData() is voxels


def test_anInputIsNeverAnOutput(build, pair, scene):
    s = build()
    s.p.fused = pair.reference
    assert (s.ui.fuseButton.text, s.ui.fuseButton.enabled) == (
        "Cannot be fused (see below)",
        False,
    )
    assert '"T1" is used as an input and cannot also be an output' in s.ui.messageLabel.text
    s.p.fused = s.p.restored = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "mine")
    assert '"mine" is chosen for two outputs' in s.ui.messageLabel.text
    s.p.restored = None
    assert s.ui.fuseButton.enabled


def test_cancelIsTheSameButton(build, scene):
    s = build("deafest")
    count = scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    click(s.ui.fuseButton)
    for _ in range(100):
        s.timers["Run.poll"].fire()
        time.sleep(0.01)
    click(s.ui.fuseButton)
    assert (s.ui.fuseButton.text, s.ui.fuseButton.enabled) == ("Cancelling…", False)
    runToTheEnd(s)
    assert s.ui.messageLabel.text == "Cancelled. Nothing was changed."
    assert s.ui.fuseButton.text == "Fuse"
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == count


def test_aFailureIsShownAndTheLogOpens(build):
    s = build("refuse")
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.ui.messageLabel.text == "The two fields of view do not overlap. Check the volumes."
    assert s.ui.logCollapsibleButton.collapsed is False
    assert s.ui.fuseButton.text == "Fuse"


def test_aRefusedInstallationStartsNothing(build):
    from UniFuseSlicerLib.Errors import InstallError

    def refuse():
        raise InstallError("UniFuse needs the extension PyTorch.")

    s = build(ensure=refuse)
    click(s.ui.fuseButton)
    assert not s.panel.run.running
    assert s.ui.messageLabel.text == "UniFuse needs the extension PyTorch."


def test_unexpectedErrorsAreShownAsWell(build):
    def full():
        raise OSError(28, "No space left on device")

    s = build(ensure=full)
    click(s.ui.fuseButton)
    assert not s.panel.run.running
    assert "No space left on device" in s.ui.messageLabel.text
    assert s.ui.fuseButton.text == "Fuse"


@pytest.mark.parametrize("event", ["scene", "application"])
def test_closingWhileRunningIsSafe(build, scene, event):
    s = build("deafest")
    click(s.ui.fuseButton)
    for _ in range(100):
        s.timers["Run.poll"].fire()
        time.sleep(0.01)
    job = s.panel.run.job
    if event == "scene":
        scene.Clear(False)
    else:
        s.panel.cleanup()
    assert job.outcome.ending.value == "cancelled"
    assert not job.folder.exists()
    assert not any(timer.active for timer in s.timers.values())
    s.timers["Run.poll"].timeout.emit()  # a late tick finds nothing to do


def test_leavingTheModuleLetsTheRunGoOn(build):
    s = build()
    click(s.ui.fuseButton)
    s.panel.exit()
    runToTheEnd(s)
    s.panel.enter()
    assert s.panel.parameterNode.fused is not None


def test_swapExchangesVolumesAndModalities(build, pair):
    from UniFuseSlicerLib.Choices import ModalityChoice

    s = build()
    s.p.degradedModality = ModalityChoice.CT
    click(s.ui.swapButton)
    assert (s.p.degraded, s.p.reference) == (pair.reference, pair.degraded)
    assert (s.p.degradedModality, s.p.referenceModality) == (ModalityChoice.AUTO, ModalityChoice.CT)


def test_samplePairIsChosen(build, pair):
    s = build(chosen=False)
    click(s.ui.sampleButton)
    assert s.ui.fuseButton.text == "Fuse"


def test_aMissingSampleIsReported(build):
    from UniFuseSlicerLib.Errors import FusionError

    def missing():
        raise FusionError("The sample data is not part of this installation.")

    s = build(loadSample=missing, chosen=False)
    click(s.ui.sampleButton)
    assert s.ui.messageLabel.text == "The sample data is not part of this installation."


def test_theLogGoesWithTheScene(build):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.ui.logTextEdit.lines
    s.panel.onSceneClosed()
    assert s.ui.logTextEdit.lines == []


def test_aCancelledRunLeavesTheVerdictOfTheResultBefore(build):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.ui.verdictLabel.text.startswith("Found: motion")
    click(s.ui.fuseButton)
    assert s.ui.verdictLabel.text == ""
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.ui.messageLabel.text == "Cancelled. Nothing was changed."
    assert s.ui.verdictLabel.text.startswith("Found: motion")


def test_theSecondClickOfADoubleClickDoesNothing(build):
    now = [0.0]
    s = build("polite", clock=lambda: now[0])
    click(s.ui.fuseButton)
    now[0] = 0.4
    click(s.ui.fuseButton)
    assert s.panel.run.running
    assert s.ui.fuseButton.text == "Cancel"
    now[0] = 1.5
    click(s.ui.fuseButton)
    assert s.ui.fuseButton.text == "Cancelling…"
