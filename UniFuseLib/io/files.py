"""One file → one volume: its kind checked, its voxels read, scaled and put in their place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_identity import Identity
from UniFuseLib.io.foreign import foreign_file
from UniFuseLib.io.metaimage import is_metaimage, metaimage_file
from UniFuseLib.io.mgh import is_mgh, mgh_file
from UniFuseLib.io.nifti import nifti_file
from UniFuseLib.io.nifti_header import is_nifti
from UniFuseLib.io.nrrd import is_nrrd, nrrd_file
from UniFuseLib.io.orientation import placement
from UniFuseLib.io.paths import shown, temporary_folder
from UniFuseLib.io.sidecar import labels_in_name, modality_in_name, read_sidecar
from UniFuseLib.io.voxels import check_claim, read_voxels
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from contextlib import ExitStack

    from UniFuseLib.io.file_header import FileHeader, ReadOptions

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
        identity: patient, day and frame of reference, of DICOM.
        series: SeriesInstanceUID and number, of DICOM.
        frame_groups: groups of frames in that series.
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
    identity: Identity = field(default_factory=Identity)
    series: tuple[str, ...] = ()
    frame_groups: int = 1


def file_header(path: Path, options: ReadOptions, kept: ExitStack) -> FileHeader:
    """The header of a file, by its name, and by its content where the name says nothing.

    Args:
        path: exists.
        options: what to do where the file leaves it open.
        kept: holds the folder of raw voxels of formats that ITK reads, until it is closed.

    Raises:
        InputError: no known format, or a damaged header.
    """
    if is_nifti(path):
        return nifti_file(path, options)
    if is_mgh(path):
        return mgh_file(path)
    if is_metaimage(path):
        return metaimage_file(path)
    if is_nrrd(path):
        return nrrd_file(path)
    return foreign_file(path, Path(kept.enter_context(temporary_folder())))


def grid_of(path: Path, header: FileHeader, options: ReadOptions) -> Grid:
    """Where the voxels of a file will lie, array order (k, j, i); no voxel is read.

    Args:
        path: of the file.
        header: see `file_header`.
        options: what to do where the file leaves it open.

    Raises:
        InputError: not one 3-D volume, or no orientation.
    """
    _check_kind(path, header)
    placed = placement(path, header, options.assume_orientation)
    shape = header.data.shape[:-1] if header.components > 1 else header.data.shape
    k, j, i = shape[-3:]
    return Grid((k, j, i), placed.affine[:, [2, 1, 0, 3]])


def load(path: Path, header: FileHeader, options: ReadOptions) -> tuple[Volume, Header]:
    """The voxels of a file at their place, and what is known beside them.

    Args:
        path: of the file.
        header: see `file_header`.
        options: what to do where the file leaves it open.

    Raises:
        InputError: not one 3-D volume, no orientation, or damaged voxels.
    """
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


def load_frames(
    path: Path, header: FileHeader, options: ReadOptions
) -> tuple[np.ndarray, np.ndarray, Header]:
    """All volumes of a file that holds several, what `load` gives otherwise.

    Args:
        path: of the file.
        header: see `file_header`.
        options: what to do where the file leaves it open.

    Returns:
        frames `(t, d, h, w)` or `(1, d, h, w, 3)`, their affine, and what is known beside them.

    Raises:
        InputError: see `load`.
    """
    if not _several(header):
        volume, described = load(path, header, options)
        return volume.array[None], volume.affine, described
    placed = placement(path, header, options.assume_orientation)
    check_claim(header.data)
    array = _scaled(read_voxels(header.data), header)
    frames = np.moveaxis(array, -1, 0) if header.frames_first else array
    described = _described(path, header, placed.shear_mm, placed.warnings)
    return np.ascontiguousarray(frames), placed.affine[:, [2, 1, 0, 3]], described


def _several(header: FileHeader) -> bool:
    """Frames or layers of real numbers, on one grid."""
    shape, listed = header.data.shape, header.frames_first
    plain = header.components == 1 or listed
    return len(shape) == 4 and plain and (listed or shape[0] > 1) and header.data.dtype.kind != "c"


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
    if dtype.kind == "c":
        raise InputError(
            f"{shown(path)} holds complex numbers ({dtype.name}). Expected one real intensity per "
            "voxel; save the magnitude and try again."
        )
    if parts == 1:
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
        return plain_type(array)
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is met by checks
        values = array.astype(np.float64) * header.slope + header.intercept
        return values.astype(np.float32)


def plain_type(array: np.ndarray) -> np.ndarray:
    """float64 becomes float32; what is beyond its range becomes infinite, and is met by checks."""
    if array.dtype != np.float64:
        return array
    with np.errstate(over="ignore"):
        return array.astype(np.float32)
