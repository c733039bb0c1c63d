"""`unifuse export-transform` on the command line: what it writes, prints and refuses."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from UniFuseLib import cli, read_displacement, write_displacement, write_volume
from UniFuseLib.report.inputs import InputReport, InputsReport
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from UniFuseLib.report.report import Report


@pytest.fixture
def result(
    tmp_path: Path, example_report: Report, reference_frame: Grid, oblique_grid: Grid
) -> Path:
    """A result folder with a field of 0 to 3 mm."""
    degraded = Volume(np.zeros(oblique_grid.shape, np.int16), oblique_grid.affine)
    reference = Volume(np.zeros(reference_frame.shape, np.float32), reference_frame.affine)
    write_volume(degraded, tmp_path / "degraded.nii.gz")
    inputs = InputsReport(
        replace(InputReport.of(degraded), path="scan/dicom"),
        replace(InputReport.of(reference), path="t1.nii.gz"),
    )
    folder = tmp_path / "result"
    folder.mkdir()
    content = replace(example_report, inputs=inputs).to_json()
    (folder / "report.json").write_text(json.dumps(content), encoding="utf-8")
    u = np.random.default_rng(0).uniform(0, 3, (*reference_frame.shape, 3))
    write_displacement(u, reference_frame, folder / "deformation.nii.gz")
    return folder


def export(result: Path, program: str, file: Path, *more: str) -> int:
    return cli.main(["export-transform", str(result), "--for", program, "-o", str(file), *more])


def test_the_field_is_written_and_its_use_is_printed(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(result, "ants", tmp_path / "field.nii.gz") == 0
    printed = capsys.readouterr().err
    assert "Deformation field written (float32, voxels of 2.50 × 1.50 × 1.20 mm)" in printed
    assert "antsApplyTransforms" in printed
    assert "places of the reference to places of the degraded volume" in printed
    (u, grid), (copy, same) = (
        read_displacement(path)
        for path in (result / "deformation.nii.gz", tmp_path / "field.nii.gz")
    )
    np.testing.assert_array_equal(copy, u)
    assert same.same_as(grid)


def test_a_coarser_field_is_announced_with_its_error(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(result, "itk", tmp_path / "f.h5", "--field-spacing", "6") == 0
    printed = capsys.readouterr().err
    assert "float64" in printed
    assert "Error of the coarser field at the voxels of the reference: mean 1." in printed


def test_a_file_is_replaced_only_on_request(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "field.nii.gz"
    path.write_text("mine", encoding="utf-8")
    assert export(result, "ants", path) == 4
    assert path.read_text(encoding="utf-8") == "mine"
    assert "add --overwrite" in capsys.readouterr().err
    assert export(result, "ants", path, "--overwrite") == 0


def test_the_field_beside_the_parameters_is_replaced_only_on_request(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = tmp_path / "t_field.nii.gz"
    beside.write_text("mine", encoding="utf-8")
    assert export(result, "elastix", tmp_path / "t.txt") == 4
    assert beside.read_text(encoding="utf-8") == "mine"
    assert "t_field.nii.gz exists" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["deformation.nii.gz", "restored.nii.gz"])
def test_a_file_of_the_result_is_never_replaced(
    result: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (result / "restored.nii.gz").write_text("a volume", encoding="utf-8")
    before = (result / name).read_bytes()
    assert export(result, "mrtrix", result / name, "--overwrite") == 4
    assert "would be replaced" in capsys.readouterr().err
    assert (result / name).read_bytes() == before


@pytest.mark.parametrize(
    ("program", "name"),
    [("spm", "y.nii"), ("mrtrix", "f.nii.gz"), ("fsl", "w.nii.gz"), ("itk", "t.h5")],
)
def test_a_full_disk_leaves_the_former_file(
    result: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, name: str
) -> None:
    nibabel, sitk = pytest.importorskip("nibabel"), pytest.importorskip("SimpleITK")
    grid = str(tmp_path / "degraded.nii.gz")
    path = tmp_path / name
    path.write_text("mine", encoding="utf-8")

    def half(what: Any, place: Path | str) -> None:
        Path(place).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(nibabel, "save", half)
    monkeypatch.setattr(sitk, "WriteTransform", half)
    assert export(result, program, path, "--grid", grid, "--overwrite") == 4
    assert path.read_text(encoding="utf-8") == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["degraded.nii.gz", name, "result"])


def test_fsl_is_told_where_a_volume_was_no_nifti_file(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("nibabel")
    assert export(result, "fsl", tmp_path / "a.nii.gz") == 0
    assert "the degraded volume was read from" in capsys.readouterr().err
    grid = str(tmp_path / "degraded.nii.gz")
    assert export(result, "fsl", tmp_path / "b.nii.gz", "--grid", grid) == 0
    assert "warning" not in capsys.readouterr().err


def test_what_cannot_be_written_is_told(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(result, "itk", tmp_path / "a.tfm") == 3
    assert "The deformation is not linear" in capsys.readouterr().err
    assert export(tmp_path, "itk", tmp_path / "a.nii.gz") == 3
    assert "is not a result of unifuse fuse" in capsys.readouterr().err
    for value in ("0", "thick"):
        with pytest.raises(SystemExit):
            export(result, "itk", tmp_path / "a.nii.gz", "--field-spacing", value)
        assert "expected millimetres between 0 and 1000" in capsys.readouterr().err


def test_a_missing_package_is_a_sentence(
    result: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "nibabel", None)
    assert export(result, "spm", tmp_path / "y.nii") == 7
    assert "pip install nitransforms==25.1.0" in capsys.readouterr().err
