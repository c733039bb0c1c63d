#!/usr/bin/env python3
"""Fit the verdict's model to the rows of `verdict_cases.py`, and judge it on held-out patients.

    python Testing/benchmarks/verdict_fit.py rows.jsonl --model Resources/Models/verdict.json \\
        --results docs/results/trust.json

Every judged prediction comes from a model that saw no row of the case's patients, neither the
reference's nor the degraded volume's.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from verdict_model import FEATURES, Judged, Rows, fit_error, fit_logistic, held_out, read

if TYPE_CHECKING:
    from UniFuseLib.verdict.curves import AdditiveModel

# No result is green where the mirrored volume fits as well as it does for one in a hundred good
# ones: another patient's head of the same contrast fits its own mirror image
_VETO, _VETO_QUANTILE = "mirror_ratio", 0.99
_RED_ABOVE = 1.05  # of the same: the mirrored volume fits clearly better than the one given


def auc(score: np.ndarray, wrong: np.ndarray) -> float:
    """Probability that a wrong case scores higher than a right one."""
    a, b = score[wrong], score[~wrong]
    if not len(a) or not len(b):
        return math.nan
    order = np.concatenate([a, b]).argsort().argsort().astype(float)
    values = np.concatenate([a, b])
    for value in np.unique(values):
        same = values == value
        order[same] = order[same].mean()
    return float((order[: len(a)].sum() - len(a) * (len(a) - 1) / 2) / (len(a) * len(b)))


def veto_limit(rows: Rows) -> float:
    """What few good results exceed."""
    good = [evidence[_VETO] for evidence in rows.take(rows.good).evidence]
    return float(np.quantile(good, _VETO_QUANTILE))


class Colours(NamedTuple):
    """`(n,)` bool each; what is neither is amber."""

    green: np.ndarray
    red: np.ndarray


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


def within_bands(rows: Rows, expected: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Whether the interval holds the error; its bands come from the cases of other patients."""
    related = np.flatnonzero(np.isfinite(rows.error))
    held = np.full(len(rows.error), False)
    for i in related:
        others = [j for j in related if not rows.patients[j] & rows.patients[i]]
        bands = bands_of(rows.error[others], expected[others], score[others])
        band = next(b for b in bands if score[i] <= b["log_odds_to"])
        quotient = max(rows.error[i], 0.05) / math.exp(expected[i])
        held[i] = band["low"] <= quotient <= band["high"]
    return held


def calibration_of(score: np.ndarray, off: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the log odds (Platt 1999) at even shares of both outcomes."""
    y = off.astype(float)
    weight = np.where(off, 0.5 / y.sum(), 0.5 / (1 - y).sum())

    def loss(p: np.ndarray) -> float:
        z = p[0] * score + p[1]
        return float((weight * (np.logaddexp(0, z) - y * z)).sum())

    slope, offset = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(slope), float(offset)


def figures(
    rows: Rows,
    score: np.ndarray,
    colours: Colours,
    expected: np.ndarray,
    probability: np.ndarray,
) -> dict[str, Any]:
    """What the page shows; every prediction held out."""
    related = np.isfinite(rows.error)
    held = within_bands(rows, expected, score)
    return {
        "cases": len(score),
        "patients": len(set().union(*rows.patients)),
        "off": int(rows.off.sum()),
        "auc": round(auc(score, rows.off), 4),
        "never_green": int(rows.far.sum()),
        "never_green_but_green": int(colours.green[rows.far].sum()),
        "good": int(rows.good.sum()),
        "good_green": round(float(colours.green[rows.good].mean()), 4),
        "good_red": round(float(colours.red[rows.good].mean()), 4),
        "never_green_red": round(float(colours.red[rows.far].mean()), 4),
        "interval_holds": round(float(held[related].mean()), 4),
        "error_quotient_median": round(
            float(np.median(rows.error[related] / np.exp(expected[related]))), 3
        ),
        "kinds": {
            kind: _kind(rows, rows.kind == kind, score, colours)
            for kind in sorted(set(rows.kind.tolist()))
        },
        "groups": {
            group: _group(rows.good & (rows.group == group), colours)
            for group in sorted(set(rows.group[rows.good].tolist()))
        },
        "reliability": _reliability(probability, rows.off),
    }


def _kind(rows: Rows, these: np.ndarray, score: np.ndarray, colours: Colours) -> dict[str, Any]:
    off = these & rows.off
    compared = off | rows.good
    return {
        "cases": int(these.sum()),
        "off": int(off.sum()),
        "auc": None if not off.any() else round(auc(score[compared], rows.off[compared]), 4),
        "never_green": int((these & rows.far).sum()),
        "never_green_but_green": int((these & rows.far & colours.green).sum()),
        "green": round(float(colours.green[these].mean()), 3),
        "red": round(float(colours.red[these].mean()), 3),
    }


def _group(good: np.ndarray, colours: Colours) -> dict[str, Any]:
    return {
        "good": int(good.sum()),
        "green": round(float(colours.green[good].mean()), 3),
        "red": round(float(colours.red[good].mean()), 3),
    }


def _reliability(probability: np.ndarray, off: np.ndarray) -> list[dict[str, float]]:
    rows = []
    for low in np.arange(0, 1, 0.1):
        inside = (probability >= low) & (probability < low + 0.1 + (low > 0.85))
        if inside.any():
            rows.append(
                {
                    "from": round(float(low), 1),
                    "cases": int(inside.sum()),
                    "said": round(float(probability[inside].mean()), 3),
                    "was": round(float(off[inside].mean()), 3),
                }
            )
    return rows


def _always(value: float) -> Judged:
    return lambda _: value


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    args = parser.parse_args()
    rows = read(args.rows)

    def log_odds(some: Rows) -> AdditiveModel:
        return fit_logistic(some, list(FEATURES))

    def log_error(some: Rows) -> AdditiveModel:
        return fit_error(some, list(FEATURES))

    score, expected = held_out(rows, log_odds), held_out(rows, log_error)
    limits = held_out(rows, lambda some: _always(veto_limit(some)))
    mirrored = np.array([e[_VETO] for e in rows.evidence])
    vetoed = mirrored > limits
    ends = thresholds_of(rows, score, vetoed)
    green = (score < ends.amber) & ~vetoed
    slope, offset = calibration_of(score, rows.off)
    probability = 1 / (1 + np.exp(-(slope * score + offset)))
    red = (score >= ends.red) | (mirrored > _RED_ABOVE)
    found = figures(rows, score, Colours(green, red), expected, probability)
    related = np.isfinite(rows.error)
    content = {
        "version": 1,
        "fitted_to": {"cases": found["cases"], "patients": found["patients"]},
        "odds": log_odds(rows).to_json(),
        "calibration": [round(slope, 4), round(offset, 4)],
        "log_error": log_error(rows).to_json(),
        "bands": bands_of(rows.error[related], expected[related], score[related]),
        "never_green_above": {_VETO: round(veto_limit(rows), 4)},
        "red_above": {_VETO: _RED_ABOVE},
        "amber_from": round(ends.amber, 4),
        "red_from": round(ends.red, 4),
    }
    for path, value in ((args.model, content), (args.results, found)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
