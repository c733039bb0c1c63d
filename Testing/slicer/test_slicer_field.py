"""The deformation without the motion of the whole body, and where it is shown."""

from __future__ import annotations

import os

import numpy as np
import pytest
from measures import positions
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


def motion(degrees=12.0, shift=(9.0, -6.0, 4.0)):
    """A turn about an oblique axis, and a shift."""
    axis = np.array([2.0, -1.0, 3.0]) / np.sqrt(14)
    angle = np.deg2rad(degrees)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    matrix = np.eye(4)
    matrix[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    matrix[:3, 3] = shift
    return matrix


def movedBy(matrix, points):
    return points @ matrix[:3, :3].T + matrix[:3, 3]


@pytest.fixture
def bent(pair, referenceMatrix):
    """w: what deforms, `(k, j, i, 3)` RAS mm."""
    x = positions(pair.warped.shape, referenceMatrix)
    return np.stack([np.sin(x[..., 1] / 9), 1.5 * np.cos(x[..., 2] / 7), x[..., 0] * 0.02], -1)


@pytest.fixture
def placed(nodes, bent, referenceMatrix):
    """The result of `pair` with T(x) = B (x + w(x)), without a word of B in its report."""
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import updateDeformation

    x = positions(bent.shape[:3], referenceMatrix)
    u = movedBy(motion(), x + bent) - x
    updateDeformation(nodes.deformation, Image.fromArray(u.astype(np.float32), referenceMatrix))
    return nodes


def report(fused, matrix, largest):
    """As `unifuse fuse` writes it."""
    import json

    from UniFuseSlicerLib.Results import REPORT_ATTRIBUTE, reportOf

    part = {"matrix_ras": np.round(matrix, 6).tolist(), "deformed_mm": {"max": largest}}
    fused.SetAttribute(REPORT_ATTRIBUTE, json.dumps({**reportOf(fused), "rigid_part": part}))


def test_theMotionIsThatOfTheReport(placed):
    from UniFuseSlicerLib.RigidPart import rigidPartOf

    report(placed.fused, motion(3.0, (1.0, 2.0, 3.0)), 6.5)
    found = rigidPartOf(placed.fused)
    np.testing.assert_allclose(found.matrix, motion(3.0, (1.0, 2.0, 3.0)), atol=1e-6)
    assert found.restMaximum == 6.5


def test_withoutAReportItIsFittedAsTheLibraryDoes(placed):
    from UniFuseSlicerLib.CoarseField import coarseField
    from UniFuseSlicerLib.RigidPart import fittedPart

    from UniFuseLib.spatial.rigid import rigid_part
    from UniFuseLib.spatial.volume import Grid

    field = coarseField(placed.deformation, None, None)
    found = fittedPart(field)
    arrayOrder = field.ijkToRas[:, [2, 1, 0, 3]]
    grid = Grid(field.shown.shape, arrayOrder)
    expected = rigid_part(field.displacement, grid, field.shown)
    np.testing.assert_allclose(found.matrix, expected.matrix, atol=1e-4)
    assert found.restMaximum == pytest.approx(expected.rest_mm.max(), abs=1e-3)


def test_whatIsLeftIsTheDeformationInTheAxesOfTheReference(placed, bent, referenceMatrix):
    """Oblique, anisotropic, turned: swapped axes, a sign, or B for its inverse would show."""
    from UniFuseSlicerLib.InsideBody import withoutRigid

    found = withoutRigid(placed.deformation, motion())
    steps = np.round(np.linalg.norm(found.ijkToRas[:3, :3], axis=0) / [1.0, 1.2, 2.0]).astype(int)
    assert steps.tolist() == [3, 2, 2]
    expected = bent[:: steps[2], :: steps[1], :: steps[0]]
    np.testing.assert_allclose(found.array, expected, atol=1e-4)


def test_anArrowGoesFromThePlacedDegradedToTheReference(placed, pair, bent, referenceMatrix):
    """v(x + w(x)) = −w(x) where the body is, and 0 around it."""
    from UniFuseSlicerLib.InsideBody import insideBody
    from UniFuseSlicerLib.Nodes import gridTransform

    drawn = insideBody(placed.deformation, pair.reference, None, motion())
    shown = np.linalg.norm(drawn.array, axis=-1) > 0
    assert 0.02 < shown.mean() < 0.9
    assert np.linalg.norm(drawn.array, axis=-1).max() < 1.2 * np.linalg.norm(bent, axis=-1).max()
    transform = gridTransform(drawn)
    places = positions(bent.shape[:3], referenceMatrix)
    middle = np.linalg.norm(places - [3.0, 2.0, 1.0], axis=-1)  # of the body
    at = np.unravel_index(middle.argmin(), middle.shape)
    end = transform.TransformPoint(places[at] + bent[at])
    np.testing.assert_allclose(end, places[at], atol=0.1)


def test_noArrowStartsOutsideTheDegradedFieldOfView(placed, pair):
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.InsideBody import insideBody
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    whole = insideBody(placed.deformation, pair.reference, None, motion())
    degraded = imageFromNode(pair.degraded)
    cut = Image.fromArray(degraded.array[: 3 * len(degraded.array) // 4], degraded.ijkToRas)
    updateVolume(pair.degraded, cut)
    clipped = insideBody(placed.deformation, pair.reference, pair.degraded, motion())
    some, fewer = ((np.linalg.norm(f.array, axis=-1) > 0) for f in (whole, clipped))
    assert 0.1 < (fewer.sum() / some.sum()) < 0.9
    start = movedBy(motion(), positions(fewer.shape, clipped.ijkToRas)[fewer])
    inverse = np.linalg.inv(cut.ijkToRas)
    index = start @ inverse[:3, :3].T + inverse[:3, 3]
    assert index[:, 2].max() <= cut.array.shape[0] - 0.5


@pytest.fixture
def fused(build):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    return s


def helpers(scene):
    count = scene.GetNumberOfNodesByClass("vtkMRMLGridTransformNode")
    nodes = [scene.GetNthNodeByClass(n, "vtkMRMLGridTransformNode") for n in range(count)]
    return [node for node in nodes if not node.GetSaveWithScene()]


def drawnNow(scene):
    """Names of the transforms that are drawn."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLTransformDisplayNode")
    displays = [scene.GetNthNodeByClass(n, "vtkMRMLTransformDisplayNode") for n in range(count)]
    drawn = [d.GetDisplayableNode() for d in displays if d.GetVisibility()]
    return [node.GetName() for node in drawn if node is not None]  # None: that of a deleted node


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("grid", "T2 to T1 (without the rigid part)"),
        ("contour", "T2 to T1 (without the rigid part)"),
        ("arrows", "T2 to T1 (arrows in the body)"),
    ],
)
def test_thePanelDrawsEitherPart(fused, scene, mode, name):
    from UniFuseSlicerLib.Choices import FieldPartChoice, OverlayChoice
    from UniFuseSlicerLib.Nodes import deformationImage

    before = deformationImage(fused.p.deformation).array.copy()
    fused.p.onlyInBody = mode == "arrows"
    fused.p.overlay = OverlayChoice(mode)
    total = drawnNow(scene)
    fused.p.fieldPart = FieldPartChoice.DEFORMED
    assert drawnNow(scene) == [name]
    assert len(total) == 1
    (drawn,) = [node for node in helpers(scene) if node.GetDisplayNode().GetVisibility()]
    assert drawn.GetHideFromEditors()
    assert drawn.GetDisplayNode().GetColorMap().GetRange()[1] < 7.1  # of the rest alone
    assert np.array_equal(deformationImage(fused.p.deformation).array, before)
    fused.p.fieldPart = FieldPartChoice.TOTAL
    assert drawnNow(scene) == total
    fused.p.overlay = OverlayChoice.OFF
    assert drawnNow(scene) == []


def test_helpersAreNotSavedAndGoWithTheirDeformation(fused, scene):
    from UniFuseSlicerLib.Choices import FieldPartChoice, OverlayChoice

    nodes = scene.GetNumberOfNodes()
    fused.p.fieldPart = FieldPartChoice.DEFORMED
    for mode in (OverlayChoice.GRID, OverlayChoice.ARROWS):
        fused.p.onlyInBody = mode is OverlayChoice.ARROWS
        fused.p.overlay = mode
    assert len(helpers(scene)) == 2
    scene.SetSaveToXMLString(1)
    scene.Commit()
    assert "without the rigid part" not in scene.GetSceneXMLString()
    scene.RemoveNode(fused.p.deformation)
    assert helpers(scene) == []
    assert scene.GetNumberOfNodes() <= nodes


def test_aNewRunDropsThem(fused, scene):
    from UniFuseSlicerLib.Choices import FieldPartChoice, OverlayChoice

    fused.p.onlyInBody = False
    fused.p.fieldPart = FieldPartChoice.DEFORMED
    fused.p.overlay = OverlayChoice.GRID
    (old,) = helpers(scene)
    click(fused.ui.fuseButton)
    runToTheEnd(fused)
    assert old.GetScene() is None
    assert len(helpers(scene)) == 1  # drawn again, from the new field


def test_aLoadedSceneDrawsThePartAgain(fused, scene):
    from UniFuseSlicerLib.Choices import FieldPartChoice, OverlayChoice

    fused.p.onlyInBody = False
    fused.p.fieldPart = FieldPartChoice.DEFORMED
    fused.p.overlay = OverlayChoice.GRID
    (old,) = helpers(scene)
    scene.RemoveNode(old)  # what saving and loading leaves out
    fused.panel.exit()
    fused.panel.enter()
    assert drawnNow(scene) == ["T2 to T1 (without the rigid part)"]


def test_aFixedScaleIsTheSameForEveryResult(fused, scene):
    from UniFuseSlicerLib.Choices import ColorScaleChoice, FieldPartChoice, OverlayChoice

    fused.p.onlyInBody = False
    fused.p.overlay = OverlayChoice.GRID
    fused.p.colorScale = ColorScaleChoice.COARSE
    assert fused.p.deformation.GetDisplayNode().GetColorMap().GetRange() == pytest.approx((0, 16))
    fused.p.fieldPart = FieldPartChoice.DEFORMED
    (drawn,) = helpers(scene)
    assert drawn.GetDisplayNode().GetColorMap().GetRange() == pytest.approx((0, 16))
    fused.p.colorScale = ColorScaleChoice.AUTO
    assert drawn.GetDisplayNode().GetColorMap().GetRange()[1] < 7.1
