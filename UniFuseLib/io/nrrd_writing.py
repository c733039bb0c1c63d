"""NRRD with its key/value pairs, which ITK's writer of SimpleITK does not keep for vectors.

Source: https://teem.sourceforge.net/nrrd/format.html; segmentations as 3D Slicer writes them:
https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html.
"""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import OutputError
from UniFuseLib.io.file_header import LPS_TO_RAS

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.spatial.volume import Grid

_TYPES = {
    "i1": "int8",
    "u1": "uint8",
    "i2": "int16",
    "u2": "uint16",
    "i4": "int32",
    "u4": "uint32",
    "i8": "int64",
    "u8": "uint64",
    "f4": "float",
    "f8": "double",
}
_LEVEL = 6  # of gzip, as 3D Slicer
_EXTENT = re.compile(r"Segment(\d+)_Extent")
_GEOMETRY = "Reference image geometry|"  # of the grid that the segmentation had before


def write_nrrd(
    path: Path, array: np.ndarray, grid: Grid, pairs: dict[str, str], *, kind: str = ""
) -> None:
    """Write one volume, or several with the frames fastest, gzip-compressed.

    Args:
        path: `.nrrd`.
        array: `(d, h, w)`, or `(d, h, w, c)` with a `kind`.
        grid: with perpendicular axes.
        pairs: key/value pairs.
        kind: of the axis of components: `list` for frames and layers, `RGB-color`; empty for none.

    Raises:
        OutputError: a sheared grid, or the disk refuses.
    """
    if grid.sheared:
        raise OutputError(
            "Medical image files need perpendicular axes; this grid is sheared. Resample it first."
        )
    header = _header(array, grid, pairs, kind)
    values = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    try:
        packed = gzip.compress(values.tobytes(), _LEVEL, mtime=0)
        path.write_bytes(header.encode("utf-8") + packed)
    except OSError as error:
        raise OutputError(f"Cannot write {path.name}: {error.strerror}.") from error


def segment_pairs(pairs: dict[str, str], layers: np.ndarray) -> dict[str, str]:
    """The pairs of a segmentation after its voxels have changed; other pairs stay.

    Args:
        pairs: of the file that was read.
        layers: `(t, d, h, w)` label maps, one for each layer.
    """
    found = dict(pairs)
    for key in pairs:
        segment = _EXTENT.fullmatch(key)
        if segment is not None:
            found[key] = _extent(pairs, segment[1], layers)
    if "Segmentation_ReferenceImageExtentOffset" in found:
        found["Segmentation_ReferenceImageExtentOffset"] = "0 0 0"
    if "Segmentation_ConversionParameters" in found:
        entries = found["Segmentation_ConversionParameters"].split("&")
        kept = [entry for entry in entries if not entry.startswith(_GEOMETRY)]
        found["Segmentation_ConversionParameters"] = "&".join(kept)
    return found


def _extent(pairs: dict[str, str], segment: str, layers: np.ndarray) -> str:
    """First and last voxel of a segment along i, j, k; `0 -1 …` where it has none."""
    layer = int(pairs.get(f"Segment{segment}_Layer", 0))
    value = int(pairs.get(f"Segment{segment}_LabelValue", 1))
    k, j, i = np.nonzero(layers[min(layer, len(layers) - 1)] == value)
    if not len(k):
        return "0 -1 0 -1 0 -1"
    return " ".join(f"{axis.min()} {axis.max()}" for axis in (i, j, k))


def _header(array: np.ndarray, grid: Grid, pairs: dict[str, str], kind: str) -> str:
    lps = (LPS_TO_RAS @ grid.affine)[:, [2, 1, 0, 3]]
    directions = [_vector(lps[:3, axis]) for axis in range(3)]
    kinds = ["domain"] * 3
    if kind:
        directions, kinds = ["none", *directions], [kind, *kinds]
    lines = [
        "NRRD0004",
        f"type: {_TYPES[array.dtype.str[1:]]}",
        f"dimension: {array.ndim}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, _sizes(array)))}",
        f"space directions: {' '.join(directions)}",
        f"kinds: {' '.join(kinds)}",
        "endian: little",
        "encoding: gzip",
        f"space origin: {_vector(lps[:3, 3])}",
        *(f"{key}:={value}" for key, value in pairs.items()),
    ]
    return "\n".join(lines) + "\n\n"


def _sizes(array: np.ndarray) -> tuple[int, ...]:
    """Fastest axis first: components, then i, j, k."""
    return array.shape[::-1] if array.ndim == 3 else (array.shape[3], *array.shape[2::-1])


def _vector(values: np.ndarray) -> str:
    return "(" + ",".join(repr(float(v)) for v in values) + ")"
