"""Surfaces in PLY, binary of either byte order or ASCII.

Source: http://paulbourke.net/dataformats/ply/. The vertices are replaced where they stand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.geometry import GeometryFile, in_ras, stated_space
from UniFuseLib.io.paths import shown

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.geometry import Space

_END = re.compile(rb"\nend_header[ \t\r]*\n")
_FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip


class _Vertices(NamedTuple):
    """What the header says of them."""

    order: str  # `<`, `>`, or empty for ASCII
    number: int
    properties: list[tuple[str, str]]  # (name, NumPy type without order)


def read_ply(path: Path, content: bytes, space: Space) -> GeometryFile:
    """The vertices of a surface, and their normals where there are some.

    Args:
        path: for the sentences.
        content: of the file.
        space: where no comment states it.

    Raises:
        InputError: damaged, or its vertices do not come first.
    """
    end = _END.search(content)
    if not content.startswith(b"ply") or end is None:
        raise InputError(f"{shown(path)} is not a PLY file, or its header is cut off.")
    header = content[: end.end()].decode("latin-1")
    vertices = _vertices(path, header)
    table, stop = _table(path, content, end.end(), vertices)
    names = {name for name, _ in vertices.properties}
    has_normals = {"nx", "ny", "nz"} <= names

    def rebuild(points: np.ndarray, normals: np.ndarray | None) -> bytes:
        new = table.copy()
        for k, axis in enumerate("xyz"):
            new[axis] = points[:, k]
            if normals is not None:
                new[f"n{axis}"] = normals[:, k]
        return content[: end.end()] + _written(new, vertices) + content[stop:]

    space = stated_space(header, space)
    normals = in_ras(_three(table, "n"), space) if has_normals else None
    points = in_ras(_three(table, ""), space)
    return GeometryFile(points, lambda i: f"vertex {i}", space, rebuild, normals)


def _three(table: np.ndarray, prefix: str) -> np.ndarray:
    return np.stack([table[f"{prefix}{axis}"] for axis in "xyz"], axis=1).astype(np.float64)


def _vertices(path: Path, header: str) -> _Vertices:
    lines = [line.split() for line in header.splitlines()]
    kinds = [words[1] for words in lines if words[:1] == ["format"] and len(words) > 1]
    elements = [i for i, words in enumerate(lines) if words[:1] == ["element"]]
    if len(kinds) != 1 or kinds[0] not in _FORMATS or not elements:
        raise InputError(f"{shown(path)}: its PLY header is damaged. Export it again.")
    first = lines[elements[0]]
    stop = elements[1] if len(elements) > 1 else len(lines)
    declared = [words for words in lines[elements[0] : stop] if words[:1] == ["property"]]
    plain = [(words[2], _TYPES.get(words[1], "")) for words in declared if len(words) == 3]
    known = len(plain) == len(declared) and all(kind for _, kind in plain)
    whole = first[1:2] == ["vertex"] and len(first) == 3 and first[2].isdecimal()
    if not whole or not known or not set("xyz") <= {name for name, _ in plain}:
        raise InputError(
            f"{shown(path)}: expected vertices with x, y, z as the first element, found "
            f"'{' '.join(first)}'. Export it again."
        )
    return _Vertices(_FORMATS[kinds[0]], int(first[2]), plain)


def _table(path: Path, content: bytes, start: int, vertices: _Vertices) -> tuple[np.ndarray, int]:
    """One record a vertex, and where the next element begins."""
    order = vertices.order or "<"
    dtype = np.dtype([(name, order + kind) for name, kind in vertices.properties])
    if vertices.order:
        stop = start + vertices.number * dtype.itemsize
        if stop > len(content):
            raise _cut_off(path, vertices)
        return np.frombuffer(content[start:stop], dtype), stop
    stop = start
    for _ in range(vertices.number):
        stop = content.find(b"\n", stop) + 1
        if not stop:
            raise _cut_off(path, vertices)
    try:
        rows = [tuple(float(v) for v in row.split()) for row in content[start:stop].splitlines()]
        wide = np.dtype([(name, "<f8") for name, _ in vertices.properties])
        return np.array(rows, dtype=wide), stop
    except ValueError as error:
        raise InputError(f"{shown(path)}: a vertex is damaged ({error}).") from error


def _written(table: np.ndarray, vertices: _Vertices) -> bytes:
    if vertices.order:
        return table.tobytes()
    return "".join(" ".join(f"{v:.9g}" for v in row) + "\n" for row in table.tolist()).encode()


def _cut_off(path: Path, vertices: _Vertices) -> InputError:
    return InputError(
        f"{shown(path)} is cut off: it announces {vertices.number} vertices. Export it again."
    )
