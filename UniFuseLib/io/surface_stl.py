"""Surfaces in STL, binary or ASCII; normals of facets follow from their triangles.

Source: https://www.loc.gov/preservation/digital/formats/fdd/fdd000504.shtml.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.geometry import GeometryFile, in_ras, stated_space
from UniFuseLib.io.paths import shown

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.geometry import Space

_HEADER = 84  # bytes: a text and the number of facets
_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_NUMBER = r"\s+([-+.\deE]+|[-+]?nan|[-+]?inf)"
_VERTEX = re.compile(rf"vertex{_NUMBER * 3}", re.IGNORECASE)
_NORMAL = re.compile(rf"facet\s+normal{_NUMBER * 3}", re.IGNORECASE)


def read_stl(path: Path, content: bytes, space: Space) -> GeometryFile:
    """The corners of all facets, three of each.

    Args:
        path: for the sentences.
        content: of the file.
        space: where the header does not state it.

    Raises:
        InputError: damaged.
    """
    count = int.from_bytes(content[80:_HEADER], "little")
    if len(content) == _HEADER + count * _FACET.itemsize:
        return _binary(content, space)
    if content[:5].lower() == b"solid":
        return _ascii(path, content, space)
    raise InputError(
        f"{shown(path)} is not an STL file, or it is cut off: {len(content)} bytes, and {count} "
        f"facets take {_HEADER + count * _FACET.itemsize}. Export it again."
    )


def _binary(content: bytes, space: Space) -> GeometryFile:
    space = stated_space(content[:80].decode("latin-1"), space)
    facets = np.frombuffer(content, _FACET, offset=_HEADER)

    def rebuild(points: np.ndarray, _normals: np.ndarray | None) -> bytes:
        new = facets.copy()
        new["corners"] = points.reshape(-1, 3, 3)
        new["normal"] = facet_normals(points)
        return content[:_HEADER] + new.tobytes()

    return GeometryFile(in_ras(facets["corners"], space), _vertex_name, space, rebuild)


def _ascii(path: Path, content: bytes, space: Space) -> GeometryFile:
    text = content.decode("latin-1")
    space = stated_space(text.partition("\n")[0], space)
    corners = [[float(v) for v in found.groups()] for found in _VERTEX.finditer(text)]
    if len(corners) % 3 or len(corners) != 3 * len(_NORMAL.findall(text)):
        raise InputError(
            f"{shown(path)} is damaged: {len(corners)} corners for "
            f"{len(_NORMAL.findall(text))} facets. Export it again."
        )
    if "endsolid" not in text.lower():
        raise InputError(f"{shown(path)} is cut off: it has no 'endsolid'. Export it again.")

    def rebuild(points: np.ndarray, _normals: np.ndarray | None) -> bytes:
        places = iter(points)
        normals = iter(facet_normals(points))
        new = _VERTEX.sub(lambda _: f"vertex {_three(next(places))}", text)
        new = _NORMAL.sub(lambda _: f"facet normal {_three(next(normals))}", new)
        return new.encode("latin-1")

    return GeometryFile(in_ras(np.array(corners), space), _vertex_name, space, rebuild)


def facet_normals(corners: np.ndarray) -> np.ndarray:
    """(b - a) × (c - a) of each triangle, unit length; 0 of one without area.

    Args:
        corners: `(3 n, 3)` mm.
    """
    a, b, c = corners.reshape(-1, 3, 3).transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return np.divide(normal, length, out=np.zeros_like(normal), where=length > 0)


def _three(values: np.ndarray) -> str:
    return " ".join(f"{v:.7g}" for v in values)


def _vertex_name(i: int) -> str:
    return f"corner {i % 3 + 1} of facet {i // 3 + 1}"
