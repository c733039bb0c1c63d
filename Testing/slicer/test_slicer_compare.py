"""Reference and another volume side by side, as a checkerboard, behind a curtain, in turn."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from measures import positions
from panel import click, runToTheEnd

pytestmark = pytest.mark.slicer
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
SIDE_BY_SIDE, CHECKERBOARD, CURTAIN, FLICKER = 1, 2, 3, 4  # of the list Compare


@pytest.fixture
def compare(scene, views):
    from UniFuseSlicerLib.Compare import Compare
    from UniFuseSlicerLib.Layers import Layers

    return Compare(Layers(scene))


@pytest.fixture
def scaled(pair, view, scene):
    """The pair with a scale in warm colours for the degraded volume, over the reference."""
    import slicer
    from UniFuseSlicerLib.HotIron import hotIronNode
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.Legends import showLegend

    display = pair.degraded.GetDisplayNode()
    display.SetAndObserveColorNodeID(hotIronNode(scene).GetID())
    showLegend(pair.degraded, slicer.vtkSlicerColorLogic, "SUV")
    Layers(scene, view.fit).show(pair.reference, pair.degraded, 0.0)
    return pair


def warmAtTheLeftEdge(view):
    """How many pixels of the bar of the scale are drawn."""
    shown = view.pixels()[:, :48].astype(int)
    return int((shown[..., 0] - shown[..., 2] > 60).sum())


def array(node):
    from UniFuseSlicerLib.Images import Image

    return Image(node.GetImageData(), np.eye(4)).array


def state(views):
    """Everything that has to come back."""
    from UniFuseSlicerLib.SliceViews import placeOf
    from UniFuseSlicerLib.ViewsBefore import LayersOfView

    return views.layout.GetViewArrangement(), [
        (placeOf(v.view), v.view.GetOrientation(), LayersOfView.of(v.composite))
        for v in (views.Red, views.Yellow)
    ]


def test_squaresAreCubesInMillimetresOnAnAnisotropicGrid(pair):
    from UniFuseSlicerLib.Nodes import imageFromNode
    from UniFuseSlicerLib.ShownPart import checkerboard

    image = imageFromNode(pair.reference)  # 1.0, 1.2 and 2.0 mm along i, j and k
    seen = checkerboard(image, 12.0)
    assert seen.shape == image.array.shape
    assert not seen[0, 0, 0]
    assert list(np.flatnonzero(np.diff(seen[0, 0, :30].astype(int))) + 1) == [12, 24]
    assert list(np.flatnonzero(np.diff(seen[0, :25, 0].astype(int))) + 1) == [10, 20]
    assert list(np.flatnonzero(np.diff(seen[:13, 0, 0].astype(int))) + 1) == [6, 12]


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ([-1, 0, 0], (0, -1)),  # axial, as radiologists look: the patient's right on the left
        ([1, 0, 0], (0, 1)),
        ([0, -1, 0], (1, -1)),  # sagittal: the nose on the left
        ([0, 0, 1], (2, 1)),
    ],
)
def test_aCurtainHangsAcrossTheAxisThatRunsAlongTheScreen(pair, right, expected):
    from UniFuseSlicerLib.Nodes import imageFromNode
    from UniFuseSlicerLib.ShownPart import curtain, screenAxis

    image = imageFromNode(pair.reference)  # oblique: 20° and 10°
    axis = screenAxis(image, np.array(right, float))
    assert axis == expected
    seen = np.broadcast_to(curtain(image, axis, 0.25), image.array.shape)
    assert seen.mean() == pytest.approx(0.75, abs=0.03)
    x = positions(image.array.shape, image.ijkToRas)
    onScreen = x @ np.array(right, float)
    assert onScreen[seen].mean() > onScreen[~seen].mean()  # the volume is right of the reference


def test_theCopyHasTheValuesOfTheVolumeWhereTheyLieInTheWorld(pair, compare, views):
    from measures import resampledByMrml
    from UniFuseSlicerLib.Choices import CompareChoice
    from UniFuseSlicerLib.Compare import ComparedPair
    from UniFuseSlicerLib.Nodes import imageFromNode
    from UniFuseSlicerLib.ShownPart import checkerboard

    compared = ComparedPair(pair.reference, pair.degraded)
    compare.start(compared, CompareChoice.CHECKERBOARD, 12.0)
    copy = pair.degraded.GetScene().GetNodeByID(views.Red.composite.GetForegroundVolumeID())
    display = copy.GetDisplayNode()
    values = array(copy)
    drawn = values >= display.GetLowerThreshold()
    assert display.GetApplyThreshold()
    expected = resampledByMrml(pair.degraded, pair.reference)
    inside = checkerboard(imageFromNode(pair.reference), 12.0) & (expected > 0)
    assert (drawn & inside).sum() > 0.98 * inside.sum()
    assert not (drawn & ~checkerboard(imageFromNode(pair.reference), 12.0)).any()
    both = drawn & inside
    assert np.abs(values[both] - expected[both]).max() < 1.0 + 1e-3 * np.ptp(expected)
    assert not copy.GetSaveWithScene()
    assert copy.GetHideFromEditors()


def test_windowAndColoursOfTheVolumeAreThoseOfTheCopyAlsoLater(pair, compare, views, scene):
    from UniFuseSlicerLib.Choices import CompareChoice
    from UniFuseSlicerLib.Compare import ComparedPair
    from UniFuseSlicerLib.Windows import Window, setWindow, windowOf

    setWindow(pair.degraded, Window(10, 90))
    compare.start(ComparedPair(pair.reference, pair.degraded), CompareChoice.CURTAIN, 50.0)
    copy = scene.GetNodeByID(views.Red.composite.GetForegroundVolumeID())
    assert windowOf(copy) == Window(10, 90)
    setWindow(pair.degraded, Window(0, 40))
    assert windowOf(copy) == Window(0, 40)
    assert copy.GetDisplayNode().GetApplyThreshold()
    assert not pair.degraded.GetDisplayNode().GetApplyThreshold()


def test_sideBySideShowsOneOnEachSideAtTheSamePlaceLinked(pair, compare, views):
    from UniFuseSlicerLib.Choices import CompareChoice
    from UniFuseSlicerLib.Compare import SIDE_BY_SIDE_LAYOUT, ComparedPair
    from UniFuseSlicerLib.SliceViews import placeOf

    compare.start(ComparedPair(pair.reference, pair.degraded), CompareChoice.SIDE_BY_SIDE, 0.0)
    assert views.layout.GetViewArrangement() == SIDE_BY_SIDE_LAYOUT
    assert type(views.layout).SlicerLayoutSideBySideView == SIDE_BY_SIDE_LAYOUT
    assert not views.Red.composite.GetForegroundVolumeID()
    assert views.Yellow.composite.GetForegroundVolumeID() == pair.degraded.GetID()
    assert placeOf(views.Red.view) == placeOf(views.Yellow.view)
    assert views.Red.composite.GetHotLinkedControl()
    assert views.Yellow.composite.GetLinkedControl()


def test_onlyAViewThatShowsAVolumeShowsItsColorScale(scaled, view, scene):
    """Not the view of the reference alone, on the left of *Side by side*."""
    from UniFuseSlicerLib.Choices import CompareChoice
    from UniFuseSlicerLib.Compare import Compare, ComparedPair
    from UniFuseSlicerLib.Layers import Layers

    assert warmAtTheLeftEdge(view) > 100
    compare = Compare(Layers(scene))
    pair = ComparedPair(scaled.reference, scaled.degraded, 0.0)
    compare.start(pair, CompareChoice.SIDE_BY_SIDE, 0.0)
    assert warmAtTheLeftEdge(view) == 0
    compare.end()
    assert warmAtTheLeftEdge(view) > 100
    Layers(scene).show(scaled.reference, None, 1.0)
    assert warmAtTheLeftEdge(view) == 0


@pytest.mark.parametrize("mode", ["checkerboard", "curtain"])
def test_theSquaresOfAVolumeKeepItsColorScale(scaled, view, scene, mode):
    """They are those of a copy, which no file has to hold."""
    from UniFuseSlicerLib.Choices import CompareChoice
    from UniFuseSlicerLib.Compare import Compare, ComparedPair
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.Legends import legendOf

    count = scene.GetNumberOfNodes()
    compare = Compare(Layers(scene))
    compare.start(ComparedPair(scaled.reference, scaled.degraded, 0.0), CompareChoice(mode), 50.0)
    assert warmAtTheLeftEdge(view) > 100
    copy = scene.GetNodeByID(view.logic.GetSliceCompositeNode().GetForegroundVolumeID())
    legend = legendOf(copy)
    assert (legend.GetTitleText(), legend.GetSaveWithScene()) == ("SUV", False)
    legendOf(scaled.degraded).SetVisibility(False)
    assert warmAtTheLeftEdge(view) == 0
    compare.end()
    assert scene.GetNumberOfNodes() == count


def test_slicesTurnToTheAxesOfTheReference(pair, compare, views, referenceMatrix):
    from UniFuseSlicerLib.Choices import CompareChoice
    from UniFuseSlicerLib.Compare import ComparedPair
    from UniFuseSlicerLib.Nodes import matrixArray

    compare.start(ComparedPair(pair.reference, pair.degraded), CompareChoice.CHECKERBOARD, 20.0)
    axes = referenceMatrix[:3, :3] / np.linalg.norm(referenceMatrix[:3, :3], axis=0)
    normal = matrixArray(views.Red.view.GetSliceToRAS())[:3, 2]
    assert np.abs(normal @ axes).max() == pytest.approx(1, abs=1e-6)
    assert abs(normal @ axes[:, 2]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("mode", ["side by side", "checkerboard", "curtain", "flicker"])
def test_everythingComesBackAtTheEnd(pair, compare, views, scene, mode):
    from UniFuseSlicerLib.Choices import CompareChoice
    from UniFuseSlicerLib.Compare import ComparedPair

    before, count = state(views), scene.GetNumberOfNodes()
    compare.start(ComparedPair(pair.reference, pair.degraded), CompareChoice(mode), 30.0)
    assert state(views) != before
    compare.end()
    assert state(views) == before
    assert scene.GetNumberOfNodes() == count


def test_aVolumeInColorIsRefusedWithAWayOut(pair, compare, views, scene):
    from UniFuseSlicerLib.Choices import CompareChoice
    from UniFuseSlicerLib.Compare import ComparedPair
    from UniFuseSlicerLib.Errors import InputNodeError
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import updateVolume

    colors = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "colors")
    updateVolume(colors, Image.fromArray(np.zeros((3, 4, 5, 3), np.uint8), np.eye(4)))
    before = state(views)
    with pytest.raises(InputNodeError, match="Choose Side by side"):
        compare.start(ComparedPair(pair.reference, colors), CompareChoice.CURTAIN, 50.0)
    assert state(views) == before


@posix
def test_inputsAreComparedBeforeFuseAndTheForegroundAfterIt(build, pair, views, scene):
    from UniFuseSlicerLib.Choices import LayerChoice

    s = build()
    s.ui.compareComboBox.setCurrentIndex(SIDE_BY_SIDE)
    assert views.Yellow.composite.GetForegroundVolumeID() == pair.degraded.GetID()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert views.Yellow.composite.GetForegroundVolumeID() == s.p.fused.GetID()
    assert not views.Red.composite.GetForegroundVolumeID()
    s.p.layer = LayerChoice.RESTORED
    assert views.Yellow.composite.GetForegroundVolumeID() == s.p.restored.GetID()
    s.ui.compareComboBox.setCurrentIndex(0)
    assert views.Red.composite.GetForegroundVolumeID() == s.p.restored.GetID()


@posix
@pytest.mark.parametrize("leave", ["exit", "onSceneClosing"])
def test_viewsComeBackWhenTheModuleIsLeft(build, views, leave):
    s = build()
    before = state(views)
    s.ui.compareComboBox.setCurrentIndex(SIDE_BY_SIDE)
    getattr(s.panel, leave)()
    assert state(views) == before
    assert s.ui.compareComboBox.currentIndex == 0


@posix
def test_theSliderIsThereForSquaresAndCurtainAndKeepsEachValue(build, views, scene):
    s = build()
    assert not s.ui.compareSlider.visible
    s.ui.compareComboBox.setCurrentIndex(CURTAIN)
    assert (s.ui.compareSlider.visible, s.ui.compareSlider.suffix) == (True, " %")
    copy = scene.GetNodeByID(views.Red.composite.GetForegroundVolumeID())
    seen = (array(copy) >= copy.GetDisplayNode().GetLowerThreshold()).sum()
    s.ui.compareSlider.setValue(80.0)
    assert (array(copy) >= copy.GetDisplayNode().GetLowerThreshold()).sum() < seen
    s.ui.compareComboBox.setCurrentIndex(CHECKERBOARD)
    assert (s.ui.compareSlider.value, s.ui.compareSlider.suffix) == (30.0, " mm")
    s.ui.compareComboBox.setCurrentIndex(CURTAIN)
    assert s.ui.compareSlider.value == 80.0
    s.ui.compareComboBox.setCurrentIndex(SIDE_BY_SIDE)
    assert not s.ui.compareSlider.visible


@posix
def test_aDeletedVolumeEndsTheComparison(build, pair, views, scene):
    s = build()
    s.ui.compareComboBox.setCurrentIndex(CHECKERBOARD)
    scene.RemoveNode(pair.degraded)
    assert s.ui.compareComboBox.currentIndex == 0
    assert not s.ui.compareComboBox.enabled


def test_keysPauseTheFlickerAndShowOneOfTheTwo(scene, views, pair):
    from UniFuseSlicerLib.Flicker import Flicker
    from UniFuseSlicerLib.Layers import Layers

    keys: dict[str, Any] = {}
    enabled: dict[str, bool] = {}
    running: list[int] = []

    def makeShortcut(key, callback):
        keys[key] = callback
        return SimpleNamespace(setEnabled=lambda on: enabled.__setitem__(key, on))

    timer = SimpleNamespace(start=lambda: running.append(1), stop=running.clear)
    layers = Layers(scene)
    layers.show(pair.reference, pair.degraded, 0.7)
    flicker = Flicker(layers, lambda *_: timer, makeShortcut)
    assert enabled == {"Space": False, "[": False, "]": False}
    flicker.start()
    assert running
    assert all(enabled.values())
    opacity = views.Red.composite.GetForegroundOpacity
    keys["["]()
    assert (opacity(), running) == (0.0, [])
    keys["]"]()
    assert opacity() == pytest.approx(0.7)
    keys["Space"]()
    assert opacity() == 0.0
    flicker.stop()
    assert opacity() == pytest.approx(0.7)
    assert not any(enabled.values())
