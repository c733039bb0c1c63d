"""Slicer's *Save data* offers what has been modified since it was read: this module's work on two
volumes never makes them so, or the sample pair would be saved into the extension's folder.
"""

from __future__ import annotations

import pytest
from panel import click, runToTheEnd

pytestmark = pytest.mark.slicer


@pytest.fixture
def stored(pair, tmp_path):
    """The pair as it is after loading: read from files, not modified."""
    from UniFuseSlicerLib.Images import writeImage
    from UniFuseSlicerLib.Nodes import imageFromNode

    for node in (pair.degraded, pair.reference):
        storage = node.GetScene().AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
        writeImage(imageFromNode(node), tmp_path / f"{node.GetName()}.nii.gz")
        storage.SetFileName(str(tmp_path / f"{node.GetName()}.nii.gz"))
        assert storage.ReadData(node)
        assert not node.GetModifiedSinceRead()
    return pair


def modified(pair):
    return [n.GetName() for n in (pair.degraded, pair.reference) if n.GetModifiedSinceRead()]


def test_fusingAndLookingLeavesTheVolumesUnmodified(stored, build):
    from UniFuseSlicerLib.Choices import LayerChoice, OverlayChoice

    s = build()
    assert modified(stored) == []
    click(s.ui.swapButton)
    click(s.ui.swapButton)
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.p.fused is not None
    for layer in LayerChoice:
        s.p.layer = layer
        assert modified(stored) == [], layer
    for overlay in OverlayChoice:
        s.p.overlay = overlay
        assert modified(stored) == [], overlay
    s.p.warpPercent = 40.0
    assert modified(stored) == []
    for index in range(1, 5):
        s.ui.compareComboBox.setCurrentIndex(index)
        assert modified(stored) == [], index
    s.ui.compareComboBox.setCurrentIndex(0)
    click(s.ui.fusedViewButton)
    click(s.ui.pairViewButton)
    s.panel.exit()
    s.panel.enter()
    assert modified(stored) == []
