"""Lists of points in files: 3D Slicer's markups (`.mrk.json`, `.fcsv`) and CSV."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import readable_path, shown

if TYPE_CHECKING:
    from pathlib import Path

PointsSpace = Literal["LPS", "RAS"]
_TO_RAS = {"LPS": np.array([-1.0, -1.0, 1.0]), "RAS": np.ones(3)}
_NUMBERED = {"0": "RAS", "1": "LPS"}  # as early versions of .fcsv write it
_PLACED = "defined"


def read_landmarks(path: Path | str, space: PointsSpace = "LPS") -> np.ndarray:
    """Points in their order, `(n, 3)` RAS mm.

    Args:
        path: `.mrk.json`, `.fcsv`, or a CSV file with the columns x, y and z in mm.
        space: of a CSV file, which does not say it; the others do.

    Raises:
        InputError: missing, of another kind, without points, or with one that has no place.
    """
    path = readable_path(path)
    text = _text(path)
    name = path.name.lower()
    if name.endswith(".json"):
        points = _from_markups(path, text)
    elif name.endswith(".fcsv"):
        points = _from_fcsv(path, text)
    elif name.endswith((".csv", ".txt")):
        points = _from_csv(path, text, space)
    else:
        raise InputError(
            f"{shown(path)}: expected landmarks as .mrk.json, .fcsv or .csv. Save the point list "
            "of 3D Slicer as .mrk.json."
        )
    if not len(points):
        raise InputError(f"{shown(path)} holds no point. Place landmarks, and save them again.")
    if not np.isfinite(points).all():
        raise InputError(f"{shown(path)} holds coordinates that are no numbers. Correct them.")
    return points


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read {shown(path)}: {error}. Expected text in UTF-8.") from error


def _from_markups(path: Path, text: str) -> np.ndarray:
    """The first list of points of a file of 3D Slicer."""
    try:
        markups = json.loads(text)["markups"]
        first = markups[0]
        points = first["controlPoints"]
        places = [_placed(path, point) for point in points]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(
            f"{shown(path)} is no list of points of 3D Slicer (no markups with controlPoints). "
            "Save the point list again as .mrk.json."
        ) from error
    if len(markups) > 1:
        raise InputError(f"{shown(path)} holds {len(markups)} lists of points; expected one.")
    return _points(path, places, str(first.get("coordinateSystem", "LPS")))


def _placed(path: Path, point: dict[str, Any]) -> list[Any]:
    """The position of a point, which a list may also hold without one."""
    if point.get("positionStatus", _PLACED) != _PLACED:
        raise InputError(
            f"{shown(path)}: the point {point.get('label', '')!r} has not been placed. Place it, "
            "or remove it from both lists."
        )
    position: list[Any] = point["position"]
    return position


def _from_fcsv(path: Path, text: str) -> np.ndarray:
    """Lines `id,x,y,z,…` below comments that name the coordinate system."""
    space = "RAS"  # of files that do not say it
    rows = []
    for line in text.splitlines():
        if line.startswith("#"):
            key, _, value = line.lstrip("# ").partition("=")
            space = value.strip() if key.strip() == "CoordinateSystem" else space
        elif line.strip():
            rows.append(line.split(",")[1:4])
    return _points(path, rows, _NUMBERED.get(space, space))


def _from_csv(path: Path, text: str, space: str) -> np.ndarray:
    """The columns x, y and z."""
    reader = csv.DictReader(text.splitlines())
    columns = {name.strip().lower(): name for name in reader.fieldnames or []}
    missing = [name for name in "xyz" if name not in columns]
    if missing:
        raise InputError(
            f"{shown(path)} has no column {' and no column '.join(missing)}. Expected a first line "
            "x,y,z and one point on each line, in mm."
        )
    rows = [[row[columns[axis]] for axis in "xyz"] for row in reader]
    return _points(path, rows, space)


def _points(path: Path, rows: list[Any], space: str) -> np.ndarray:
    """`(n, 3)` RAS mm."""
    if space not in _TO_RAS:
        raise InputError(
            f"{shown(path)} has the coordinate system {space!r}; expected LPS or RAS. Save it again"
            " in one of these."
        )
    try:
        points = np.array([[float(value) for value in row] for row in rows]).reshape(-1, 3)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{shown(path)}: expected three numbers for every point ({error}). Correct the file."
        ) from error
    return points * _TO_RAS[space]
