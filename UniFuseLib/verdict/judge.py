"""The verdict: a probability, an expected error, a colour, and the reasons.

The numbers lie in `Resources/Models/verdict.json`; decision 0047 says how they were fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.verdict.curves import AdditiveModel
from UniFuseLib.verdict.reasons import MOST, reasons_of
from UniFuseLib.verdict.shipped import read_shipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Trust = Literal["green", "amber", "red"]
_FILE = "verdict.json"
_OFF_MM, _EVEN = 3.0, 0.5
_LEAST_MM = 0.01  # that an expected error is rounded to
_UNREASONED = "No single finding stands out; together they are unlike those of a good alignment."


@dataclass(frozen=True)
class Verdict:
    """How far one result can be trusted.

    Attributes:
        trust: green: use it; amber: check it; red: do not use it.
        probability_off_by_3_mm: that the mean error inside the body exceeds 3 mm, 0 to 1, where
            right and wrong pairs are as frequent.
        expected_error_mm: mean error inside the body if both volumes are of one patient.
        interval_mm: that holds nine of ten such errors.
        reasons: sentences, the heaviest first.
        evidence: every number that was looked at.
    """

    trust: Trust
    probability_off_by_3_mm: float
    expected_error_mm: float
    interval_mm: tuple[float, float]
    reasons: tuple[str, ...]
    evidence: dict[str, float | None]

    def doubted(self, sentences: Sequence[str]) -> Verdict:
        """Not green, and why: what no evidence shows, because the volumes fit all the same.

        Args:
            sentences: the reasons; without any the verdict stays as it is.
        """
        if not sentences:
            return self
        trust: Trust = "amber" if self.trust == "green" else self.trust
        return replace(self, trust=trust, reasons=(*sentences, *self.reasons)[:MOST])

    def at_least(self, error_mm: float) -> Verdict:
        """No smaller an error is expected; the figures fit each other.

        Args:
            error_mm: that was found, mean inside the body.
        """
        if error_mm <= self.expected_error_mm:
            return self
        factor = error_mm / max(self.expected_error_mm, _LEAST_MM)
        low, high = (factor * bound for bound in self.interval_mm)
        probability = self.probability_off_by_3_mm
        return replace(
            self,
            probability_off_by_3_mm=max(probability, _EVEN if error_mm > _OFF_MM else 0.0),
            expected_error_mm=round(error_mm, 2),
            interval_mm=(round(low, 2), round(high, 2)),
        )


class Band(NamedTuple):
    """Quotients of true and expected error that hold nine of ten cases."""

    log_odds_to: float  # the band's upper end
    low: float
    high: float


class Judge(NamedTuple):
    """What the JSON file holds."""

    odds: AdditiveModel  # log odds of an error over 3 mm
    calibration: tuple[float, float]  # slope and offset of the log odds
    log_error: AdditiveModel  # log mm
    bands: tuple[Band, ...]  # ascending
    never_green_above: dict[str, float]  # evidence → what is not green whatever the log odds
    red_above: dict[str, float]  # evidence → what is red whatever the log odds
    amber_from: float  # log odds, before the calibration
    red_from: float

    def __call__(self, evidence: Mapping[str, float]) -> Verdict:
        """Colour, figures and reasons.

        Args:
            evidence: of `evidence_of`.
        """
        odds = self.odds(evidence)
        expected = math.exp(self.log_error(evidence))
        band = next(band for band in self.bands if odds <= band.log_odds_to)
        vetoes = _beyond(self.never_green_above, evidence)
        probability = self._probability(odds)
        # green says "within 3 mm": its own figures must say so as well
        within = probability < _EVEN and expected < _OFF_MM
        green = within and odds < self.amber_from and not vetoes
        red = odds >= self.red_from or bool(_beyond(self.red_above, evidence))
        trust: Trust = "red" if red else "green" if green else "amber"
        reasons = () if trust == "green" else reasons_of(self.odds, evidence, vetoes)
        return Verdict(
            trust=trust,
            probability_off_by_3_mm=round(probability, 3),
            expected_error_mm=round(expected, 2),
            interval_mm=(round(band.low * expected, 2), round(band.high * expected, 2)),
            reasons=reasons if reasons or trust == "green" else (_UNREASONED,),
            evidence={name: _plain(value) for name, value in evidence.items()},
        )

    def _probability(self, odds: float) -> float:
        slope, offset = self.calibration
        return float(1 / (1 + np.exp(-(slope * odds + offset))))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Judge:
        """Of the content of the file."""
        slope, offset = content["calibration"]
        return cls(
            odds=AdditiveModel.from_json(content["odds"]),
            calibration=(float(slope), float(offset)),
            log_error=AdditiveModel.from_json(content["log_error"]),
            bands=tuple(Band(**band) for band in content["bands"]),
            never_green_above={k: float(v) for k, v in content["never_green_above"].items()},
            red_above={k: float(v) for k, v in content["red_above"].items()},
            amber_from=float(content["amber_from"]),
            red_from=float(content["red_from"]),
        )


@lru_cache(maxsize=1)
def shipped_judge() -> Judge:
    """That of the release.

    Raises:
        WeightsError: its file is missing or broken.
    """
    return read_shipped(_FILE, Judge.from_json, "the verdict", "with --no-verdict")


def check_judged(*, verdict: bool, uncertainty: bool) -> None:
    """Refuse a map of the uncertainty without a verdict.

    Args:
        verdict: whether the alignment is judged.
        uncertainty: whether the map is asked for.

    Raises:
        InputError: it is, and the alignment is not.
    """
    if uncertainty and not verdict:
        raise InputError(
            "The map of the uncertainty takes its level from the verdict. Leave --no-verdict "
            "(in Python verdict=False) out, or do without the map."
        )


def _beyond(limits: Mapping[str, float], evidence: Mapping[str, float]) -> list[str]:
    """Names of what exceeds its limit, or was not measured."""
    return [name for name, limit in limits.items() if not evidence.get(name, math.inf) <= limit]


def _plain(value: float) -> float | None:
    return round(float(value), 5) if math.isfinite(value) else None
