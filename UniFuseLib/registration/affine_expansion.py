"""A score as a function of a small affine, to second order; its derivatives when they are wanted.

Of every three poses that a registration scores, one is the start of a step: a pose that is no
better than the one before needs no derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


class Derivatives(NamedTuple):
    """By k generators of `BASIS`, mm."""

    gradient: np.ndarray  # (k,)
    hessian: np.ndarray  # (k, k), positive semidefinite


@dataclass(frozen=True, eq=False)
class Expansion:
    """S(A exp(δ)) ≈ score + gradientᵀ δ - ½ δᵀ hessian δ, in the generators of `BASIS`, mm.

    Attributes:
        score: S at A.
        covered: part of the reference's body that is compared, 0 to 1.
        derive: gives the derivatives at A; called once, and only when they are read.
    """

    score: float
    covered: float
    derive: Callable[[], Derivatives]

    @property
    def gradient(self) -> np.ndarray:
        """`(k,)`."""
        return self._derivatives.gradient

    @property
    def hessian(self) -> np.ndarray:
        """`(k, k)`."""
        return self._derivatives.hessian

    @cached_property
    def _derivatives(self) -> Derivatives:
        return self.derive()
