"""A result of the scene as files: the folder of a run, and DICOM series; by the real `unifuse`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from panel import click

pytest.importorskip("torch", reason="needs torch: runs the real tool")
pytestmark = pytest.mark.slicer
ROOT = Path(__file__).resolve().parents[2]
PATIENT = {
    "PatientName": "Müller^Änne",
    "PatientID": "P-17",
    "PatientBirthDate": "19600229",
    "PatientSex": "F",
}
STUDY = {"StudyID": "S4", "StudyDate": "20260131", "StudyDescription": "Head"}


@pytest.fixture
def tool():
    from UniFuseSlicerLib.Command import ToolCommand, toolEnvironment

    return ToolCommand(sys.executable, toolEnvironment(os.environ), ROOT)


@pytest.fixture
def logic(scene, tool):
    from UniFuseSlicerLib.Logic import UniFuseSlicerLogic

    return UniFuseSlicerLogic(tool=tool)


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def intoStudy(node, uid="1.2.3"):
    """As Slicer's DICOM module leaves a volume in the subject hierarchy."""
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), PATIENT["PatientName"])
    study = hierarchy.CreateStudyItem(patient, "Head")
    for item, tags in ((patient, PATIENT), (study, STUDY)):
        for key, value in tags.items():
            hierarchy.SetItemAttribute(item, f"DICOM.{key}", value)
    hierarchy.SetItemUID(study, "DICOM", uid)
    hierarchy.CreateItem(study, node)


def onlyFolder(place):
    (folder,) = place.iterdir()
    return folder


def imagesEqual(file, node):
    """Within 0.1 % of the range, at the same places."""
    from UniFuseSlicerLib.Images import readVolume
    from UniFuseSlicerLib.Nodes import imageFromNode

    ours, theirs = imageFromNode(node), readVolume(file)
    index = np.argwhere(np.ones(ours.array.shape, bool))[:, ::-1]
    places = index @ ours.ijkToRas[:3, :3].T + ours.ijkToRas[:3, 3]
    back = np.linalg.inv(theirs.ijkToRas)
    found = places @ back[:3, :3].T + back[:3, 3]
    assert np.abs(found - found.round()).max() < 1e-2
    values = theirs.array[tuple(found.round().astype(int)[:, ::-1].T)]
    limit = 1e-3 * np.ptp(ours.array.astype(float))
    assert np.abs(values - ours.array.ravel()).max() <= limit


def test_theFolderHoldsWhatTheNodesHold(logic, nodes, place):
    from UniFuseSlicerLib.Images import readResult
    from UniFuseSlicerLib.Nodes import deformationImage

    said: list[str] = []
    folder = logic.exportResult(nodes.fused, place, log=said.append)
    assert folder.parent == place
    assert folder.name.startswith("T2 on T1, 20")
    names = {"fused.nii.gz", "restored.nii.gz", "deformation.nii.gz", "report.json"}
    assert {path.name for path in folder.iterdir()} == names  # this report is of no real run
    assert any("overview.png was not drawn" in line for line in said)
    imagesEqual(folder / "fused.nii.gz", nodes.fused)
    imagesEqual(folder / "restored.nii.gz", nodes.restored)
    again = readResult(folder)
    np.testing.assert_allclose(
        again.deformation.array, deformationImage(nodes.deformation).array, atol=1e-3
    )
    assert json.loads((folder / "report.json").read_text("utf-8")) == logic.report(nodes.fused)
    # a second export takes another name
    assert logic.exportResult(nodes.fused, place).name == f"{folder.name} (2)"


@pytest.mark.slow
def test_anExportedRunHasItsPage(logic, pair, place):
    pytest.importorskip("matplotlib")
    from UniFuseSlicerLib.Options import FusionOptions

    options = FusionOptions("mr", "mr", device="cpu", workingSpacing=3.0, uncertainty=True)
    nodes = logic.fuse(pair.degraded, pair.reference, options=options)
    said: list[str] = []
    folder = logic.exportResult(nodes.fused, place, log=said.append)
    assert not [line for line in said if "not drawn" in line]
    assert {"overview.png", "uncertainty.nii.gz"} <= {path.name for path in folder.iterdir()}


def test_seriesLieInTheStudyOfTheReference(logic, nodes, pair, place):
    pydicom = pytest.importorskip("pydicom")
    intoStudy(pair.reference)
    folder = logic.exportResult(nodes.fused, place, "dicom")
    assert folder.name.endswith(" DICOM")
    for name, node in (("fused", nodes.fused), ("restored", nodes.restored)):
        imagesEqual(folder / name, node)
        series = pydicom.dcmread(folder / name / "IM_0001.dcm")
        for key, value in (PATIENT | STUDY).items():
            assert str(series.get(key)) == value
        assert series.StudyInstanceUID == "1.2.3"
        assert "research use only" in series.SeriesDescription
        assert series.ImageType[0] == "DERIVED"
        assert series.Modality == ("OT" if name == "fused" else "MR")


