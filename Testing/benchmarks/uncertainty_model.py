"""The rows of `uncertainty_cases.py` and `verdict_cases.py`, and the map's formula fitted to them.

    log u(X) = a + b log E + c log m + g (log s(X) - log m)

Fitted is the 68th percentile of log errors: the asymmetric absolute loss (Koenker and Bassett 1978,
doi 10.2307/1913643), by reweighted least squares; every case weighs the same.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from verdict_model import FEATURES, fit_error, read

from UniFuseLib.verdict.judge import shipped_judge
from UniFuseLib.verdict.uncertainty import LEAST_MM, RED_MM

if TYPE_CHECKING:
    from pathlib import Path

    from verdict_model import Rows

QUANTILE = 0.68
FOLDS = 8
_ROUNDS, _LEAST_RESIDUAL = 80, 0.02


@dataclass(frozen=True)
class CaseRow:
    """One case."""

    name: str
    kind: str
    group: str
    modalities: str
    patients: frozenset[str]
    trust: str
    expected: float  # mm, of the shipped verdict
    held_out: float  # mm, of a verdict that saw none of the patients
    spread: np.ndarray  # (n,) mm
    distance: np.ndarray  # (n,) mm from the centre
    error: np.ndarray | None  # (n,) mm


class Cases(NamedTuple):
    """All of them."""

    with_truth: list[CaseRow]
    unrelated: list[CaseRow]


class Form(NamedTuple):
    """Which parts of the formula are used."""

    verdict: bool  # E
    spread: bool  # m
    shape: bool  # s(X)
    turns: float = 1.0

    def columns(self, case: CaseRow, expected: float) -> np.ndarray:
        """`(n, 4)`: what a, b, c and g are multiplied with; 0 where a part is not used.

        Args:
            case: of a row.
            expected: E, mm.
        """
        s = np.log(widened(case, self.turns) + LEAST_MM)
        one, typical = np.ones_like(s), s.mean()
        return np.stack(
            [
                one,
                one * math.log(expected) * self.verdict,
                one * typical * self.spread,
                (s - typical) * self.shape,
            ],
            axis=1,
        )


EXACT = Form(verdict=True, spread=True, shape=True)  # what is shipped
FORMS = {
    "verdict alone, one value per case": Form(True, False, False),
    "spread alone, one value per case": Form(False, True, False),
    "both, one value per case": Form(True, True, False),
    "verdict's level, spread's shape": Form(True, False, True),
    "spread's level and shape": Form(False, True, True),
    "both, without turns": Form(True, True, True, 0.0),
    "both, with the spread's shape": EXACT,
}


class Fit(NamedTuple):
    """Numbers of `uncertainty.json`."""

    form: Form
    weights: np.ndarray  # (4,): a, b, c, g

    def at(self, case: CaseRow, expected: float) -> np.ndarray:
        """u, `(n,)` mm; of a red verdict as `uncertainty.calibrated` has it."""
        u = np.asarray(np.exp(self.form.columns(case, expected) @ self.weights))
        if case.trust != "red":
            return u
        return np.asarray(u * max(1.0, max(expected, RED_MM) / u.mean()))

    def to_json(self) -> dict[str, Any]:
        """Under the names of `verdict.uncertainty.Calibration`."""
        names = ("constant", "expected", "level", "shape")
        numbers = dict(zip(names, (round(float(w), 4) for w in self.weights), strict=True))
        return {"quantile": QUANTILE, "turns": self.form.turns, **numbers}


def widened(case: CaseRow, turns: float) -> np.ndarray:
    """Spread with turns about the centre, as `Spread.with_turns`."""
    ratio = case.distance**2 / (case.distance**2).mean()
    return np.asarray(np.sqrt(case.spread**2 + turns**2 * (case.spread**2).mean() * ratio))


def read_cases(path: Path, trust_rows: Path) -> Cases:
    """Rows that ended with a spread.

    Args:
        path: of both.
        trust_rows: of `verdict_cases.py`, that verdicts are fitted to.
    """
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    verdicts = _Verdicts(read(trust_rows))
    cases = [_case(row, verdicts) for row in lines if "spread_mm" in row]
    return Cases(
        [case for case in cases if case.error is not None],
        [case for case in cases if case.error is None],
    )


def _case(row: dict[str, Any], verdicts: _Verdicts) -> CaseRow:
    patients = frozenset(row["patients"])
    evidence = {k: math.nan if v is None else float(v) for k, v in row["evidence"].items()}
    verdict = shipped_judge()(evidence)
    return CaseRow(
        name=row["name"],
        kind=row["kind"],
        group=row["group"],
        modalities=row["modalities"],
        patients=patients,
        trust=verdict.trust,
        expected=verdict.expected_error_mm,
        held_out=verdicts.expected_mm(evidence, patients),
        spread=np.array(row["spread_mm"]),
        distance=np.array(row["distance_mm"]),
        error=np.array(row["error_mm"]) if "error_mm" in row else None,
    )


class _Verdicts:
    """Expected errors by models that saw no row of some patients."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._models: dict[frozenset[str], Any] = {}

    def expected_mm(self, evidence: dict[str, float], patients: frozenset[str]) -> float:
        if patients not in self._models:
            others = np.array([not (patients & seen) for seen in self._rows.patients])
            self._models[patients] = fit_error(self._rows.take(others), list(FEATURES))
        return float(math.exp(self._models[patients](evidence)))


