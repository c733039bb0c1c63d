"""The dark page that the overview is drawn on, addressed in pixels, and how it reaches the disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from UniFuseLib.errors import MissingDependencyError, OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

PAGE, TEXT, MUTED = "#0e1116", "#e8eaed", "#98a1ac"
# pixels: the page, its left margin, its right margin (colour scale)
WIDTH, LEFT, RIGHT = 2200, 46, 96
_DPI = 100
_COMPRESSION = 3  # of PNG, 0 to 9: a tenth larger than at 6, written in three quarters of the time


class Sheet:
    """A dark figure addressed in pixels from its upper left corner.

    One pair of axes holds all of it: every further one takes 20 ms, and a page has 21 pictures.
    """

    def __init__(self, height: float) -> None:
        self.width, self.height = float(WIDTH), height
        self.figure = _figure_class()(
            figsize=(self.width / _DPI, height / _DPI), dpi=_DPI, facecolor=PAGE
        )
        self.axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, self.width), ylim=(height, 0))
        self.axes.set_axis_off()

    def text(
        self, x: float, y: float, words: str, size: float = 11, colour: str = TEXT, **more: Any
    ) -> None:
        """Words at a place in pixels; `more` goes to matplotlib."""
        options: dict[str, Any] = {"va": "center", "ha": "left", **more}
        self.figure.text(
            x / self.width, 1 - y / self.height, words, fontsize=size, color=colour, **options
        )

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle below all pictures, its upper left corner at (x, y) pixels."""
        from matplotlib.patches import Rectangle

        self.axes.add_patch(Rectangle((x, y), width, height, facecolor=colour, zorder=-1))

    def panel(self, x: float, y: float, pixel: float) -> Panel:
        """An empty picture at (x, y) whose own pixels are `pixel` of the page's wide and high."""
        return Panel(self, x, y, pixel)


class Panel(NamedTuple):
    """A picture on a page, addressed in its own pixels: (0, 0) is the middle of its first one."""

    sheet: Sheet
    x: float  # of its upper left corner, pixels of the page
    y: float
    pixel: float  # side of one of its pixels, in those of the page

    def image(self, picture: np.ndarray, **style: Any) -> None:
        """Numbers `(rows, columns)` or colours, as large as they are; `style` goes to imshow."""
        rows, columns = picture.shape[:2]
        right, lower = self.x + columns * self.pixel, self.y + rows * self.pixel
        extent = (self.x, right, lower, self.y)
        self.sheet.axes.imshow(picture, extent=extent, aspect="auto", **style)

    def contour(
        self, values: np.ndarray, levels: Sequence[float] | np.ndarray, **style: Any
    ) -> None:
        """Lines where `(rows, columns)` values are one of the levels."""
        rows, columns = (np.arange(n) for n in values.shape)
        across, down = self._places(columns, rows)
        self.sheet.axes.contour(across, down, values, levels, **style)

    def line(self, columns: Sequence[float], rows: Sequence[float], **style: Any) -> None:
        """A line through places."""
        self.sheet.axes.plot(*self._places(np.array(columns), np.array(rows)), **style)

    def text(self, column: float, row: float, words: str, **style: Any) -> None:
        """Words at a place; `style` goes to matplotlib."""
        x, y = self._places(np.array(column), np.array(row))
        self.sheet.text(float(x), float(y), words, **style)

    def _places(self, columns: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(x, y) on the page."""
        return self.x + (columns + 0.5) * self.pixel, self.y + (rows + 0.5) * self.pixel


def save_atomically(figure: Figure, path: Path) -> None:
    """Write the PNG under another name in the same folder, then rename it.

    Nobody ever meets half a picture.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        figure.savefig(
            part,
            format="png",
            facecolor=figure.get_facecolor(),
            pil_kwargs={"compress_level": _COMPRESSION},
        )
        part.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"Cannot write {path}: {reason}. Check permission and free space."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _figure_class() -> type[Figure]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            "The overview picture needs matplotlib, which is not installed. Install it with: pip "
            "install matplotlib"
        ) from error
    return Figure
