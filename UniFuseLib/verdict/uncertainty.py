"""How far off the alignment may be at every place, mm: what 68 % of the true errors stay below.

    u(X) = exp(a) · E^b · m^c · (s(X) / m)^g

E: expected error of the verdict; s: spread of the variations (`ensemble.py`), with turns that none
of them shows; m: its geometric mean in the body. The verdict and the mean spread give the level,
the spread's shape says where. Decision 0074 says how the numbers in
`Resources/Models/uncertainty.json` were found.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from UniFuseLib.verdict.shipped import read_shipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from UniFuseLib.spatial.volume import Grid
    from UniFuseLib.verdict.judge import Verdict
    from UniFuseLib.verdict.parting import Parting
    from UniFuseLib.verdict.spread import Spread

_FILE = "uncertainty.json"
LEAST_MM = 0.05  # of a spread: logarithms of less mean nothing
# Mean of the map beside a red verdict at least: a result that is farther off is never green (0047);
# of 32 red results whose truth is known, two of three are more than 12 mm off
RED_MM = 8.0


class Calibration(NamedTuple):
    """Numbers of the formula above."""

    turns: float  # share of the spread that turns about the centre add
    constant: float  # a
    expected: float  # b
    level: float  # c
    shape: float  # g

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Calibration:
        """Of the content of the file."""
        return cls(*(float(content[name]) for name in cls._fields))


class Uncertainty(NamedTuple):
    """u(X) = level · ((s(X) + 0.05 mm) / typical)^shape."""

    spread: Spread
    level_mm: float
    typical_mm: float  # geometric mean of s + 0.05 mm in the body
    shape: float

    def at(self, points: np.ndarray) -> np.ndarray:
        """u, `(n,)` mm.

        Args:
            points: X, `(n, 3)` RAS mm.
        """
        return self._of(self.spread.at(points))

    def on(self, grid: Grid, judged: np.ndarray) -> np.ndarray:
        """u where it was judged, elsewhere 0, `(d, h, w)` float32 mm.

        Args:
            grid: of the result.
            judged: `(d, h, w)` bool: inside the body and the degraded field of view.
        """
        return np.where(judged, self._of(self.spread.on(grid)), np.float32(0))

    def _of(self, spread: np.ndarray) -> np.ndarray:
        ratio = (spread + LEAST_MM) / self.typical_mm
        return np.asarray(self.level_mm * ratio**self.shape, dtype=spread.dtype)


def uncertainty_of(parting: Parting, verdict: Verdict) -> Uncertainty:
    """The uncertainty of a result.

    Args:
        parting: of its variations.
        verdict: on it.
    """
    return calibrated(parting.spread, parting.points, verdict, shipped_calibration())


def calibrated(
    spread: Spread, points: np.ndarray, verdict: Verdict, calibration: Calibration
) -> Uncertainty:
    """With the level that verdict and spread give.

    A red verdict is never beside a small map: its mean is the expected error and 8 mm at least.

    Args:
        spread: of the variations.
        points: `(n, 3)` RAS mm of the body that is judged.
        verdict: on the result.
        calibration: of the formula.
    """
    turns, a, b, c, g = calibration
    spread = spread.with_turns(points, turns)
    typical = float(np.exp(np.log(spread.at(points) + LEAST_MM).mean()))
    level = math.exp(a) * verdict.expected_error_mm**b * typical**c
    found = Uncertainty(spread, level, typical, g)
    if verdict.trust != "red":
        return found
    least = max(verdict.expected_error_mm, RED_MM)
    factor = least / float(found.at(points).mean())
    return found._replace(level_mm=level * max(1.0, factor))


@lru_cache(maxsize=1)
def shipped_calibration() -> Calibration:
    """That of the release.

    Raises:
        WeightsError: its file is missing or broken.
    """
    return read_shipped(_FILE, Calibration.from_json, "the uncertainty", "without --uncertainty")