def loss(cases: list[CaseRow], maps: list[np.ndarray]) -> float:
    """Mean asymmetric absolute loss of the log errors; every case weighs the same."""
    each = []
    for case, u in zip(cases, maps, strict=True):
        rest = _log_error(case) - np.log(u)
        each.append(np.maximum(QUANTILE * rest, (QUANTILE - 1) * rest).mean())
    return float(np.mean(each))


def fitted(cases: list[CaseRow], form: Form) -> Fit:
    """Weights with the least loss.

    Args:
        cases: with a truth.
        form: which parts are used.
    """
    columns = [form.columns(case, case.held_out) for case in cases]
    x, y = np.concatenate(columns), np.concatenate([_log_error(case) for case in cases])
    share = np.concatenate([np.full(len(c), 1 / len(c)) for c in columns])
    ridge = 1e-9 * np.eye(x.shape[1])  # of parts that are not used
    weights = np.zeros(x.shape[1])
    importance = share
    for _ in range(_ROUNDS):
        weighted = x * importance[:, None]
        weights = np.linalg.solve(x.T @ weighted + ridge, weighted.T @ y)
        rest = y - x @ weights
        slope = np.where(rest > 0, QUANTILE, 1 - QUANTILE)
        importance = share * slope / np.maximum(np.abs(rest), _LEAST_RESIDUAL)
    return Fit(form, weights)


def _log_error(case: CaseRow) -> np.ndarray:
    if case.error is None:
        raise ValueError(f"{case.name} has no truth.")
    return np.asarray(np.log(case.error + LEAST_MM))


def held_out_maps(cases: list[CaseRow], seed: int = 0) -> dict[str, list[np.ndarray]]:
    """Form → u of every case, by numbers that were fitted to other patients.

    Args:
        cases: with a truth.
        seed: divides the patients into folds.
    """
    names = sorted(frozenset().union(*(case.patients for case in cases)))
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = {names[i]: k % FOLDS for k, i in enumerate(order)}
    folds = [frozenset(fold_of[name] for name in case.patients) for case in cases]
    found: dict[str, list[np.ndarray]] = {}
    for name, form in FORMS.items():
        fits = {
            left: fitted([c for c, f in zip(cases, folds, strict=True) if not f & left], form)
            for left in set(folds)
        }
        found[name] = [
            fits[fold].at(case, case.held_out) for case, fold in zip(cases, folds, strict=True)
        ]
    return found
