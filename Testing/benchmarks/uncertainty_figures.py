"""What maps that were held out by patient say of the cases: the figures of `uncertainty.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import spearmanr
from uncertainty_model import EXACT, FORMS, QUANTILE, CaseRow, Cases, fitted, loss

from UniFuseLib.verdict.uncertainty import LEAST_MM

if TYPE_CHECKING:
    from collections.abc import Callable

_ENDS_MM = (0.5, 1.0, 2.0, 4.0, 8.0, np.inf)  # of the bins of said uncertainty
_FLAT = 0.02  # relative spread of a map below which it has no ranks


def figures(cases: Cases, maps: dict[str, list[np.ndarray]]) -> dict[str, Any]:
    """Everything that the page shows.

    Args:
        cases: all rows.
        maps: of `held_out_maps`.
    """
    known = cases.with_truth
    shipped = maps[next(name for name, form in FORMS.items() if form == EXACT)]
    return {
        "cases": len(known),
        "patients": len(frozenset().union(*(case.patients for case in known))),
        "quantile": QUANTILE,
        "forms": {name: _of_form(known, some) for name, some in maps.items()},
        "reliability": _reliability(known, shipped),
        "sets": _by(known, shipped, lambda c: "evaluation" if c.kind == "case" else "copies"),
        "colours": _by(known, shipped, lambda c: c.trust),
        "pairs": _by(known, shipped, lambda c: c.modalities),
        "groups": _by([c for c in known if c.kind == "case"], _of_cases(known, shipped), _group),
        "kinds": _by(known, shipped, lambda c: c.kind),
        "unrelated": _unrelated(cases),
    }


def _unrelated(cases: Cases) -> dict[str, dict[str, float]]:
    """Colour → mean of the map where no pose is right."""
    means: dict[str, list[float]] = {}
    for case in cases.unrelated:
        others = [other for other in cases.with_truth if not other.patients & case.patients]
        u = fitted(others, EXACT).at(case, case.held_out)
        means.setdefault(case.trust, []).append(float(u.mean()))
    return {
        trust: {
            "cases": len(found),
            "least_mm": round(min(found), 2),
            "median_mm": round(float(np.median(found)), 2),
        }
        for trust, found in sorted(means.items())
    }


def _group(case: CaseRow) -> str:
    return case.group


def _of_cases(cases: list[CaseRow], maps: list[np.ndarray]) -> list[np.ndarray]:
    return [u for case, u in zip(cases, maps, strict=True) if case.kind == "case"]


def _of_form(cases: list[CaseRow], maps: list[np.ndarray]) -> dict[str, float]:
    """How good one form is."""
    errors = [_error(case) for case in cases]
    pairs = list(zip(errors, maps, strict=True))
    ratio = [np.log(e.mean() + LEAST_MM) - np.log(u.mean()) for e, u in pairs]
    return {
        "loss": round(loss(cases, maps), 4),
        "below": round(float(np.mean([(e <= u).mean() for e, u in pairs])), 3),
        "across": round(_ranks([e.mean() for e in errors], [u.mean() for u in maps]), 3),
        "within": round(_within(pairs), 3),
        "log_ratio": round(float(np.std(ratio)), 3),
    }


def _within(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean rank correlation inside a case; of a map with one value 0."""
    found = [_ranks(e, u) for e, u in pairs if u.std() > _FLAT * u.mean() and e.std() > 0]
    return float(np.mean(found)) if found else 0.0


def _ranks(one: Any, other: Any) -> float:
    return float(spearmanr(one, other).statistic)


def _reliability(cases: list[CaseRow], maps: list[np.ndarray]) -> list[dict[str, Any]]:
    """What was said, and the percentile of the errors, in bins of what was said."""
    said, errors = np.concatenate(maps), np.concatenate([_error(case) for case in cases])
    of_case = np.concatenate([np.full(len(u), number) for number, u in enumerate(maps)])
    bins = np.searchsorted(_ENDS_MM, said)
    rows = []
    for number, end in enumerate(_ENDS_MM):
        inside = bins == number
        if not inside.any():
            continue
        rows.append(
            {
                "to_mm": float(end) if np.isfinite(end) else None,
                "share": round(float(inside.mean()), 3),
                "cases": len(set(of_case[inside].tolist())),
                "said_mm": round(float(said[inside].mean()), 2),
                "measured_mm": round(float(np.quantile(errors[inside], QUANTILE)), 2),
                "below": round(float((errors[inside] <= said[inside]).mean()), 3),
            }
        )
    return rows


def _by(
    cases: list[CaseRow], maps: list[np.ndarray], key: Callable[[CaseRow], str]
) -> dict[str, dict[str, float]]:
    """Key → what was said of its cases, and what was true."""
    found = {}
    for name in sorted({key(case) for case in cases}):
        chosen = [(c, u) for c, u in zip(cases, maps, strict=True) if key(c) == name]
        pairs = [(_error(case), u) for case, u in chosen]
        found[name] = {
            "cases": len(chosen),
            "error_mm": round(float(np.mean([e.mean() for e, _ in pairs])), 2),
            "said_mm": round(float(np.mean([u.mean() for _, u in pairs])), 2),
            "below": round(float(np.mean([(e <= u).mean() for e, u in pairs])), 3),
            "within": round(_within(pairs), 2),
        }
    return found


def _error(case: CaseRow) -> np.ndarray:
    if case.error is None:
        raise ValueError(f"{case.name} has no truth.")
    return case.error
