"""What `nifti_writing.py` writes is what ITK would write; with less precision, fewer bytes."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from UniFuseLib.io import nifti_writing
from UniFuseLib.io.volumes import read_volume, to_image, write_volume
from UniFuseLib.pulled_scan import own_type, write_rows
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (7, 9, 11)


def oblique(array: np.ndarray) -> Volume:
    affine = np.eye(4)
    turn = Rotation.from_rotvec([0.2, -0.3, 0.4]).as_matrix()
    affine[:3, :3] = turn @ np.diag([3.27, 1.1, 0.9])
    affine[:3, 3] = 10.0, -20.5, 33.0
    return Volume(array, affine)


def values(dtype: str = "f4", top: float = 1.3) -> np.ndarray:
    return (np.random.default_rng(0).random(SHAPE) * top).astype(dtype)


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
def test_the_bytes_are_those_of_itk(
    dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("UniFuseLib.spatial.resampling.BLOCK_VOXELS", 3 * 9 * 11)  # three slabs
    volume = oblique(values(dtype, 200))
    write_volume(volume, tmp_path / "ours.nii.gz")
    image = to_image(volume.array, volume.grid)
    sitk.WriteImage(image, str(tmp_path / "itk.nii.gz"))
    assert unpacked(tmp_path / "ours.nii.gz") == unpacked(tmp_path / "itk.nii.gz")


@pytest.mark.parametrize("top", [0.4, 1.3, 3.9, 80.0])
def test_scaled_is_sixteen_bits_that_every_reader_scales_back(tmp_path: Path, top: float) -> None:
    volume = oblique(values(top=top))
    write_volume(volume, tmp_path / "a.nii.gz", precision="scaled")
    header = unpacked(tmp_path / "a.nii.gz")
    assert int.from_bytes(header[70:72], "little") == 4  # int16
    read = read_volume(tmp_path / "a.nii.gz")
    by_itk = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nii.gz")))
    np.testing.assert_array_equal(by_itk, read.array)
    assert read.array.dtype == np.float32
    assert np.abs(read.array - volume.array).max() <= top / 32767
    again = nifti_writing.coding_of(read.array, "scaled")
    np.testing.assert_array_equal(again(read.array) * np.float32(again.slope), read.array)


def test_rounded_keeps_fifteen_significant_bits(tmp_path: Path) -> None:
    array = values() * 10.0 ** np.arange(-5, 6, dtype=np.float32)
    array[0, 0, :3] = 0, -1, np.float32(2) - np.float32(2**-23)  # the carry doubles it
    write_volume(oblique(array), tmp_path / "a.nii.gz", precision="rounded")
    read = read_volume(tmp_path / "a.nii.gz").array
    assert (np.abs(read - array) <= np.abs(array) * 2**-15).all()
    assert list(read[0, 0, :3]) == [0, -1, 2]


@pytest.mark.parametrize("precision", ["scaled", "rounded"])
def test_only_finite_floats_lose_anything(tmp_path: Path, precision: str) -> None:
    broken = values()
    broken[3, 4, 5] = np.nan
    for array in (values("i2", 900), np.zeros(SHAPE, np.float32), broken, values("f8")):
        write_volume(oblique(array), tmp_path / "a.nii.gz", precision=precision)  # type: ignore[arg-type]
        np.testing.assert_array_equal(read_volume(tmp_path / "a.nii.gz").array, np.float32(array))


@pytest.mark.parametrize(
    ("array", "background", "kept"),
    [
        (values("i2", 1500), -1024.0, np.int16),
        (values("i2", 900), 0.0, np.float32),  # rounding would show
        (values("u2", 1500), 0.0, np.uint16),
        (values("u2", 1500), -1024.0, np.float32),  # air does not fit
        (values("u1", 255), 0.0, np.float32),
        (values("f4", 1500), 0.0, np.float32),
    ],
)
def test_a_scan_keeps_its_type_where_rounding_is_no_loss(
    array: np.ndarray, background: float, kept: type
) -> None:
    assert own_type(array, background) == kept


def test_rows_are_rounded_and_clipped_to_the_type_of_the_array() -> None:
    import torch

    target = np.zeros((2, 1, 3), dtype=np.int16)
    write_rows(target, slice(1, 2), torch.tensor([-4e4, 1.6, 4e4]).view(1, 1, 1, 1, 3))
    assert target.tolist() == [[[0, 0, 0]], [[-32768, 2, 32767]]]
