"""The header of NIfTI-1, NIfTI-2 and Analyze 7.5, field by field, either byte order.

Sources: nifti1.h and nifti2.h (nifti.nimh.nih.gov). Nothing is repaired here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import shown
from UniFuseLib.io.voxels import first_bytes

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")
NIFTI1_BYTES, NIFTI2_BYTES = 348, 540
_SINGLE, _PAIR = (b"n+1\0", b"n+2\0"), (b"ni1\0", b"ni2\0")
# field → (offset, struct format)
_NIFTI1 = {
    "dim": (40, "8h"),
    "intent": (68, "h"),
    "datatype": (70, "h"),
    "bits": (72, "h"),
    "pixdim": (76, "8f"),
    "offset": (108, "f"),
    "slope": (112, "f"),
    "intercept": (116, "f"),
    "units": (123, "B"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    "quaternion": (256, "3f"),
    "shift": (268, "3f"),
    "rows": (280, "12f"),
}
_NIFTI2 = {
    "dim": (16, "8q"),
    "intent": (504, "i"),
    "datatype": (12, "h"),
    "bits": (14, "h"),
    "pixdim": (104, "8d"),
    "offset": (168, "q"),
    "slope": (176, "d"),
    "intercept": (184, "d"),
    "units": (500, "i"),
    "qform_code": (344, "i"),
    "sform_code": (348, "i"),
    "quaternion": (352, "3d"),
    "shift": (376, "3d"),
    "rows": (400, "12d"),
}


class NiftiHeader(NamedTuple):
    """The fields that a reader needs; names as in nifti1.h where they are not plain."""

    version: int  # 1 or 2; 0 for Analyze 7.5
    single: bool  # header and voxels in one file
    order: str  # `<` or `>`
    dim: tuple[int, ...]  # 8
    intent: int
    datatype: int
    bits: int  # bitpix
    pixdim: tuple[float, ...]  # 8
    offset: float  # vox_offset
    slope: float
    intercept: float
    units: int  # xyzt_units
    qform_code: int
    sform_code: int
    quaternion: np.ndarray  # b, c, d
    shift: np.ndarray  # qoffset
    rows: np.ndarray  # (3, 4), srow_x, srow_y, srow_z

    @property
    def shape(self) -> tuple[int, ...]:
        """Along i, j, k, …, as many as `dim[0]` says."""
        return self.dim[1 : self.dim[0] + 1]

    @property
    def last(self) -> np.ndarray:
        """`(3,)` index of the last voxel along i, j, k."""
        i, j, k, *_ = (*self.shape, 1, 1, 1)
        return np.array([i, j, k], dtype=np.float64) - 1


def is_nifti(path: Path) -> bool:
    """By its name: NIfTI in one file or two, or Analyze."""
    return path.name.lower().endswith(SUFFIXES)


def read_nifti_header(path: Path) -> NiftiHeader:
    """Parse a header, compressed or not.

    Args:
        path: the file that holds it (`.nii`, `.hdr`).

    Raises:
        InputError: damaged, shorter than a header, or neither NIfTI nor Analyze.
    """
    head = first_bytes(path, NIFTI2_BYTES, unpack=True)
    for order in "<>":
        if len(head) < NIFTI1_BYTES:
            break
        size = struct.unpack_from(order + "i", head)[0]
        if size == NIFTI1_BYTES:
            return _parsed(path, head, order, _NIFTI1, head[344:348])
        if size == NIFTI2_BYTES and len(head) >= NIFTI2_BYTES:
            return _parsed(path, head, order, _NIFTI2, head[4:8])
    raise InputError(
        f"{shown(path)} is not a NIfTI file, or its header is damaged. Export it again."
    )


def _parsed(
    path: Path, head: bytes, order: str, layout: dict[str, tuple[int, str]], magic: bytes
) -> NiftiHeader:
    version = 2 if layout is _NIFTI2 else 1
    known = magic in (*_SINGLE, *_PAIR)
    if version == 2 and not known:
        raise InputError(f"{shown(path)} is not a NIfTI-2 file: its signature is damaged.")
    values = {
        name: struct.unpack_from(order + code, head, at) for name, (at, code) in layout.items()
    }
    one = {name: found[0] for name, found in values.items() if len(found) == 1}
    dim = values["dim"]
    if not 1 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 1:
        raise InputError(
            f"{shown(path)} gives the dimensions {dim}; expected 1 to 7 axes with at least one "
            "voxel each. The header is damaged; export the file again."
        )
    return NiftiHeader(
        version=version if known else 0,
        single=magic in _SINGLE or not path.name.lower().endswith((".hdr", ".hdr.gz")),
        order=order,
        dim=dim,
        pixdim=values["pixdim"],
        quaternion=np.array(values["quaternion"], dtype=np.float64),
        shift=np.array(values["shift"], dtype=np.float64),
        rows=np.array(values["rows"], dtype=np.float64).reshape(3, 4),
        **one,
    )
