"""A small picture of a result: one axial plane of reference, degraded, restored and fused.

Written without a picture library, so that every installation can.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.overview.panels import full_window, window_of
from UniFuseLib.overview.planes import (
    body_values,
    plane_through,
    sample_plane,
    view_box,
    view_centre,
)

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.fusion_result import FusionResult
    from UniFuseLib.overview.panels import Window
    from UniFuseLib.overview.planes import Plane
    from UniFuseLib.spatial.volume import Volume

_SIDE, _GAP = 96, 2  # pixels


def draw_thumbnail(result: FusionResult, degraded: Volume, reference: Volume, path: Path) -> None:
    """Four tiles beside each other, grey, PNG.

    Args:
        result: of the pair.
        degraded: as it was read, any grid.
        reference: whose grid the result lies on.
        path: of the picture.
    """
    body = np.asarray(result.body, dtype=bool)
    report = result.report
    box = view_box(body, reference.grid)
    centre = view_centre(body, lambda index: np.ones(len(index)), reference.grid)
    plane = plane_through("axial", centre, box, float((box[1] - box[0])[:2].max()) / (_SIDE - 1))
    restored = window_of(body_values(result.restored, body), report.degraded_modality)
    clean = window_of(body_values(reference, body), report.reference_modality)
    tiles = [
        _tile(reference, clean, plane),
        _tile(degraded, restored, plane),
        _tile(result.restored, restored, plane),
        _tile(result.fused, full_window(result.fused, body), plane),
    ]
    gap = np.zeros((_SIDE, _GAP), dtype=np.uint8)
    row = [part for tile in tiles for part in (tile, gap)][:-1]
    path.write_bytes(png(np.concatenate(row, axis=1)))


def _tile(volume: Volume, window: Window, plane: Plane) -> np.ndarray:
    """`(_SIDE, _SIDE)` uint8, the picture in its middle."""
    picture = sample_plane(volume, plane)
    if picture.ndim == 3:  # colours
        window, picture = type(window)(0.0, 255.0), picture.mean(axis=-1)
    grey = window.share(np.nan_to_num(picture, nan=window.low))
    if window.colours.endswith("_r"):
        grey = 1 - grey
    grey = (255 * grey[:_SIDE, :_SIDE]).astype(np.uint8)
    tile = np.zeros((_SIDE, _SIDE), dtype=np.uint8)
    top, left = ((_SIDE - n) // 2 for n in grey.shape)
    tile[top : top + grey.shape[0], left : left + grey.shape[1]] = grey
    return tile


def png(grey: np.ndarray) -> bytes:
    """A PNG file of `(rows, columns)` uint8; W3C PNG specification, filter 0, colour type 0."""
    rows, columns = grey.shape
    lines = b"".join(b"\0" + line.tobytes() for line in grey)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
