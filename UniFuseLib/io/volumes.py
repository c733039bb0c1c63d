"""Files ↔ volumes. The only file that knows SimpleITK and LPS; everything outside is RAS mm in
array order.

SimpleITK arrays are (k, j, i), so the affine that belongs to them has SimpleITK's columns reversed.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io.dicom_files import is_dicom_file, refuse_archive
from UniFuseLib.io.dicom_identity import Identity
from UniFuseLib.io.dicom_series import read_dicom
from UniFuseLib.io.nifti_checks import (
    check_nifti,
    damaged,
    is_complete,
    is_nifti,
    non_finite_voxels,
    read_nifti_header,
)
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from UniFuseLib.io.dicom_options import DicomOptions

WRITABLE = (".nii", ".nii.gz", ".nrrd", ".mha")
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # LPS ↔ RAS
_INTEGERS = {sitk.sitkVectorUInt8, sitk.sitkVectorUInt16, sitk.sitkVectorInt16}


@dataclass(frozen=True)
class Header:
    """What a file says beside intensities and grid.

    Attributes:
        source: path as given.
        modality: DICOM tag (0008,0060) such as `MR`, `CT`, `PT`; empty when the format has none.
        warnings: sentences for the report.
        units: of the values, as stated; empty when nothing states them.
        identity: patient, day and frame of reference, of DICOM.
        series: SeriesInstanceUID and number, of DICOM.
        frame_groups: groups of frames in that series.
    """

    source: str
    modality: str = ""
    warnings: tuple[str, ...] = ()
    units: str = ""
    identity: Identity = field(default_factory=Identity)
    series: tuple[str, ...] = ()
    frame_groups: int = 1


def read_volume(path: Path | str, dicom: DicomOptions | None = None) -> Volume:
    """One 3-D volume from NIfTI, NRRD, MHA, a DICOM file, or a folder with one DICOM series.

    Args:
        path: file or folder.
        dicom: choices where a DICOM folder leaves it open.

    Returns:
        array `(k, j, i)` in the file's units and type (float64 becomes float32), or `(k, j, i, 3)`
        for RGB.

    Raises:
        InputError: missing, unreadable, 2-D, 4-D, several series, or a header without a usable
            spacing.
    """
    return read_volume_with_header(path, dicom)[0]


def read_volume_with_header(
    path: Path | str, dicom: DicomOptions | None = None
) -> tuple[Volume, Header]:
    """`read_volume`, and what the file says about itself."""
    path = Path(path).expanduser()
    _check_there(path)
    if path.is_dir() or is_dicom_file(path):
        return _read_dicom(path, dicom)
    refuse_archive(path)
    with _quiet_itk():
        image, header = _read_file(path)
    array = sitk.GetArrayFromImage(image)
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.ndim == 4:
        array = np.ascontiguousarray(array[..., :3])
    elif np.issubdtype(array.dtype, np.floating) and path.is_file() and is_nifti(path):
        array = _with_broken_voxels(array, path)
    return Volume(array, _affine(image)), header


def write_volume(volume: Volume, path: Path | str) -> None:
    """Write `(d, h, w)` or `(d, h, w, 3)`; complete under its name, or not there at all.

    Raises:
        OutputError: no permission, disk full, a suffix that is not in `WRITABLE`, or a sheared
            grid.
    """
    _write(volume.array, volume.grid, Path(path))


def read_displacement(path: Path | str) -> tuple[np.ndarray, Grid]:
    """u `(k, j, i, 3)` float32, RAS mm (R, A, S), from an ITK displacement field (LPS mm), and its
    grid.
    """
    path = Path(path).expanduser()
    with _quiet_itk():
        image = _read_image(path, _information(path))
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 3:
        raise InputError(
            f"{path} is not a displacement field: expected three components on a 3-D grid."
        )
    array = sitk.GetArrayFromImage(image).astype(np.float32)
    array[..., :2] *= -1
    return array, Grid(array.shape[:3], _affine(image))


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
        str(path),
        found.modality,
        found.warnings,
        found.units,
        found.identity,
        found.series,
        found.groups,
    )


def _read_file(path: Path) -> tuple[sitk.Image, Header]:
    if is_nifti(path):
        check_nifti(path)
    reader = _information(path)
    warnings = _check_kind(path, reader)
    image = _read_image(path, reader)
    while image.GetDimension() > 3:
        image = image[..., 0]
    return image, Header(str(path), warnings=tuple(warnings))


def _with_broken_voxels(array: np.ndarray, path: Path) -> np.ndarray:
    """ITK reads NaN of a NIfTI file as 0; put it back, so that it is counted, repaired and reported
    like any other.
    """
    bad = non_finite_voxels(path)
    if bad is None:
        return array
    broken = array.copy()
    broken[bad.reshape(array.shape)] = np.nan
    return broken


def _check_there(path: Path) -> None:
    try:
        there = path.exists()
    except OSError as error:
        raise InputError(
            f"Cannot read {path}: {error.strerror}. Check the path and its permission."
        ) from error
    if not there:
        raise InputError(f"{path} does not exist. Check the path.")


def _information(path: Path) -> sitk.ImageFileReader:
    _check_there(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    return reader


def _read_image(path: Path, reader: sitk.ImageFileReader) -> sitk.Image:
    try:
        return reader.Execute()
    except RuntimeError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: RuntimeError) -> InputError:
    text = str(error)
    if "orthonormal" in text:
        return InputError(
            f"{path} has axes that are not perpendicular (a sheared sform). Resample it onto a regular grid first."
        )
    if "pacing" in text:
        return InputError(
            f"{path} gives a voxel spacing of zero or no number. Repair the header and try again."
        )
    if "ImageIO" in text and "determine" in text:
        if is_nifti(path):
            return damaged(path, "its voxels cannot be read")
        return InputError(
            f"{path} is in no known format. Expected NIfTI, NRRD, MHA, or a DICOM series folder."
        )
    return InputError(
        f"Cannot read {path}: {text.strip().splitlines()[-1].strip()} Is the file complete?"
    )


def _check_kind(path: Path, reader: sitk.ImageFileReader) -> list[str]:
    """Refuse whatever is not one 3-D volume of scalars or colours; return warnings."""
    size, components = reader.GetSize(), reader.GetNumberOfComponents()
    shape = " × ".join(str(n) for n in size)
    if len(size) < 3 or (len(size) == 3 and 1 in size):
        raise InputError(
            f"{path} is a 2-D image ({shape}). Expected a 3-D volume; pick the whole series."
        )
    if len(size) > 3 and any(n > 1 for n in size[3:]):
        raise InputError(
            f"{path} is a {len(size)}-D series ({shape}). Expected one 3-D volume; extract one frame and try again."
        )
    if components == 1 and "complex" not in sitk.GetPixelIDValueAsString(reader.GetPixelID()):
        return []
    if components not in (3, 4) or reader.GetPixelID() not in _INTEGERS:
        kind = sitk.GetPixelIDValueAsString(reader.GetPixelID())
        raise InputError(
            f"{path} holds {components} numbers per voxel ({kind}). Expected one intensity, or RGB of integers; "
            "is it a deformation field or a derived map?"
        )
    return [f"{path}: the fourth (alpha) channel is ignored."] if components == 4 else []


def _affine(image: sitk.Image) -> np.ndarray:
    """`(4, 4)` array index (k, j, i) → RAS mm."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return (_FLIP @ affine)[:, [2, 1, 0, 3]]


