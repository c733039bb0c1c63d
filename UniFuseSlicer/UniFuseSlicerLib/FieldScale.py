"""Colours of a deformation and where they begin and end: round numbers, told apart by colour-blind
readers as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .HotIron import tableNode

Stops = Sequence[tuple[float, tuple[float, float, float]]]

# Share of the scale → colour. matplotlib's plasma from 0.1 on (van der Walt and Smith 2015, CC0):
# its lightness rises evenly; the first tenth would be lost on black.
LENGTH_COLOURS: Stops = (
    (0.0, (0.255, 0.014, 0.615)),
    (0.25, (0.586, 0.071, 0.639)),
    (0.5, (0.833, 0.318, 0.436)),
    (0.75, (0.977, 0.612, 0.237)),
    (1.0, (0.940, 0.975, 0.131)),
)
# ColorBrewer's RdBu with five classes, from blue (smaller) to red (larger)
CHANGE_COLOURS: Stops = (
    (0.0, (0.020, 0.443, 0.690)),
    (0.25, (0.573, 0.773, 0.871)),
    (0.5, (0.969, 0.969, 0.969)),
    (0.75, (0.957, 0.647, 0.510)),
    (1.0, (0.792, 0.0, 0.125)),
)
_TABLE = 256
_DIVISIONS = 4  # at least so many steps up to the largest value


class Scale(NamedTuple):
    """From `low` to `high` in steps of `step`; all are round."""

    low: float
    high: float
    step: float

    @property
    def labels(self) -> int:
        """How many ticks, with both ends."""
        return round((self.high - self.low) / self.step) + 1

    @property
    def levels(self) -> list[float]:
        """The ticks between both ends."""
        return [self.low + self.step * n for n in range(1, self.labels - 1)]


def lengthScale(largest: float) -> Scale:
    """From 0 to the first round step at or above a length.

    Args:
        largest: mm, above 0.
    """
    step = _roundStep(largest)
    return Scale(0.0, float(step * np.ceil(0.999 * largest / step)), step)


def changeScale(largest: float) -> Scale:
    """As far below 0 as above.

    Args:
        largest: of the absolute changes, %, above 0.
    """
    step = 2 * _roundStep(largest)  # as many ticks on both sides together
    high = float(step * np.ceil(0.999 * largest / step))
    return Scale(-high, high, step)


def table(stops: Stops) -> np.ndarray:
    """`(256, 3)` red, green, blue, 0 to 1."""
    shares = [share for share, _ in stops]
    channels = np.array([colour for _, colour in stops]).T
    places = np.linspace(0, 1, _TABLE)
    return np.stack([np.interp(places, shares, channel) for channel in channels], axis=1)


def lengthColours(scene: Any) -> Any:
    """Colour table node of lengths; made again whenever it is needed, so in no file."""
    return _unsaved(tableNode(scene, "UniFuseDisplacement", "Displacement", table(LENGTH_COLOURS)))


def changeColours(scene: Any) -> Any:
    """Colour table node of changes of volume; in no file either."""
    return _unsaved(tableNode(scene, "UniFuseVolumeChange", "Volume change", table(CHANGE_COLOURS)))


def _unsaved(node: Any) -> Any:
    node.SetSaveWithScene(False)
    return node


def _roundStep(largest: float) -> float:
    """1, 2 or 5 times a power of ten."""
    widest = largest / _DIVISIONS * 1.001
    power = 10.0 ** np.floor(np.log10(widest))
    return float(power * max(s for s in (1, 2, 5) if s * power <= widest))
