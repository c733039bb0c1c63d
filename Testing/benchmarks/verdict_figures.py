"""What held-out verdicts said of the cases: the figures of `docs/results/trust.md`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from verdict_model import Rows

    from UniFuseLib.verdict.judge import Verdict


class Said(NamedTuple):
    """What a judge that saw no row of the case's patients said of it."""

    odds: float  # log odds, before the calibration
    verdict: Verdict


class _Spoken(NamedTuple):
    """Of all cases, `(n,)` each."""

    odds: np.ndarray
    green: np.ndarray
    red: np.ndarray


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


def figures(rows: Rows, said: list[Said]) -> dict[str, Any]:
    """What the page shows.

    Args:
        rows: all cases.
        said: of each of them.
    """
    spoken = _Spoken(
        np.array([one.odds for one in said]),
        np.array([one.verdict.trust == "green" for one in said]),
        np.array([one.verdict.trust == "red" for one in said]),
    )
    related = np.flatnonzero(np.isfinite(rows.error))
    quotient = [rows.error[i] / said[i].verdict.expected_error_mm for i in related]
    held = [_holds(said[i].verdict.interval_mm, rows.error[i]) for i in related]
    probability = np.array([one.verdict.probability_off_by_3_mm for one in said])
    return {
        "cases": len(said),
        "patients": len(set().union(*rows.patients)),
        "off": int(rows.off.sum()),
        "auc": round(auc(spoken.odds, rows.off), 4),
        "never_green": int(rows.far.sum()),
        "never_green_but_green": int(spoken.green[rows.far].sum()),
        "off_but_green": int(spoken.green[rows.off].sum()),
        "green": int(spoken.green.sum()),
        "good": int(rows.good.sum()),
        "good_green": round(float(spoken.green[rows.good].mean()), 4),
        "good_red": round(float(spoken.red[rows.good].mean()), 4),
        "never_green_red": round(float(spoken.red[rows.far].mean()), 4),
        "interval_holds": round(float(np.mean(held)), 4),
        "error_quotient_median": round(float(np.median(quotient)), 3),
        "kinds": {
            kind: _kind(rows, rows.kind == kind, spoken) for kind in sorted(set(rows.kind.tolist()))
        },
        "groups": {
            group: _group(rows.good & (rows.group == group), spoken)
            for group in sorted(set(rows.group[rows.good].tolist()))
        },
        "reliability": _reliability(probability, rows.off),
    }


def _holds(interval_mm: tuple[float, float], error: float) -> bool:
    low, high = interval_mm
    return low <= max(error, 0.05) <= high


def _kind(rows: Rows, these: np.ndarray, spoken: _Spoken) -> dict[str, Any]:
    off = these & rows.off
    compared = off | rows.good
    share = auc(spoken.odds[compared], rows.off[compared]) if off.any() else None
    return {
        "cases": int(these.sum()),
        "off": int(off.sum()),
        "auc": None if share is None else round(share, 4),
        "never_green": int((these & rows.far).sum()),
        "never_green_but_green": int((these & rows.far & spoken.green).sum()),
        "green": round(float(spoken.green[these].mean()), 3),
        "red": round(float(spoken.red[these].mean()), 3),
    }


def _group(good: np.ndarray, spoken: _Spoken) -> dict[str, Any]:
    return {
        "good": int(good.sum()),
        "green": round(float(spoken.green[good].mean()), 3),
        "red": round(float(spoken.red[good].mean()), 3),
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
