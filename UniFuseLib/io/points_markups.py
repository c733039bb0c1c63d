"""Points, lines, angles and curves of 3D Slicer 5 (`.mrk.json`).

Source: the schema markups-schema-v1.0.3.json of 3D Slicer (Modules/Loadable/Markups/Resources).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.geometry import GeometryFile, in_ras
from UniFuseLib.io.paths import shown

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.geometry import Space

# all that they are is in their control points
_MOVABLE = ("Fiducial", "Line", "Angle", "Curve", "ClosedCurve")
_SPACES = ("LPS", "RAS")
_MILLIMETRES = ("mm", ["[mm]", "mm", "millimeter"], ["mm", "UCUM", "millimeter"])


def read_markups(path: Path, content: bytes, _space: Space) -> GeometryFile:
    """All control points of all markups of a file; each markup keeps its own coordinate system.

    Args:
        path: for the sentences.
        content: of the file.

    Raises:
        InputError: no markups, planes or regions of interest, or another unit than mm.
    """
    found = _parsed(path, content)
    points: list[np.ndarray] = []
    names: list[str] = []
    spaces: list[Space] = []
    for markup in found["markups"]:
        space = _space_of(path, markup)
        for point in _control_points(path, markup):
            points.append(in_ras(np.array(point["position"]), space)[0])
            names.append(f"point {point.get('label') or point.get('id') or len(names) + 1}")
            spaces.append(space)

    def rebuild(moved: np.ndarray, _normals: np.ndarray | None) -> bytes:
        new = json.loads(json.dumps(found))
        rows = iter(range(len(moved)))
        for markup in new["markups"]:
            for point in _control_points(path, markup):
                row = next(rows)
                place = in_ras(moved[row], spaces[row])[0]  # its own inverse
                point["position"] = [round(float(v), 6) for v in place]
            for measurement in markup.get("measurements", []):
                measurement.pop("value", None)  # 3D Slicer computes it again
        return (json.dumps(new, indent=4, ensure_ascii=False) + "\n").encode("utf-8")

    return GeometryFile(np.array(points).reshape(-1, 3), names.__getitem__, "RAS", rebuild)


def _parsed(path: Path, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{shown(path)} is not JSON in UTF-8 ({error}). Save it again.") from error
    markups = found.get("markups") if isinstance(found, dict) else None
    if not isinstance(markups, list) or not all(isinstance(one, dict) for one in markups):
        raise InputError(
            f"{shown(path)} holds no markups of 3D Slicer; expected an object with the list "
            "'markups'."
        )
    return found


def _space_of(path: Path, markup: dict[str, Any]) -> Space:
    kind, space = markup.get("type"), markup.get("coordinateSystem", "LPS")
    if kind not in _MOVABLE:
        raise InputError(
            f"{shown(path)} holds a markup of type {kind}, whose shape no deformation keeps. Only "
            f"{', '.join(_MOVABLE)} can be moved; convert it to a model or to points."
        )
    if space not in _SPACES:
        raise InputError(f"{shown(path)} gives points in {space}; expected LPS or RAS mm.")
    if markup.get("coordinateUnits", "mm") not in _MILLIMETRES:
        raise InputError(f"{shown(path)} gives points in {markup['coordinateUnits']}; expected mm.")
    return space


def _control_points(path: Path, markup: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that have been placed."""
    points = markup.get("controlPoints", [])
    if not isinstance(points, list) or not all(isinstance(one, dict) for one in points):
        raise InputError(f"{shown(path)}: 'controlPoints' is not a list of objects. Save it again.")
    placed = [one for one in points if one.get("positionStatus", "defined") == "defined"]
    for point in placed:
        position = point.get("position")
        numbers = isinstance(position, list) and len(position) == 3
        if not numbers or not all(type(v) in (int, float) for v in position):
            raise InputError(
                f"{shown(path)}: 'position' is {position}; expected three numbers. Save it again."
            )
    return placed
