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
    assert (s.ui.fuseButton.text, s.ui.inputsCollapsibleButton.enabled) == ("Cancel", False)
    assert s.ui.progressBar.visible
    runToTheEnd(s)
    assert (s.ui.fuseButton.text, s.ui.progressBar.visible) == ("Fuse", False)
    assert s.ui.verdictLabel.text.startswith(
        "MR motion 97 % · MR on MR\n"
        "similarity to reference 0.41 → 0.78 · moved 4.2 mm on average, 7.1 mm at most"
    )
    assert s.p.fused.GetName() == "T2 + T1 fused"
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == pair.reference.GetID()
    assert composite.GetForegroundVolumeID() == s.p.fused.GetID()
    assert s.p.deformation.GetDisplayNode().GetVisibility2D()
    assert not s.timers["Run.poll"].active
    assert any("Running the network" in line for line in s.ui.logTextEdit.lines)


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
    s = build()
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
        "other T2 + T1 fused",
        "other T2 restored",
    )
    assert (first.fused.GetName(), first.fused.GetImageData()) == ("T2 + T1 fused", voxels)
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
    s = build()
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
        "These volumes cannot be fused (see below)",
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


def test_aFailureIsToldAndTheLogOpens(build):
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


def test_whatNobodyExpectedIsToldAsWell(build):
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


def test_aMissingSampleIsTold(build):
    from UniFuseSlicerLib.Errors import FusionError

    def missing():
        raise FusionError("The sample data is not part of this installation.")

    s = build(loadSample=missing, chosen=False)
    click(s.ui.sampleButton)
    assert s.ui.messageLabel.text == "The sample data is not part of this installation."


def test_theWarpSliderShowsTheDegradedOnItsWay(build, scene, pair):
    from UniFuseSlicerLib.Choices import LayerChoice

    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.p.warpPercent = 30.0
    assert s.p.layer is LayerChoice.DEGRADED
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    clone = scene.GetNodeByID(composite.GetForegroundVolumeID())
    assert clone.GetName() == "T2 (live warp)"
    assert (
        clone.GetParentTransformNode().GetTransformFromParent().GetDisplacementScale()
        == pytest.approx(0.3)
    )
    assert pair.degraded.GetParentTransformNode() is None
    s.p.layer = LayerChoice.REFERENCE
    assert not composite.GetForegroundVolumeID()


def test_theWarpStartsWhereTheDegradedCameThoughItLiesUnderItsDeformation(build, scene, pair):
    from UniFuseSlicerLib.Choices import LayerChoice
    from UniFuseSlicerLib.Nodes import worldFromIjk

    came = worldFromIjk(pair.degraded)
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    pair.degraded.SetAndObserveTransformNodeID(s.p.deformation.GetID())
    s.liveWarp.remove()  # as after loading the scene
    s.p.layer = LayerChoice.DEGRADED
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    clone = scene.GetNodeByID(composite.GetForegroundVolumeID())
    assert clone.GetName() == "T2 (live warp)"
    assert abs(worldFromIjk(clone, without=clone.GetParentTransformNode()) - came).max() < 1e-9


def test_aVolumeThatCannotBeWarpedIsSaid(build, scene, pair):
    from UniFuseSlicerLib.Choices import LayerChoice
    from UniFuseSlicerLib.Nodes import deformationImage, gridTransform

    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    other = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "another field")
    other.SetAndObserveTransformFromParent(gridTransform(deformationImage(s.p.deformation)))
    pair.degraded.SetAndObserveTransformNodeID(other.GetID())
    count = scene.GetNumberOfNodes()
    s.p.layer = LayerChoice.DEGRADED
    assert 'is under the non-linear transform "another field"' in s.ui.messageLabel.text
    assert scene.GetNumberOfNodes() == count
    s.panel.exit()
    s.panel.enter()  # and the module can be entered with such a scene
    assert s.panel.parameterNode is not None


def test_displayChoicesReachTheViews(build, scene):
    from UniFuseSlicerLib.Choices import LayerChoice, OverlayChoice

    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    s.p.opacity = 0.25
    assert composite.GetForegroundOpacity() == pytest.approx(0.25)
    s.p.layer = LayerChoice.RESTORED
    assert composite.GetForegroundVolumeID() == s.p.restored.GetID()
    s.p.overlay, s.p.overlaySpacing = OverlayChoice.CONTOUR, 7.0
    display = s.p.deformation.GetDisplayNode()
    assert display.GetVisualizationMode() == display.VIS_MODE_CONTOUR
    assert display.GetGridSpacingMm() == 7.0
    s.p.overlay = OverlayChoice.OFF
    assert not display.GetVisibility()


