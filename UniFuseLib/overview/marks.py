"""What is written over a panel: the patient's sides, where the plane lies, a scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.overview.colours import over, rgb
from UniFuseLib.overview.panels import CYAN

if TYPE_CHECKING:
    from UniFuseLib.overview.planes import Plane
    from UniFuseLib.overview.sheet import Sheet

Corner = tuple[float, float]  # upper left, pixels of the page
_WORDS = "#f2f4f7"
# letters of the patient's sides: x, y as parts of the panel, and the anchor
_LETTER_PLACES = ((0.02, 0.5, "lm"), (0.98, 0.5, "rm"), (0.5, 0.98, "mb"), (0.5, 0.02, "mt"))
_DASH = 4  # pixels, and as many between two


def draw_sides(sheet: Sheet, corner: Corner, plane: Plane) -> None:
    """The letters of the patient's sides; `_LETTER_PLACES` counts from below.

    Args:
        sheet: the page.
        corner: of the panel.
        plane: that it shows.
    """
    rows, columns = plane.shape
    for letter, (x, y, anchor) in zip(plane.letters, _LETTER_PLACES, strict=True):
        place = corner[0] + x * columns, corner[1] + (1 - y) * rows
        side = anchor.replace("b", "a") if y > 0.5 else anchor.replace("t", "d")
        sheet.text(*place, letter, 9.5, colour=_WORDS, anchor=side, outlined=True)


def draw_place(sheet: Sheet, corner: Corner, plane: Plane, planes: list[Plane]) -> None:
    """Where the other two planes cut this one, where this one lies, and a scale bar.

    Args:
        sheet: the page.
        corner: of the panel.
        plane: that it shows.
        planes: axial, coronal, sagittal.
    """
    crossing = _crossing(planes)
    row, column = (round(place) for place in plane.pixel_of(crossing))
    _dashed(sheet, corner, plane, row=row, column=column)
    rows, columns = plane.shape
    x, y = corner[0] + 0.02 * columns, corner[1] + 0.02 * rows
    words = _position(plane, crossing)
    sheet.text(x, y, words, 8.5, colour=_WORDS, anchor="la", outlined=True)
    _scale_bar(sheet, corner, plane)


def _dashed(sheet: Sheet, corner: Corner, plane: Plane, *, row: int, column: int) -> None:
    """Lines along a row and a column of the panel."""
    left, top = (round(place) for place in corner)
    rows, columns = plane.shape
    panel = sheet.pixels[top : top + rows, left : left + columns]
    lines = np.zeros(plane.shape)
    if 0 <= row < rows:
        lines[row] = np.arange(columns) // _DASH % 2 == 0
    if 0 <= column < columns:
        lines[:, column] = np.arange(rows) // _DASH % 2 == 0
    panel[...] = over(panel, rgb(CYAN), 0.5 * lines)


def _position(plane: Plane, crossing: np.ndarray) -> str:
    """Where the plane lies along its normal, for example `S 12.5 mm`."""
    normal = int(np.argmax(1 - np.abs(plane.right) - np.abs(plane.down)))
    position = float(crossing[normal])
    side = ("RL", "AP", "SI")[normal][position < 0]
    return f"{side} {abs(position):.1f} mm"


def _scale_bar(sheet: Sheet, corner: Corner, plane: Plane) -> None:
    shortest_mm = min(plane.shape) * plane.pixel_mm
    length_mm = next((bar for side, bar in ((130, 50), (50, 20)) if shortest_mm > side), 5)
    pixels = length_mm / plane.pixel_mm
    rows, columns = plane.shape
    left = corner[0] + 0.975 * columns - pixels
    bottom = corner[1] + 0.955 * rows
    sheet.fill(left, bottom - 1, pixels, 3, "#ffffff")
    middle, above = left + pixels / 2, bottom - 0.012 * rows - 1
    style = {"colour": _WORDS, "anchor": "md", "outlined": True}
    sheet.text(middle, above, f"{length_mm} mm", 8.5, **style)


def _crossing(planes: list[Plane]) -> np.ndarray:
    """`(3,)` RAS mm of the point that the three planes share."""
    axial, coronal, sagittal = planes
    return np.array([sagittal.origin[0], coronal.origin[1], axial.origin[2]])
