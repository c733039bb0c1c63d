"""An additive model of monotone curves, whose numbers are a readable JSON file.

    f(x) = intercept + Σ_k curve_k(x_k)

A curve is linear between its knots and constant beyond them (Hastie and Tibshirani 1986, doi
10.1214/ss/1177013604). Every curve rises with doubt: `Curve.sign` says which way its number
points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Curve:
    """What one number of the evidence adds.

    Attributes:
        name: of the evidence.
        knots: ascending, in the unit of the evidence.
        values: what is added at each knot; monotone.
        missing: what is added where the evidence was not measured.
        usual: what it adds to a typical result that is right.
    """

    name: str
    knots: tuple[float, ...]
    values: tuple[float, ...]
    missing: float
    usual: float

    def at(self, evidence: Mapping[str, float]) -> float:
        """What is added for this evidence."""
        value = evidence.get(self.name, math.nan)
        if not math.isfinite(value):
            return self.missing
        return float(np.interp(value, self.knots, self.values))


@dataclass(frozen=True)
class AdditiveModel:
    """A sum of curves."""

    intercept: float
    curves: tuple[Curve, ...]

    def __call__(self, evidence: Mapping[str, float]) -> float:
        """f of this evidence."""
        return self.intercept + sum(curve.at(evidence) for curve in self.curves)

    def doubts(self, evidence: Mapping[str, float]) -> list[tuple[str, float]]:
        """(name, what it adds beyond a typical right result), largest first."""
        excess = [(curve.name, curve.at(evidence) - curve.usual) for curve in self.curves]
        return sorted(excess, key=lambda item: -item[1])

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> AdditiveModel:
        """Inverse of `to_json`."""
        curves = [
            Curve(
                name=str(row["name"]),
                knots=tuple(map(float, row["knots"])),
                values=tuple(map(float, row["values"])),
                missing=float(row["missing"]),
                usual=float(row["usual"]),
            )
            for row in content["curves"]
        ]
        return cls(float(content["intercept"]), tuple(curves))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        rows = [
            {
                "name": curve.name,
                "knots": [round(v, 5) for v in curve.knots],
                "values": [round(v, 4) for v in curve.values],
                "missing": round(curve.missing, 4),
                "usual": round(curve.usual, 4),
            }
            for curve in self.curves
        ]
        return {"intercept": round(self.intercept, 4), "curves": rows}
