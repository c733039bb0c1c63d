"""What is seen: overlay, layers and live warp in real, rendered slice views."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from measures import difference, positions, resampledByMrml

pytestmark = pytest.mark.slicer


@pytest.fixture
def nodes(tmp_path, writeResult, pair):
    from UniFuseSlicerLib.Images import readResult
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    writeResult(tmp_path)
    return updateNodes(readResult(tmp_path), pair.degraded, pair.reference, FusionNodes())


@pytest.fixture
def view(openView):
    return openView(300)


@pytest.fixture
def overlay(scene):
    import slicer
    from UniFuseSlicerLib.Overlay import Overlay

    return Overlay(scene, slicer.vtkSlicerColorLogic)


@pytest.fixture
def shown(view, nodes, pair, scene):
    """The reference in the view, without overlay: its pixels."""
    from UniFuseSlicerLib.Layers import Layers

    Layers(scene, view.fit).show(pair.reference, None, 1.0)
    view.fit()
    return view.pixels().astype(int)


def style(mode, **choices):
    from UniFuseSlicerLib.Choices import OverlayChoice
    from UniFuseSlicerLib.Overlay import OverlayStyle

    return OverlayStyle(OverlayChoice(mode), **({"spacing": 5.0} | choices))


def coloured(pixels):
    """Pixels with a hue; the anatomy is grey."""
    return (pixels.max(-1) - pixels.min(-1)) > 40


@pytest.mark.parametrize("mode", ["grid", "arrows", "contour"])
@pytest.mark.parametrize("onlyInBody", [True, False])
def test_everyModeDrawsColoursOverTheAnatomy(overlay, view, shown, nodes, pair, mode, onlyInBody):
    assert not coloured(shown).any()
    overlay.show(
        nodes.deformation, pair.reference, style(mode, onlyInBody=onlyInBody, legend=False)
    )
    drawn = view.pixels().astype(int)
    assert coloured(drawn).mean() > 0.002
    assert coloured(drawn).mean() < 0.5
    overlay.show(nodes.deformation, pair.reference, style("off"))
    assert np.array_equal(view.pixels(), shown)


def test_legendShowsMillimetresOfThisField(overlay, view, shown, nodes, pair):
    from UniFuseSlicerLib.Legends import legendOf

    drawn = overlay.show(nodes.deformation, pair.reference, style("grid", onlyInBody=False))
    withLegend = view.pixels()
    legend = legendOf(drawn)
    assert legend.GetTitleText() == "mm"
    assert drawn.GetDisplayNode().GetScalarRange() == pytest.approx((0, 8))  # 7.1 mm at most
    assert legend.GetNumberOfLabels() == 9  # a label for each millimetre
    overlay.show(nodes.deformation, pair.reference, style("grid", onlyInBody=False, legend=False))
    assert not np.array_equal(view.pixels(), withLegend)
    overlay.show(nodes.deformation, pair.reference, style("off"))
    assert np.array_equal(view.pixels(), shown)


def test_theLargestDisplacementInTheBodyIsBrightAndYellow(overlay, nodes, pair):
    from UniFuseSlicerLib.Overlay import displacementMaximum

    drawn = overlay.show(nodes.deformation, pair.reference, style("grid", onlyInBody=False))
    display = drawn.GetDisplayNode()
    maximum = displacementMaximum(nodes.deformation)
    assert maximum == pytest.approx(7.1)  # inside the body, from the report
    red, green, blue = display.GetColorMap().GetColor(maximum)
    assert min(red, green) > 0.7
    assert blue < 0.3


@pytest.mark.parametrize(
    ("largest", "percent", "title"),
    [("7.1", 100, "mm"), ("2.4", 300, "mm (arrows × 3)"), ("30.0", 100, "mm")],
)
def test_shortArrowsAreEnlargedAndTheLegendSaysSo(overlay, nodes, pair, largest, percent, title):
    from UniFuseSlicerLib.FieldScale import lengthScale
    from UniFuseSlicerLib.Overlay import enlargement, millimetres
    from UniFuseSlicerLib.Results import MAXIMUM_ATTRIBUTE

    nodes.deformation.SetAttribute(MAXIMUM_ATTRIBUTE, largest)
    arrows = style("arrows", spacing=8.0, legend=False)
    display = overlay.show(nodes.deformation, pair.reference, arrows).GetDisplayNode()
    assert display.GetGlyphScalePercent() == percent
    assert millimetres(enlargement(arrows, lengthScale(float(largest)))) == title
    assert enlargement(style("grid"), lengthScale(2.4)) == 1


def test_withoutReportTheWholeFieldGivesTheColours(nodes, pair):
    from UniFuseSlicerLib.Overlay import displacementMaximum
    from UniFuseSlicerLib.Results import MAXIMUM_ATTRIBUTE

    nodes.deformation.RemoveAttribute(MAXIMUM_ATTRIBUTE)
    largest = np.linalg.norm(pair.displacement, axis=-1).max()
    assert displacementMaximum(nodes.deformation) == pytest.approx(largest, rel=1e-3)


def test_onlyInBodyDrawsNoArrowOutside(overlay, nodes, pair, scene):
    from UniFuseSlicerLib.Body import bodyMask
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.InsideBody import insideBody
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    place = imageFromNode(pair.reference).ijkToRas
    distance = np.linalg.norm(positions(pair.warped.shape, place) - np.array([-2, 4, 3]), axis=-1)
    noise = np.random.default_rng(0).normal(0, 4, pair.warped.shape)
    updateVolume(
        pair.reference,
        Image.fromArray((np.where(distance < 15, 100, 0) + noise).astype(np.float32), place),
    )
    drawn = insideBody(nodes.deformation, pair.reference)
    start = positions(drawn.array.shape[:3], drawn.ijkToRas)
    anatomy = imageFromNode(pair.reference)
    inverse = np.linalg.inv(anatomy.ijkToRas)
    end = np.rint((start + drawn.array) @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)[..., ::-1]
    end = np.clip(end, 0, np.array(anatomy.array.shape) - 1)
    long = np.linalg.norm(drawn.array, axis=-1) > 0.1
    inside = bodyMask(anatomy.array)[tuple(end[long].T)]
    assert 0.05 < long.mean() < 0.6
    assert inside.mean() > 0.9


def test_noArrowIsRepeatedBeyondABodyThatIsCutOff(pair, nodes):
    """Slicer goes on with what lies at the border of a grid, as the neck under a head."""
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.InsideBody import insideBody
    from UniFuseSlicerLib.Nodes import gridTransform, imageFromNode, updateVolume

    place = imageFromNode(pair.reference).ijkToRas
    shape = pair.warped.shape
    _, j, i = np.indices(shape)
    body = np.where(np.hypot(j - shape[1] / 2, i - shape[2] / 2) < 12, 100, 0)  # through all slices
    noisy = body + np.random.default_rng(0).normal(0, 4, shape)
    updateVolume(pair.reference, Image.fromArray(noisy.astype(np.float32), place))
    transform = gridTransform(insideBody(nodes.deformation, pair.reference))
    inside, beyond = (
        place[:3, :3] @ [shape[2] / 2, shape[1] / 2, slice_] + place[:3, 3]
        for slice_ in (shape[0] / 2, shape[0] + 12)
    )
    assert np.linalg.norm(np.array(transform.TransformPoint(inside)) - inside) > 2
    np.testing.assert_allclose(transform.TransformPoint(beyond), beyond, atol=1e-6)


def test_theBodyHoldsWhatItClosesInInAPlane():
    """A skull, dark between brain and skin, of a head that ends at the border of the volume."""
    from UniFuseSlicerLib.Body import bodyMask

    _, j, i = np.indices((12, 40, 34))
    radius = np.hypot((j - 20) / 1.1, i - 17)
    head = np.where(radius < 13, 100.0, 0.0)
    head[(radius > 6) & (radius < 9)] = 2.0
    mask = bodyMask(head + np.random.default_rng(0).normal(0, 1, head.shape))
    assert mask[radius < 12].all()
    assert not mask[radius > 15].any()


@pytest.mark.parametrize("seed", range(3))
def test_whatABodyClosesInIsWhatMorphologyFills(seed):
    """Shells with holes: closed in space, in a plane of one axis alone, and open."""
    from scipy.ndimage import binary_fill_holes, gaussian_filter, generate_binary_structure
    from UniFuseSlicerLib.Body import closed

    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(17, 29, 23)), 1.2)
    shells = np.abs(noise) < 0.03
    shells[4:11, 5:14, 6:16] = True
    shells[5:10, 6:13, 7:15] = False
    cross = generate_binary_structure(3, 1)
    wanted = [binary_fill_holes(shells, cross)]
    for axis in range(3):
        inPlane = cross.copy()
        np.moveaxis(inPlane, axis, 0)[[0, 2]] = False
        wanted.append(binary_fill_holes(wanted[-1], inPlane))
    counts = [int(mask.sum()) for mask in (shells, *wanted)]
    assert counts == sorted(set(counts))
    np.testing.assert_array_equal(closed(shells), wanted[-1])


def test_arrowsPointFromDegradedToReference(nodes, pair):
    """v(x + u(x)) = −u(x): the arrow that starts where tissue is in the degraded volume ends at
    x.
    """
    from UniFuseSlicerLib.Body import positions as pointsOf
    from UniFuseSlicerLib.Body import transformed
    from UniFuseSlicerLib.Nodes import deformationImage, imageFromNode

    field = deformationImage(nodes.deformation)
    x = pointsOf(field.array.shape[:3], imageFromNode(pair.reference).ijkToRas).reshape(
        *field.array.shape
    )
    middle = (slice(6, 13), slice(14, 30), slice(14, 26))
    ends = transformed(
        nodes.deformation.GetTransformToParent(), (x + field.array)[middle].reshape(-1, 3)
    )
    assert np.abs(ends - x[middle].reshape(-1, 3)).max() < 0.05


def test_theDeformationItselfIsNeverChanged(overlay, nodes, pair):
    from UniFuseSlicerLib.Nodes import deformationImage

    before = deformationImage(nodes.deformation).array.copy()
    drawn = overlay.show(nodes.deformation, pair.reference, style("arrows", onlyInBody=True))
    assert drawn is not nodes.deformation
    assert not drawn.GetSaveWithScene()
    assert np.array_equal(deformationImage(nodes.deformation).array, before)
    whole = overlay.show(nodes.deformation, pair.reference, style("grid", onlyInBody=False))
    assert whole is nodes.deformation


def test_aNewFieldIsDrawnNew(overlay, nodes, pair, scene):
    count = scene.GetNumberOfNodesByClass("vtkMRMLGridTransformNode")
    first = overlay.show(nodes.deformation, pair.reference, style("arrows"))
    everything = scene.GetNumberOfNodes()
    overlay.forget(nodes.deformation)
    assert first.GetScene() is None
    assert scene.GetNumberOfNodes() <= everything - 3  # with display and colours
    overlay.show(nodes.deformation, pair.reference, style("arrows"))
    assert scene.GetNumberOfNodesByClass("vtkMRMLGridTransformNode") == count + 1


@pytest.mark.parametrize(
    ("maximum", "high", "levels"),
    [
        (7.1, 8, [1, 2, 3, 4, 5, 6, 7]),
        (0.8, 0.8, [0.2, 0.4, 0.6]),
        (30.0, 30, [5, 10, 15, 20, 25]),
        (4.9, 5, [1, 2, 3, 4]),
        (13.2, 14, [2, 4, 6, 8, 10, 12]),
    ],
)
def test_contoursAndTicksAreTheSameRoundNumbers(maximum, high, levels):
    from UniFuseSlicerLib.FieldScale import lengthScale

    scale = lengthScale(maximum)
    assert (scale.low, scale.high) == pytest.approx((0, high))
    assert scale.levels == pytest.approx(levels)
    assert scale.labels == len(levels) + 2


@pytest.mark.parametrize(("largest", "high", "labels"), [(7.1, 8, 9), (20, 20, 5), (43, 60, 7)])
def test_aChangeIsAsFarBelowZeroAsAbove(largest, high, labels):
    from UniFuseSlicerLib.FieldScale import changeScale

    scale = changeScale(largest)
    assert (scale.low, scale.high, scale.labels) == pytest.approx((-high, high, labels))
    assert scale.levels[len(scale.levels) // 2] == pytest.approx(0)


def test_layersShowTheChosenVolumeAndFlicker(view, nodes, pair, scene):
    from UniFuseSlicerLib.Layers import Layers

    fitted: list[Any] = []
    layers = Layers(scene, fitted.append)
    layers.show(pair.reference, nodes.restored, 0.7)
    composite = view.logic.GetSliceCompositeNode()
    assert composite.GetBackgroundVolumeID() == pair.reference.GetID()
    assert composite.GetForegroundVolumeID() == nodes.restored.GetID()
    assert composite.GetForegroundOpacity() == pytest.approx(0.7)
    layers.flicker()
    assert composite.GetForegroundOpacity() == 0
    layers.flicker()
    assert composite.GetForegroundOpacity() == pytest.approx(0.7)
    layers.flicker()
    layers.endFlicker()
    assert composite.GetForegroundOpacity() == pytest.approx(0.7)
    layers.show(pair.reference, nodes.fused, 1.0)
    assert fitted == [pair.reference]


def test_liveWarpMovesACloneFromDegradedToReference(nodes, pair, scene):
    from UniFuseSlicerLib.LiveWarp import LiveWarp

    live = LiveWarp(scene)
    matrix = [pair.degraded.GetParentTransformNode(), pair.degraded.GetImageData().GetMTime()]
    clone = live.show(pair.degraded, nodes.deformation, 100)
    assert difference(resampledByMrml(clone, pair.reference), pair.warped) <= 0.1
    assert live.show(pair.degraded, nodes.deformation, 0) is clone
    unmoved = resampledByMrml(clone, pair.reference)
    assert np.array_equal(unmoved, resampledByMrml(pair.degraded, pair.reference))
    live.show(pair.degraded, nodes.deformation, 50)
    half = resampledByMrml(clone, pair.reference)
    inside = (half > 0) & (unmoved > 0) & (pair.warped > 0)
    assert np.abs(half - unmoved)[inside].mean() > 1
    assert np.abs(half - pair.warped)[inside].mean() > 1
    assert [
        pair.degraded.GetParentTransformNode(),
        pair.degraded.GetImageData().GetMTime(),
    ] == matrix
    assert nodes.deformation.GetTransformFromParent().GetDisplacementScale() == 1.0
    assert not clone.GetSaveWithScene()


def test_liveWarpFollowsANewResultAndLeavesNothing(nodes, pair, scene):
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.LiveWarp import LiveWarp
    from UniFuseSlicerLib.Nodes import deformationImage, updateDeformation

    count = scene.GetNumberOfNodes()
    live = LiveWarp(scene)
    first = live.show(pair.degraded, nodes.deformation, 40)
    field = deformationImage(nodes.deformation)
    updateDeformation(nodes.deformation, Image.fromArray(field.array * 2, field.ijkToRas))
    second = live.show(pair.degraded, nodes.deformation, 40)
    assert second is not first
    assert first.GetScene() is None
    scene.RemoveNode(second)
    third = live.show(pair.degraded, nodes.deformation, 40)
    assert third.GetScene() is scene
    live.remove()
    assert scene.GetNumberOfNodes() == count


def test_liveWarpInTheViewIsTheRestingPlaceOfTheReference(view, nodes, pair, scene):
    """Rendered: at 100 % the clone's picture equals that of the warped volume, at 0 % it does
    not.
    """
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.LiveWarp import LiveWarp

    for node in (pair.degraded, nodes.restored):
        node.GetDisplayNode().AutoWindowLevelOff()
        node.GetDisplayNode().SetWindowLevelMinMax(50, 400)
    layers, live = Layers(scene, view.fit), LiveWarp(scene)
    layers.show(pair.reference, nodes.restored, 1.0)
    view.fit()
    target = view.pixels().astype(int)

    def distance(percent):
        layers.show(pair.reference, live.show(pair.degraded, nodes.deformation, percent), 1.0)
        return np.abs(view.pixels().astype(int) - target)[100:200, 100:200].mean()

    far, halfway, near = distance(0), distance(50), distance(100)
    assert far > 3 * near
    assert far > halfway > near
