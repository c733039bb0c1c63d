"""A start set by handles, on real nodes: what is seen is where the tool starts, and nothing that
the user had is changed.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import SimpleITK as sitk
from panel import click, runToTheEnd
from test_slicer_steering import TURN, linearTransform

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]
SIDE_BY_SIDE = 1  # of the list Compare


def drag(start, matrix):
    from UniFuseSlicerLib.Nodes import vtkMatrix

    start.SetMatrixTransformToParent(vtkMatrix(matrix))


def copies(scene):
    count = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    nodes = [scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode") for n in range(count)]
    return [node for node in nodes if node.GetHideFromEditors()]


def state(scene, pair):
    """Of all that the user had."""
    nodes = (pair.degraded, pair.reference)
    return [(n.GetTransformNodeID(), n.GetMTime(), n.GetImageData().GetMTime()) for n in nodes]


def shown(views):
    from UniFuseSlicerLib.SliceViews import placeOf

    return [
        (
            v.composite.GetBackgroundVolumeID(),
            v.composite.GetForegroundVolumeID(),
            v.composite.GetForegroundOpacity(),
            placeOf(v.view),
        )
        for v in (views.Red, views.Yellow)
    ]


@pytest.mark.parametrize("underTable", [False, True])
def test_theToolStartsWhereTheVolumeWasDragged(build, scene, views, pair, tmp_path, underTable):
    """What ITK reads through the file of the start is what the slice views showed."""
    import vtk
    from UniFuseSlicerLib.Guidance import guidanceFiles
    from UniFuseSlicerLib.Images import Image, writeImage
    from UniFuseSlicerLib.Nodes import imageFromNode
    from UniFuseSlicerLib.Resample import Grid, resampled

    if underTable:
        pair.degraded.SetAndObserveTransformNodeID(linearTransform(scene, TURN, "table").GetID())
    s = build()
    click(s.ui.handlesButton)
    drag(s.p.initialTransform, TURN)
    (copy,) = copies(scene)
    assert views.Red.composite.GetForegroundVolumeID() == copy.GetID()
    seen, target = imageFromNode(copy), imageFromNode(pair.reference)
    grid = Grid.ofImage(target.data, target.ijkToRas)
    moved = resampled(seen.data, seen.ijkToRas, grid, vtk.vtkTransform(), "linear", 0.0)
    expected = Image(moved, target.ijkToRas).array
    guidanceFiles(s.p.guidance(), pair.degraded, pair.reference).write(tmp_path)
    for name, node in (("degraded", pair.degraded), ("reference", pair.reference)):
        writeImage(imageFromNode(node), tmp_path / f"{name}.nrrd")
    degraded, reference = (
        sitk.ReadImage(str(tmp_path / f"{n}.nrrd")) for n in ("degraded", "reference")
    )
    transform = sitk.ReadTransform(str(tmp_path / "initial.tfm"))

    def read(through):
        return sitk.GetArrayFromImage(sitk.Resample(degraded, reference, through))

    inside = (expected > 0) & (read(transform) > 0)
    assert inside.mean() > 0.3
    assert np.abs(read(transform) - expected)[inside].max() < 0.5
    assert np.abs(read(transform.GetInverse()) - expected)[inside].max() > 50


def test_handlesAreInTheMiddleOfTheDegradedVolumeAndScaleNothing(build, scene, views, pair):
    from UniFuseSlicerLib.Steering import middleOf

    s = build()
    click(s.ui.degradedBodyButton)
    click(s.ui.handlesButton)
    assert not s.p.degradedMask.GetDisplayNode().GetVisibility()
    start = s.p.initialTransform
    display = start.GetDisplayNode()
    assert start.GetName() == "T2 moved onto T1"
    np.testing.assert_allclose(start.GetCenterOfTransformation(), middleOf(pair.degraded))
    assert display.GetEditorVisibility()
    assert display.GetEditorSliceIntersectionVisibility()
    assert not display.GetEditorScalingSliceEnabled()
    assert views.Red.composite.GetForegroundOpacity() == 0.5
    assert s.ui.handlesButton.checked
    assert "The volume itself is not moved" in s.ui.messageLabel.text
    for v in (views.Red, views.Yellow):
        matrix = v.view.GetSliceToRAS()
        origin = np.array([matrix.GetElement(r, 3) for r in range(3)])
        normal = np.array([matrix.GetElement(r, 2) for r in range(3)])
        assert abs((middleOf(pair.degraded) - origin) @ normal) < 1e-6


def test_greyVolumesAreTintedWhileTheyMoveAndOthersKeepTheirColors(build, scene, views, pair):
    import slicer
    from UniFuseSlicerLib.HotIron import hotIronNode

    logic = slicer.vtkMRMLColorLogic()
    logic.SetMRMLScene(scene)
    logic.AddDefaultColorNodes()
    display = pair.degraded.GetDisplayNode()
    s = build()
    for color, expected in (
        ("vtkMRMLColorTableNodeGrey", "vtkMRMLColorTableNodeWarmShade2"),
        (hotIronNode(scene).GetID(), hotIronNode(scene).GetID()),
    ):
        display.SetAndObserveColorNodeID(color)
        click(s.ui.handlesButton)
        (copy,) = copies(scene)
        assert copy.GetDisplayNode().GetColorNodeID() == expected
        assert display.GetColorNodeID() == color
        click(s.ui.handlesButton)


@pytest.mark.parametrize("end", ["click", "exit", "compare", "close", "other"])
def test_afterwardsEverythingIsAsItWas(build, scene, views, pair, end):
    s = build()
    before, nodes = shown(views), state(scene, pair)
    click(s.ui.handlesButton)
    start = s.p.initialTransform
    drag(start, TURN)
    assert shown(views) != before
    if end == "click":
        click(s.ui.handlesButton)
    elif end == "exit":
        s.panel.exit()
    elif end == "compare":
        s.ui.compareComboBox.setCurrentIndex(SIDE_BY_SIDE)
        s.ui.compareComboBox.setCurrentIndex(0)
    elif end == "close":
        s.panel.onSceneClosing()
    else:
        s.ui.initialTransformSelector.setCurrentNode(None)
    assert shown(views) == before
    assert state(scene, pair) == nodes
    assert copies(scene) == []
    assert not start.GetDisplayNode().GetEditorVisibility()
    assert not s.ui.handlesButton.checked
    assert s.p.initialTransform is (None if end == "other" else start)


def test_fuseTakesTheStartAndTheHandlesAway(build, scene, views, pair):
    s = build()
    click(s.ui.handlesButton)
    start = s.p.initialTransform
    drag(start, TURN)
    assert s.ui.fuseButton.enabled
    click(s.ui.fuseButton)
    assert copies(scene) == []
    assert not start.GetDisplayNode().GetEditorVisibility()
    runToTheEnd(s)
    assert s.p.fused is not None
    (command,) = [line for line in s.ui.logTextEdit.lines if "UniFuseLib.cli" in line]
    assert "--initial-transform" in command
    assert pair.degraded.GetTransformNodeID() is None
    assert s.p.initialTransform is start


def test_handlesBeginWhereTheChosenStartIs(build, scene, views, pair):
    """A node of the user is copied; one of this module is moved itself."""
    from UniFuseSlicerLib.Nodes import matrixArray

    s = build()
    own = linearTransform(scene, TURN)
    s.p.initialTransform = own
    click(s.ui.handlesButton)
    start = s.p.initialTransform
    assert start is not own
    np.testing.assert_allclose(matrixArray(start.GetMatrixTransformToParent()), TURN)
    click(s.ui.handlesButton)
    click(s.ui.handlesButton)
    assert s.p.initialTransform is start
    pair.degraded.SetAndObserveTransformNodeID(own.GetID())
    click(s.ui.handlesButton)
    s.p.initialTransform = own  # counts already
    assert not s.ui.fuseButton.enabled
    click(s.ui.handlesButton)
    np.testing.assert_allclose(
        matrixArray(s.p.initialTransform.GetMatrixTransformToParent()), np.eye(4)
    )
    assert s.ui.fuseButton.enabled


def test_volumesThatDoNotOverlapBeginMiddleOnMiddle(build, scene, views, pair):
    from test_slicer_steering import toWorld
    from UniFuseSlicerLib.Steering import middleOf

    far = linearTransform(scene, np.eye(4) + np.eye(4, k=3) * 900.0, "far")
    pair.degraded.SetAndObserveTransformNodeID(far.GetID())
    s = build()
    click(s.ui.handlesButton)
    moved = toWorld(s.p.initialTransform, middleOf(pair.degraded))
    assert np.abs(moved - middleOf(pair.reference)).max() < 1e-6


def test_aDeletedNodeTakesTheHandlesAway(build, scene, views, pair):
    for which in ("start", "degraded"):
        s = build()
        click(s.ui.handlesButton)
        scene.RemoveNode(s.p.initialTransform if which == "start" else pair.degraded)
        assert copies(scene) == []
        assert s.p.initialTransform is None
        assert not s.ui.handlesButton.checked


def test_handlesThatASceneBringsAlongAreHidden(build, scene, views, pair):
    s = build()
    click(s.ui.handlesButton)
    start = s.p.initialTransform
    s.panel.exit()
    start.GetDisplayNode().SetEditorVisibility(True)  # as saved while they were seen
    s.panel.enter()
    assert not start.GetDisplayNode().GetEditorVisibility()


def test_withoutTwoVolumesASentenceSaysSo(build, scene, views, pair):
    s = build(chosen=False)
    click(s.ui.handlesButton)
    assert "Expected a degraded volume with voxels" in s.ui.messageLabel.text
    assert not s.ui.handlesButton.checked
    s.p.degraded = s.p.reference = pair.reference
    click(s.ui.handlesButton)
    assert "Select two different volumes" in s.ui.messageLabel.text
