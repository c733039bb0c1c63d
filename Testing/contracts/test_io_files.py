"""Files: what is written comes back at the same place, and what cannot be read is refused in a
sentence.
"""

from __future__ import annotations

import errno
import locale
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io import volumes as io
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Callable

SUFFIXES = ["nii", "nii.gz", "nrrd", "mha"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_written_volume_comes_back_at_the_same_place(
    tmp_path: Path, oblique_volume: Volume, suffix: str
) -> None:
    io.write_volume(oblique_volume, tmp_path / f"v.{suffix}")
    back = io.read_volume(tmp_path / f"v.{suffix}")
    np.testing.assert_array_equal(back.array, oblique_volume.array)
    np.testing.assert_allclose(back.affine, oblique_volume.affine, atol=1e-4)
    assert [p.name for p in tmp_path.iterdir()] == [f"v.{suffix}"]


def test_affine_agrees_with_nibabel(tmp_path: Path, oblique_volume: Volume) -> None:
    path = tmp_path / "v.nii.gz"
    nib.save(nib.Nifti1Image(oblique_volume.array, oblique_volume.affine), path)
    ours = io.read_volume(path)
    np.testing.assert_array_equal(ours.array, oblique_volume.array.transpose(2, 1, 0))
    np.testing.assert_allclose(ours.affine[:, [2, 1, 0, 3]], oblique_volume.affine, atol=1e-4)


def test_physical_point_agrees_with_simpleitk(tmp_path: Path, oblique_volume: Volume) -> None:
    path = tmp_path / "v.nrrd"
    io.write_volume(oblique_volume, path)
    k, j, i = 1, 5, 7
    lps = np.array(sitk.ReadImage(str(path)).TransformIndexToPhysicalPoint((i, j, k)))
    np.testing.assert_allclose(
        (oblique_volume.affine @ [k, j, i, 1])[:3], lps * [-1, -1, 1], atol=1e-4
    )


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd"])
def test_displacement_is_stored_in_lps(tmp_path: Path, oblique_grid: Grid, suffix: str) -> None:
    u = np.random.default_rng(1).normal(size=(*oblique_grid.shape, 3)).astype(np.float32)
    path = tmp_path / f"u.{suffix}"
    io.write_displacement(u, oblique_grid, path)
    image = sitk.ReadImage(str(path))
    np.testing.assert_allclose(image.GetPixel(3, 2, 1), u[1, 2, 3] * [-1, -1, 1], atol=1e-6)
    back, grid = io.read_displacement(path)
    np.testing.assert_allclose(back, u, atol=1e-6)
    assert grid.same_as(oblique_grid)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
def test_rgb_keeps_its_three_channels(tmp_path: Path, oblique_grid: Grid, suffix: str) -> None:
    path = tmp_path / f"rgb.{suffix}"
    colours = np.random.default_rng(2).integers(0, 255, (*oblique_grid.shape, 3)).astype(np.uint8)
    io.write_volume(Volume(colours, oblique_grid.affine), path)
    back = io.read_volume(path)
    np.testing.assert_array_equal(back.array, colours)
    assert back.grid.same_as(oblique_grid)


def _nifti(path: Path, shape: tuple[int, ...] = (12, 10, 9)) -> bytearray:
    nib.save(nib.Nifti1Image(np.ones(shape, np.float32), np.diag([1.5, 2, 3, 1.0])), path)
    return bytearray(path.read_bytes())


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_useless_spacing_is_refused(tmp_path: Path, value: float) -> None:
    path = tmp_path / "v.nii"
    content = _nifti(path)
    struct.pack_into("<f", content, 76 + 4 * 3, value)
    struct.pack_into("<2h", content, 252, 1, 0)  # the qform takes its sizes from pixdim
    path.write_bytes(content)
    with pytest.raises(InputError, match="spacing"):
        io.read_volume(path)


@pytest.mark.parametrize("suffix", ["nrrd", "mha"])
def test_zero_spacing_is_refused_in_other_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v.{suffix}"
    heads = {
        "nrrd": "NRRD0004\ntype: float\ndimension: 3\nsizes: 2 2 2\nspacings: 1 1 0\n"
        "encoding: raw\nendian: little\n\n",
        "mha": "ObjectType = Image\nNDims = 3\nBinaryData = True\nElementSpacing = 1 1 0\n"
        "DimSize = 2 2 2\n"
        "ElementType = MET_FLOAT\nElementDataFile = LOCAL\n",
    }
    path.write_bytes(heads[suffix].encode() + bytes(32))
    with pytest.raises(InputError, match="spacing"):
        io.read_volume(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_broken_voxels_are_not_hidden(
    tmp_path: Path, oblique_volume: Volume, suffix: str, kind: type[np.floating]
) -> None:
    array = oblique_volume.array.astype(kind)
    array[1, 2, 3], array[6, 8, 10] = np.nan, np.inf
    io.write_volume(Volume(array, oblique_volume.affine), tmp_path / f"v.{suffix}")
    back = io.read_volume(tmp_path / f"v.{suffix}").array
    np.testing.assert_array_equal(np.isfinite(back), np.isfinite(array))


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_truncated_file_is_refused(tmp_path: Path, oblique_volume: Volume, suffix: str) -> None:
    path = tmp_path / f"v.{suffix}"
    io.write_volume(oblique_volume, path)
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(InputError, match=r"truncated|complete"):
        io.read_volume(path)


def _damage(path: Path, place: float) -> None:
    """Turn 16 bytes around; `place` is 0 at the first compressed byte, 1 at the end."""
    content = bytearray(path.read_bytes())
    at = 12 + int(place * (len(content) - 12))
    content[at : at + 16] = bytes(byte ^ 0xFF for byte in content[at : at + 16])
    path.write_bytes(content)


@pytest.mark.parametrize("kind", [np.int16, np.float32])
@pytest.mark.parametrize("place", [0.0, 0.01, 0.5])
def test_damaged_file_is_refused_as_damaged(
    tmp_path: Path, oblique_grid: Grid, kind: type, place: float
) -> None:
    values = np.random.default_rng(4).integers(0, 4000, oblique_grid.shape)
    io.write_volume(Volume(values.astype(kind), oblique_grid.affine), tmp_path / "v.nii.gz")
    _damage(tmp_path / "v.nii.gz", place)
    with pytest.raises(InputError, match="damaged or incomplete"):
        io.read_volume(tmp_path / "v.nii.gz")


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize("kept", [0.5, 0.9, 0.999])
def test_a_cut_displacement_is_refused(
    tmp_path: Path, oblique_grid: Grid, suffix: str, kept: float
) -> None:
    path = tmp_path / f"u.{suffix}"
    u = np.random.default_rng(5).normal(size=(*oblique_grid.shape, 3)).astype(np.float32)
    io.write_displacement(u, oblique_grid, path)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(InputError, match=r"truncated|damaged|complete"):
        io.read_displacement(path)


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd"])
def test_a_displacement_with_turned_bytes_is_refused(
    tmp_path: Path, oblique_grid: Grid, suffix: str
) -> None:
    u = np.random.default_rng(6).normal(size=(*oblique_grid.shape, 3)).astype(np.float32)
    image = sitk.GetImageFromArray(u, isVector=True)
    path = tmp_path / f"u.{suffix}"
    sitk.WriteImage(image, str(path), useCompression=True)
    _damage(path, 0.5)
    with pytest.raises(InputError, match=r"damaged"):
        io.read_displacement(path)


@pytest.mark.parametrize("read", [io.read_volume, io.read_displacement])
def test_a_folder_that_may_not_be_entered_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    def refuse(self: Path, **options: Any) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)  # root may enter any folder, so the refusal is played
    with pytest.raises(InputError, match=r"v\.nii.*Permission denied"):
        read(tmp_path / "v.nii")


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [((8, 9), "2-D"), ((8, 9, 1), "2-D"), ((5, 6, 7, 3), "4-D"), ((5, 6, 7, 1, 3), "5-D")],
)
def test_wrong_dimensions_are_refused(
    tmp_path: Path, shape: tuple[int, ...], sentence: str
) -> None:
    _nifti(tmp_path / "v.nii", shape)
    with pytest.raises(InputError, match=sentence):
        io.read_volume(tmp_path / "v.nii")


