"""What the panel brings into the slice views, and what stays when it is left."""

from __future__ import annotations

import os

import pytest
from panel import click, runToTheEnd

FLICKER = 4  # of the list Compare
pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


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


def test_theWarpStartsAtTheOriginalPositionOfADegradedUnderItsDeformation(build, scene, pair):
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


def test_aVolumeThatCannotBeWarpedIsReported(build, scene, pair):
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
    s.p.onlyInBody = False
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
    s.ui.compareComboBox.setCurrentIndex(FLICKER)
    s.timers["Layers.flicker"].fire()
    assert composite.GetForegroundOpacity() == 0
    s.ui.compareComboBox.setCurrentIndex(0)
    assert composite.GetForegroundOpacity() == 1
    assert not s.timers["Layers.flicker"].active


@pytest.mark.parametrize("leave", ["exit", "onSceneClosing"])
def test_flickerEndsWhenTheModuleIsLeft(build, leave):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.ui.compareComboBox.setCurrentIndex(FLICKER)
    assert s.timers["Layers.flicker"].active
    getattr(s.panel, leave)()
    assert not s.timers["Layers.flicker"].active
    assert s.ui.compareComboBox.currentIndex == 0


def test_flickerOfALoadedSceneEndsAtItsOpacity(build, scene):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.p.opacity = 0.4
    again = build()
    again.ui.compareComboBox.setCurrentIndex(FLICKER)
    again.timers["Layers.flicker"].fire()
    again.ui.compareComboBox.setCurrentIndex(0)
    assert scene.GetFirstNodeByClass(
        "vtkMRMLSliceCompositeNode"
    ).GetForegroundOpacity() == pytest.approx(0.4)


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
    assert s.ui.verdictLabel.text.startswith("Found: motion")


def test_aResultThatArrivesInAnotherModuleWaits(build, scene):
    isOpen = [True]
    s = build(isEntered=lambda: isOpen[0])
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    click(s.ui.fuseButton)
    isOpen[0] = False
    s.panel.exit()
    runToTheEnd(s)
    assert composite.GetForegroundVolumeID() is None
    assert composite.GetBackgroundVolumeID() is None
    assert s.notices == ["UniFuse: T2 on T1 fused is ready. It is shown when the module is opened."]
    isOpen[0] = True
    s.panel.enter()
    assert composite.GetForegroundVolumeID() == s.p.fused.GetID()
    assert s.ui.cardHeaderLabel.text.startswith("T2 on T1")
    composite.SetForegroundVolumeID(None)
    s.panel.exit()
    s.panel.enter()
    assert composite.GetForegroundVolumeID() is None  # shown once, not at every entry


def test_withoutAResultNothingCanBeDisplayedOfIt(build, scene):
    s = build()
    widgets = (s.ui.layerComboBox, s.ui.opacitySlider, s.ui.overlayComboBox, s.ui.warpSlider)
    assert not any(widget.enabled for widget in widgets)
    assert s.ui.compareComboBox.enabled  # the inputs can be compared
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert all(widget.enabled for widget in widgets)
    scene.Clear(False)
    assert not any(widget.enabled for widget in widgets)
