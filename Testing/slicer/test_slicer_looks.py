"""Views by modality: what the display nodes say, what the rendered slice shows, what the panel
offers.
"""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@pytest.fixture
def fuse(writeResult, pair, scene, tmp_path):
    """Modalities → nodes of a result, as the tool would report it; PET is 0 to 8."""

    def result(degraded, reference, unit=""):
        import slicer
        from UniFuseSlicerLib.Images import readResult
        from UniFuseSlicerLib.Ownership import FusionNodes
        from UniFuseSlicerLib.Results import updateNodes

        scale = {"pet": 0.02, "ct": 6.0, "mr": 1.0}[degraded]
        shift = -1000.0 if degraded == "ct" else 0.0
        writeResult(tmp_path, restored=(pair.warped * scale + shift).astype(np.float32))
        path = tmp_path / "report.json"
        report = json.loads(path.read_text(encoding="utf-8"))
        report |= {"degraded_modality": degraded, "reference_modality": reference}
        path.write_text(json.dumps(report), encoding="utf-8")
        if unit:
            code = slicer.vtkCodedEntry()
            code.SetValueSchemeMeaning(unit, "UCUM", "unit")
            pair.degraded.SetVoxelValueUnits(code)
        return updateNodes(readResult(tmp_path), pair.degraded, pair.reference, FusionNodes())

    return result


def windowOf(node):
    display = node.GetDisplayNode()
    return (display.GetWindowLevelMin(), display.GetWindowLevelMax())


@pytest.mark.parametrize(
    ("degraded", "unit", "expected"),
    [("ct", "[hnsf'U]", (-150, 250)), ("pet", "{SUVbw}g/ml", (0, 7))],
)
def test_aRestoredVolumeComesUpInTheUsualWindow(fuse, degraded, unit, expected):
    """Not in -1006 to 1287 HU, Slicer's guess."""
    assert windowOf(fuse(degraded, "mr", unit).restored) == expected


@pytest.mark.parametrize(
    ("value", "top"), [(6.94, 8.0), (7.11, 8.0), (10.0, 10.0), (10.1, 12.0), (0.031, 0.032), (0, 0)]
)
def test_theTopOfAWindowWithoutAUnitIsRound(value, top):
    """The color scale says 0, 2, 4, 6, 8, not 1.73, 3.47, 5.2, 6.94."""
    from UniFuseSlicerLib.Windows import roundTop

    assert roundTop(value) == pytest.approx(top)


def test_aWindowFromZeroBeginsAtZeroAgainAfterLoading(fuse, scene):
    """Not at -5e-06, which the colour scale would show; other windows stay."""
    import slicer
    from UniFuseSlicerLib.Looks import mendWindows

    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    nodes = fuse("pet", "ct", "{SUVbw}g/ml")
    display = nodes.restored.GetDisplayNode()
    legend = scene.AddNewNodeByClass("vtkMRMLColorLegendDisplayNode")
    nodes.restored.AddAndObserveDisplayNodeID(legend.GetID())
    for low, expected in ((-5e-06, 0), (0.4, 0.4), (-3.0, -3.0)):
        display.SetWindowLevelMinMax(low, 7)
        mendWindows()
        assert windowOf(nodes.restored) == pytest.approx((expected, 7), abs=1e-9)


def test_theReadersWindowAndColoursAreTakenOver(fuse, pair, view, scene):
    display = pair.degraded.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0, 4.5)
    display.SetAndObserveColorNodeID("vtkMRMLPETProceduralColorNodePET-Heat")
    nodes = fuse("pet", "ct", "{SUVbw}g/ml")
    assert windowOf(nodes.restored) == (0, 4.5)
    assert nodes.restored.GetDisplayNode().GetColorNode().GetName() == "PET-Heat"


def test_aResultFilledAgainKeepsWhatTheReaderSetForIt(fuse, pair, images, scene):
    from UniFuseSlicerLib.Results import updateNodes

    nodes = fuse("mr", "mr")
    nodes.restored.GetDisplayNode().SetWindowLevelMinMax(20, 90)
    updateNodes(images, pair.degraded, pair.reference, nodes)
    assert windowOf(nodes.restored) == (20, 90)


def test_hotIronIsThatOfDicom(scene):
    from UniFuseSlicerLib.HotIron import hotIron, hotIronNode

    colours = np.round(255 * hotIron()).astype(int)
    # DICOM PS3.6 B.1.1: entries 0, 64, 128, 192 and 255, to a step of its 8 bit
    for index, expected in ((0, (0, 0, 0)), (64, (128, 0, 0)), (128, (255, 0, 0))):
        assert np.abs(colours[index] - expected).max() <= 2
    for index, expected in ((192, (255, 255, 0)), (255, (255, 255, 255))):
        assert np.abs(colours[index] - expected).max() <= 4
    assert (np.diff(colours.sum(axis=1)) >= 0).all()
    assert hotIronNode(scene) is hotIronNode(scene)


