"""The dark page that the overview is drawn on, addressed in pixels, and how it reaches the disk.

Pillow draws the words with the font that matplotlib brings along; matplotlib itself is not
imported: that alone would take longer than the page.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.errors import MissingDependencyError, OutputError
from UniFuseLib.overview.colours import rgb

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

PAGE, TEXT, MUTED = "#0e1116", "#e8eaed", "#98a1ac"
# pixels: the page, its left margin, its right margin (colour scale)
WIDTH, LEFT, RIGHT = 2200, 46, 96
_PIXELS_PER_POINT = 100 / 72
_COMPRESSION = 3  # of PNG, 0 to 9: a tenth larger than at 6, written in three quarters of the time
_FONTS = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}


@dataclass(frozen=True)
class Words:
    """Words at a place in pixels from the upper left corner.

    Attributes:
        x, y: of the anchor.
        words: what is written.
        size: points.
        colour: `#rrggbb`.
        anchor: which part of the words lies at the place: left, middle, right; then top, middle,
            bottom (`lm`, as Pillow names them).
        bold: weight.
        outlined: readable on black, grey and white ground.
        turned: degrees against the clock, about the middle; the anchor is the middle then.
        opacity: 0 to 1.
    """

    x: float
    y: float
    words: str
    size: float = 11
    colour: str = TEXT
    anchor: str = "lm"
    bold: bool = False
    outlined: bool = False
    turned: float = 0.0
    opacity: float = 1.0


class Sheet:
    """A dark page; words lie above all pictures.

    Attributes:
        pixels: `(rows, columns, 3)` float32, 0..1, without the words.
        words: in the order in which they are written.

    Raises:
        MissingDependencyError: matplotlib, or Pillow that comes with it, is not installed.
    """

    def __init__(self, height: float) -> None:
        self._fonts = _font_folder()
        self.width, self.height = WIDTH, round(height)
        self.pixels = np.broadcast_to(rgb(PAGE), (self.height, self.width, 3)).copy()
        self.words: list[Words] = []

    def text(self, x: float, y: float, words: str, size: float = 11, **style: Any) -> None:
        """Words at a place in pixels; see `Words`."""
        self.words.append(Words(x, y, words, size, **style))

    def picture(self, x: float, y: float, picture: np.ndarray) -> None:
        """A picture `(rows, columns, 3)`, 0..1, its upper left corner at (x, y) pixels."""
        row, column = round(y), round(x)
        rows, columns = picture.shape[:2]
        self.pixels[row : row + rows, column : column + columns] = picture

    def fill(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A rectangle, its upper left corner at (x, y) pixels."""
        top, left = round(y), round(x)
        self.pixels[top : round(y + height), left : round(x + width)] = rgb(colour)

    def drawn(self) -> Image:
        """The page with its words."""
        from PIL import Image

        page = Image.fromarray((255 * self.pixels + 0.5).astype(np.uint8))
        for words in self.words:
            _write(page, words, self._font(words))
        return page

    def _font(self, words: Words) -> FreeTypeFont:
        from PIL import ImageFont

        path = self._fonts / _FONTS[words.bold]
        return ImageFont.truetype(str(path), words.size * _PIXELS_PER_POINT)


def _write(page: Image, words: Words, font: FreeTypeFont) -> None:
    from PIL import Image, ImageDraw

    if not words.turned and words.opacity == 1:
        place, stroke = (words.x, words.y), int(words.outlined)
        ImageDraw.Draw(page).text(
            place,
            words.words,
            words.colour,
            font,
            words.anchor,
            stroke_width=stroke,
            stroke_fill="black",
        )
        return
    left, top, right, bottom = font.getbbox(words.words, anchor="mm")
    mask = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    middle = (mask.width / 2, mask.height / 2)
    ImageDraw.Draw(mask).text(middle, words.words, round(255 * words.opacity), font, "mm")
    mask = mask.rotate(words.turned, Image.Resampling.BICUBIC, expand=True)
    corner = round(words.x - mask.width / 2), round(words.y - mask.height / 2)
    page.paste(words.colour, (*corner, corner[0] + mask.width, corner[1] + mask.height), mask)


def save_atomically(sheet: Sheet, path: Path) -> None:
    """Write the PNG under another name in the same folder, then rename it.

    Nobody ever meets half a picture.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        sheet.drawn().save(part, format="PNG", compress_level=_COMPRESSION)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"Cannot write {path}: {reason}. Check permission and free space."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _font_folder() -> Path:
    """Where matplotlib keeps its fonts; it is looked for, not imported."""
    found = importlib.util.find_spec("matplotlib"), importlib.util.find_spec("PIL")
    if found[0] is None or found[1] is None or found[0].origin is None:
        raise MissingDependencyError(
            "The overview picture needs matplotlib, which is not installed. Install it with: pip "
            "install matplotlib"
        )
    return Path(found[0].origin).parent / "mpl-data" / "fonts" / "ttf"
