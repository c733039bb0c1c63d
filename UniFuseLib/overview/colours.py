"""Colour maps of the overview: greys, and viridis and inferno as 18 colours that are mixed between.

Viridis and inferno: Smith and van der Walt 2015 (CC0); at most 6 of 255 beside them.
"""

from __future__ import annotations

import numpy as np

GREY, GREY_REVERSED, VIRIDIS, INFERNO = "gray", "gray_r", "viridis", "inferno"
_COLOURS = {
    GREY: "000000 ffffff",
    GREY_REVERSED: "ffffff 000000",
    VIRIDIS: (
        "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e "
        "1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f d8e219 fde725"
    ),
    INFERNO: (
        "000004 0a0722 1e0c45 380962 510e6c 69166e 801f6c 982766 b0315b "
        "c63d4d d94d3d e9612b f47918 fa9407 fcb014 f8cd37 f2ea69 fcffa4"
    ),
}


def rgb(code: str) -> np.ndarray:
    """`(3,)` float32, 0..1, of `#rrggbb` or `rrggbb`."""
    return np.frombuffer(bytes.fromhex(code.lstrip("#")), dtype=np.uint8).astype(np.float32) / 255


def coloured(share: np.ndarray, colours: str) -> np.ndarray:
    """`(…, 3)` float32, 0..1.

    Args:
        share: 0 at the low end, 1 at the high end, any shape.
        colours: name of the map.
    """
    table = np.array([rgb(code) for code in _COLOURS[colours].split()])
    ends = np.linspace(0, 1, len(table))
    channels = [np.interp(share, ends, channel) for channel in table.T]
    return np.stack(channels, axis=-1).astype(np.float32)


def over(picture: np.ndarray, colour: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """The colour laid over a picture.

    Args:
        picture: `(rows, columns, 3)`, 0..1.
        colour: `(3,)`, or `(rows, columns, 3)`.
        share: of the colour, 0..1, `(rows, columns)` or one number.
    """
    alpha = np.asarray(share, dtype=np.float32)[..., None]
    return picture + alpha * (colour - picture)
