"""Slicer's *Save data* offers what has been modified since it was read: this module's work on two
volumes never makes them so, or the sample pair would be saved into the extension's folder.
"""

from __future__ import annotations

import os
import re

import pytest
import translations
from panel import click, runToTheEnd

pytestmark = pytest.mark.slicer
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
NAMES = {  # file → what nodes are called that a scene keeps
    "BatchWidgets": ["Pairs"],
    "BodySegment": ["{name} body"],
    "Duplicate": ["{name} copy"],
    "Handles": ["{degraded} moved onto {reference}"],
    "MeasureNodes": [
        "{result} measured",
        "{result} displacement",
        "{result} volume change",
        "{chart} (histogram)",
    ],
    "Moved": ["{name} on {target}"],
    "Results": [
        "{degraded} on {reference} fused",
        "{degraded} restored",
        "{degraded} to {reference}",
        "{degraded} fusion report",
        "{degraded} uncertainty",
    ],
    "ResultSelector": ["{name} restored", "{name} deformation", "{name} report"],
    "Samples": ["Sample {contrast} with motion", "Sample {contrast} reference"],
    "Steering": ["{degraded} centered on {reference}"],
}


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


def inAFileName(name):
    """What Slicer leaves of it (qSlicerCoreIOManager::fileNameRegularExpression)."""
    return re.sub(r"[^A-Za-z0-9 \-_.()$!~#'%^{}]", "", name)


@posix
def test_namesOfNodesAreNamesOfFiles(build, scene, views):
    s = build(text="before surgery")
    for button in (s.ui.degradedBodyButton, s.ui.centerButton, s.ui.handlesButton, s.ui.fuseButton):
        click(button)
    runToTheEnd(s)
    for button in (s.ui.measureButton, s.ui.duplicateResultButton, s.ui.renameResultButton):
        click(button)
    nodes = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
    names = [n.GetName() for n in nodes if n.IsA("vtkMRMLStorableNode") and n.GetSaveWithScene()]
    assert len(names) > 12
    assert [name for name in names if inAFileName(name) != name] == []
    assert len(set(names)) == len(names)


def test_namesAreNamesOfFilesInGermanAsWell():
    german = translations.read(translations.FOLDER / "UniFuseSlicer_de-DE.ts")
    for file, names in NAMES.items():
        texts = german[f"UniFuseSlicerLib.{file}"]
        assert [texts[name] for name in names if inAFileName(texts[name]) != texts[name]] == []
