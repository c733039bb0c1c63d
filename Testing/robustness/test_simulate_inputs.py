"""`unifuse simulate` checks its scans as `unifuse fuse` does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from Testing.robustness.dicom_writer import SeriesSpec, write_series
from UniFuseLib.cli import main
from UniFuseLib.io.volumes import write_volume
from UniFuseLib.simulation.case_folder import add_to_index, read_index
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHAPE = (22, 26, 24)
AFFINE = np.array([[0, 0, -4.0, 50], [0, -4.2, 0, 60], [4.4, 0, 0, -40], [0, 0, 0, 1]])


def scan(seed: int = 0) -> np.ndarray:
    """An ellipsoid of tissue in air, intensities of MR."""
    index = np.moveaxis(np.indices(SHAPE, dtype=float), 0, -1)
    body = (((index / (np.array(SHAPE) - 1) - 0.5) / 0.42) ** 2).sum(-1) < 1
    texture = np.random.default_rng(seed).normal(400, 60, SHAPE)
    return np.where(body, texture, 0).astype(np.float32)


def simulate(folder: Path, *more: str, degraded: str = "t2.nii.gz", task: str = "mr") -> int:
    """One case from the scans in `folder`."""
    if not (folder / "t1.nii.gz").exists():
        write_volume(Volume(scan(1), AFFINE), folder / "t1.nii.gz")
    table = folder / "cases.csv"
    table.write_text(
        f"id,degraded,reference,task,seed,bin\none,{degraded},t1.nii.gz,{task},3,0-3\n"
    )
    return main(["simulate", str(table), "--output", str(folder / "cases"), *more])


def _broken() -> np.ndarray:
    array = scan()
    array[6:16, 6:16, 6:16] = np.nan
    return array


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_broken, "is NaN or infinite"),
        (lambda: np.full(SHAPE, 7, np.float32), "constant"),
        (lambda: (scan() > 0).astype(np.uint8), "looks like a binary mask"),
        (lambda: scan()[:3], "at least 4"),
    ],
    ids=["NaN", "constant", "mask", "thin"],
)
def test_what_fuse_refuses_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[], np.ndarray],
    sentence: str,
) -> None:
    write_volume(Volume(make(), AFFINE), tmp_path / "t2.nii.gz")
    assert simulate(tmp_path) == 3
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "cases").exists()


def test_a_few_broken_voxels_are_repaired_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    array = scan()
    array[10, 11, 12] = np.nan
    write_volume(Volume(array, AFFINE), tmp_path / "t2.nii.gz")
    assert simulate(tmp_path) == 0
    assert "1 NaN or infinite voxel" in capsys.readouterr().err
    text = json.loads((tmp_path / "cases" / "one" / "case.json").read_text(encoding="utf-8"))
    assert any("1 NaN or infinite voxel" in warning for warning in text["warnings"])


def test_numbers_that_are_of_another_modality_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hounsfield = np.where(scan() > 0, scan() - 380, -1000).astype(np.int16)
    write_volume(Volume(hounsfield, AFFINE), tmp_path / "t2.nii.gz")
    assert simulate(tmp_path) == 0
    said = capsys.readouterr().err
    assert "look like Hounsfield units" in said
    assert "choose another task" in said


def test_a_file_without_orientation_needs_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = nib.Nifti1Image(scan().transpose(2, 1, 0), np.diag([4.0, 4.2, 4.4, 1]))
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    nib.save(image, tmp_path / "t2.nii.gz")
    write_volume(
        Volume(scan(1), np.diag([4.4, 4.2, 4, 1])[:, [2, 1, 0, 3]]), tmp_path / "t1.nii.gz"
    )
    assert simulate(tmp_path) == 3
    assert "--assume-orientation" in capsys.readouterr().err
    assert simulate(tmp_path, "--assume-orientation", "RAS") == 0
    assert "were assumed" in capsys.readouterr().err


def test_scans_of_two_patients_need_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = scan().astype(np.uint16)
    spec = SeriesSpec()
    for name in ("a", "b"):
        write_series(tmp_path / name, stored, spec.with_tags(PatientID=name))
    table = tmp_path / "cases.csv"
    table.write_text("id,degraded,reference,task,seed,bin\none,a,b,mr,3,0-3\n")
    argv = ["simulate", str(table), "--output", str(tmp_path / "cases")]
    assert main(argv) == 3
    assert "different PatientID" in capsys.readouterr().err
    assert main([*argv, "--allow-different-patient"]) == 0
    assert "different PatientID" in capsys.readouterr().err


def test_two_runs_do_not_lose_each_others_cases(tmp_path: Path) -> None:
    import threading

    ids = [f"case{number}" for number in range(24)]
    threads = [threading.Thread(target=add_to_index, args=(tmp_path, name)) for name in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read_index(tmp_path)) == sorted(ids)
    assert [path.name for path in tmp_path.iterdir()] == ["cases.json"]


@pytest.mark.parametrize("ids", [("a", "A"), ("..", "b"), ("con", "b"), ("=1", "b")])
def test_ids_name_one_folder_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ids: tuple[str, str]
) -> None:
    table = tmp_path / "cases.csv"
    rows = "".join(f"{name},none.nii,none.nii,mr,1,0-3\n" for name in ids)
    table.write_text("id,degraded,reference,task,seed,bin\n" + rows)
    assert main(["simulate", str(table), "--output", str(tmp_path / "cases")]) == 3
    said = capsys.readouterr().err
    assert "was used before" in said or "names a folder on every system" in said
