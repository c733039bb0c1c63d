"""Lists of landmarks in files: 3D Slicer's markups (`.mrk.json`, `.fcsv`) and CSV."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import readable_path, shown
from UniFuseLib.io.points_csv import read_csv_points, read_fcsv
from UniFuseLib.io.points_markups import read_markups

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.geometry import Space

_READERS = {".json": read_markups, ".fcsv": read_fcsv, ".csv": read_csv_points}


def read_landmarks(path: Path | str, space: Space = "LPS") -> np.ndarray:
    """Points in their order, `(n, 3)` RAS mm.

    Args:
        path: `.mrk.json`, `.fcsv`, or a CSV file with the columns x, y and z in mm.
        space: of a CSV file, which does not say it; the others do.

    Raises:
        InputError: missing, of another kind, without points, or with one that has no place.
    """
    path = readable_path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None or path.is_dir():
        raise InputError(
            f"{shown(path)}: expected landmarks as .mrk.json, .fcsv or .csv. Save the point list "
            "of 3D Slicer as .mrk.json."
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {shown(path)}: {error.strerror}.") from error
    points = reader(path, content, space).points
    if reader is read_markups:
        _check_order(path, content)
    if not points.size:
        raise InputError(f"{shown(path)} holds no point. Place landmarks, and save them again.")
    if not np.isfinite(points).all():
        raise InputError(f"{shown(path)} holds coordinates that are not numbers. Correct them.")
    return points


def _check_order(path: Path, content: bytes) -> None:
    """A point that was left out would pair all that follow with the wrong ones."""
    markups = json.loads(content.decode("utf-8-sig"))["markups"]
    if len(markups) > 1:
        raise InputError(
            f"{shown(path)} holds {len(markups)} lists of points; expected one. Save each in a "
            "file of its own."
        )
    for point in (point for markup in markups for point in markup.get("controlPoints", [])):
        if point.get("positionStatus", "defined") != "defined":
            raise InputError(
                f"{shown(path)}: the point {point.get('label', '')!r} has not been placed. Place "
                "it, or remove it from both lists."
            )
