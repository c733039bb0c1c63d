"""FreeSurfer's MGH and MGZ, from the documented header of 284 bytes, big-endian.

Source: https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat. Read here because nibabel
is not part of the runtime and ITK needs a module that 3D Slicer does not ship.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.file_header import FileHeader
from UniFuseLib.io.paths import shown
from UniFuseLib.io.voxels import VoxelData, damaged, first_bytes, is_gzipped

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".mgh", ".mgz", ".mgh.gz")
_OFFSET = 284
_TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}


def is_mgh(path: Path) -> bool:
    """By its name."""
    return path.name.lower().endswith(SUFFIXES)


def mgh_file(path: Path) -> FileHeader:
    """x_ras = M D (i - n/2) + c, with the direction cosines M, sizes D and centre c of the header.

    Args:
        path: exists.

    Raises:
        InputError: not MGH, or a type that is not supported.
    """
    head = first_bytes(path, _OFFSET, unpack=True)
    if len(head) < _OFFSET or struct.unpack_from(">i", head)[0] != 1:
        raise damaged(path, "its MGH header is not readable")
    *size, frames, kind, _ = struct.unpack_from(">6i", head, 4)
    if min(*size, frames) < 1:
        raise damaged(path, f"its dimensions are {(*size, frames)}")
    if kind not in _TYPES:
        raise InputError(
            f"{shown(path)} stores voxels of MGH type {kind}, which is not supported. Convert it "
            "to NIfTI (mri_convert) and try again."
        )
    known = struct.unpack_from(">h", head, 28)[0] > 0
    spacing = np.array(struct.unpack_from(">3f", head, 30), dtype=np.float64)
    packed = is_gzipped(path)
    shape = (*size, frames)[::-1] if frames > 1 else tuple(size[::-1])
    data = VoxelData(
        path=path,
        shape=shape,
        dtype=np.dtype(_TYPES[kind]),
        offset=_OFFSET,
        compression="gzip" if packed else "none",
        header_inside=packed,
    )
    affine = _affine(head, spacing, size) if known else None
    return FileHeader(data, affine, tuple(spacing) if known else (1.0, 1.0, 1.0))


def _affine(head: bytes, spacing: np.ndarray, size: list[int]) -> np.ndarray:
    """Index (i, j, k) → RAS mm; the centre is index n/2, not (n - 1)/2."""
    cosines = np.array(struct.unpack_from(">9f", head, 42), dtype=np.float64).reshape(3, 3).T
    centre = np.array(struct.unpack_from(">3f", head, 78), dtype=np.float64)
    affine = np.eye(4)
    affine[:3, :3] = cosines * spacing
    affine[:3, 3] = centre - affine[:3, :3] @ (np.array(size) / 2)
    return affine
