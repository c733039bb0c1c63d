"""Test-time optimisation of the field: Gauss-Newton on MIND-SSC, followed where it generalises.

A step is first fitted to one half of the body and judged on the other half, and the other way
round: where it does not lower the residual there, the field is left alone. Otherwise all of it is
followed; no part of a field is a correction of any patient. The energy is that of
`bspline_problem.py`; decision 0046 says how its constants were measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from UniFuseLib.errors import InputError
from UniFuseLib.registration.bspline_problem import RefinementProblem
from UniFuseLib.registration.bspline_solver import HeldOut, gauss_newton, held_out_gain
from UniFuseLib.spatial.displacement import jacobian_determinant

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.registration.bspline_pair import RefinementPair

AUTO_STEPS = 4
LARGEST = 100

_NO_GAIN = (
    "The refined deformation did not improve the parts of the volumes that it was not fitted to, "
    "so the deformation before the refinement was kept."
)
_FOLDS = "The refined deformation would fold, so the deformation before the refinement was kept."


class RefinementPolicy(NamedTuple):
    """How a pair of modalities is refined."""

    bending_weight: float  # λ, mm²
    least_gain: float  # in held-out cells, relative to the residual
    least_t: float  # of the gain over the cells


# (degraded, reference) → measured to gain (docs/decisions/0046)
_SUPPLE = RefinementPolicy(2000.0, 0.004, 3.0)
MEASURED = {("mr", "mr"): _SUPPLE, ("ct", "ct"): _SUPPLE}
_OTHERS = RefinementPolicy(60000.0, 0.004, 3.0)  # where steps are asked for


class Refined(NamedTuple):
    """What `refine` returns."""

    flow: Tensor  # (1, 3, d, h, w) voxels
    used: bool  # whether `flow` is the refined field
    held_out: HeldOut | None  # of the first step; None: none was made
    steps: int  # that were made
    reason: str | None = None  # why it was not used, a sentence


def steps_for(choice: str | int, degraded_modality: str, reference_modality: str) -> int:
    """`off` → 0, `auto` → `AUTO_STEPS` where pairs of these modalities were measured to gain, a
    number → itself.

    Raises:
        InputError: anything else.
    """
    if choice == "off":
        return 0
    if choice == "auto":
        return AUTO_STEPS if (degraded_modality, reference_modality) in MEASURED else 0
    try:
        steps = int(choice)
    except ValueError:
        steps = -1
    if not 0 <= steps <= LARGEST:
        raise InputError(
            f"Expected refine to be off, auto or a number of steps up to {LARGEST}, got {choice!r}."
        )
    return steps


def policy_of(degraded_modality: str, reference_modality: str) -> RefinementPolicy:
    """The measured one; a stiff field for pairs that were not measured to gain."""
    return MEASURED.get((degraded_modality, reference_modality), _OTHERS)


@torch.no_grad()
def refine(
    pair: RefinementPair,
    flow: Tensor,
    steps: int,
    policy: RefinementPolicy,
    progress: Callable[[float], None] = lambda _: None,
) -> Refined:
    """φ + u after `steps` steps; φ itself where u does not generalise or would fold.

    Args:
        pair: both volumes on the working grid, any device.
        flow: φ `(1, 3, d, h, w)` voxels.
        steps: of Gauss-Newton; 0 leaves φ.
        policy: of the pair's modalities.
        progress: called with the fraction done; may raise to stop.
    """
    if steps == 0:
        return Refined(flow, False, None, 0)
    with torch.autocast(flow.device.type, enabled=False):
        problem = RefinementProblem(pair, flow.float())
        progress(0.0)
        control = problem.lattice.zeros(flow.device)
        equations = problem.normal_equations(control)
        held_out = held_out_gain(equations, problem.lattice, policy.bending_weight)
        if held_out.gain < policy.least_gain or held_out.t < policy.least_t:
            progress(1.0)
            return Refined(flow, False, held_out, 0, _NO_GAIN)
        for step in range(steps):
            if step:
                equations = problem.normal_equations(control)
            progress((step + 1) / (steps + 1))
            control = control + gauss_newton(
                equations, control, problem.lattice, policy.bending_weight
            )
        found = problem.field(control)
    progress(1.0)
    if bool(((jacobian_determinant(found)[:, None] <= 0) & pair.body).any()):
        return Refined(flow, False, held_out, steps, _FOLDS)
    return Refined(found, True, held_out, steps)
