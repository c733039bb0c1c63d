"""Bytes → voxels, never more of them than the header claims or than the machine can hold."""

from __future__ import annotations

import bz2
import gzip
import math
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import shown
from UniFuseLib.process import available_memory, in_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Compression = Literal["none", "gzip", "zlib", "bzip2", "text"]
GZIP_MAGIC = b"\x1f\x8b"
_DEFLATE_RATIO = 1032  # the most that deflate can shrink: zlib's technical details, zlib.net
_BLOCK = 1 << 22  # bytes that are decompressed at once


class VoxelData(NamedTuple):
    """Where the voxels of a file lie.

    `offset` counts bytes of the file, or of the decompressed stream where `compression` is `gzip`
    and the header itself is compressed.
    """

    path: Path
    shape: tuple[int, ...]  # slowest axis first
    dtype: np.dtype
    offset: int = 0
    compression: Compression = "none"
    header_inside: bool = False  # the header is part of the compressed stream
    planes: bool = False  # the last axis of `shape` is the slowest one in the file

    @property
    def voxels(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.voxels * self.dtype.itemsize


def read_voxels(data: VoxelData) -> np.ndarray:
    """The array of `data.shape`, native byte order.

    Raises:
        InputError: fewer bytes than claimed, damaged compression, or more than memory holds.
    """
    check_claim(data)
    if data.compression == "text":
        return _from_text(data)
    try:
        array = np.empty(data.voxels, dtype=data.dtype)
    except MemoryError as error:
        raise _too_large(data, None) from error
    target = array.view(np.uint8).data
    with _opened(data) as stream:
        filled = 0
        while filled < data.bytes:
            block = stream.read(min(_BLOCK, data.bytes - filled))
            if not block:
                raise truncated(data.path)
            target[filled : filled + len(block)] = block
            filled += len(block)
        if data.compression != "none":
            _read_to_end(stream)
    native = array.astype(data.dtype.newbyteorder("="), copy=False)
    if data.planes:
        return np.moveaxis(native.reshape(data.shape[-1:] + data.shape[:-1]), 0, -1)
    return native.reshape(data.shape)


def check_whole(data: VoxelData) -> None:
    """Read a compressed stream to its end and keep nothing: ITK fills what is missing with zeros.

    Raises:
        InputError: see `read_voxels`.
    """
    check_claim(data)
    if data.compression in ("none", "text"):  # ITK counts the numbers of a text
        return
    with _opened(data) as stream:
        missing = data.bytes
        while missing > 0:
            block = stream.read(min(_BLOCK, missing))
            if not block:
                raise truncated(data.path)
            missing -= len(block)
        _read_to_end(stream)


def _read_to_end(stream: IO[bytes]) -> None:
    """The checksum of a compressed stream is compared where it ends; damage may make it longer."""
    while stream.read(_BLOCK):
        pass


def check_claim(data: VoxelData) -> None:
    """Compare what the header claims with the file and the machine, before any allocation.

    Raises:
        InputError: the file is too short for it, or the memory too small.
    """
    size = data.path.stat().st_size
    if data.compression == "none" and size < data.offset + data.bytes:
        raise truncated(data.path)
    if data.compression in ("gzip", "zlib") and data.bytes > _DEFLATE_RATIO * size + _BLOCK:
        raise InputError(
            f"{shown(data.path)} claims {in_bytes(data.bytes)} of voxels, more than "
            f"{in_bytes(size)} of compressed data can hold: the header is damaged. Export the file "
            "again."
        )
    free = available_memory()
    if free is not None and data.bytes + 4 * data.voxels > free:
        raise _too_large(data, free)


def _too_large(data: VoxelData, free: int | None) -> InputError:
    needed = data.bytes + 4 * data.voxels  # the float32 volume lies beside what is read
    there = "the memory does not hold that" if free is None else f"{in_bytes(free)} are free"
    return InputError(
        f"{shown(data.path)} claims {' × '.join(map(str, data.shape[::-1]))} voxels: reading it "
        f"takes {in_bytes(needed)} of memory, and {there}. Check the header, crop the volume, or "
        "use a machine with more memory."
    )


def is_gzipped(path: Path) -> bool:
    """By its first bytes, whatever its name says."""
    return first_bytes(path, 2) == GZIP_MAGIC


def first_bytes(path: Path, count: int, *, unpack: bool = False) -> bytes:
    """The first bytes of a file, fewer where it is shorter.

    Args:
        path: a regular file.
        count: how many.
        unpack: of the decompressed stream, where the file is gzip.

    Raises:
        InputError: no permission, or damaged compression.
    """
    with reading_errors(path), path.open("rb") as file:
        if not unpack or file.read(2) != GZIP_MAGIC:
            file.seek(0)
            return file.read(count)
        file.seek(0)
        with gzip.GzipFile(fileobj=file) as stream:
            return stream.read(count)


def truncated(path: Path) -> InputError:
    """The file ends before its voxels do."""
    return InputError(
        f"{shown(path)} is truncated: voxels are missing at its end. Copy or export the file again."
    )


def damaged(path: Path, reason: object) -> InputError:
    """The file contradicts itself."""
    return InputError(
        f"{shown(path)} is damaged or incomplete ({reason}). Copy or export it again."
    )


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """What goes wrong while bytes are read is an InputError."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path, error) from error
    except OSError as error:
        if error.strerror is None:  # bzip2 names its damage so
            raise damaged(path, error) from error
        raise InputError(
            f"Cannot read {shown(path)}: {error.strerror}. Check that the file is readable."
        ) from error


@contextmanager
def _opened(data: VoxelData) -> Iterator[IO[bytes]]:
    """The stream at the first voxel."""
    with reading_errors(data.path), data.path.open("rb") as file:
        if not data.header_inside:
            file.seek(data.offset)
        stream = _decompressed(file, data.compression)
        if data.header_inside:
            _skip(stream, data.offset)
        yield stream


def _decompressed(file: IO[bytes], compression: Compression) -> IO[bytes]:
    if compression == "gzip":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if compression == "bzip2":
        return cast("IO[bytes]", bz2.BZ2File(file))
    if compression == "zlib":
        return cast("IO[bytes]", _Inflated(file))
    return file


class _Inflated:
    """A zlib stream as a file; never more in memory than is asked for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # zlib or gzip, by its header
        self._waiting = b""

    def read(self, count: int) -> bytes:
        while not self._stream.eof:
            self._waiting = self._waiting or self._file.read(1 << 16)
            if not self._waiting:
                raise EOFError("the compressed data end too early")
            block = self._stream.decompress(self._waiting, count)
            self._waiting = self._stream.unconsumed_tail
            if block:
                return block
        return b""


def _skip(stream: IO[bytes], count: int) -> None:
    while count > 0:
        block = stream.read(min(_BLOCK, count))
        if not block:
            return
        count -= len(block)


def _from_text(data: VoxelData) -> np.ndarray:
    """Numbers in ASCII, separated by blanks."""
    with reading_errors(data.path), data.path.open("rb") as file:
        file.seek(data.offset)
        words = file.read(32 * data.voxels + 1).split()
    try:
        values = np.array(words[: data.voxels], dtype=np.float64)
    except ValueError as error:
        raise damaged(data.path, "a voxel is not a number") from error
    if values.size < data.voxels:
        raise truncated(data.path)
    return _as_stored(values, data).reshape(data.shape)


def _as_stored(values: np.ndarray, data: VoxelData) -> np.ndarray:
    """Numbers of a text in the type that the header names, which must hold them."""
    with np.errstate(invalid="ignore", over="ignore"):  # what does not fit is met below
        stored = values.astype(data.dtype)
    if data.dtype.kind in "iu" and not np.array_equal(stored, values):
        wrong = values[stored != values][0]
        raise damaged(data.path, f"{wrong:g} is not a value of type {data.dtype.name}")
    return stored
