"""Files ↔ volumes: SimpleITK's LPS in (k, j, i) order outside, RAS mm in array order inside.

NIfTI, NRRD, MetaImage and MGH are read by this library, so that a header is checked by the same
code that reads the voxels; `dicom_series.py` reads DICOM; ITK reads the rest (`foreign.py`), and
writes.
"""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io.dicom_files import is_dicom_file, refuse_archive
from UniFuseLib.io.dicom_series import read_dicom
from UniFuseLib.io.file_header import LPS_TO_RAS, ReadOptions
from UniFuseLib.io.files import Header, file_header, grid_of, load
from UniFuseLib.io.metaimage import is_metaimage, metaimage_file
from UniFuseLib.io.nifti import nifti_data
from UniFuseLib.io.nifti_header import is_nifti
from UniFuseLib.io.nifti_writing import (
    HEADER_BYTES,
    LARGEST_AXIS,
    Precision,
    coding_of,
    write_nifti,
)
from UniFuseLib.io.nrrd import is_nrrd, nrrd_file
from UniFuseLib.io.paths import named_for_itk, readable_path, shown, temporary_folder
from UniFuseLib.io.voxels import check_whole
from UniFuseLib.io.writing import check_suffix, quiet_itk, write_file, write_image
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from UniFuseLib.io.dicom_options import DicomOptions


def read_volume(
    path: Path | str, dicom: DicomOptions | None = None, options: ReadOptions | None = None
) -> Volume:
    """One 3-D volume from NIfTI, NRRD, MHA, MGZ, a DICOM file, or a folder with one DICOM series.

    Args:
        path: file or folder.
        dicom: choices where a DICOM folder leaves it open.
        options: choices where another file does; None: see `ReadOptions`.

    Returns:
        array `(k, j, i)` in the file's units and type (float64 and scaled values become float32),
        or `(k, j, i, 3)` for RGB.

    Raises:
        InputError: missing, unreadable, 2-D, 4-D, several series, no orientation, or a header
            without a usable spacing.
    """
    return read_volume_with_header(path, dicom, options)[0]


def read_volume_with_header(
    path: Path | str, dicom: DicomOptions | None = None, options: ReadOptions | None = None
) -> tuple[Volume, Header]:
    """`read_volume`, and what the file says about itself."""
    path = readable_path(path)
    if path.is_dir() or is_dicom_file(path):
        return _read_dicom(path, dicom)
    refuse_archive(path)
    with contextlib.ExitStack() as kept:
        header = file_header(path, options or ReadOptions(), kept)
        return load(path, header, options or ReadOptions())


def read_grid(
    path: Path | str, dicom: DicomOptions | None = None, options: ReadOptions | None = None
) -> Grid:
    """The grid of `read_volume`, from the header alone; of DICOM all is read.

    Args:
        path: file or folder.
        dicom: choices where a DICOM folder leaves it open.
        options: choices where another file does; None: see `ReadOptions`.

    Raises:
        InputError: see `read_volume`; damaged voxels are not noticed.
    """
    path = readable_path(path)
    if path.is_dir() or is_dicom_file(path):
        return _read_dicom(path, dicom)[0].grid
    refuse_archive(path)
    with contextlib.ExitStack() as kept:
        header = file_header(path, options or ReadOptions(), kept)
        return grid_of(path, header, options or ReadOptions())


def write_volume(
    volume: Volume, path: Path | str, *, overwrite: bool = True, precision: Precision = "exact"
) -> None:
    """Write `(d, h, w)` or `(d, h, w, 3)`; complete under its name, or not there at all.

    Args:
        volume: any type that the format holds.
        path: of the file.
        overwrite: whether a file of that name is replaced.
        precision: of float32 in `.nii.gz` (`nifti_writing.py`); elsewhere values are exact.

    Raises:
        OutputError: no permission, disk full, a suffix that is not in `writing.WRITABLE`, a
            sheared grid, or a file of that name where `overwrite` is False.
    """
    path = Path(path)
    compressed = check_suffix(path) == ".nii.gz"
    if compressed and volume.array.ndim == 3 and max(volume.array.shape) <= LARGEST_AXIS:
        coding = coding_of(volume.array, precision)
        header = _nifti_header(volume.grid, coding.dtype)
        write = partial(write_nifti, volume.array, header, coding)
        write_file(path, write, overwrite=overwrite)
    else:
        _write(volume.array, volume.grid, path, overwrite=overwrite)


