"""NIfTI-1, NIfTI-2 and Analyze 7.5 → what `read_voxels` needs.

Read here and not by ITK, which repairs a zero spacing, turns NaN into 0, pads a cut file, prefers
another of two geometries than NIfTI's own tools, and refuses an sform that is a little sheared.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.file_header import FileHeader
from UniFuseLib.io.nifti_geometry import geometry
from UniFuseLib.io.nifti_header import NIFTI1_BYTES, NIFTI2_BYTES, read_nifti_header
from UniFuseLib.io.paths import readable_path, shown
from UniFuseLib.io.voxels import VoxelData, is_gzipped

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.file_header import ReadOptions
    from UniFuseLib.io.nifti_header import NiftiHeader

# NIfTI datatype → NumPy; RGB and RGBA are bytes with components
_TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    32: "c8",
    64: "f8",
    128: "u1",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
    1792: "c16",
    2304: "u1",
}
_COMPONENTS = {128: 3, 2304: 4}
_LABEL_INTENT = 1002
_BYTES = 2  # NIfTI datatype of uint8
_VECTOR_INTENTS = (1004, 1005, 1006, 1007, 1008, 1009, 2003, 2004)
_TIME_UNITS = {8: 1.0, 16: 1e-3, 24: 1e-6}  # bits 3 to 5 of xyzt_units → s
_EXTENSION_FLAG = 4  # bytes between header and voxels of a single file


def nifti_file(path: Path, options: ReadOptions) -> FileHeader:
    """The header of a `.nii`, or of either file of a pair `.hdr` and `.img`.

    Args:
        path: exists.
        options: which form counts.

    Raises:
        InputError: damaged, a type that is not supported, no usable voxel size, or no second file.
    """
    head, voxels = _files(path)
    header = read_nifti_header(head)
    if header.single:
        voxels = head
    _refuse_vectors(header, path)
    chosen = geometry(header, path, options.header)
    slope, intercept, scaling = _scaling(header, path)
    data, claims = _data(header, voxels)
    return FileHeader(
        data=data,
        affine=chosen.affine,
        spacing=tuple(float(s) for s in chosen.spacing),
        components=_components(header),
        slope=slope,
        intercept=intercept,
        form=chosen.form,
        says_labels=header.intent == _LABEL_INTENT,
        warnings=(*chosen.warnings, *scaling, *claims),
        frame_step=_frame_step(header),
    )


def _vector_parts(header: NiftiHeader) -> int:
    """Numbers per voxel on the fifth axis, where the header calls them a vector."""
    fifth = header.dim[0] == 5 and header.dim[4] == 1 and header.intent in _VECTOR_INTENTS
    return header.dim[5] if fifth else 1


def _colour_planes(header: NiftiHeader) -> bool:
    """Three or four bytes a voxel on the fifth axis: colours as ITK writes them."""
    return header.datatype == _BYTES and _vector_parts(header) in (3, 4)


def _components(header: NiftiHeader) -> int:
    if _colour_planes(header):
        return _vector_parts(header)
    return _COMPONENTS.get(header.datatype, 1)


def _refuse_vectors(header: NiftiHeader, path: Path) -> None:
    parts = _vector_parts(header)
    if parts > 1 and not _colour_planes(header):
        raise InputError(
            f"{shown(path)} holds {parts} numbers per voxel. Expected one intensity, or RGB of "
            "integers; is it a deformation field or a derived map?"
        )


def _frame_step(header: NiftiHeader) -> float:
    """Seconds between frames; 1 where the header gives none."""
    step = abs(header.pixdim[4]) * _TIME_UNITS.get(header.units & 0x38, 1.0)
    return float(step) if math.isfinite(step) and step > 0 else 1.0


def nifti_data(path: Path) -> VoxelData:
    """Where the voxels of a NIfTI file in one piece lie, whatever it holds.

    Args:
        path: exists.

    Raises:
        InputError: see `nifti_file`.
    """
    return _data(read_nifti_header(path), path)[0]


def _files(path: Path) -> tuple[Path, Path]:
    """(file with the header, file with the voxels)."""
    name = path.name.lower()
    for ours, other in ((".hdr", ".img"), (".img", ".hdr")):
        for packed in ("", ".gz"):
            if name.endswith(ours + packed):
                stem = path.name[: len(path.name) - len(ours + packed)]
                partner = _partner(path, stem + other)
                return (path, partner) if ours == ".hdr" else (partner, path)
    return path, path


def _partner(path: Path, name: str) -> Path:
    for candidate in (path.with_name(name), path.with_name(name + ".gz")):
        if candidate.exists():
            return readable_path(candidate)
    raise InputError(
        f"{shown(path)} is one file of two, and {name} is not beside it. Copy both files."
    )


def _data(header: NiftiHeader, voxels: Path) -> tuple[VoxelData, tuple[str, ...]]:
    kind = _TYPES.get(header.datatype)
    if kind is None:
        raise InputError(
            f"{shown(voxels)} stores voxels of NIfTI type {header.datatype}, which is not "
            "supported. Expected integers, float32 or float64; convert it and try again."
        )
    dtype = np.dtype(header.order + kind)
    shape = header.shape[::-1]
    components = _COMPONENTS.get(header.datatype, 1)
    planes = _colour_planes(header)
    if components > 1:
        shape = (*shape, components)
    elif planes:
        shape = (*shape[1:], shape[0])
    packed = is_gzipped(voxels)
    data = VoxelData(
        path=voxels,
        shape=shape,
        dtype=dtype,
        offset=_offset(header, voxels),
        compression="gzip" if packed else "none",
        header_inside=packed,
        planes=planes,
    )
    bits = 8 * dtype.itemsize * components
    if header.bits == bits:
        return data, ()
    sentence = (
        f"{shown(voxels)}: bitpix says {header.bits} bits per voxel, the data type says {bits}; "
        "the data type was used."
    )
    return data, (sentence,)


def _offset(header: NiftiHeader, path: Path) -> int:
    """Bytes before the first voxel; 0 means right behind the header."""
    if not math.isfinite(header.offset) or header.offset != int(header.offset):
        raise _bad_offset(header, path)
    size = NIFTI2_BYTES if header.version == 2 else NIFTI1_BYTES
    least = size + _EXTENSION_FLAG if header.single and header.version else 0
    offset = int(header.offset) or least
    if offset < least:
        raise _bad_offset(header, path)
    return offset


def _bad_offset(header: NiftiHeader, path: Path) -> InputError:
    return InputError(
        f"{shown(path)} says that its voxels start at byte {header.offset:g} (vox_offset), which "
        "lies inside the header or nowhere. Repair the header, or export the file again."
    )


def _scaling(header: NiftiHeader, path: Path) -> tuple[float, float, tuple[str, ...]]:
    """Slope 0 means no scaling (nifti1.h); Analyze has none."""
    if header.version == 0 or header.slope == 0 or header.datatype in _COMPONENTS:
        return 1.0, 0.0, ()
    if math.isfinite(header.slope) and math.isfinite(header.intercept):
        return header.slope, header.intercept, ()
    sentence = (
        f"{shown(path)}: its scaling (slope {header.slope:g}, intercept {header.intercept:g}) is "
        "not a finite number; the stored values were taken as they are."
    )
    return 1.0, 0.0, (sentence,)
