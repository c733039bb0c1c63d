"""Grid and contour lines that end where the body ends."""

from __future__ import annotations

import numpy as np
import pytest
from measures import positions

pytestmark = pytest.mark.slicer

MIDDLE, RADIUS_MM = np.array([-2.0, 4.0, 3.0]), 15.0


@pytest.fixture
def ball(pair):
    """The reference shows a ball, with noise around it."""
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    place = imageFromNode(pair.reference).ijkToRas
    distance = np.linalg.norm(positions(pair.warped.shape, place) - MIDDLE, axis=-1)
    noise = np.random.default_rng(0).normal(0, 4, pair.warped.shape)
    values = np.where(distance < RADIUS_MM, 100, 0) + noise
    updateVolume(pair.reference, Image.fromArray(values.astype(np.float32), place))
    return pair.reference


@pytest.fixture
def field(nodes, ball):
    from UniFuseSlicerLib.CoarseField import coarseField

    return coarseField(nodes.deformation, ball, None)


def pointsOf(surface):
    from vtk.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(surface.GetPoints().GetData()).astype(float)


def displacementAt(deformation, points):
    from UniFuseSlicerLib.Body import transformed

    return transformed(deformation.GetTransformFromParent(), points) - points


def turn():
    """B: 10° about an oblique axis, and a shift."""
    axis = np.array([1.0, 2.0, -2.0]) / 3
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = np.deg2rad(10)
    matrix = np.eye(4)
    matrix[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    matrix[:3, 3] = [3.0, -2.0, 1.0]
    return matrix


@pytest.mark.parametrize("rigid", [None, turn()], ids=["total", "without the rigid part"])
def test_gridLinesAreThePlanesOfAGridOnTheDegradedVolume(field, nodes, rigid):
    """e · (B⁻¹ T(X) − o) is a multiple of the spacing: swapped axes, a sign, or B for its inverse
    would show.
    """
    from UniFuseSlicerLib.BodyLines import axesOf, gridSheets

    for axis, surface in enumerate(gridSheets(field, rigid, 6.0)):
        points = pointsOf(surface)
        ends = points + displacementAt(nodes.deformation, points)
        if rigid is not None:
            ends = (ends - rigid[:3, 3]) @ rigid[:3, :3]
        along = (ends - field.ijkToRas[:3, 3]) @ axesOf(field.ijkToRas)
        steps = along[:, axis] / 6.0
        assert np.abs(steps - np.rint(steps)).max() * 6.0 < 0.1
        assert len(np.unique(np.rint(steps))) > 2


def test_thinnedVoxelsLieWhereTheyLayAndTheirEdgeStays(field):
    """Of other steps along each axis: 2.4 to 4.9 mm of a grid of 1, 2 and 2 mm."""
    from UniFuseSlicerLib.BodyLines import thinned

    own = np.linalg.norm(field.ijkToRas[:3, :3], axis=0)
    few = thinned(field, 4.2)
    steps = np.rint(np.linalg.norm(few.ijkToRas[:3, :3], axis=0) / own).astype(int)
    assert len(set(steps)) > 1
    assert (steps * own <= 4.2).all()
    np.testing.assert_allclose(few.places, positions(few.shown.shape, few.ijkToRas), atol=1e-9)
    every = tuple(slice(None, None, step) for step in steps[::-1])
    np.testing.assert_array_equal(few.displacement, field.displacement[every])
    distance = np.linalg.norm(few.places - MIDDLE, axis=-1)
    edge = np.abs(few.shown - 0.5) < 0.4
    assert edge.sum() > 50
    assert np.abs(distance[edge] - RADIUS_MM).mean() < 2
    assert abs(distance[edge].mean() - RADIUS_MM) < 0.5


def test_contourLinesLieWhereTheDisplacementIsSoLong(field, nodes):
    from UniFuseSlicerLib.BodyLines import contours

    levels = [5.0, 5.5, 6.0]
    points = pointsOf(contours(field, None, levels))
    length = np.linalg.norm(displacementAt(nodes.deformation, points), axis=1)
    nearest = np.array(levels)[np.abs(length[:, None] - levels).argmin(axis=1)]
    assert np.abs(length - nearest).max() < 0.1
    assert set(nearest) == set(levels)


def test_noLineLiesOutsideTheBodyOrTheDegradedFieldOfView(nodes, pair, ball):
    from UniFuseSlicerLib.BodyLines import contours, gridSheets
    from UniFuseSlicerLib.CoarseField import coarseField
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    whole = coarseField(nodes.deformation, ball, pair.degraded)
    degraded = imageFromNode(pair.degraded)
    cut = Image.fromArray(degraded.array[: len(degraded.array) // 2], degraded.ijkToRas)
    updateVolume(pair.degraded, cut)
    clipped = coarseField(nodes.deformation, ball, pair.degraded)
    inverse = np.linalg.inv(cut.ijkToRas)
    for draw in (
        lambda f: list(gridSheets(f, None, 5.0))[2],
        lambda f: contours(f, None, [4.5, 5, 6]),
    ):
        points = pointsOf(draw(whole))
        assert np.linalg.norm(points - MIDDLE, axis=1).max() < RADIUS_MM + 3
        fewer = pointsOf(draw(clipped))
        assert 0.1 < len(fewer) / len(points) < 0.9
        ends = fewer + displacementAt(nodes.deformation, fewer)
        assert (ends @ inverse[:3, :3].T + inverse[:3, 3])[:, 2].max() < cut.array.shape[0] + 1


def test_aFieldWithoutABodyDrawsNothing(field):
    from dataclasses import replace

    from UniFuseSlicerLib.BodyLines import contours, gridSheets

    empty = replace(field, shown=np.zeros_like(field.shown))
    assert all(surface.GetNumberOfPoints() == 0 for surface in gridSheets(empty, None, 5.0))
    assert contours(empty, None, [5.0]).GetNumberOfPoints() == 0


def overlayOf(scene):
    import slicer
    from UniFuseSlicerLib.Overlay import Overlay

    return Overlay(scene, slicer.vtkSlicerColorLogic)


def style(mode, **choices):
    from UniFuseSlicerLib.Choices import OverlayChoice
    from UniFuseSlicerLib.Overlay import OverlayStyle

    return OverlayStyle(OverlayChoice(mode), **({"spacing": 5.0, "legend": False} | choices))


def models(scene):
    count = scene.GetNumberOfNodesByClass("vtkMRMLModelNode")
    found = [scene.GetNthNodeByClass(n, "vtkMRMLModelNode") for n in range(count)]
    return [node for node in found if node.GetName().endswith("(lines in the body)")]


@pytest.mark.parametrize("mode", ["grid", "contour"])
def test_theViewShowsLinesInTheBodyAlone(scene, openView, nodes, ball, mode):
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.Nodes import matrixArray

    view = openView(300)
    Layers(scene, view.fit).show(ball, None, 1.0)
    view.node.RotateToVolumePlane(ball)
    view.fit()
    view.node.SetSliceOffset(view.node.GetSliceOffset() + 1)
    overlay = overlayOf(scene)
    toRas = matrixArray(view.node.GetXYToRAS())
    y, x = np.indices((300, 300))
    places = np.stack([x, 299 - y], -1) @ toRas[:3, :2].T + toRas[:3, 3]
    outside = np.linalg.norm(places - MIDDLE, axis=-1) > RADIUS_MM + 3

    def coloured(onlyInBody):
        overlay.show(nodes.deformation, ball, style(mode, onlyInBody=onlyInBody))
        pixels = view.pixels().astype(int)
        return (pixels.max(-1) - pixels.min(-1)) > 40

    assert coloured(False)[outside].mean() > 0.01
    inBody = coloured(True)
    assert not inBody[outside].any()
    assert inBody[~outside].mean() > 0.01


def test_everyViewSeesTheGridThatIsNotParallelToIt(scene, nodes, ball):
    import slicer

    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    views = {}
    for name in ("Axial", "Coronal"):
        views[name] = scene.AddNewNodeByClass("vtkMRMLSliceNode", name)
        views[name].SetOrientation(name)
    overlay = overlayOf(scene)
    overlay.show(nodes.deformation, ball, style("grid"))

    def seenIn(view):
        displays = [model.GetDisplayNode() for model in models(scene)]
        return [n for n, d in enumerate(displays) if d.GetVisibility(view.GetID())]

    assert [seenIn(view) for view in views.values()] == [[0, 1], [0, 2]]
    views["Axial"].SetOrientation("Sagittal")
    added = scene.AddNewNodeByClass("vtkMRMLSliceNode", "Green2")
    added.SetOrientation("Axial")
    assert [seenIn(view) for view in (*views.values(), added)] == [[1, 2], [0, 2], [0, 1]]
    overlay.hide(nodes.deformation)
    views["Axial"].SetOrientation("Axial")
    assert [seenIn(view) for view in (*views.values(), added)] == [[], [], []]


def test_theScaleOfLinesCanBeSwitchedOff(scene, nodes, ball):
    import slicer

    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    overlay = overlayOf(scene)
    for legend in (True, False, True):
        first = overlay.show(nodes.deformation, ball, style("contour", legend=legend))
        shown = [first.GetNthDisplayNode(n) for n in range(first.GetNumberOfDisplayNodes())]
        assert [bool(d.GetVisibility()) for d in shown] == [True, legend]


def test_aBodyIsFoundOnceForEachStateOfItsVolume(scene, nodes, ball, monkeypatch):
    from UniFuseSlicerLib import BodyMasks
    from UniFuseSlicerLib.CoarseField import coarseField

    found = []
    body = BodyMasks.bodyMask

    def counted(array):
        found.append(0)
        return body(array)

    monkeypatch.setattr(BodyMasks, "bodyMask", counted)
    first = coarseField(nodes.deformation, ball, None).shown
    assert (coarseField(nodes.deformation, ball, None).shown == first).all()
    assert len(found) == 1
    ball.GetImageData().GetPointData().GetScalars().Modified()
    coarseField(nodes.deformation, ball, None)
    ball.SetOrigin(1, 2, 3)
    moved = coarseField(nodes.deformation, ball, None).shown
    assert len(found) == 3
    assert (moved != first).any()
    for n in range(2 * BodyMasks._MOST):
        ball.SetOrigin(n, 2, 3)
        coarseField(nodes.deformation, ball, None)
    assert len(BodyMasks._kept) == BodyMasks._MOST


class Timer:
    """Of an event loop that a test turns."""

    def __init__(self, callback):
        self.callback, self.runs = callback, False

    def start(self):
        self.runs = True

    def stop(self):
        self.runs = False


def test_theWindowIsLetInBetweenThePlanesOfAGrid(scene, nodes, ball):
    from UniFuseSlicerLib.Overlay import Overlay
    from UniFuseSlicerLib.Pacer import Pacer

    timers = []

    def makeTimer(callback, _milliseconds):
        timers.append(Timer(callback))
        return timers[0]

    overlay = Overlay(scene, None, Pacer(makeTimer))
    scene.AddNewNodeByClass("vtkMRMLSliceNode", "Axial").SetOrientation("Axial")
    timer = timers[0]

    def seen():
        return sum(bool(node.GetDisplayNode().GetVisibility()) for node in models(scene))

    assert overlay.show(nodes.deformation, ball, style("grid")) is None
    assert (timer.runs, models(scene)) == (True, [])  # the body is found
    counts = []
    while timer.runs:
        timer.callback()
        counts.append(len(models(scene)))
    assert sorted(set(counts)) == [0, 1, 2, 3]
    assert seen() == 2
    overlay.show(nodes.deformation, ball, style("grid"))
    overlay.show(nodes.deformation, ball, style("off"))
    assert not timer.runs  # what was not drawn yet is not drawn any more
    assert seen() == 0


def test_anErrorInALaterStepEndsTheSteps(caplog):
    from UniFuseSlicerLib.Pacer import Pacer

    def steps():
        yield
        raise ValueError("no room")

    timers = []

    def makeTimer(callback, _milliseconds):
        timers.append(Timer(callback))
        return timers[0]

    pacer = Pacer(makeTimer)
    pacer.start(steps())
    pacer.step()
    assert not timers[0].runs
    assert "no room" in caplog.text
    pacer.step()  # a tick that was on its way


def test_linesAreInNoFileAndGoWithTheirDeformation(scene, nodes, ball):
    before = scene.GetNumberOfNodes()
    overlay = overlayOf(scene)
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode", "Axial")
    view.SetOrientation("Axial")
    before += 1
    for mode, count in (("grid", 2), ("contour", 1), ("grid", 2), ("off", 0)):
        overlay.show(nodes.deformation, ball, style(mode, legend=True))
        assert sum(bool(node.GetDisplayNode().GetVisibility()) for node in models(scene)) == count
    assert all(node.GetHideFromEditors() for node in models(scene))
    scene.SetSaveToXMLString(1)
    scene.Commit()
    text = scene.GetSceneXMLString()
    assert "lines in the body" not in text
    assert "ModelDisplay" not in text
    assert "ColorLegend" not in text
    overlay.forget(nodes.deformation)
    assert models(scene) == []
    assert scene.GetNumberOfNodes() <= before + 2  # the colour tables, made once
