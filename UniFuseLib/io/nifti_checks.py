"""Checks on NIfTI bytes: SimpleITK repairs a zero spacing, turns NaN into 0, pads a cut file,
overlooks a full disk.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple, cast

import numpy as np

from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NIFTI1, _NIFTI2 = 348, 540
_FLOATS = {16: "f4", 64: "f8"}  # NIfTI datatype → NumPy
_BLOCK = 1 << 20  # voxels
SUFFIXES = (".nii", ".nii.gz")


class NiftiHeader(NamedTuple):
    """The fields that are checked, read from the bytes of the file."""

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    offset: int  # bytes before the first voxel
    file_bytes: int
    floats: str  # NumPy type of floating-point voxels, with byte order; empty for other types


def is_nifti(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def read_nifti_header(path: Path) -> NiftiHeader:
    """Parse the header of a NIfTI-1 or NIfTI-2 file, compressed or not, either byte order.

    Raises:
        InputError: the file is damaged, shorter than a header, or is not NIfTI.
    """
    with _opened(path) as file:
        head = file.read(_NIFTI2)
    for order in "<>":
        if len(head) >= _NIFTI1 and struct.unpack_from(order + "i", head)[0] == _NIFTI1:
            return _nifti1(head, order)
        if len(head) >= _NIFTI2 and struct.unpack_from(order + "i", head)[0] == _NIFTI2:
            return _nifti2(head, order)
    raise InputError(f"{path} is not a NIfTI file, or its header is damaged. Export it again.")


def check_nifti(path: Path) -> None:
    """Raise InputError when the spacing is not positive and finite, or when voxels are missing at
    the end.
    """
    header = read_nifti_header(path)
    if not all(math.isfinite(s) and abs(s) > 0 for s in header.spacing):
        raise InputError(
            f"{path} gives a voxel spacing of {' × '.join(f'{s:g}' for s in header.spacing)} mm; expected positive "
            "numbers. Repair the header (pixdim) and try again."
        )
    if not is_complete(path, header):
        raise InputError(
            f"{path} is truncated: voxels are missing at its end. Copy or export the file again."
        )


def non_finite_voxels(path: Path) -> np.ndarray | None:
    """True where a voxel is NaN or infinite, in the order of the file (i fastest), flat; None when
    there is none.
    """
    header = read_nifti_header(path)
    if not header.floats:
        return None
    bad = np.zeros(math.prod(header.shape), dtype=bool)
    size = np.dtype(header.floats).itemsize
    with _opened(path) as file:
        file.seek(header.offset)
        for start in range(0, bad.size, _BLOCK):
            values = np.frombuffer(
                file.read(size * min(_BLOCK, bad.size - start)), dtype=header.floats
            )
            bad[start : start + values.size] = ~np.isfinite(values)
    return bad if bad.any() else None


def is_complete(path: Path, header: NiftiHeader) -> bool:
    """True when the file holds all the bytes that its header promises."""
    if not path.name.lower().endswith(".gz"):
        return path.stat().st_size >= header.file_bytes
    with path.open("rb") as file:
        file.seek(-4, 2)
        stated = struct.unpack("<I", file.read(4))[0]
    # the trailer of a gzip file is its length modulo 2^32: cheap, and right unless several members
    # were joined
    return stated == header.file_bytes % 2**32 or _uncompressed_bytes(path) >= header.file_bytes


def damaged(path: Path, reason: object) -> InputError:
    return InputError(f"{path} is damaged or incomplete ({reason}). Copy or export it again.")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The uncompressed bytes; what goes wrong while they are read is an InputError."""
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            yield cast("IO[bytes]", file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path, error) from error
    except OSError as error:
        raise InputError(
            f"Cannot read {path}: {error.strerror}. Check that the file is readable."
        ) from error


def _uncompressed_bytes(path: Path) -> int:
    total = 0
    with _opened(path) as file:
        while block := file.read(1 << 22):
            total += len(block)
    return total


def _nifti1(head: bytes, order: str) -> NiftiHeader:
    dim = struct.unpack_from(order + "8h", head, 40)
    kind, bits = struct.unpack_from(order + "2h", head, 70)
    pixdim = struct.unpack_from(order + "8f", head, 76)
    offset = struct.unpack_from(order + "f", head, 108)[0]
    return _header(dim, pixdim, bits, int(offset), order + _FLOATS[kind] if kind in _FLOATS else "")


def _nifti2(head: bytes, order: str) -> NiftiHeader:
    kind, bits = struct.unpack_from(order + "2h", head, 12)
    dim = struct.unpack_from(order + "8q", head, 16)
    pixdim = struct.unpack_from(order + "8d", head, 104)
    offset = struct.unpack_from(order + "q", head, 168)[0]
    return _header(dim, pixdim, bits, offset, order + _FLOATS[kind] if kind in _FLOATS else "")


def _header(
    dim: tuple[int, ...], pixdim: tuple[float, ...], bits: int, offset: int, floats: str
) -> NiftiHeader:
    rank = min(max(dim[0], 0), 7)
    shape = tuple(max(n, 1) for n in dim[1 : rank + 1])
    size = offset + math.prod(shape) * bits // 8
    return NiftiHeader(shape, pixdim[1 : min(rank, 3) + 1], offset, size, floats)
