"""Test-time optimisation of the field: Gauss-Newton on MIND-SSC, followed where it generalises.

From a stiff field to supple ones, on control points that lie closer. The first step of every level
is fitted to one half of the body and judged on the other half, and the other way round: where it
does not lower the residual there, the field is left as the levels before made it. Otherwise all of
it is followed; no part of a field is a correction of any patient. The energy is that of
`bspline_problem.py`; decisions 0046 and 0110 say how its constants were measured.
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
    from UniFuseLib.registration.bspline_problem import NormalEquations

AUTO_STEPS = 6  # of a level, at most
LARGEST = 100

_NO_GAIN = (
    "The refined deformation did not improve the parts of the volumes that it was not fitted to, "
    "so the deformation before the refinement was kept."
)
_FOLDS = "The refined deformation would fold, so the deformation before the refinement was kept."


class Level(NamedTuple):
    """How supple a field may be."""

    bending_weight: float  # λ, mm²
    pitch_mm: float = 30.0  # between control points


class RefinementPolicy(NamedTuple):
    """How a pair of modalities is refined."""

    levels: tuple[Level, ...]  # one after the other, each from where the one before ended
    least_gain: float  # of a level, in held-out cells, relative to the residual
    least_t: float  # of the gain over the cells
    settled_mm: float = 0.0  # a mean step below it ends a level


# (degraded, reference) → measured to gain (docs/decisions/0046, 0110)
_SUPPLE = RefinementPolicy(
    levels=(Level(2000.0), Level(500.0), Level(200.0, 15.0), Level(60.0, 15.0)),
    least_gain=0.004,
    least_t=3.0,
    settled_mm=0.3,
)
MEASURED = {("mr", "mr"): _SUPPLE, ("ct", "ct"): _SUPPLE}
# where steps are asked for: all of them are made, for a stiff field takes many small ones
_OTHERS = RefinementPolicy((Level(60000.0),), 0.004, 3.0)


class Refined(NamedTuple):
    """What `refine` returns."""

    flow: Tensor  # (1, 3, d, h, w) voxels
    levels: int  # that were followed
    held_out: HeldOut | None  # of the first level; None: none was begun
    steps: int  # that were made
    reason: str | None = None  # why no level was followed, a sentence

    @property
    def used(self) -> bool:
        """Whether `flow` is a refined field."""
        return self.levels > 0

    def ended(self, reason: str) -> Refined:
        """No further level: a reason only where none was followed."""
        return self if self.used else self._replace(reason=reason)


def steps_for(choice: str | int, degraded_modality: str, reference_modality: str) -> int:
    """`off` → 0, `auto` → `AUTO_STEPS` where pairs of these modalities were measured to gain, a
    number → itself; the most of every level.

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
    """φ + u by the levels that generalise; φ itself where not even the first one does, or where it
    would fold.

    Args:
        pair: both volumes on the working grid, any device.
        flow: φ `(1, 3, d, h, w)` voxels.
        steps: of Gauss-Newton, at most, of every level; 0 leaves φ.
        policy: of the pair's modalities.
        progress: called with the fraction done; may raise to stop.
    """
    found = Refined(flow, 0, None, 0)
    levels = policy.levels if steps else ()
    with torch.autocast(flow.device.type, enabled=False):
        for done, level in enumerate(levels):

            def of_all(share: float, done: int = done) -> None:
                progress((done + share) / len(levels))

            of_all(0.0)
            before = found.levels
            found = _further(found, pair, level, steps, policy, of_all)
            if found.levels == before:
                break
    progress(1.0)
    return found


def _further(
    found: Refined,
    pair: RefinementPair,
    level: Level,
    steps: int,
    policy: RefinementPolicy,
    progress: Callable[[float], None],
) -> Refined:
    """With this level where it generalises, as the levels before made it otherwise."""
    problem = RefinementProblem(pair, found.flow.float(), level.pitch_mm)
    control = problem.lattice.zeros(found.flow.device)
    equations = problem.normal_equations(control)
    gain = held_out_gain(equations, problem.lattice, level.bending_weight)
    found = found._replace(held_out=found.held_out or gain)
    if gain.gain < policy.least_gain or gain.t < policy.least_t:
        return found.ended(_NO_GAIN)
    for made in range(1, steps + 1):
        if made > 1:
            equations = problem.normal_equations(control)
        progress(made / (steps + 1))
        step = gauss_newton(equations, control, problem.lattice, level.bending_weight)
        control = control + step
        if _mean_length(step, equations) < policy.settled_mm:
            break
    flow = problem.field(control)
    found = found._replace(steps=found.steps + made)
    if bool(((jacobian_determinant(flow)[:, None] <= 0) & pair.body).any()):
        return found.ended(_FOLDS)
    return found._replace(flow=flow, levels=found.levels + 1)


def _mean_length(step: Tensor, equations: NormalEquations) -> float:
    """mm, where there is evidence; not a number where there is none."""
    lengths = equations.weights.field(step).norm(dim=1)[0]
    return float(lengths[equations.tensor[:3].sum(0) > 0].mean())
