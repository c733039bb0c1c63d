"""Files ↔ volumes: SimpleITK's LPS in (k, j, i) order outside, RAS mm in array order inside.

NIfTI, NRRD, MetaImage and MGH are read by this library, so that a header is checked by the same
code that reads the voxels; ITK reads the rest (`foreign.py`) and DICOM, and writes.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io.dicom_series import read_series, series_modality
from UniFuseLib.io.file_header import LPS_TO_RAS, FileHeader, ReadOptions
from UniFuseLib.io.foreign import foreign_file, temporary_folder
from UniFuseLib.io.metaimage import is_metaimage, metaimage_file
from UniFuseLib.io.mgh import is_mgh, mgh_file
from UniFuseLib.io.nifti import nifti_data, nifti_file
from UniFuseLib.io.nifti_header import is_nifti
from UniFuseLib.io.nrrd import is_nrrd, nrrd_file
from UniFuseLib.io.orientation import placement
from UniFuseLib.io.paths import expanded, holds_utf8, named_for_itk, readable_path, shown
from UniFuseLib.io.sidecar import labels_in_name, modality_in_name, read_sidecar
from UniFuseLib.io.voxels import check_claim, read_voxels
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITABLE = (".nii", ".nii.gz", ".nrrd", ".mha")
_COLOUR_TYPES = ("u1", "u2", "i2")


@dataclass(frozen=True)
class Header:
    """What a file says beside intensities and grid.

    Attributes:
        source: path as given.
        modality: as stated by DICOM tag (0008,0060), the format or a BIDS sidecar, such as `MR`,
            `CT`, `PT`; empty when nothing states it.
        stated_by: what stated it, for the report.
        name_hint: `MR`, `CT` or `PT` as the file name suggests; empty when it does not.
        units: of the values, as stated; empty when nothing states them.
        says_labels: format or name say that this is a label map.
        form: `sform` or `qform`, whichever of NIfTI was used; empty for other formats.
        shear_mm: of axes that are not perpendicular, at the corners; 0 for all but odd files.
        warnings: sentences for the report.
    """

    source: str
    modality: str = ""
    stated_by: str = ""
    name_hint: str = ""
    units: str = ""
    says_labels: bool = False
    form: str = ""
    shear_mm: float = 0.0
    warnings: tuple[str, ...] = ()


def read_volume(path: Path | str, options: ReadOptions | None = None) -> Volume:
    """One 3-D volume from NIfTI, NRRD, MHA, MGZ, a DICOM file, or a folder with one DICOM series.

    Args:
        path: file or folder.
        options: what to do where the file leaves it open; None: see `ReadOptions`.

    Returns:
        array `(k, j, i)` in the file's units and type (float64 and scaled values become float32),
        or `(k, j, i, 3)` for RGB.

    Raises:
        InputError: missing, unreadable, 2-D, 4-D, several series, no orientation, or a header
            without a usable spacing.
    """
    return read_volume_with_header(path, options)[0]


def read_volume_with_header(
    path: Path | str, options: ReadOptions | None = None
) -> tuple[Volume, Header]:
    """`read_volume`, and what the file says about itself."""
    path = readable_path(path)
    if path.is_dir():
        return _read_folder(path)
    with temporary_folder() as folder:
        header = _file_header(path, options or ReadOptions(), Path(folder))
        return _read_file(path, header, options or ReadOptions())


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
    path = readable_path(path)
    try:
        with _quiet_itk(), named_for_itk(path) as plain:
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


def write_displacement(displacement: np.ndarray, grid: Grid, path: Path | str) -> None:
    """Write u `(d, h, w, 3)`, RAS mm (R, A, S), as an ITK displacement field (LPS mm): reference X
    reads X + u(X).
    """
    if displacement.shape != (*grid.shape, 3):
        raise ValueError(f"Expected displacement {(*grid.shape, 3)}, got {displacement.shape}.")
    lps = np.asarray(displacement, dtype=np.float32) * np.array([-1, -1, 1], dtype=np.float32)
    _write(lps, grid, Path(path))


def _read_folder(path: Path) -> tuple[Volume, Header]:
    with _quiet_itk(), named_for_itk(path) as plain:
        image, files, warnings = read_series(plain)
        modality = series_modality(files[0])
    array = _plain_type(sitk.GetArrayFromImage(image))
    if array.ndim == 4:
        array = np.ascontiguousarray(array[..., :3])
    stated_by = "the DICOM header" if modality else ""
    header = Header(shown(path), modality, stated_by, warnings=tuple(warnings))
    return Volume(array, _affine(image)), header


def _file_header(path: Path, options: ReadOptions, folder: Path) -> FileHeader:
    """By name, and by content where a name says nothing."""
    if is_nifti(path):
        return nifti_file(path, options)
    if is_mgh(path):
        return mgh_file(path)
    if is_metaimage(path):
        return metaimage_file(path)
    if is_nrrd(path):
        return nrrd_file(path)
    return foreign_file(path, folder)


def _read_file(path: Path, header: FileHeader, options: ReadOptions) -> tuple[Volume, Header]:
    warnings = _check_kind(path, header)
    placed = placement(path, header, options.assume_orientation)
    check_claim(header.data)
    array = _scaled(read_voxels(header.data), header)
    shape = header.data.shape[:-1] if header.components > 1 else header.data.shape
    array = array.reshape(*shape[-3:], *array.shape[len(shape) :])
    if array.ndim == 4:
        array = np.ascontiguousarray(array[..., :3])
    volume = Volume(array, placed.affine[:, [2, 1, 0, 3]])
    return volume, _described(path, header, placed.shear_mm, (*placed.warnings, *warnings))


def _described(
    path: Path, header: FileHeader, shear_mm: float, warnings: tuple[str, ...]
) -> Header:
    """What is known beside the numbers: by the format, else the sidecar, and the name."""
    sidecar = read_sidecar(path)
    stated_by = "its header" if header.modality else "its BIDS sidecar" if sidecar.modality else ""
    return Header(
        source=shown(path),
        modality=header.modality or sidecar.modality,
        stated_by=stated_by,
        name_hint=modality_in_name(path),
        units=header.units or sidecar.units,
        says_labels=header.says_labels or labels_in_name(path),
        form=header.form,
        shear_mm=shear_mm,
        warnings=(*header.warnings, *warnings, *sidecar.warnings),
    )


def _check_kind(path: Path, header: FileHeader) -> tuple[str, ...]:
    """Refuse whatever is not one 3-D volume of scalars or colours; return warnings."""
    parts, dtype = header.components, header.data.dtype
    size = (header.data.shape[:-1] if parts > 1 else header.data.shape)[::-1]
    shape = " × ".join(str(n) for n in size)
    if len(size) < 3 or (len(size) == 3 and 1 in size):
        raise InputError(
            f"{shown(path)} is a 2-D image ({shape}). Expected a 3-D volume; pick the whole series."
        )
    if any(n > 1 for n in size[3:]):
        raise InputError(
            f"{shown(path)} is a {len(size)}-D series ({shape}). Expected one 3-D volume; extract "
            "one frame and try again."
        )
    if parts == 1 and dtype.kind != "c":
        return ()
    if parts not in (3, 4) or dtype.str[1:] not in _COLOUR_TYPES:
        raise InputError(
            f"{shown(path)} holds {parts} numbers per voxel ({dtype.name}). Expected one "
            "intensity, or RGB of integers; is it a deformation field or a derived map?"
        )
    return (f"{shown(path)}: the fourth (alpha) channel is ignored.",) if parts == 4 else ()


def _scaled(array: np.ndarray, header: FileHeader) -> np.ndarray:
    """slope · stored + intercept, float32; the stored type where there is nothing to scale."""
    if (header.slope, header.intercept) == (1.0, 0.0):
        return _plain_type(array)
    values = array.astype(np.float64) * header.slope + header.intercept
    return values.astype(np.float32)


def _plain_type(array: np.ndarray) -> np.ndarray:
    """float64 becomes float32; what is beyond its range becomes infinite, and is met by checks."""
    if array.dtype != np.float64:
        return array
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


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


def _write(array: np.ndarray, grid: Grid, path: Path) -> None:
    path = expanded(path)
    suffix = next(
        (s for s in sorted(WRITABLE, key=len, reverse=True) if path.name.lower().endswith(s)), None
    )
    if suffix is None:
        raise OutputError(
            f"Cannot write {shown(path.name)}: expected a name that ends in {', '.join(WRITABLE)}."
        )
    image = to_image(array.astype(np.uint8) if array.dtype == bool else array, grid)
    temporary = path.with_name(f".{uuid.uuid4().hex}{suffix}")
    try:
        with _quiet_itk(), _written_by_itk(temporary) as plain:
            sitk.WriteImage(image, str(plain), suffix == ".nii.gz")
        _check_written(temporary)
        temporary.replace(path)
    except (RuntimeError, OSError) as error:
        raise OutputError(_why_not_written(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _written_by_itk(path: Path) -> Iterator[Path]:
    """A name that ITK can take; what was written there comes to `path`."""
    if holds_utf8(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="unifuse-") as folder:
        plain = Path(folder) / f"output{''.join(path.suffixes[-2:])}"
        yield plain
        shutil.copyfile(plain, path)


def _check_written(path: Path) -> None:
    # SimpleITK stays silent when the disk fills up while it writes NIfTI
    if is_nifti(path) and not _complete(path):
        raise OSError(28, "No space left on device")


def _complete(path: Path) -> bool:
    """True when a NIfTI file holds all the bytes that its header promises."""
    try:
        data = nifti_data(path)
    except InputError:
        return False
    promised = data.offset + data.bytes
    if data.compression == "none":
        return path.stat().st_size >= promised
    return _trailer(path) == promised % 2**32


def _trailer(path: Path) -> int:
    """What a gzip file says of its own length, modulo 2^32."""
    with path.open("rb") as file:
        file.seek(-4, 2)
        return int.from_bytes(file.read(4), "little")


def _why_not_written(path: Path, error: Exception) -> str:
    folder = path.parent
    if not folder.is_dir():
        return (
            f"Cannot write {shown(path)}: the folder {shown(folder)} does not exist or is not a "
            "folder."
        )
    free = shutil.disk_usage(folder).free
    reason = (
        error.strerror
        if isinstance(error, OSError) and error.strerror
        else str(error).strip().splitlines()[-1]
    )
    return (
        f"Cannot write {shown(path)}: {reason} ({free / 2**20:.0f} MB free). "
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
