"""The size that a compressed frame itself claims, checked before a decoder allocates for it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_JPEG_START, _JPEG2000_START = b"\xff\xd8", b"\xff\x4f\xff\x51"
_NO_FRAME_HEADER = frozenset((0xC4, 0xC8, 0xCC))  # tables and an extension among 0xC0 to 0xCF
_JPEG_LS_FRAME = 0xF7


def claimed_size(frame: bytes) -> tuple[int, int] | None:
    """Rows and columns of a JPEG, JPEG-LS or JPEG 2000 code stream; None for anything else.

    Args:
        frame: one compressed frame. ITU-T T.81, B.2.2 and T.87, C.2.2 (frame header: precision,
            lines, samples a line); T.800, A.5.1 (SIZ: extent and offset of the image).
    """
    if frame.startswith(_JPEG2000_START) and len(frame) >= 24:
        width, height, left, top = struct.unpack_from(">IIII", frame, 8)
        return height - top, width - left
    if not frame.startswith(_JPEG_START):
        return None
    for marker, at in _segments(frame):
        is_header = 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADER
        if (is_header or marker == _JPEG_LS_FRAME) and len(frame) >= at + 7:
            rows, columns = struct.unpack_from(">HH", frame, at + 3)
            return rows, columns
    return None


def _segments(frame: bytes) -> Iterator[tuple[int, int]]:
    """Markers in front of the first scan, and where the length of each lies."""
    at = len(_JPEG_START)
    while at + 4 <= len(frame) and frame[at] == 0xFF:
        yield frame[at + 1], at + 2
        at += 2 + struct.unpack_from(">H", frame, at + 2)[0]