def test_dicomFilesOfTheDatabaseAreNamed(nodes, pair, tmp_path, monkeypatch):
    """And the frame of reference is a new one where the result does not lie in it."""
    import slicer
    import vtk
    from UniFuseSlicerLib.ExportFiles import ExportFiles

    file = tmp_path / "one.dcm"
    file.touch()
    database = SimpleNamespace(fileForInstance=lambda uid: str(file) if uid == "1.9" else "")
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    pair.reference.SetAttribute("DICOM.instanceUIDs", "1.9 1.10")
    files = ExportFiles.ofResult(nodes.fused)
    assert files.dicom == {"reference": file}
    assert "frame" not in files.tags
    arguments = files.arguments(tmp_path, "dicom", tmp_path / "out")
    assert arguments[arguments.index("--reference") + 1] == str(file)
    moved = nodes.fused.GetScene().AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 5.0)
    moved.SetMatrixTransformToParent(matrix)
    nodes.fused.SetAndObserveTransformNodeID(moved.GetID())
    assert ExportFiles.ofResult(nodes.fused).tags["frame"] == "new"


@pytest.mark.parametrize(
    ("quantity", "code", "unit"),
    [
        (None, "", ""),
        (None, "Bq/mL", "Bq/ml"),
        ("126400", "{SUVlbm}g/ml", "{SUVlbm}g/ml"),
        ("SUVbw", "", "{SUVbw}g/ml"),
        ("112031", "[hnsf'U]", "[hnsf'U]"),
    ],
)
def test_theUnitIsThatOfTheNode(pair, quantity, code, unit):
    import slicer
    from UniFuseSlicerLib.DicomSource import unitOf

    if quantity is not None:
        entry = slicer.vtkCodedEntry()
        entry.SetCodeValue(quantity)
        pair.degraded.SetVoxelValueQuantity(entry)
    entry = slicer.vtkCodedEntry()
    entry.SetCodeValue(code)
    pair.degraded.SetVoxelValueUnits(entry)
    assert unitOf(pair.degraded) == unit


def test_aResultWithoutItsVolumesIsExportedAsWell(logic, nodes, pair, place):
    scene = pair.reference.GetScene()
    scene.RemoveNode(pair.degraded)
    scene.RemoveNode(pair.reference)
    folder = logic.exportResult(nodes.fused, place)
    assert (folder / "fused.nii.gz").is_file()


def test_whatCannotBeExportedIsRefused(logic, nodes, pair, place):
    from UniFuseSlicerLib.Errors import FusionError

    with pytest.raises(FusionError, match="is no folder"):
        logic.exportResult(nodes.fused, place / "none")
    pair.reference.GetScene().RemoveNode(nodes.restored)
    with pytest.raises(FusionError, match="was deleted"):
        logic.exportResult(nodes.fused, place)
    with pytest.raises(FusionError, match="was deleted"):
        logic.exportResult(pair.reference, place)
    assert list(place.iterdir()) == []


def export(s, place, seconds=60.0):
    s.ui.exportPathLineEdit.currentPath = str(place)
    click(s.ui.exportButton)
    end = time.monotonic() + seconds
    while s.panel.result.export.running:
        s.timers["ExportWidgets.poll"].fire()
        assert time.monotonic() < end
        time.sleep(0.02)


def test_thePanelExports(build, nodes, tool, place):
    s = build()
    s.panel.logic._tool = tool
    assert not s.ui.exportButton.enabled
    s.p.fused = nodes.fused
    assert s.ui.exportButton.enabled
    click(s.ui.exportButton)
    assert s.ui.messageLabel.text == "Choose a folder to export into."
    export(s, place)
    folder = onlyFolder(place)
    assert s.ui.messageLabel.text.startswith(f"Exported: {folder}")
    assert (s.ui.exportButton.text, s.ui.exportButton.enabled) == ("Export", True)
    # nothing of it stays in the temporary folder
    assert not s.panel.result.export.job.folder.exists()


def test_anExportIsCancelled(build, nodes, tool, place):
    s = build()
    s.panel.logic._tool = tool
    s.p.fused = nodes.fused
    s.ui.exportPathLineEdit.currentPath = str(place)
    click(s.ui.exportButton)
    assert s.ui.exportButton.text == "Cancel export"
    assert not s.ui.exportPathLineEdit.enabled
    click(s.ui.exportButton)
    export_ = s.panel.result.export
    end = time.monotonic() + 10
    while export_.running:
        s.timers["ExportWidgets.poll"].fire()
        assert time.monotonic() < end
        time.sleep(0.02)
    assert s.ui.messageLabel.text == "Export cancelled. Nothing was written."
    assert list(place.iterdir()) == []


def test_aFailureIsSaid(build, nodes, tool, place, monkeypatch):
    s = build()
    s.panel.logic._tool = tool
    s.p.fused = nodes.fused
    from UniFuseSlicerLib import ExportFiles

    written = ExportFiles.ExportFiles.write

    def halfWritten(files, folder):
        written(files, folder)
        (folder / "result" / "fused.nrrd").write_bytes(b"nothing")

    monkeypatch.setattr(ExportFiles.ExportFiles, "write", halfWritten)
    export(s, place)
    assert "fused.nrrd" in s.ui.messageLabel.text
    assert list(place.iterdir()) == []
