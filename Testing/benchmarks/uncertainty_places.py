"""Where the variations of a registration part, beside its true error, at some places of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from verdict_model import FEATURES

if TYPE_CHECKING:
    from UniFuseLib.verdict.parting import Parting

_SHOWN = 100  # places of a case
_LEAST = 50  # fewer are no map


def shown_places(
    parting: Parting | None,
    evidence: dict[str, float],
    points: np.ndarray,
    error_mm: np.ndarray | None,
) -> dict[str, Any] | None:
    """Spread, distance from the centre and true error; None where there is too little to say.

    Args:
        parting: of the variations; None: they were not looked at.
        evidence: of the verdict.
        points: `(n, 3)` RAS mm of the body that the degraded volume shows.
        error_mm: `(n,)` there; None: no pose is right.
    """
    if parting is None or len(points) < _LEAST:
        return None
    chosen = np.linspace(0, len(points) - 1, _SHOWN).astype(int)
    shown = points[chosen]
    found = {
        "evidence": {name: evidence.get(name) for name in FEATURES},
        "spread_mm": _plain(parting.spread.at(shown)),
        "distance_mm": _plain(np.linalg.norm(shown - points.mean(axis=0), axis=1), 1),
    }
    if error_mm is None:
        return found
    mean = round(float(error_mm.mean()), 3)
    return {**found, "mean_error_mm": mean, "error_mm": _plain(error_mm[chosen])}


def _plain(values: np.ndarray, digits: int = 2) -> list[float]:
    return [round(float(value), digits) for value in values]
