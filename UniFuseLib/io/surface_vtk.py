"""Surfaces in VTK's legacy format (`DATASET POLYDATA`), binary or ASCII, versions 1 to 5.

Source: https://docs.vtk.org/en/latest/vtk_file_formats/vtk_legacy_file_format.html. Points, and
normals of points, are replaced where they stand; what lies before, between and behind them stays.
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

_HEAD = re.compile(rb"# vtk DataFile Version [\d.]+[^\n]*\n([^\n]*)\n\s*(ASCII|BINARY)\s*\n")
_POINTS = re.compile(rb"\nPOINTS[ \t]+(\d+)[ \t]+(\w+)[ \t\r]*\n")
_NORMALS = re.compile(rb"\nNORMALS[ \t]+\S+[ \t]+(\w+)[ \t\r]*\n")
_ATTRIBUTES = re.compile(rb"\n(POINT_DATA|CELL_DATA)[ \t]+\d+[ \t\r]*\n")
_TYPES = {b"float": ">f4", b"double": ">f8"}
_WORDS = re.compile(rb"\S+")


class _Section(NamedTuple):
    """Numbers of the file."""

    start: int
    end: int
    values: np.ndarray  # (n, 3)
    dtype: np.dtype


def read_vtk(path: Path, content: bytes, space: Space) -> GeometryFile:
    """The points of a surface, and their normals where there are some.

    Args:
        path: for the sentences.
        content: of the file.
        space: where the title does not state it.

    Raises:
        InputError: another data set than a surface, damaged, or with normals of its polygons.
    """
    head = _HEAD.match(content)
    if head is None:
        raise InputError(
            f"{shown(path)} is not a legacy VTK file. Save the surface as .vtk, .stl or .ply."
        )
    dataset = re.compile(rb"\s*DATASET[ \t]+(\w+)").match(content, head.end())
    if dataset is None or dataset[1] != b"POLYDATA":
        kind = dataset[1].decode() if dataset else "nothing"
        raise InputError(
            f"{shown(path)} holds {kind}; expected POLYDATA (a surface). Extract the surface first."
        )
    binary = head[2] == b"BINARY"
    sections = [_points(path, content, dataset.end(), binary)]
    sections += _normals(path, content, sections[0], binary)
    space = stated_space(head[1].decode("latin-1"), space)

    def rebuild(points: np.ndarray, normals: np.ndarray | None) -> bytes:
        new = content
        values = [points] if normals is None else [points, normals]
        for section, now in reversed(list(zip(sections, values, strict=True))):
            new = new[: section.start] + _written(now, section, binary) + new[section.end :]
        return new

    normals = in_ras(sections[1].values, space) if len(sections) > 1 else None
    points = in_ras(sections[0].values, space)
    return GeometryFile(points, lambda i: f"point {i}", space, rebuild, normals)


def _points(path: Path, content: bytes, start: int, binary: bool) -> _Section:
    found = _POINTS.search(content, start)
    if found is None:
        raise InputError(f"{shown(path)} has no POINTS. Export it again.")
    return _section(path, content, found.end(), int(found[1]), found[2], binary)


def _normals(path: Path, content: bytes, points: _Section, binary: bool) -> list[_Section]:
    found = _NORMALS.search(content, points.end)
    if found is None:
        return []
    of = [a[1] for a in _ATTRIBUTES.finditer(content, points.end) if a.start() < found.start()]
    if of[-1:] != [b"POINT_DATA"]:
        raise InputError(
            f"{shown(path)} holds normals of its polygons, which would no longer fit. Remove them "
            "and try again."
        )
    return [_section(path, content, found.end(), len(points.values), found[1], binary)]


def _section(
    path: Path, content: bytes, start: int, count: int, kind: bytes, binary: bool
) -> _Section:
    if kind not in _TYPES:
        raise InputError(
            f"{shown(path)} stores coordinates as {kind.decode()}; expected float or double."
        )
    dtype = np.dtype(_TYPES[kind])
    if binary:
        end = start + 3 * count * dtype.itemsize
        if end > len(content):
            raise _cut_off(path, count)
        values = np.frombuffer(content[start:end], dtype)
    else:
        values, end = _ascii(path, content, start, count)
    return _Section(start, end, values.reshape(-1, 3), dtype)


def _ascii(path: Path, content: bytes, start: int, count: int) -> tuple[np.ndarray, int]:
    words: list[bytes] = []
    end = start
    for word in _WORDS.finditer(content, start):
        if len(words) == 3 * count:
            break
        words.append(word[0])
        end = word.end()
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError as error:
        raise InputError(
            f"{shown(path)}: a coordinate is not a number. Export it again."
        ) from error
    if len(values) < 3 * count:
        raise _cut_off(path, count)
    return values, end


def _written(values: np.ndarray, section: _Section, binary: bool) -> bytes:
    if binary:
        return values.astype(section.dtype).tobytes()
    return "\n".join(" ".join(f"{v:.9g}" for v in row) for row in values).encode()


def _cut_off(path: Path, count: int) -> InputError:
    return InputError(f"{shown(path)} is cut off: it announces {count} points. Export it again.")
