"""A volume → `.nii.gz`, slab by slab: without a copy of it, in no more bytes than it needs.

ITK writes the header (`volumes.py`), and would write the voxels at one strength of compression,
which takes four times as long for the noise of a scan and saves a tenth.
"""

from __future__ import annotations

import gzip
import math
import struct
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from UniFuseLib.spatial.resampling import row_blocks

if TYPE_CHECKING:
    from pathlib import Path

# exact: as it lies in memory; scaled: int16 with a power of two as slope, what is off by half of
# it at most; rounded: float32 to 15 significant bits, off by 1 part in 33 000 at most
Precision = Literal["exact", "scaled", "rounded"]
HEADER_BYTES = 352  # of NIfTI-1 in one file, with the flag of its extensions
LARGEST_AXIS = 32767  # voxels, of NIfTI-1
_STRENGTH = 1  # of zlib, 1 to 9: at 6 files are 2 % smaller and take four times as long
_MANTISSA_BITS, _KEPT_BITS = 23, 14
_DIM, _SLOPE = 40, 112  # bytes of nifti1.h: `dim`; `scl_slope` and `scl_inter`


class Coding(NamedTuple):
    """How the values of an array lie in a file."""

    dtype: np.dtype
    slope: float = 1.0
    rounded: bool = False

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """A part of the array as it is written."""
        if self.slope != 1:
            block = np.rint(block * np.float32(1 / self.slope))
        values = np.ascontiguousarray(block, dtype=self.dtype)
        return _to_kept_bits(values) if self.rounded else values


def coding_of(array: np.ndarray, precision: Precision) -> Coding:
    """That of an array; only finite floats are scaled or rounded.

    Args:
        array: `(d, h, w)`, any type.
        precision: how much of its values is kept.
    """
    if array.dtype == bool:
        return Coding(np.dtype(np.uint8))
    largest = max(float(array.max()), -float(array.min()))
    exact = precision == "exact" or array.dtype != np.float32 or not math.isfinite(largest)
    if exact:
        return Coding(array.dtype.newbyteorder("<"))
    if precision == "rounded":
        return Coding(np.dtype("<f4"), rounded=True)
    exponent = math.ceil(math.log2(largest / np.iinfo(np.int16).max)) if largest else 0
    return Coding(np.dtype("<i2"), slope=2.0**exponent)


def write_nifti(array: np.ndarray, header: bytes, coding: Coding, path: Path) -> None:
    """Write one file.

    Args:
        array: `(d, h, w)`, no axis longer than `LARGEST_AXIS`.
        header: `HEADER_BYTES` of a file of one voxel on the same axes, in the coding's type.
        coding: of its values.
        path: `.nii.gz`.

    Raises:
        OSError: it cannot be written.
    """
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", _STRENGTH, file, mtime=0) as stream,
    ):
        stream.write(_completed(header, array.shape, coding.slope))
        for rows in row_blocks(array.shape):
            stream.write(coding(array[rows]).tobytes())


def _completed(header: bytes, shape: tuple[int, ...], slope: float) -> bytes:
    """The header with the size and the slope of the whole volume."""
    completed = bytearray(header)
    struct.pack_into("<8h", completed, _DIM, 3, *shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<2f", completed, _SLOPE, slope, 0.0)
    return bytes(completed)


def _to_kept_bits(values: np.ndarray) -> np.ndarray:
    """The nearest numbers with no more than the kept bits behind the leading one."""
    dropped = _MANTISSA_BITS - _KEPT_BITS
    bits = values.view(np.uint32)
    up = bits + np.uint32(1 << (dropped - 1))  # a carry goes on into the exponent, as it should
    mask = np.uint32(0xFFFFFFFF ^ ((1 << dropped) - 1))
    return (up & mask).view(np.float32)
