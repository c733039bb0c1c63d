"""Everything in `Resources/Models/verdict.json`, fitted to rows of `verdict_cases.py`.

What is chosen (penalty, calibration, thresholds, bands, limits) is chosen on predictions of models
that saw no row of the case's patients.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from verdict_model import FEATURES, Rows, fit_error, fit_logistic, held_out

if TYPE_CHECKING:
    from UniFuseLib.verdict.curves import AdditiveModel

_RIDGES = (0.002, 0.005, 0.02)  # per row, on the steps of the curves
# No result is green where the mirrored volume fits as well as it does for one in a hundred good
# ones: another patient's head of the same contrast fits its own mirror image
_VETO, _VETO_QUANTILE = "mirror_ratio", 0.99
_RED_ABOVE = 1.05  # of the same: the mirrored volume fits clearly better than the one given


def fitted(rows: Rows) -> dict[str, Any]:
    """The content of the file, which `UniFuseLib.verdict.judge.Judge` reads."""
    ridge = best_ridge(rows)
    score, expected = held_out_odds(rows, ridge), held_out_errors(rows)
    limits = np.array(held_out(rows, lambda some: _always(veto_limit(some))))
    mirrored = np.array([evidence[_VETO] for evidence in rows.evidence])
    ends = thresholds_of(rows, score, mirrored > limits)
    slope, offset = calibration_of(score, rows.off)
    related = np.isfinite(rows.error)
    return {
        "version": 1,
        "fitted_to": {
            "cases": len(score),
            "patients": len(set().union(*rows.patients)),
            "ridge": ridge,
        },
        "odds": fit_logistic(rows, list(FEATURES), ridge).to_json(),
        "calibration": [round(slope, 4), round(offset, 4)],
        "log_error": fit_error(rows, list(FEATURES)).to_json(),
        "bands": bands_of(rows.error[related], expected[related], score[related]),
        "never_green_above": {_VETO: round(veto_limit(rows), 4)},
        "red_above": {_VETO: _RED_ABOVE},
        "amber_from": round(ends.amber, 4),
        "red_from": round(ends.red, 4),
    }


def held_out_odds(rows: Rows, ridge: float) -> np.ndarray:
    """Log odds `(n,)` of an error over 3 mm."""

    def fit(some: Rows) -> AdditiveModel:
        return fit_logistic(some, list(FEATURES), ridge)

    return np.array(held_out(rows, fit))


def held_out_errors(rows: Rows) -> np.ndarray:
    """Log mm `(n,)`."""
    return np.array(held_out(rows, lambda some: fit_error(some, list(FEATURES))))


def best_ridge(rows: Rows) -> float:
    """The penalty whose held-out log odds are likeliest, both outcomes weighing the same."""
    losses = [(_loss(held_out_odds(rows, ridge), rows.off), ridge) for ridge in _RIDGES]
    return min(losses)[1]


def _loss(score: np.ndarray, off: np.ndarray) -> float:
    y = off.astype(float)
    weight = np.where(off, 0.5 / y.sum(), 0.5 / (1 - y).sum())
    return float((weight * (np.logaddexp(0, score) - y * score)).sum())


def veto_limit(rows: Rows) -> float:
    """What few good results exceed."""
    good = [evidence[_VETO] for evidence in rows.take(rows.good).evidence]
    return float(np.quantile(good, _VETO_QUANTILE))


class Thresholds(NamedTuple):
    """Log odds from which on a result is amber, and red."""

    amber: float
    red: float


def thresholds_of(rows: Rows, score: np.ndarray, vetoed: np.ndarray) -> Thresholds:
    """Amber: midway between what nine of ten good cases stay below and the least that must not be.

    Red: what one in fifty good cases exceeds.

    Args:
        rows: all cases.
        score: held-out log odds.
        vetoed: `(n,)` bool, held out: not green whatever the score.
    """
    shown = np.where(vetoed, np.inf, score)
    good, far = shown[rows.good], shown[rows.far]
    nine_of_ten = float(np.sort(good)[math.ceil(0.9 * len(good)) - 1])
    amber = min((nine_of_ten + float(far.min())) / 2, float(far.min()) - 1e-3)
    return Thresholds(amber, max(amber + 0.1, float(np.quantile(score[rows.good], 0.98))))


def bands_of(error: np.ndarray, expected: np.ndarray, score: np.ndarray) -> list[dict[str, float]]:
    """Quotients of true and expected error that hold nine of ten, for thirds of the log odds.

    Args:
        error: mm, `(n,)`, of cases that have a truth.
        expected: log mm, held out.
        score: log odds, held out.
    """
    quotient = np.maximum(error, 0.05) / np.exp(expected)
    inner = np.quantile(score, [1 / 3, 2 / 3])
    third = np.searchsorted(inner, score)
    ends = [*inner.tolist(), 1e9]
    rows = []
    for number, end in enumerate(ends):
        low, high = np.quantile(quotient[third == number], [0.035, 0.965])
        rows.append(
            {
                "log_odds_to": round(end, 4),
                "low": round(float(low), 4),
                "high": round(float(high), 4),
            }
        )
    return rows


def calibration_of(score: np.ndarray, off: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the log odds (Platt 1999) at even shares of both outcomes."""

    def loss(p: np.ndarray) -> float:
        return _loss(p[0] * score + p[1], off)

    slope, offset = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(slope), float(offset)


def _always(value: float) -> Any:
    return lambda _: value
