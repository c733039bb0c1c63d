"""Files of points and surfaces: their places in RAS mm, and the same file again with other places.

Nothing else of a file changes: names, colours, triangles and further columns stay byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io.paths import readable_path, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Space = Literal["LPS", "RAS"]
LARGEST = 1 << 31  # bytes of one file
SUFFIXES = (".csv", ".fcsv", ".mrk.json", ".vtk", ".stl", ".ply")
_SIGNS = {"LPS": np.array([-1.0, -1.0, 1.0]), "RAS": np.ones(3)}


@dataclass(frozen=True)
class GeometryFile:
    """One file.

    Attributes:
        points: `(n, 3)` RAS mm.
        name: of point number i, as messages call it.
        space: of the coordinates in the file, stated by it or assumed.
        rebuild: (points, normals) in the file's own space → the bytes of the file with these.
        normals: `(n, 3)` RAS unit vectors of the points, or None where the file has none.
    """

    points: np.ndarray
    name: Callable[[int], str]
    space: Space
    rebuild: Callable[[np.ndarray, np.ndarray | None], bytes]
    normals: np.ndarray | None = None

    def with_points(self, points: np.ndarray, normals: np.ndarray | None = None) -> bytes:
        """The file with other places.

        Args:
            points: `(n, 3)` RAS mm.
            normals: `(n, 3)` RAS, where the file has some.
        """
        signs = _SIGNS[self.space]
        return self.rebuild(points * signs, None if normals is None else normals * signs)


def in_ras(values: np.ndarray, space: Space) -> np.ndarray:
    """`(n, 3)` of a file → RAS mm.

    Args:
        values: `(n, 3)` mm.
        space: of the file.
    """
    return np.asarray(values, dtype=np.float64).reshape(-1, 3) * _SIGNS[space]


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
    from UniFuseLib.io import points_csv, points_markups, surface_ply, surface_stl, surface_vtk

    readers = {
        ".csv": points_csv.read_csv_points,
        ".fcsv": points_csv.read_fcsv,
        ".mrk.json": points_markups.read_markups,
        ".vtk": surface_vtk.read_vtk,
        ".stl": surface_stl.read_stl,
        ".ply": surface_ply.read_ply,
    }
    path = readable_path(path)
    suffix = next((s for s in SUFFIXES if path.name.lower().endswith(s)), None)
    if suffix is None or path.is_dir():
        raise InputError(
            f"{shown(path)} is not a file of points or of a surface; expected a name that ends in "
            f"{', '.join(SUFFIXES)}."
        )
    found = readers[suffix](path, _content(path), space)
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


def stated_space(text: str, otherwise: Space) -> Space:
    """`SPACE=LPS` or `SPACE=RAS` of a model's header, as 3D Slicer writes it.

    Args:
        text: header or comment.
        otherwise: where it states none.
    """
    upper = text.upper()
    if "SPACE=RAS" in upper:
        return "RAS"
    return "LPS" if "SPACE=LPS" in upper else otherwise


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{shown(path)} is larger than 2 GiB; expected points or a surface.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"Cannot read {shown(path)}: {error.strerror}. Check that the file is readable."
        ) from error