def test_petOnCtIsWarmAboveTheThresholdAndGreyBelow(fuse, pair, view, scene):
    """Rendered: colour where the PET is hot, the CT's grey untouched where it is not."""
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.Looks import showPair, showSuv

    nodes = fuse("pet", "ct", "{SUVbw}g/ml")
    layers = Layers(scene, view.fit)
    layers.show(pair.reference, None, 1.0)
    opacity = showPair(nodes.fused)
    layers.show(pair.reference, None, opacity)
    view.fit()
    grey = view.pixels().astype(int)
    layers.show(pair.reference, nodes.restored, opacity)
    shown = view.pixels().astype(int)
    hot = shown[..., 0] - shown[..., 2] > 40
    assert 0.02 < hot.mean() < 0.9
    assert (shown[hot][:, 0] >= shown[hot][:, 1]).all()  # red before green: a warm map
    same = (shown == grey).all(-1)
    assert same.mean() > 0.1
    showSuv(nodes.fused, 20)
    fewer = view.pixels().astype(int)
    assert (fewer[..., 0] - fewer[..., 2] > 40).mean() < hot.mean()
    assert windowOf(nodes.restored) == (0, 20)
    assert nodes.restored.GetDisplayNode().GetLowerThreshold() == pytest.approx(4)


def test_invertedGreyIsPetAloneAsReadersPrintIt(fuse, view):
    from UniFuseSlicerLib.Looks import PetColour, showPair

    nodes = fuse("pet", "ct", "{SUVbw}g/ml")
    assert showPair(nodes.fused, PetColour.INVERTED) == 1.0
    display = nodes.restored.GetDisplayNode()
    assert display.GetColorNode().GetName() == "InvertedGrey"
    assert not display.GetApplyThreshold()


def test_boneOnMrShowsBoneAlone(fuse, pair, view, scene):
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.Looks import BONE_FROM_HU, showPair, showWindow
    from UniFuseSlicerLib.Nodes import imageFromNode

    nodes = fuse("ct", "mr", "[hnsf'U]")
    layers = Layers(scene, view.fit)
    layers.show(pair.reference, nodes.restored, showPair(nodes.fused))
    view.fit()
    shown = view.pixels().astype(int)
    bone = shown[..., 0] - shown[..., 2] > 40
    share = (imageFromNode(nodes.restored).array > BONE_FROM_HU).mean()
    assert 0.01 < bone.mean() < 3 * share + 0.2
    assert showWindow(nodes.fused, "brain")  # now the CT itself is looked at
    layers.show(pair.reference, nodes.restored, 1.0)
    grey = view.pixels().astype(int)
    assert (grey.max(-1) - grey.min(-1)).max() < 10
    assert windowOf(nodes.restored) == (0, 80)


def test_aWindowOfTheReferenceThatAReaderSetStays(fuse, pair, view):
    from UniFuseSlicerLib.Looks import showPair, showWindow

    display = pair.reference.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(-50, 120)
    nodes = fuse("pet", "ct")
    showPair(nodes.fused)
    assert windowOf(pair.reference) == (-50, 120)
    assert not showWindow(nodes.fused, "lung")
    assert windowOf(pair.reference) == (-1350, 150)


def report(fakeTool, **changes):
    path = fakeTool.result / "report.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(found | changes), encoding="utf-8")


def test_thePanelOffersWhatFitsThePair(build, fakeTool):
    s = build()
    assert not s.ui.pairViewButton.enabled
    report(fakeTool, degraded_modality="pet", reference_modality="ct")
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert (s.ui.pairViewButton.text, s.ui.pairViewButton.enabled) == ("PET on CT", True)
    assert s.ui.brainWindowButton.visible
    assert s.ui.suv7Button.visible
    assert s.ui.petColorComboBox.visible
    report(fakeTool, degraded_modality="ct", reference_modality="mr")
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.ui.pairViewButton.text == "Bone on MR"
    assert (s.ui.suv7Button.visible, s.ui.petColorComboBox.visible) == (False, False)


def test_oneClickFromFusedToPetOnCt(build, fakeTool, scene):
    from UniFuseSlicerLib.Choices import LayerChoice

    report(fakeTool, degraded_modality="pet", reference_modality="ct")
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetForegroundVolumeID() == s.p.fused.GetID()
    click(s.ui.pairViewButton)
    assert composite.GetForegroundVolumeID() == s.p.restored.GetID()
    assert composite.GetForegroundOpacity() == pytest.approx(0.6)
    assert s.p.restored.GetDisplayNode().GetColorNode().GetName() == "Hot iron"
    click(s.ui.suv10Button)
    assert windowOf(s.p.restored) == (0, 10)
    s.ui.petColorComboBox.currentIndex = 1
    assert composite.GetForegroundOpacity() == 1.0
    click(s.ui.fusedViewButton)
    assert s.p.layer is LayerChoice.FUSED
    assert composite.GetForegroundVolumeID() == s.p.fused.GetID()