def test_one_frame_of_a_series_is_a_volume(tmp_path: Path) -> None:
    _nifti(tmp_path / "v.nii", (5, 6, 7, 1))
    assert io.read_volume(tmp_path / "v.nii").array.shape == (7, 6, 5)


def test_a_deformation_field_is_no_volume(tmp_path: Path, oblique_grid: Grid) -> None:
    io.write_displacement(
        np.zeros((*oblique_grid.shape, 3), np.float32), oblique_grid, tmp_path / "u.nii.gz"
    )
    with pytest.raises(InputError, match="3 numbers per voxel"):
        io.read_volume(tmp_path / "u.nii.gz")


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "junk.nii").write_bytes(b"hello" * 100)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "empty").mkdir()
    for name, sentence in [
        ("none.nii", "not exist"),
        ("junk.nii", "not a NIfTI"),
        ("notes.txt", "format"),
        ("empty", "DICOM"),
    ]:
        with pytest.raises(InputError, match=sentence):
            io.read_volume(tmp_path / name)


def test_unwritable_places_are_refused(tmp_path: Path, oblique_volume: Volume) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "none" / "v.nii.gz", tmp_path / "file" / "v.nrrd", tmp_path / "v.jpg"):
        with pytest.raises(OutputError, match="Cannot write"):
            io.write_volume(oblique_volume, path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_noticed(
    tmp_path: Path, oblique_volume: Volume, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sitk.WriteImage

    def cut(image: sitk.Image, name: str, *rest: Any) -> None:
        whole(image, name, *rest)
        if suffix in ("nrrd", "mha"):  # these writers complain themselves
            raise RuntimeError("No space left on device")
        Path(name).write_bytes(Path(name).read_bytes()[:600])

    ours = io.write_nifti

    def cut_short(*args: Any) -> None:
        ours(*args)
        args[-1].write_bytes(args[-1].read_bytes()[:600])

    monkeypatch.setattr(sitk, "WriteImage", cut)
    monkeypatch.setattr(io, "write_nifti", cut_short)
    with pytest.raises(OutputError, match="No space left"):
        io.write_volume(oblique_volume, tmp_path / f"v.{suffix}")
    assert not list(tmp_path.iterdir())


def _dicom_series(
    folder: Path, volume: np.ndarray, uid: str, heights: list[float] | None = None
) -> None:
    folder.mkdir(exist_ok=True)
    before = locale.setlocale(locale.LC_ALL)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k, plane in enumerate(volume):
        image = sitk.GetImageFromArray(plane.astype(np.int16))
        image.SetSpacing([0.8, 1.3])
        height = k * 2.5 if heights is None else heights[k]
        for key, value in {
            "0008|0060": "MR",
            "0008|103e": f"series {uid}",
            "0020|000e": f"1.2.826.0.1.3680043.2.1125.{uid}",
            "0008|0018": f"1.2.826.0.1.3680043.2.1125.{uid}.{k + 1}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0032": f"-4\\-5\\{height}",
            "0020|0013": str(k + 1),
        }.items():
            image.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{uid}_{volume.shape[0] - k:03d}.dcm"))
        writer.Execute(image)
    locale.setlocale(locale.LC_ALL, before)  # ITK's DICOM writer leaves the process in C


def test_dicom_series_keeps_its_geometry(tmp_path: Path) -> None:
    values = np.random.default_rng(3).integers(0, 500, (6, 8, 7))
    _dicom_series(tmp_path / "s", values, "1")
    volume, header = io.read_volume_with_header(tmp_path / "s")
    assert header.modality == "MR"
    np.testing.assert_array_equal(volume.array, values)
    np.testing.assert_allclose(volume.grid.spacing, [2.5, 1.3, 0.8], atol=1e-5)
    np.testing.assert_allclose((volume.affine @ [2, 0, 0, 1])[:3], [4, 5, 5.0], atol=1e-5)


def test_two_series_in_one_folder_are_listed(tmp_path: Path) -> None:
    values = np.random.default_rng(3).integers(0, 500, (6, 8, 7))
    _dicom_series(tmp_path / "s", values, "1")
    _dicom_series(tmp_path / "s", values[:4], "2")
    with pytest.raises(
        InputError, match=r"2 DICOM series: .*MR, 'series 1', 6 slices, .*'series 2', 4 slices"
    ):
        io.read_volume(tmp_path / "s")


def test_missing_slices_are_refused(tmp_path: Path) -> None:
    values = np.random.default_rng(3).integers(0, 500, (6, 8, 7))
    _dicom_series(tmp_path / "s", values, "1", [0, 2.5, 5, 10, 12.5, 15])
    with pytest.raises(InputError, match="slices are missing"):
        io.read_volume(tmp_path / "s")
    shutil.rmtree(tmp_path / "s")
    _dicom_series(tmp_path / "s", values, "1", [0, 0, 2.5, 2.5, 5, 5])
    with pytest.raises(InputError, match="time series"):
        io.read_volume(tmp_path / "s")