def test_theUsersOwnViewIsLeftAlone(build, scene, pair):
    """Only display choices touch the views: other parameters do not put our layers back."""
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    composite.SetForegroundVolumeID(pair.degraded.GetID())
    s.p.keepFiles = True
    s.p.overlaySpacing = 17.0
    assert composite.GetForegroundVolumeID() == pair.degraded.GetID()


def test_withoutAResultNothingIsShown(build, scene):
    from UniFuseSlicerLib.Choices import LayerChoice

    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    shown = composite.GetForegroundVolumeID()
    s.p.fused = None
    s.p.layer = LayerChoice.RESTORED
    assert s.ui.verdictLabel.text == ""
    assert composite.GetForegroundVolumeID() == shown


def test_flickerSwapsAndEndsWhereItBegan(build, scene):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    s.ui.flickerButton.toggled.emit(True)
    s.timers["Layers.flicker"].fire()
    assert composite.GetForegroundOpacity() == 0
    s.ui.flickerButton.toggled.emit(False)
    assert composite.GetForegroundOpacity() == 1
    assert not s.timers["Layers.flicker"].active


@pytest.mark.parametrize("leave", ["exit", "onSceneClosing"])
def test_flickerEndsWhenTheModuleIsLeft(build, leave):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.ui.flickerButton.setChecked(True)
    assert s.timers["Layers.flicker"].active
    getattr(s.panel, leave)()
    assert not s.timers["Layers.flicker"].active
    assert not s.ui.flickerButton.checked


def test_flickerOfALoadedSceneEndsAtItsOpacity(build, scene):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.p.opacity = 0.4
    again = build()
    again.ui.flickerButton.setChecked(True)
    again.timers["Layers.flicker"].fire()
    again.ui.flickerButton.setChecked(False)
    assert scene.GetFirstNodeByClass(
        "vtkMRMLSliceCompositeNode"
    ).GetForegroundOpacity() == pytest.approx(0.4)


def test_deviceAndWeightsBelongToTheComputer(build):
    from pathlib import Path

    import standin_widgets
    from UniFuseSlicerLib.Settings import MachineSettings

    settings = standin_widgets.QSettings()
    s = build(settings=settings)
    s.ui.deviceComboBox.currentIndex = 2
    s.ui.weightsPathLineEdit.currentPath = "/weights/mine.safetensors"
    assert settings.stored == {
        "UniFuse/Device": "cpu",
        "UniFuse/Weights": "/weights/mine.safetensors",
    }
    chosen = s.p.options(MachineSettings(settings))
    assert (chosen.device, chosen.weights) == ("cpu", Path("/weights/mine.safetensors"))
    again = build(settings=settings)
    assert again.ui.deviceComboBox.currentIndex == 2
    assert again.ui.weightsPathLineEdit.currentPath == "/weights/mine.safetensors"


def test_devicesAreAskedBesideTheApplication(build):
    """The real script in a real process; this machine's torch answers."""
    pytest.importorskip("torch")
    s = build()
    click(s.ui.deviceButton)
    assert s.ui.deviceLabel.text == "Looking…"
    end = time.monotonic() + 60
    while s.panel.machine.deviceCheck.running:
        s.timers["DeviceCheck.poll"].fire()
        assert time.monotonic() < end
        time.sleep(0.05)
    assert "CPU threads" in s.ui.deviceLabel.text or "GB free" in s.ui.deviceLabel.text


def test_aLoadedSceneShowsItsArrowsAgain(build, scene):
    from UniFuseSlicerLib.Choices import OverlayChoice
    from UniFuseSlicerLib.Overlay import BODY_ROLE

    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.p.overlay = OverlayChoice.ARROWS
    drawn = s.p.deformation.GetNodeReference(BODY_ROLE)
    assert drawn.GetDisplayNode().GetVisibility()
    scene.RemoveNode(drawn)  # what saving and loading leaves out
    s.panel.exit()
    s.panel.enter()
    assert s.p.deformation.GetNodeReference(BODY_ROLE).GetDisplayNode().GetVisibility()


