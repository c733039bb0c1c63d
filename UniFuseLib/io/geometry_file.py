"""Files of points and surfaces: their places in RAS mm, and the same file again with other places.

Nothing else of a file changes: names, colours, triangles and further columns stay byte for byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io.paths import readable_path, shown
from UniFuseLib.io.points_csv import read_csv_points, read_fcsv
from UniFuseLib.io.points_markups import read_markups
from UniFuseLib.io.surface_ply import read_ply
from UniFuseLib.io.surface_stl import read_stl
from UniFuseLib.io.surface_vtk import read_vtk

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.geometry import GeometryFile, Space

LARGEST = 1 << 31  # bytes of one file
_READERS = {
    ".csv": read_csv_points,
    ".fcsv": read_fcsv,
    ".mrk.json": read_markups,
    ".vtk": read_vtk,
    ".stl": read_stl,
    ".ply": read_ply,
}
SUFFIXES = tuple(_READERS)


def is_geometry(path: Path) -> bool:
    """By its name: points or a surface, not an image."""
    return path.name.lower().endswith(SUFFIXES)


def read_geometry(path: Path | str, space: Space = "LPS") -> GeometryFile:
    """Points (CSV, .fcsv, .mrk.json) or a surface (VTK legacy PolyData, STL, PLY).

    Args:
        path: of the file.
        space: of coordinates whose file does not state it: CSV, and models without `SPACE=`.

    Raises:
        InputError: missing, damaged, of another kind, or without points.
    """
    path = readable_path(path)
    suffix = next((s for s in SUFFIXES if path.name.lower().endswith(s)), None)
    if suffix is None or path.is_dir():
        raise InputError(
            f"{shown(path)} is not a file of points or of a surface; expected a name that ends in "
            f"{', '.join(SUFFIXES)}."
        )
    found = _READERS[suffix](path, _content(path), space)
    if not len(found.points):
        raise InputError(f"{shown(path)} holds no points. Check the file.")
    if not np.isfinite(found.points).all():
        first = int(np.argmin(np.isfinite(found.points).all(axis=1)))
        raise InputError(f"{shown(path)}: {found.name(first)} has no finite coordinates.")
    return found


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file; the caller's folder is published as a whole.

    Args:
        content: of the file.
        path: of the file.

    Raises:
        OutputError: the disk refuses.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OutputError(
            f"Cannot write {shown(path)}: {error.strerror}. Check permission and free space."
        ) from error


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{shown(path)} is larger than 2 GiB; expected points or a surface.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"Cannot read {shown(path)}: {error.strerror}. Check that the file is readable."
        ) from error
