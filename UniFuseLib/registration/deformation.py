"""What moves beyond the pose: from rest, refined on the pair; from the network's field where the
pair shows that it lies nearer.

The network sees a pair once and cannot measure whether its field made the volumes more alike. Here
this is measured, by the residual that the refinement minimises (`bspline_problem.py`), at the same
points for both. Decision 0052 says what was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from UniFuseLib.registration.bspline_problem import RefinementProblem
from UniFuseLib.registration.bspline_refinement import MEASURED, Refined, policy_of, refine
from UniFuseLib.registration.bspline_solver import HeldOut, over_cells
from UniFuseLib.spatial.displacement import no_flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from UniFuseLib.registration.bspline_pair import RefinementPair

# Of 23 pairs of MR, the network's field was the better start in those where it left a residual
# lower by 5 % or more than the refinement from rest, and no better one in those up to 1 %
_LEAST_GAIN = 0.03
_LEAST_T = 3.0

# Mean length in the body of the field refined from rest: 1.05 mm and more where the network's field
# was the better start (docs/decisions/0105); computing that field costs more than refining
_LEAST_MOVED_MM = 0.75

Start = Literal["rest", "network"]


class Deformed(NamedTuple):
    """What `deform` returns."""

    flow: Tensor  # φ (1, 3, d, h, w) voxels
    start: Start
    refined: Refined  # from that start


def deform(
    pair: RefinementPair,
    predict: Callable[[], Tensor],
    modalities: tuple[str, str],
    steps: int,
    progress: Callable[[float], None] = lambda _: None,
) -> Deformed:
    """The field that the pair supports.

    Args:
        pair: both volumes on the working grid, any device.
        predict: makes the network's φ `(1, 3, d, h, w)` voxels; asked where such pairs were
            measured to gain from it, and this one is not aligned without it.
        modalities: (degraded, reference).
        steps: of the refinement; 0: none.
        progress: called with the fraction done; may raise to stop.
    """
    policy = policy_of(*modalities)
    found = refine(pair, no_flow(pair.reference.values), steps, policy, progress)
    from_rest = Deformed(found.flow, "rest", found)
    if modalities not in MEASURED or _hardly_moved(pair, found):
        return from_rest
    predicted = predict()
    gained = gain_of(pair, predicted, found.flow)
    if gained.gain < _LEAST_GAIN or gained.t < _LEAST_T:
        return from_rest
    found = refine(pair, predicted, steps, policy, progress)
    return Deformed(found.flow, "network", found)


def _hardly_moved(pair: RefinementPair, refined: Refined) -> bool:
    """Whether a refinement was followed, and by little: the pair was nearly aligned at rest."""
    if not refined.used:
        return False
    lengths = refined.flow.norm(dim=1, keepdim=True)[pair.body] * pair.spacing
    return float(lengths.mean()) < _LEAST_MOVED_MM


@torch.no_grad()
def gain_of(pair: RefinementPair, flow: Tensor, other: Tensor) -> HeldOut:
    """Decrease of the residual by `flow` instead of `other`, relative to that of `other`.

    Args:
        pair: both volumes on the working grid, any device.
        flow: `(1, 3, d, h, w)` voxels.
        other: likewise.
    """
    with torch.autocast(flow.device.type, enabled=False):
        here = _residual(pair, flow.float())
        there = _residual(pair, other.float())
    compared = ((here > 0) & (there > 0)).float()  # a field may reach beyond a scan's end
    return over_cells((there - here) * compared, there * compared)


def _residual(pair: RefinementPair, flow: Tensor) -> Tensor:
    """Of the descriptors at the compared points, which are the same ones for every field."""
    problem = RefinementProblem(pair, flow)
    nowhere = problem.lattice.zeros(flow.device)
    return problem.energy(nowhere)
