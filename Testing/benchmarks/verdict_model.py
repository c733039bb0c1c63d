"""The rows of `verdict_cases.py`, and the monotone curves that are fitted to them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from scipy.optimize import minimize

from UniFuseLib.verdict.curves import AdditiveModel, Curve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
OFF_MM, FAR_MM, GOOD_MM = 3.0, 8.0, 2.0
_KNOTS = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)  # quantiles of the rows
_FOLDS = 6  # within folds again: patients fit and choose, others are judged
# name → +1: doubt rises with the number, -1: falls
FEATURES = {
    "contrast": -1,
    "information_sigmas": -1,
    "residual": 1,
    "above_wrong": -1,
    "mirror_ratio": 1,
    "far_share": 1,
    "common_shift_mm": 1,
}


class Rows(NamedTuple):
    """All cases."""

    evidence: list[dict[str, float]]
    error: np.ndarray  # (n,) mm; NaN: no pose is right
    kind: np.ndarray
    group: np.ndarray
    patients: list[set[str]]

    @property
    def off(self) -> np.ndarray:
        """No pose is right, or more than 3 mm off."""
        return ~(self.error <= OFF_MM)

    @property
    def far(self) -> np.ndarray:
        """No pose is right, or more than 8 mm off: never green."""
        return ~(self.error <= FAR_MM)

    @property
    def good(self) -> np.ndarray:
        return self.error <= GOOD_MM

    def take(self, chosen: np.ndarray) -> Rows:
        index = np.flatnonzero(chosen)
        return Rows(
            [self.evidence[i] for i in index],
            self.error[index],
            self.kind[index],
            self.group[index],
            [self.patients[i] for i in index],
        )


def read(path: Path) -> Rows:
    """Rows that ended with evidence."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = sorted((r for r in lines if "evidence" in r), key=lambda r: r["number"])
    evidence = [
        {k: math.nan if v is None else float(v) for k, v in r["evidence"].items()} for r in rows
    ]
    error = np.array([math.nan if r["error_mm"] is None else _error(r) for r in rows])
    return Rows(
        evidence,
        error,
        np.array([r["kind"] for r in rows]),
        np.array([r["group"] for r in rows]),
        [{r["patient"], r["patient_degraded"]} for r in rows],
    )


def _error(row: dict[str, Any]) -> float:
    """Where the degraded volume has data; of the whole body where it has none at all."""
    seen = row["error_seen_mm"]
    return float(row["error_mm"] if seen is None else seen)


class Design(NamedTuple):
    """Hinges: column j of a feature is the part of its j-th piece that lies below the number."""

    knots: dict[str, np.ndarray]

    def columns(self, evidence: list[dict[str, float]]) -> np.ndarray:
        return np.concatenate([self._pieces(name, evidence) for name in self.knots], axis=1)

    def _pieces(self, name: str, evidence: list[dict[str, float]]) -> np.ndarray:
        values = np.array([e.get(name, math.nan) for e in evidence])
        knots = self.knots[name]
        lengths = np.diff(knots)
        pieces = np.clip((values[:, None] - knots[:-1]) / lengths, 0, 1)
        pieces = pieces if FEATURES[name] > 0 else 1 - pieces
        return np.where(np.isfinite(values)[:, None], pieces, 0.5)

    def model(
        self, weights: np.ndarray, intercept: float, good: list[dict[str, float]]
    ) -> AdditiveModel:
        curves = []
        first = 0
        for name, knots in self.knots.items():
            steps = weights[first : first + len(knots) - 1]
            first += len(steps)
            if steps.sum() < 1e-3:
                continue
            values = np.concatenate([[0.0], np.cumsum(steps)])
            if FEATURES[name] < 0:
                values = np.concatenate([np.cumsum(steps[::-1])[::-1], [0.0]])
            curve = Curve(name, tuple(knots), tuple(values), float(steps.sum() / 2), 0.0)
            usual = float(np.median([curve.at(e) for e in good]))
            curves.append(Curve(name, curve.knots, curve.values, curve.missing, usual))
        return AdditiveModel(float(intercept), tuple(curves))


def design_of(rows: Rows, names: list[str]) -> Design:
    knots = {}
    for name in names:
        values = np.array([e.get(name, math.nan) for e in rows.evidence])
        found = np.unique(np.quantile(values[np.isfinite(values)], _KNOTS))
        if len(found) < 2:
            found = np.array([0.0, 1.0])
        knots[name] = found
    return Design(knots)


def fit_logistic(rows: Rows, names: list[str], ridge: float) -> AdditiveModel:
    """The penalised likelihood's largest, no curve falling; both outcomes weigh the same."""
    design = design_of(rows, names)
    x, y = design.columns(rows.evidence), rows.off.astype(float)
    weight = np.where(y > 0, 0.5 / y.sum(), 0.5 / (1 - y).sum())

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ parameters[1:] + parameters[0]
        p = 1 / (1 + np.exp(-np.clip(z, -40, 40)))
        value = (weight * (np.logaddexp(0, z) - y * z)).sum()
        residual = weight * (p - y)
        penalty = ridge * 0.1 * (parameters[1:] ** 2).sum()
        gradient = np.concatenate([[residual.sum()], x.T @ residual + ridge * 0.2 * parameters[1:]])
        return value + penalty, gradient

    offset, heights = _least(loss, x.shape[1])
    good = rows.take(rows.good).evidence or rows.evidence
    return design.model(heights, offset, good)


def fit_error(rows: Rows, names: list[str], ridge: float = 0.01) -> AdditiveModel:
    """log mm of those that have a truth, by least squares, no curve falling."""
    related = rows.take(np.isfinite(rows.error))
    design = design_of(related, names)
    x, y = design.columns(related.evidence), np.log(np.maximum(related.error, 0.1))

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        residual = x @ parameters[1:] + parameters[0] - y
        slope = np.concatenate(
            [[residual.mean()], x.T @ residual / len(y) + 2 * ridge * parameters[1:]]
        )
        return 0.5 * (residual**2).mean() + ridge * (parameters[1:] ** 2).sum(), slope

    offset, heights = _least(loss, x.shape[1])
    good = related.take(related.good).evidence or related.evidence
    return design.model(heights, offset, good)


def _least(
    loss: Callable[[np.ndarray], tuple[float, np.ndarray]], count: int
) -> tuple[float, np.ndarray]:
    """The offset and the `count` heights with the least loss; no height below 0.

    Args:
        loss: (offset, heights...) → value and gradient.
        count: of the heights.
    """
    found = minimize(
        loss,
        np.zeros(1 + count),
        jac=True,
        bounds=[(None, None)] + [(0, None)] * count,
        method="L-BFGS-B",
        options={"maxiter": 800},
    )
    return found.x[0], found.x[1:]


def held_out(
    rows: Rows, fit: Callable[[Rows], Callable[[dict[str, float]], T]], seed: int = 0
) -> list[T]:
    """What `fit` says of a case when it saw no row of either of its patients."""
    names = sorted(set().union(*rows.patients))
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = {names[i]: k % _FOLDS for k, i in enumerate(order)}
    folds = [frozenset(fold_of[name] for name in patients) for patients in rows.patients]
    out: dict[int, T] = {}
    for left in set(folds):
        model = fit(rows.take(np.array([not (f & left) for f in folds])))
        out |= {i: model(rows.evidence[i]) for i, f in enumerate(folds) if f == left}
    return [out[i] for i in range(len(folds))]