def test_aLoadedSceneShowsTheWarpedVolumeAgain(build, scene):
    from UniFuseSlicerLib.Choices import LayerChoice

    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.p.layer = LayerChoice.DEGRADED
    view = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    s.liveWarp.remove()  # what saving and loading leaves out
    view.SetForegroundVolumeID(None)
    s.panel.exit()
    s.panel.enter()
    shown = scene.GetNodeByID(view.GetForegroundVolumeID())
    assert shown.GetName() == "T2 (live warp)"
    assert s.ui.verdictLabel.text.startswith("MR motion")


def test_aCancelledRunLeavesTheVerdictOfTheResultBefore(build):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.ui.verdictLabel.text.startswith("MR motion")
    click(s.ui.fuseButton)
    assert s.ui.verdictLabel.text == ""
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.ui.messageLabel.text == "Cancelled. Nothing was changed."
    assert s.ui.verdictLabel.text.startswith("MR motion")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            {"gpus": [{"name": "RTX A4000", "free": 14.2, "total": 15.7}]},
            "RTX A4000, 14 of 16 GB free",
        ),
        (
            {"gpus": [], "version": "2.13.0", "threads": 8},
            "No GPU that PyTorch 2.13.0 can use: runs on 8 CPU threads",
        ),
    ],
)
def test_deviceSentences(found, words):
    from UniFuseSlicerLib.Devices import deviceSentence

    assert deviceSentence(found) == words


def test_widgetsAndParametersFollowEachOther(build, pair):
    """Bindings by `SlicerParameterName`, with Slicer's own code."""
    from UniFuseSlicerLib.Choices import LayerChoice, ModalityChoice, OverlayChoice

    s = build(chosen=False)
    s.ui.degradedSelector.setCurrentNode(pair.degraded)
    s.ui.referenceSelector.setCurrentNode(pair.reference)
    assert (s.p.degraded, s.p.reference) == (pair.degraded, pair.reference)
    s.ui.degradedModalityComboBox.currentIndex = 2
    s.ui.overlayComboBox.currentIndex = 2
    s.ui.layerComboBox.currentIndex = 1
    assert (s.p.degradedModality, s.p.overlay, s.p.layer) == (
        ModalityChoice.CT,
        OverlayChoice.ARROWS,
        LayerChoice.RESTORED,
    )
    assert s.ui.overlayComboBox.items == ["Off", "Grid", "Arrows", "Contour lines"]
    s.ui.opacitySlider.value = 0.4
    s.ui.onlyInBodyCheckBox.checked = False
    assert (s.p.opacity, s.p.onlyInBody) == (pytest.approx(0.4), False)
    s.p.warpPercent = 12.0
    assert s.ui.warpSlider.value == 12.0
    s.p.setOutputs(s.p.outputs())
    assert s.ui.fusedSelector.currentNode() is None


def test_choicesSurviveSaveAndReload(build, scene, pair, tmp_path):
    import slicer
    from UniFuseSlicerLib.Choices import OverlayChoice

    s = build()
    s.p.overlay, s.p.opacity = OverlayChoice.CONTOUR, 0.35
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    again = slicer.vtkMRMLScene()
    again.SetURL(str(tmp_path / "scene.mrml"))
    again.Connect()
    loaded = type(s.p)(again.GetFirstNodeByClass("vtkMRMLScriptedModuleNode"))
    assert (loaded.overlay, loaded.opacity, loaded.degraded.GetName()) == (
        OverlayChoice.CONTOUR,
        0.35,
        "T2",
    )


@pytest.mark.parametrize("close", [True, False])
def test_aLoadedSceneIsFollowed(build, scene, close):
    """Parameters come before the nodes they name; the panel has to look again when the whole scene
    is there.
    """
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    name = s.p.fused.GetName()
    scene.SetSaveToXMLString(1)
    scene.Commit()
    saved = scene.GetSceneXMLString()
    scene.Clear(0)
    assert s.ui.fusedSelector.currentNode() is None
    scene.SetLoadFromXMLString(1)
    scene.SetSceneXMLString(saved)
    scene.Connect() if close else scene.Import()
    assert s.ui.fusedSelector.currentNode().GetName() == name
    assert s.ui.degradedSelector.currentNode().GetName() == "T2"
    assert s.ui.verdictLabel.text.startswith("MR motion")
