"""The deformation as a colour wash: its values, where it is seen, its scale."""

from __future__ import annotations

import os

import numpy as np
import pytest
from measures import positions
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


def look(layer="displacement", part="total", scale="auto"):
    from UniFuseSlicerLib.Choices import ColorScaleChoice, FieldPartChoice, LayerChoice
    from UniFuseSlicerLib.FieldMap import FieldLook

    return FieldLook(LayerChoice(layer), FieldPartChoice(part), ColorScaleChoice(scale))


@pytest.fixture
def wash(scene):
    import slicer
    from UniFuseSlicerLib.FieldMap import FieldMap

    return FieldMap(scene, slicer.vtkSlicerColorLogic)


def valuesAt(node, places):
    """Of the nearest voxels of a volume node, `(n,)`."""
    from UniFuseSlicerLib.Body import nearest
    from UniFuseSlicerLib.Nodes import imageFromNode

    return nearest(imageFromNode(node), places)


def middle(pair, matrix):
    """Eight voxels in the middle of the body that the wash has too: (k, j, i), RAS mm."""
    places = positions(pair.warped.shape, matrix)[:, ::2, ::2]
    distance = np.linalg.norm(places - [3.0, 2.0, 1.0], axis=-1)
    at = np.unravel_index(distance.ravel().argsort()[:8], distance.shape)
    return np.stack(at, axis=1) * [1, 2, 2], places[at]


def test_displacementIsThatOfTheVoxel(wash, nodes, pair, referenceMatrix):
    """On an oblique, anisotropic grid."""
    node = wash.show(nodes.fused, look())
    index, places = middle(pair, referenceMatrix)
    expected = np.linalg.norm(pair.displacement[tuple(index.T)], axis=-1)
    np.testing.assert_allclose(valuesAt(node, places), expected, atol=1e-3)


def test_changeOfVolumeIsThatOfTheFormula(wash, nodes, pair, referenceMatrix):
    """det(I + ∂u) of the closed form; larger in the degraded volume is above 0."""
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import updateDeformation

    x = positions(pair.warped.shape, referenceMatrix)
    u = np.stack([0.1 * x[..., 0], 0.05 * x[..., 1] + 0.2 * x[..., 0], -0.02 * x[..., 2]], -1)
    updateDeformation(nodes.deformation, Image.fromArray(u.astype(np.float32), referenceMatrix))
    node = wash.show(nodes.fused, look("volume change"))
    _, places = middle(pair, referenceMatrix)
    expected = 100 * (1.1 * 1.05 * 0.98 - 1)
    np.testing.assert_allclose(valuesAt(node, places), expected, atol=0.01)
    display = node.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx((-16, 16))


def test_withoutTheRigidPartOnlyWhatDeformsIsWashed(wash, nodes, pair, referenceMatrix):
    from UniFuseSlicerLib.RigidPart import rigidPartOf

    node = wash.show(nodes.fused, look(part="deformed"))
    matrix = rigidPartOf(nodes.fused).matrix
    index, places = middle(pair, referenceMatrix)
    images = places + pair.displacement[tuple(index.T)]
    rest = images - (places @ matrix[:3, :3].T + matrix[:3, 3])
    np.testing.assert_allclose(valuesAt(node, places), np.linalg.norm(rest, axis=-1), atol=1e-3)
    assert valuesAt(node, places).max() < 3  # of about 5 mm in total


def test_outsideTheBodyAndTheDegradedFieldOfViewNothingIsWashed(wash, nodes, pair, referenceMatrix):
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    degraded = imageFromNode(pair.degraded)
    cut = Image.fromArray(degraded.array[: 3 * len(degraded.array) // 4], degraded.ijkToRas)
    updateVolume(pair.degraded, cut)
    node = wash.show(nodes.fused, look())
    image = imageFromNode(node)
    shown = image.array > -1
    assert 0.01 < shown.mean() < 0.5
    assert not shown[:, 0].any()  # a face of the grid, where there is only air
    steps = np.round(
        np.linalg.norm(image.ijkToRas[:3, :3], axis=0)
        / np.linalg.norm(referenceMatrix[:3, :3], axis=0)
    ).astype(int)
    u = pair.displacement[:: steps[2], :: steps[1], :: steps[0]]
    ends = (positions(shown.shape, image.ijkToRas) + u)[shown]
    inverse = np.linalg.inv(cut.ijkToRas)
    assert (ends @ inverse[:3, :3].T + inverse[:3, 3])[:, 2].max() <= cut.array.shape[0] - 0.5
    display = node.GetDisplayNode()
    assert display.GetApplyThreshold()
    assert image.array[~shown].max() < display.GetLowerThreshold()
    assert display.GetLowerThreshold() < image.array[shown].min()


@pytest.mark.parametrize(
    ("layer", "scale", "window"),
    [
        ("displacement", "auto", (0, 8)),  # 7.1 mm at most
        ("displacement", "coarse", (0, 16)),
        ("volume change", "medium", (-20, 20)),
    ],
)
def test_theScaleIsRoundAutomaticOrFixed(wash, nodes, layer, scale, window):
    display = wash.show(nodes.fused, look(layer, scale=scale)).GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx(window)


def test_coloursRiseEvenlyInLightnessAndAreNotRedAndGreen():
    """As lightness they are told apart without any hue; a change by blue and red."""
    from UniFuseSlicerLib.FieldScale import CHANGE_COLOURS, LENGTH_COLOURS, table

    luma = table(LENGTH_COLOURS) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luma) > 0).all()
    assert luma[-1] - luma[0] > 0.7
    smaller, none, larger = (table(CHANGE_COLOURS)[n] for n in (0, 128, -1))
    assert smaller[2] > smaller[0] + 0.5
    assert larger[0] > larger[2] + 0.5
    assert none.min() > 0.9


