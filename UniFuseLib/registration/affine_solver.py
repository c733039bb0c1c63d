"""Levenberg and Marquardt's steps up the score of an `AffineProblem`.

A step is the generator of a small affine δ, A ← A · exp(δ) (Marquardt 1963, doi 10.1137/0111030).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.registration.affine_parameters import RIGID, matrix_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.registration.affine_expansion import Expansion
    from UniFuseLib.registration.affine_problem import AffineProblem

_SMALLEST_STEP_MM = 0.02
_FIRST_DAMPING, _LEAST_DAMPING, _LARGEST_DAMPING = 1e-2, 1e-4, 10.0


class Optimum(NamedTuple):
    """Where the steps ended."""

    matrix: np.ndarray  # A (4, 4) RAS mm
    at: Expansion


def levenberg_marquardt(
    problem: AffineProblem,
    matrix: np.ndarray,
    steps: int,
    freedom: int = RIGID,
    progress: Callable[[], None] = lambda: None,
) -> Optimum:
    """A that raises the score: S there is never below S at the start.

    Args:
        problem: one spacing.
        matrix: `(4, 4)` RAS mm, the start.
        steps: evaluations at most.
        freedom: `RIGID` or `AFFINE`.
        progress: called before every evaluation; may raise to stop.
    """
    progress()
    best = Optimum(matrix, problem.expand(matrix, freedom))
    damping = _FIRST_DAMPING
    for _ in range(steps - 1):
        step = _step(best.at, damping, longest=2 * problem.spacing)
        if np.abs(step).max() < _SMALLEST_STEP_MM:
            break
        progress()
        trial = best.matrix @ matrix_of(step, problem.frame)
        there = problem.expand(trial, freedom)
        if there.score > best.at.score:
            best, damping = Optimum(trial, there), max(damping / 4, _LEAST_DAMPING)
        elif damping > _LARGEST_DAMPING:
            break
        else:
            damping = max(8 * damping, 0.05)
    return best


def _step(at: Expansion, damping: float, longest: float) -> np.ndarray:
    """(H + damping · diag H)⁻¹ g, no component over `longest` mm."""
    damped = at.hessian + np.diag(damping * np.diag(at.hessian) + 1e-12)
    step: np.ndarray = np.linalg.solve(damped, at.gradient)
    return step * min(1.0, longest / max(float(np.abs(step).max()), 1e-12))
