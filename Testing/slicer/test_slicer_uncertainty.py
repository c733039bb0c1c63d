"""The map of the uncertainty: its node, what is seen of it, and how it is asked for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = pytest.mark.slicer


@pytest.fixture
def uncertainty(pair):
    """mm: 6 on one side of the body, 1 on the other, 0 around it."""
    shape = pair.warped.shape
    array = np.zeros(shape, np.float32)
    array[3:-3, 5:-5, 5:18], array[3:-3, 5:-5, 18:-5] = 6.0, 1.0
    return array


@pytest.fixture
def mapped(pair, images, uncertainty):
    """The result of `pair` with a map, in the scene."""
    from dataclasses import replace

    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    image = Image.fromArray(uncertainty, images.fused.ijkToRas)
    withMap = replace(images, uncertainty=image)
    return updateNodes(withMap, pair.degraded, pair.reference, FusionNodes())


def mapOf(nodes):
    from UniFuseSlicerLib.Uncertainty import uncertaintyOf

    return uncertaintyOf(nodes.fused)


def test_theMapLiesOnTheReferenceInMillimetres(mapped, pair, uncertainty):
    from UniFuseSlicerLib.Nodes import imageFromNode, worldFromIjk

    node = mapOf(mapped)
    np.testing.assert_array_equal(imageFromNode(node).array, uncertainty)
    np.testing.assert_allclose(worldFromIjk(node), worldFromIjk(pair.reference), atol=1e-5)
    display = node.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, 8)
    assert display.GetApplyThreshold()
    assert 0 < display.GetLowerThreshold() < 0.1  # what was not judged is transparent
    assert node.GetName() == "T2 uncertainty"


def test_aLaterRunFillsItsNodeAndOneWithoutAMapTakesItAway(mapped, images, pair, scene):
    from dataclasses import replace

    from UniFuseSlicerLib.Results import updateNodes

    node = mapOf(mapped)
    count = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    again = replace(images, uncertainty=images.fused)
    updateNodes(again, pair.degraded, pair.reference, mapped)
    assert mapOf(mapped) is node
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == count
    updateNodes(images, pair.degraded, pair.reference, mapped)
    assert mapOf(mapped) is None
    assert node.GetScene() is None


def test_aResultWithoutAMapIsReadAsBefore(images):
    assert images.uncertainty is None


def test_theToolsFileIsRead(tmp_path, writeResult, uncertainty, referenceMatrix):
    from UniFuseSlicerLib.Images import Image, readResult, writeImage

    writeResult(tmp_path)
    writeImage(Image.fromArray(uncertainty, referenceMatrix), tmp_path / "uncertainty.nrrd")
    found = readResult(tmp_path).uncertainty
    assert found is not None
    np.testing.assert_array_equal(found.array, uncertainty)
    np.testing.assert_allclose(found.ijkToRas, referenceMatrix, atol=1e-5)


def test_theLayerShowsTheMapWithItsScaleAndOnlyThen(view, mapped, scene):
    import slicer
    from UniFuseSlicerLib.Choices import LayerChoice
    from UniFuseSlicerLib.Display import Display, Shown
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.Legends import legendOf
    from UniFuseSlicerLib.LiveWarp import LiveWarp
    from UniFuseSlicerLib.Overlay import Overlay
    from UniFuseSlicerLib.SliceViews import SliceViews

    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    display = Display(
        Overlay(scene, slicer.vtkSlicerColorLogic),
        Layers(scene),
        LiveWarp(scene),
        SliceViews(scene),
    )
    node = mapOf(mapped)
    display.show(mapped.fused, Shown(mapped.fused.GetID(), LayerChoice.UNCERTAINTY))
    assert composite.GetForegroundVolumeID() == node.GetID()
    legend = legendOf(node)
    assert legend.GetVisibility()
    assert legend.GetTitleText() == "Uncertainty, mm"
    display.show(mapped.fused, Shown(mapped.fused.GetID(), LayerChoice.FUSED))
    assert composite.GetForegroundVolumeID() == mapped.fused.GetID()
    assert not legend.GetVisibility()


def test_withoutAMapTheLayerShowsTheReferenceAlone(nodes, scene):
    import slicer
    from UniFuseSlicerLib.Choices import LayerChoice
    from UniFuseSlicerLib.Display import Display, Shown
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.LiveWarp import LiveWarp
    from UniFuseSlicerLib.Overlay import Overlay
    from UniFuseSlicerLib.SliceViews import SliceViews

    composite = scene.AddNode(slicer.vtkMRMLSliceCompositeNode())
    display = Display(Overlay(scene), Layers(scene), LiveWarp(scene), SliceViews(scene))
    display.show(nodes.fused, Shown(nodes.fused.GetID(), LayerChoice.UNCERTAINTY))
    assert composite.GetForegroundVolumeID() is None


def test_largeIsRedSmallIsGreenAndAroundTheBodyIsTheReference(view, mapped, pair, scene):
    from UniFuseSlicerLib.Choices import LayerChoice, OverlayChoice
    from UniFuseSlicerLib.Display import Display, Shown
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.LiveWarp import LiveWarp
    from UniFuseSlicerLib.Overlay import Overlay, OverlayStyle
    from UniFuseSlicerLib.SliceViews import SliceViews

    display = Display(Overlay(scene), Layers(scene, view.fit), LiveWarp(scene), SliceViews(scene))

    def seen(layer):
        off = OverlayStyle(OverlayChoice.OFF)
        display.show(mapped.fused, Shown(mapped.fused.GetID(), layer, 1.0, off))
        view.fit()
        return view.pixels().astype(int)

    before, after = seen(LayerChoice.REFERENCE), seen(LayerChoice.UNCERTAINTY)
    red, green = (after[..., c] - after[..., 1 - c] for c in (0, 1))
    assert (red > 30).sum() > 200
    assert (green > 30).sum() > 200
    same = (before == after).all(axis=-1)
    assert 0.2 < same.mean() < 0.95
    # the reference is seen through it, at half its strength
    chosen = red > 30
    under, over = before[chosen].sum(axis=1), after[chosen].sum(axis=1)
    assert np.polyfit(under, over, 1)[0] == pytest.approx(0.5, abs=0.1)


def test_thePanelSaysItsMean():
    from UniFuseSlicerLib.View import trust

    judged = {
        "trust": "green",
        "probability_off_by_3_mm": 0.1,
        "expected_error_mm": 1.0,
        "interval_mm": [0.5, 2.0],
        "reasons": [],
    }
    before = trust({"verdict": {**judged, "uncertainty_mm": {"mean": None, "p95": None}}}).text
    after = trust({"verdict": {**judged, "uncertainty_mm": {"mean": 1.24, "p95": 2.31}}}).text
    assert before == trust({"verdict": judged}).text
    line = "\nUncertainty: 1.2 mm on average, 2.3 mm or less in 95 % of the body."
    assert after == before + line


def test_theBoxAsksTheToolForTheMap(build):
    from UniFuseSlicerLib.Choices import DeviceChoice

    s = build()
    settings = SimpleNamespace(device=DeviceChoice.AUTO, weights=None)
    assert s.p.options(settings).arguments() == []
    s.ui.uncertaintyCheckBox.checked = True
    assert s.p.options(settings).arguments() == ["--uncertainty"]
