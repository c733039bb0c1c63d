"""Measure by segment: the same numbers as `unifuse measure`, in a table and charts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from panel import click, runToTheEnd

pytestmark = pytest.mark.slicer
ROOT = Path(__file__).resolve().parents[2]


def labelled(shape):
    k, j, i = np.indices(shape)
    labels = np.zeros(shape, np.int16)
    labels[(i > shape[2] // 3) & (j > 5) & (j < shape[1] // 2)] = 2
    labels[(j >= shape[1] // 2) & (k > 4)] = 9
    return labels


@pytest.fixture
def drawnOn(scene):
    """A volume node → a segmentation on it, with two segments in one label map."""
    import slicer
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, vtkMatrix

    def draw(volume):
        place = imageFromNode(volume)
        labels = labelled(place.array.shape)
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"organs of {volume.GetName()}")
        image = slicer.vtkOrientedImageData()
        image.ShallowCopy(Image.fromArray(labels, np.eye(4)).data)
        image.SetImageToWorldMatrix(vtkMatrix(place.ijkToRas))
        for label, name in ((2, "liver"), (9, "spleen")):
            segment = slicer.vtkSegment()
            segment.SetName(name)
            segment.SetLabelValue(label)
            segment.SetColor(label / 10, 0.25, 0.5)
            segment.AddRepresentation("Binary labelmap", image)
            node.GetSegmentation().AddSegment(segment)
        return node

    return draw


@pytest.fixture
def byTheTool(tmp_path, writeResult, pair):
    """Arguments → rows of `unifuse measure --json`, from the same field in files."""
    pytest.importorskip("torch", reason="needs torch: runs the real tool")
    from UniFuseSlicerLib.Images import Image, writeImage
    from UniFuseSlicerLib.Nodes import imageFromNode

    folder = tmp_path / "result"
    folder.mkdir()
    writeResult(folder)
    inputs = {}
    for side, node in (("degraded", pair.degraded), ("reference", pair.reference)):
        image = imageFromNode(node)
        matrix = image.ijkToRas[:, [2, 1, 0, 3]]
        inputs[side] = {"shape": list(image.array.shape), "affine_ras": matrix.tolist()}
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    full = {**report, "schema_version": 2, "inputs": inputs}
    (folder / "report.json").write_text(json.dumps(full), encoding="utf-8")

    def rows(volume=None, *arguments):
        command = [sys.executable, "-m", "UniFuseLib.cli", "measure", str(folder), "--json"]
        if volume is not None:
            image = imageFromNode(volume)
            path = tmp_path / "labels.nrrd"
            writeImage(Image.fromArray(labelled(image.array.shape), image.ijkToRas), path)
            command += ["--labels", str(path), *arguments]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout)["regions"]

    return rows


def compare(row, expected):
    """Every figure. Displacements of nodes are whole parts of a millimetre: the last digit, or a
    voxel at the edge of a label, may be rounded the other way.
    """
    assert set(row._fields) == set(expected)
    for name in row._fields:
        found, wanted = getattr(row, name), expected[name]
        if name == "name":
            continue  # a label map file has none
        if isinstance(wanted, float):
            assert found == pytest.approx(wanted, abs=3e-3), name
        elif isinstance(wanted, int):
            assert found == pytest.approx(wanted, abs=1), name
        else:
            assert found == wanted, name


def test_wholeFieldAsTheToolMeasuresIt(nodes, byTheTool):
    from UniFuseSlicerLib.Measure import measure

    rows = measure(nodes.fused).rows
    (expected,) = byTheTool()
    assert [row.name for row in rows] == ["whole field of view", "body"]
    compare(rows[0], expected)
    assert 0 < rows[1].voxels < rows[0].voxels


@pytest.mark.parametrize("side", ["reference", "degraded"])
def test_segmentsAsTheToolMeasuresThem(nodes, byTheTool, drawnOn, pair, side):
    from UniFuseSlicerLib.Measure import measure

    volume = getattr(pair, side)
    rows = measure(nodes.fused, drawnOn(volume), side).rows
    expected = byTheTool(volume, "--labels-of", side)
    assert [(row.label, row.name) for row in rows] == [(2, "liver"), (9, "spleen")]
    for row, wanted in zip(rows, expected, strict=True):
        compare(row, wanted)
    assert rows[0].displacement_mean_mm != rows[1].displacement_mean_mm


def test_aLabelMapGivesTheSameRegions(nodes, drawnOn, pair, scene):
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Measure import measure
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    place = imageFromNode(pair.reference)
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    updateVolume(node, Image.fromArray(labelled(place.array.shape), place.ijkToRas))
    bySegment = measure(nodes.fused, drawnOn(pair.reference)).rows
    byLabel = measure(nodes.fused, node).rows
    assert [row._replace(name="") for row in byLabel] == [
        row._replace(name="") for row in bySegment
    ]


def test_theDeterminantOfAStretchIsThatOfItsMatrix(pair, referenceMatrix):
    """On an oblique, anisotropic, non-cubic grid, with shear: no two axes can be swapped."""
    from measures import positions
    from UniFuseSlicerLib.Folds import determinant, foldedCells
    from UniFuseSlicerLib.Images import Image

    stretch = np.array([[1.2, 0.1, 0.0], [0.0, 0.9, 0.05], [0.3, 0.0, 1.1]])
    x = positions(pair.warped.shape, referenceMatrix)
    field = Image.fromArray((x @ (stretch - np.eye(3)).T).astype(np.float32), referenceMatrix)
    assert np.abs(determinant(field) - np.linalg.det(stretch)).max() < 1e-3
    assert len(foldedCells(field)[0]) == 0
    mirrored = x @ (np.diag([1.0, -1.0, 1.0]) - np.eye(3)).T
    folded = Image.fromArray(mirrored.astype(np.float32), referenceMatrix)
    assert np.abs(determinant(folded) + 1).max() < 1e-3
    assert len(foldedCells(folded)[0]) == np.prod(np.array(pair.warped.shape) - 1)


def test_tableAndChartsOfTheSegments(nodes, drawnOn, pair, scene):
    import slicer
    from UniFuseSlicerLib.Measure import RegionFigures, measure
    from UniFuseSlicerLib.MeasureNodes import addMeasureNodes
    from UniFuseSlicerLib.Ownership import isMarked

    segmentation = drawnOn(pair.reference)
    measured = measure(nodes.fused, segmentation)
    made = addMeasureNodes(nodes.fused, measured)
    table = made.table.GetTable()
    names = [table.GetColumnName(n) for n in range(table.GetNumberOfColumns())]
    assert tuple(names) == RegionFigures._fields
    assert table.GetColumnByName("name").GetValue(1) == "spleen"
    assert table.GetColumnByName("volume_ml").GetValue(0) == measured.rows[0].volume_ml
    assert all(isMarked(node) for node in (made.table, made.displacement, made.volumeRatio))
    series = [made.displacement.GetNthPlotSeriesNode(n) for n in range(2)]
    assert [one.GetName() for one in series] == ["liver", "spleen"]
    assert series[1].GetColor() == pytest.approx((0.9, 0.25, 0.5))
    data = series[0].GetTableNode().GetTable()
    share = data.GetColumnByName(series[0].GetYColumnName())
    assert sum(share.GetValue(n) for n in range(share.GetNumberOfValues())) == pytest.approx(100)
    assert made.displacement.GetXAxisTitle() == "Displacement (mm)"
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    place = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(nodes.fused))
    for node in (made.table, made.displacement, made.volumeRatio, *series):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == place


def test_theHistogramLiesWhereTheValuesAre(nodes):
    from UniFuseSlicerLib.Measure import measure
    from UniFuseSlicerLib.MeasureNodes import histogram

    measured = measure(nodes.fused)
    centres, (share, _body) = histogram(measured.regions, measured.length)
    mean = float((centres * share).sum() / 100)
    assert mean == pytest.approx(measured.rows[0].displacement_mean_mm, abs=0.05)


def test_roundingIsNoSpread(nodes):
    """A volume that was not moved: displacements of 0, not spread over a thousandth of a mm."""
    from UniFuseSlicerLib.Measure import measure
    from UniFuseSlicerLib.MeasureNodes import LEAST_SPREAD, histogram

    regions = measure(nodes.fused).regions
    centres, _shares = histogram(regions, 0 * measure(nodes.fused).length)
    assert centres[-1] > 0.9 * LEAST_SPREAD


def test_anEmptySegmentHasNoRow(nodes, pair, scene, drawnOn):
    import slicer
    from UniFuseSlicerLib.Measure import measure

    node = drawnOn(pair.reference)
    segment = slicer.vtkSegment()
    segment.SetName("not drawn yet")
    segment.AddRepresentation("Binary labelmap", slicer.vtkOrientedImageData())
    node.GetSegmentation().AddSegment(segment)
    assert [row.name for row in measure(nodes.fused, node).rows] == ["liver", "spleen"]


def test_wrongLabelsAreRefusedInWords(nodes, pair, scene, drawnOn):
    import slicer
    import vtk
    from UniFuseSlicerLib.Errors import FusionError
    from UniFuseSlicerLib.Measure import measure

    with pytest.raises(FusionError, match='a label map with voxels, got "T2"'):
        measure(nodes.fused, pair.degraded)
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "nothing drawn")
    with pytest.raises(FusionError, match='"nothing drawn" has no label inside'):
        measure(nodes.fused, empty)
    segment = slicer.vtkSegment()
    segment.SetName("surface")
    segment.AddRepresentation("Closed surface", vtk.vtkPolyData())
    empty.GetSegmentation().SetSourceRepresentationName("Closed surface")
    empty.GetSegmentation().AddSegment(segment)
    with pytest.raises(FusionError, match="has no binary label map"):
        measure(nodes.fused, empty)
    far = drawnOn(pair.reference)
    parent = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "far away")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 900)
    parent.SetMatrixTransformToParent(matrix)
    far.SetAndObserveTransformNodeID(parent.GetID())
    with pytest.raises(FusionError, match="has no label inside the field of view"):
        measure(nodes.fused, far)


def test_thePanelMeasuresAndShowsTheChosenChart(build, drawnOn, pair, scene):
    s = build()
    assert not s.ui.measureButton.enabled
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.ui.measureSelector.setCurrentNode(drawnOn(pair.degraded))
    s.ui.measureOfComboBox.currentIndex = 1
    s.ui.measureChartComboBox.currentIndex = 1
    click(s.ui.measureButton)
    (chart,) = s.charts
    assert chart.GetName() == "T2 on T1 fused volume change"
    assert s.ui.messageLabel.text == (
        '2 regions measured: table "T2 on T1 fused measured" (module Tables).'
    )
    rows = s.panel.logic.measure(s.p.fused, s.ui.measureSelector.currentNode(), "degraded")
    table = scene.GetFirstNodeByName("T2 on T1 fused measured").GetTable()
    assert table.GetColumnByName("voxels").GetValue(1) == rows[1].voxels


def test_manySegmentsPlotTheLargest():
    from UniFuseSlicerLib.Measure import Region
    from UniFuseSlicerLib.MeasureNodes import plottedRegions

    masks = [np.arange(100) < size for size in (3, 90, 1, 50, 2, 70, 4, 30, 5, 80)]
    regions = [Region(n, f"r{n}", mask) for n, mask in enumerate(masks)]
    assert [region.label for region in plottedRegions(regions)] == [0, 1, 3, 5, 6, 7, 8, 9]