def to_image(array: np.ndarray, grid: Grid) -> sitk.Image:
    if grid.sheared:
        raise OutputError(
            "Medical image files need perpendicular axes; this grid is sheared. Resample it first."
        )
    image = sitk.GetImageFromArray(np.ascontiguousarray(array), isVector=array.ndim == 4)
    lps = (_FLIP @ grid.affine)[:, [2, 1, 0, 3]]
    spacing = grid.spacing[::-1]
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image


def _write(array: np.ndarray, grid: Grid, path: Path) -> None:
    suffix = next(
        (s for s in sorted(WRITABLE, key=len, reverse=True) if path.name.lower().endswith(s)), None
    )
    if suffix is None:
        raise OutputError(
            f"Cannot write {path.name}: expected a name that ends in {', '.join(WRITABLE)}."
        )
    image = to_image(array.astype(np.uint8) if array.dtype == bool else array, grid)
    temporary = path.with_name(f".{uuid.uuid4().hex}{suffix}")
    try:
        with _quiet_itk():
            sitk.WriteImage(image, str(temporary), suffix == ".nii.gz")
        _check_written(temporary, image)
        temporary.replace(path)
    except (RuntimeError, OSError) as error:
        raise OutputError(_why_not_written(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _check_written(path: Path, image: sitk.Image) -> None:
    # SimpleITK stays silent when the disk fills up while it writes NIfTI
    if not is_nifti(path):
        return
    try:
        complete = is_complete(path, read_nifti_header(path))
    except InputError:
        complete = False
    if not complete:
        raise OSError(28, "No space left on device")


def _why_not_written(path: Path, error: Exception) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"Cannot write {path}: the folder {folder} does not exist or is not a folder."
    free = shutil.disk_usage(folder).free
    reason = (
        error.strerror
        if isinstance(error, OSError) and error.strerror
        else str(error).strip().splitlines()[-1]
    )
    return (
        f"Cannot write {path}: {reason} ({free / 2**20:.0f} MB free). "
        "Check permission and free space, or choose another folder. Nothing was left behind."
    )


@contextlib.contextmanager
def _quiet_itk() -> Iterator[None]:
    """ITK's own warnings are for its developers; ours are sentences in the report."""
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)