def test_itIsAHelper(wash, nodes, scene):
    before = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    node = wash.show(nodes.fused, look())
    assert node.GetHideFromEditors()
    assert wash.show(nodes.fused, look()) is node  # not made twice
    other = wash.show(nodes.fused, look("volume change"))
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == before + 1
    scene.SetSaveToXMLString(1)
    scene.Commit()
    assert "color wash" not in scene.GetSceneXMLString()
    assert wash.isOf(nodes.deformation)
    wash.remove()
    assert other.GetScene() is None
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == before


def test_itIsSeenOverTheReferenceWithItsScale(view, wash, nodes, pair, scene):
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.Legends import legendOf

    layers = Layers(scene, view.fit)
    layers.show(pair.reference, None, 1.0)
    view.fit()
    before = view.pixels().astype(int)
    node = wash.show(nodes.fused, look())
    layers.show(pair.reference, node, 0.5)
    after = view.pixels().astype(int)
    coloured = (after.max(-1) - after.min(-1)) > 30
    assert 0.02 < coloured.mean() < 0.6
    assert (before == after).all(-1).mean() > 0.3  # around the body as before
    low = np.array([65, 4, 157])  # 0 mm, which nothing in this body is displaced by
    half = (after - before // 2)[coloured]
    assert (np.abs(half - low // 2).max(axis=-1) < 12).mean() < 0.005  # no seam at its edge
    wash.showLegend(look(), shown=True)
    legend = legendOf(node)
    assert (legend.GetTitleText(), legend.GetNumberOfLabels()) == ("Displaced, mm", 9)
    assert (view.pixels().astype(int) != after).any()
    wash.showLegend(look(), shown=False)
    assert np.array_equal(view.pixels(), after)


@pytest.fixture
def fused(build):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    return s


def foreground(scene):
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    return scene.GetNodeByID(composite.GetForegroundVolumeID() or ""), composite


def test_thePanelShowsItAndTakesItAway(fused, scene):
    from UniFuseSlicerLib.Choices import FieldPartChoice, LayerChoice

    fused.p.layer = LayerChoice.DISPLACEMENT
    node, composite = foreground(scene)
    assert node.GetName() == "T2 to T1 (color wash)"
    assert composite.GetForegroundOpacity() == 0.5  # the anatomy below is seen
    fused.p.fieldPart = FieldPartChoice.DEFORMED
    again, _ = foreground(scene)
    assert again is not node
    assert node.GetScene() is None
    fused.p.layer = LayerChoice.VOLUME_CHANGE
    change, _ = foreground(scene)
    assert change.GetDisplayNode().GetWindowLevelMin() < 0
    fused.p.layer = LayerChoice.FUSED
    assert foreground(scene)[0] is fused.p.fused
    assert change.GetScene() is None


def test_itGoesWithItsDeformationAndWithTheScene(fused, scene):
    from UniFuseSlicerLib.Choices import LayerChoice

    fused.p.layer = LayerChoice.DISPLACEMENT
    node, _ = foreground(scene)
    scene.RemoveNode(fused.p.deformation)
    assert node.GetScene() is None


def test_aLoadedSceneShowsItAgain(fused, scene):
    from UniFuseSlicerLib.Choices import LayerChoice

    fused.p.layer = LayerChoice.DISPLACEMENT
    node, composite = foreground(scene)
    scene.RemoveNode(node)  # what saving and loading leaves out
    composite.SetForegroundVolumeID(None)
    fused.panel.exit()
    fused.panel.enter()
    assert foreground(scene)[0].GetName() == "T2 to T1 (color wash)"
    fused.panel.cleanup()
    assert foreground(scene)[0] is None
