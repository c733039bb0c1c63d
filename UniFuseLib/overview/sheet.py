"""The dark page that the overview is drawn on, addressed in pixels, and how it reaches the disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from UniFuseLib.errors import MissingDependencyError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE, TEXT, MUTED = "#0e1116", "#e8eaed", "#98a1ac"
# pixels: the page, its left margin, its right margin (colour scale)
WIDTH, LEFT, RIGHT = 2200, 46, 96
_DPI = 100
_COMPRESSION = 3  # of PNG, 0 to 9: a tenth larger than at 6, written in three quarters of the time


class Sheet:
    """A dark figure addressed in pixels from its upper left corner."""

    def __init__(self, height: float) -> None:
        self.width, self.height = float(WIDTH), height
        self.figure = _figure_class()(
            figsize=(self.width / _DPI, height / _DPI), dpi=_DPI, facecolor=PAGE
        )

    def text(
        self, x: float, y: float, words: str, size: float = 11, colour: str = TEXT, **more: Any
    ) -> None:
        """Words at a place in pixels; `more` goes to matplotlib."""
        options: dict[str, Any] = {"va": "center", "ha": "left", **more}
        self.figure.text(
            x / self.width, 1 - y / self.height, words, fontsize=size, color=colour, **options
        )

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """An empty picture, its upper left corner at (x, y) pixels."""
        w, h = width / self.width, height / self.height
        axes = self.figure.add_axes((x / self.width, 1 - y / self.height - h, w, h))
        axes.set_xticks([])
        axes.set_yticks([])
        return axes


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
