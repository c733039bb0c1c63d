"""Points in tables: CSV with columns x, y, z, and `.fcsv` of 3D Slicer before version 5.

Source of the latter: vtkMRMLMarkupsFiducialStorageNode.cxx of 3D Slicer.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.geometry import GeometryFile, in_ras
from UniFuseLib.io.paths import shown

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.geometry import Space

_FCSV_SPACES: dict[str, Space] = {"0": "RAS", "RAS": "RAS", "1": "LPS", "LPS": "LPS"}
_SPACE_LINE = re.compile(r"#\s*CoordinateSystem\s*=\s*(\S+)")


def read_csv_points(path: Path, content: bytes, space: Space) -> GeometryFile:
    """A table with a header that has the columns x, y and z; other columns stay.

    Args:
        path: for the sentences.
        content: of the file.
        space: of the coordinates.

    Raises:
        InputError: the columns are missing, or a value is not a number.
    """
    text = _text(path, content)
    delimiter = _delimiter(text)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if any(names.count(axis) != 1 for axis in "xyz"):
        raise InputError(
            f"{shown(path)}: expected a first line that names the columns x, y and z, found "
            f"{', '.join(names) or 'none'}. Add it, and give the coordinates in mm."
        )
    columns = [names.index(axis) for axis in "xyz"]
    values = [_numbers(path, row, columns, f"line {i + 2}") for i, row in enumerate(rows[1:])]

    def rebuild(points: np.ndarray, _normals: np.ndarray | None) -> bytes:
        target = io.StringIO()
        writer = csv.writer(target, delimiter=delimiter, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows(_replaced(r, columns, p) for r, p in zip(rows[1:], points, strict=True))
        return target.getvalue().encode("utf-8")

    points = in_ras(np.array(values), space)
    return GeometryFile(points, lambda i: f"line {i + 2}", space, rebuild)


def read_fcsv(path: Path, content: bytes, _space: Space) -> GeometryFile:
    """A point list of 3D Slicer 4; it states its coordinate system, and RAS where it does not.

    Args:
        path: for the sentences.
        content: of the file.

    Raises:
        InputError: voxel indices (IJK), or a value that is not a number.
    """
    lines = _text(path, content).splitlines()
    stated = [found[1].upper() for line in lines if (found := _SPACE_LINE.match(line))]
    name = stated[0] if stated else "RAS"
    if name not in _FCSV_SPACES:
        raise InputError(
            f"{shown(path)} gives its points in {'voxels (IJK)' if name in '2IJK' else name}; "
            "expected LPS or RAS mm. Save it again from 3D Slicer."
        )
    at = [i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")]
    cells = [lines[i].split(",", 4) for i in at]  # x, y, z come before any quoted text
    values = [
        _numbers(path, row, [1, 2, 3], f"line {i + 1}") for i, row in zip(at, cells, strict=True)
    ]

    def rebuild(points: np.ndarray, _normals: np.ndarray | None) -> bytes:
        out = list(lines)
        for i, row, point in zip(at, cells, points, strict=True):
            out[i] = ",".join(_replaced(row, [1, 2, 3], point))
        return ("\n".join(out) + "\n").encode("utf-8")

    space = _FCSV_SPACES[name]
    labels = [_label(lines[i]) for i in at]
    return GeometryFile(in_ras(np.array(values), space), labels.__getitem__, space, rebuild)


def _text(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{shown(path)} is not UTF-8 text ({error}). Save it as CSV.") from error


def _delimiter(text: str) -> str:
    """The one that separates most names of the first line."""
    first = text.lstrip("\n\r").partition("\n")[0]
    return max(",;\t", key=first.count)


def _label(line: str) -> str:
    """`label` (the twelfth column) or the id of a point."""
    row = next(csv.reader([line]))
    return f"point {row[11] if len(row) > 11 and row[11] else row[0]}"


def _numbers(path: Path, row: list[str], columns: list[int], name: str) -> list[float]:
    try:
        return [float(row[column]) for column in columns]
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{shown(path)}, {name}: expected three numbers for x, y and z, found "
            f"'{', '.join(row)[:80]}'. Correct the line."
        ) from error


def _replaced(row: list[str], columns: list[int], point: np.ndarray) -> list[str]:
    out = list(row)
    for column, value in zip(columns, point, strict=True):
        out[column] = f"{value:.6f}"
    return out
