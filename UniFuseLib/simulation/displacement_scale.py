"""The mean displacement of a misalignment, and the factor that brings it to a wanted one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.simulation.misalignment import Misalignment
from UniFuseLib.simulation.misalignment_field import Deformation

if TYPE_CHECKING:
    from collections.abc import Callable

_STILL_MM = 1e-9
_LARGEST_FACTOR = 32.0  # where nothing near reaches the target, the secant runs away


def mean_displacement(deformation: Deformation, points: np.ndarray) -> float:
    """mean |φ(X) − X| over `(n, 3)` RAS points, mm."""
    return float(np.linalg.norm(deformation.phi_at(points), axis=1).mean())


def scale_to_mean(
    parameters: Misalignment,
    points: np.ndarray,
    target_mm: float,
    tolerance_mm: float = 0.02,
    scaled: Callable[[Misalignment, float], Misalignment] = Misalignment.scaled,
) -> Misalignment:
    """The misalignment s·p whose mean displacement over `points` is `target_mm`.

    s is found by the secant method, up to 32. Where no such s reaches the target, as with an
    elastic part that is not scaled and larger, it is the last one that was tried.

    Args:
        parameters: p.
        points: `(n, 3)` RAS mm inside the body; a few thousand suffice.
        target_mm: mean of |φ(X) − X|.
        tolerance_mm: of that mean.
        scaled: s·p from p and s.

    Raises:
        InputError: the misalignment moves nothing, so that no factor reaches the target.
    """
    if len(points) == 0:
        raise InputError(
            "Expected points inside the body, got none. Check the reference's intensities."
        )
    low, low_mean = 0.0, 0.0
    factor = 1.0
    for _ in range(12):
        mean = mean_displacement(Deformation(scaled(parameters, factor)), points)
        if abs(mean - target_mm) <= tolerance_mm:
            break
        if mean < _STILL_MM:
            raise InputError(
                f"Expected a misalignment that can reach {target_mm} mm, "
                "got one that does not move."
            )
        if abs(mean - low_mean) < _STILL_MM:
            break
        step = (target_mm - mean) * (factor - low) / (mean - low_mean)
        low, low_mean = factor, mean
        factor = min(max(factor + step, factor / 4), _LARGEST_FACTOR)
    return scaled(parameters, factor)
