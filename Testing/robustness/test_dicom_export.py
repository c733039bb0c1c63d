"""A result as DICOM series: read back by this library and by SimpleITK, values and places are
those of the result; patient and study are those of the reference.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_writer import LAYOUT, SeriesSpec, noise, write_series

from UniFuseLib import cli, read_volume, write_displacement, write_volume
from UniFuseLib.io.dicom_writing import coding_of
from UniFuseLib.io.volumes import read_volume_with_header
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

pydicom = pytest.importorskip("pydicom")
SHAPE = (6, 9, 11)
PATIENT = {
    "PatientName": "Müller^Änne",
    "PatientID": "P-17",
    "SpecificCharacterSet": "ISO_IR 100",
    "StudyDate": "20260131",
    "StudyID": "S4",
    "FrameOfReferenceUID": "1.2.3.4",
}
VALUES = {
    "ct": lambda noise: (noise.astype(np.float64) * 2 - 1024).round().astype(np.int16),
    "mr": lambda noise: noise.astype(np.float32) * 0.37,
    "pet": lambda noise: noise.astype(np.float32) * 0.0037,
}


def place() -> Grid:
    """Oblique, anisotropic: that of the series that `dicom_writer` writes."""
    lps = np.eye(4)
    lps[:3, :3] = LAYOUT.axes[:, [2, 1, 0]] * np.array(LAYOUT.spacing)
    lps[:3, 3] = LAYOUT.origin
    return Grid(SHAPE, np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)


@pytest.fixture
def make(tmp_path: Path) -> Any:
    """(modality, paths of the inputs) → a result; its report holds what the command reads."""

    def result(modality: str = "ct", values: Any = None, **paths: Path) -> Path:
        folder, grid = tmp_path / "result", place()
        folder.mkdir()
        restored = VALUES[modality](noise()) if values is None else values
        fused = (noise(top=999) / 999).astype(np.float32)
        write_volume(Volume(fused, grid.affine), folder / "fused.nrrd")
        write_volume(Volume(restored, grid.affine), folder / "restored.nrrd")
        u = np.zeros((*SHAPE, 3), np.float32)
        write_displacement(u, grid, folder / "deformation.nrrd")
        inputs: dict[str, dict[str, Any]] = {
            side: {"shape": SHAPE} for side in ("degraded", "reference")
        }
        for side, path in paths.items():
            inputs[side]["path"] = str(path)
        report = {"degraded_modality": modality, "reference_modality": "ct", "inputs": inputs}
        (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
        return folder

    return result


def export(result: Path, *more: str) -> Path:
    out = result.parent / "dicom"
    assert cli.main(["export-dicom", str(result), "-o", str(out), "--quiet", *more]) == 0
    return out


def tags(result: Path, content: dict[str, Any]) -> tuple[str, str]:
    path = result.parent / "tags.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return "--tags", str(path)


def first(series: Path) -> FileDataset:
    return pydicom.dcmread(series / "IM_0001.dcm")


def at(volume: Volume, points: np.ndarray) -> np.ndarray:
    """Values of the voxels at `(n, 3)` RAS mm, whatever their order is."""
    index = mapped(np.linalg.inv(volume.affine), points)
    assert np.abs(index - index.round()).max() < 1e-3
    return volume.array[tuple(index.round().astype(int).T)]


@pytest.mark.parametrize("modality", ["ct", "mr", "pet"])
def test_values_and_places_come_back_by_both_readers(make: Any, modality: str) -> None:
    result = make(modality)
    unit = tags(result, {"unit": "{SUVbw}g/ml"})
    out = export(result, *(unit if modality == "pet" else ()))
    index = np.argwhere(np.ones(SHAPE, bool))
    points = mapped(place().affine, index)
    for name in ("fused", "restored"):
        wanted = read_volume(result / f"{name}.nrrd").array
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(out / name))
        theirs = sitk.ReadImage(files)
        values = sitk.GetArrayFromImage(theirs)
        there = [theirs.TransformPhysicalPointToIndex((p * [-1, -1, 1]).tolist()) for p in points]
        itk = values[tuple(np.array(there)[:, ::-1].T)]
        limit = 1e-3 * np.ptp(wanted.astype(float))
        assert np.abs(itk - wanted.ravel()).max() < limit
        ours, header = read_volume_with_header(out / name)
        assert np.abs(at(ours, points) - wanted.ravel()).max() < limit
        assert header.modality == ("OT" if name == "fused" else first(out / name).Modality)
        np.testing.assert_allclose(sorted(ours.grid.spacing), sorted(place().spacing), rtol=1e-5)
    if modality == "ct":
        np.testing.assert_array_equal(itk, wanted.ravel())  # whole numbers are kept


def test_patient_and_study_are_those_of_the_reference(make: Any, tmp_path: Path) -> None:
    spec = SeriesSpec(modality="CT").with_tags(**PATIENT)
    write_series(tmp_path / "reference", noise(), spec)
    out = export(make(reference=tmp_path / "reference"))
    fused, restored = first(out / "fused"), first(out / "restored")
    for series in (fused, restored):
        assert str(series.PatientName) == PATIENT["PatientName"]
        for key in ("PatientID", "StudyDate", "StudyID", "FrameOfReferenceUID"):
            assert series.get(key) == PATIENT[key]
        assert series.StudyInstanceUID == first_of(tmp_path / "reference").StudyInstanceUID
        assert list(series.ImageType)[:2] == ["DERIVED", "SECONDARY"]
        assert "UniFuse" in series.SeriesDescription
        assert "research use only" in series.SeriesDescription
        assert series.ContentQualification == "RESEARCH"
    known = {first_of(tmp_path / "reference").SeriesInstanceUID}
    known |= {fused.SeriesInstanceUID, restored.SeriesInstanceUID}
    assert len(known) == 3
    assert (restored.Modality, restored.RescaleType) == ("CT", "HU")
    instances = {pydicom.dcmread(f).SOPInstanceUID for f in (out / "fused").iterdir()}
    assert len(instances) == SHAPE[0]


def first_of(folder: Path) -> FileDataset:
    return pydicom.dcmread(min(folder.iterdir()))


def test_without_dicom_patient_and_study_are_new(make: Any) -> None:
    out = export(make())
    fused, restored = first(out / "fused"), first(out / "restored")
    assert fused.PatientID.startswith("UniFuse-")
    assert fused.PatientID == restored.PatientID
    assert fused.StudyInstanceUID == restored.StudyInstanceUID
    assert fused.FrameOfReferenceUID == restored.FrameOfReferenceUID


def test_stated_tags_serve_where_no_file_is_there(make: Any) -> None:
    result = make("pet")
    stated = {"reference": PATIENT | {"StudyInstanceUID": "1.2.9"}, "unit": "Bq/ml"}
    out = export(result, *tags(result, stated))
    restored = first(out / "restored")
    assert (restored.PatientID, restored.StudyInstanceUID) == ("P-17", "1.2.9")
    assert restored.Units == "BQML"
    assert restored.RescaleIntercept == 0


def test_activity_keeps_what_its_suv_is_computed_from(make: Any, tmp_path: Path) -> None:
    drug = pydicom.Dataset()
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = 3e8, 6586.2
    drug.RadiopharmaceuticalStartTime = "100000"
    dose = {
        "Units": "BQML",
        "PatientWeight": 70,
        "DecayCorrection": "START",
        "SeriesDate": "20260131",
        "SeriesTime": "110000",
        "AcquisitionDate": "20260131",
        "AcquisitionTime": "110000",
        "RadiopharmaceuticalInformationSequence": [drug],
    }
    write_series(tmp_path / "pet", noise(), SeriesSpec(modality="PT").with_tags(**dose))
    result = make("pet", values=noise().astype(np.float32) * 3)
    out = export(result, "--degraded", str(tmp_path / "pet"), *tags(result, {"unit": "Bq/ml"}))
    ours = read_volume(out / "restored").array
    theirs = read_volume(tmp_path / "pet").array  # SUV of the stored noise
    np.testing.assert_allclose(
        sorted(ours.ravel()), sorted(3 * theirs.ravel()), rtol=1e-3, atol=1e-3
    )


def test_two_patients_are_refused(
    make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("reference", "degraded"):
        write_series(tmp_path / name, noise(), SeriesSpec(modality="CT").with_tags(PatientID=name))
    result = make(reference=tmp_path / "reference", degraded=tmp_path / "degraded")
    assert cli.main(["export-dicom", str(result), "-o", str(tmp_path / "out")]) == 3
    assert "different PatientID" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_tags_that_are_no_elements_are_refused(
    make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = make()
    stated = tags(result, {"reference": "P-17"})
    assert cli.main(["export-dicom", str(result), "-o", str(tmp_path / "out"), *stated]) == 3
    assert "object of DICOM elements under 'reference', found 'P-17'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_replaced(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = make()
    out = export(result)
    before = {path: path.read_bytes() for path in out.rglob("*.dcm")}
    assert cli.main(["export-dicom", str(result), "-o", str(out)]) == 4
    assert "already holds results (fused, restored)" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in out.rglob("*.dcm")} == before


def test_without_pydicom_it_says_what_to_install(
    make: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    result = make()
    assert cli.main(["export-dicom", str(result), "-o", str(result.parent / "out")]) == 7
    assert "Writing DICOM needs the package pydicom" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"degraded_modality": None}, "'degraded_modality': expected a text, found null"),
        ({"degraded_modality": "us"}, "calls the degraded volume 'us'"),
        ({"inputs": {"reference": 3}}, "'inputs.degraded.shape': expected a list, found null"),
    ],
)
def test_a_damaged_report_is_a_sentence(
    make: Any, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], sentence: str
) -> None:
    result = make()
    report = json.loads((result / "report.json").read_text(encoding="utf-8")) | changes
    (result / "report.json").write_text(json.dumps(report), encoding="utf-8")
    assert cli.main(["export-dicom", str(result), "-o", str(result.parent / "out")]) == 3
    assert sentence in capsys.readouterr().err
    assert not (result.parent / "out").exists()


def test_files_of_two_results_are_refused(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = make()
    arguments = ["export-dicom", str(result), "-o", str(result.parent / "out")]
    elsewhere = place().affine.copy()
    elsewhere[:3, 3] += [0, 0, 3]
    write_volume(Volume(VALUES["ct"](noise()), elsewhere), result / "restored.nrrd")
    assert cli.main(arguments) == 3
    assert "restored.nrrd and " in (told := capsys.readouterr().err)
    assert "are of two results" in told
    write_displacement(np.zeros((*SHAPE, 3)), place(), result / "deformation.nii.gz")
    assert cli.main(arguments) == 3
    assert "holds two deformations" in capsys.readouterr().err
    assert not (result.parent / "out").exists()


@pytest.mark.parametrize(
    ("array", "modality"),
    [
        (np.array([[[-3024.0, 70000.5]]], np.float32), "CT"),
        (np.array([[[5.0, 5.0]]], np.float32), "MR"),
        (np.array([[[0.0, 0.0]]], np.float32), "PT"),
        (np.array([[[-0.25, 31.7]]], np.float32), "PT"),
        (np.array([[[0.1234567, 1234567.8]]], np.float32), "OT"),
        (np.array([[[-32768, 32767]]], np.int16), "MR"),
    ],
)
def test_sixteen_bits_hold_any_range(array: np.ndarray, modality: str) -> None:
    coding = coding_of(array, modality)
    back = coding.stored(array) * coding.slope + coding.intercept
    span = float(np.ptp(array.astype(float))) or 1.0
    assert np.abs(back - array).max() <= 1e-4 * span
    assert modality != "PT" or coding.intercept == 0


def test_colours_are_refused(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = make()
    colours = np.zeros((*SHAPE, 3), np.uint8)
    write_volume(Volume(colours, place().affine), result / "restored.nrrd")
    assert cli.main(["export-dicom", str(result), "-o", str(result.parent / "out")]) == 4
    assert "can be written as NIfTI" in capsys.readouterr().err
    assert not (result.parent / "out").exists()