def read_displacement(path: Path | str) -> tuple[np.ndarray, Grid]:
    """u `(k, j, i, 3)` float32, RAS mm (R, A, S), from an ITK displacement field (LPS mm), and its
    grid.

    Raises:
        InputError: missing, unreadable, damaged, or no displacement field.
    """
    path = readable_path(path)
    _check_whole(path)
    try:
        with quiet_itk(), named_for_itk(path) as plain:
            image = sitk.ReadImage(str(plain))
    except RuntimeError as error:
        raise InputError(
            f"Cannot read {shown(path)}: {str(error).strip().splitlines()[-1].strip()} "
            "Is the file complete?"
        ) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 3:
        raise InputError(
            f"{shown(path)} is not a displacement field: expected three components on a 3-D grid."
        )
    array = sitk.GetArrayFromImage(image).astype(np.float32)
    array[..., :2] *= -1
    return array, Grid(array.shape[:3], _affine(image))


def _check_whole(path: Path) -> None:
    """ITK reads a damaged or cut file of these formats without a word."""
    if is_nifti(path):
        check_whole(nifti_data(path))
    elif is_nrrd(path):
        check_whole(nrrd_file(path).data)
    elif is_metaimage(path):
        check_whole(metaimage_file(path).data)


def write_displacement(displacement: np.ndarray, grid: Grid, path: Path | str) -> None:
    """Write u `(d, h, w, 3)`, RAS mm (R, A, S), as an ITK displacement field (LPS mm): reference X
    reads X + u(X).
    """
    if displacement.shape != (*grid.shape, 3):
        raise ValueError(f"Expected displacement {(*grid.shape, 3)}, got {displacement.shape}.")
    lps = np.asarray(displacement, dtype=np.float32) * np.array([-1, -1, 1], dtype=np.float32)
    _write(lps, grid, Path(path))


def _read_dicom(path: Path, options: DicomOptions | None) -> tuple[Volume, Header]:
    found = read_dicom(path, options)
    return found.volume, Header(
        source=shown(path),
        modality=found.modality,
        stated_by="the DICOM header",
        units=found.units,
        warnings=found.warnings,
        identity=found.identity,
        series=found.series,
        frame_groups=found.groups,
    )


def _affine(image: sitk.Image) -> np.ndarray:
    """`(4, 4)` array index (k, j, i) → RAS mm."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return (LPS_TO_RAS @ affine)[:, [2, 1, 0, 3]]


def to_image(array: np.ndarray, grid: Grid) -> sitk.Image:
    """SimpleITK's picture of an array `(d, h, w)` or `(d, h, w, c)` on a grid.

    Raises:
        OutputError: the axes are not perpendicular.
    """
    if grid.sheared:
        raise OutputError(
            "Medical image files need perpendicular axes; this grid is sheared. Resample it first."
        )
    image = sitk.GetImageFromArray(np.ascontiguousarray(array), isVector=array.ndim == 4)
    lps = (LPS_TO_RAS @ grid.affine)[:, [2, 1, 0, 3]]
    spacing = grid.spacing[::-1]
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image


def _nifti_header(grid: Grid, dtype: np.dtype) -> bytes:
    """Of a file of one voxel, the first of the grid, as ITK writes it."""
    voxel = to_image(np.zeros((1, 1, 1), dtype), grid)
    with temporary_folder() as folder, quiet_itk():
        place = Path(folder) / "header.nii"
        sitk.WriteImage(voxel, str(place))
        return place.read_bytes()[:HEADER_BYTES]


def _write(array: np.ndarray, grid: Grid, path: Path, *, overwrite: bool = True) -> None:
    check_suffix(path)
    image = to_image(array.astype(np.uint8) if array.dtype == bool else array, grid)
    write_image(image, path, overwrite=overwrite)
