"""One result judged from the pair itself, at 4 to 8 mm: the verdict, and what says where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.verdict.affordable import affordable
from UniFuseLib.verdict.evidence import evidence_of
from UniFuseLib.verdict.judge import Verdict, shipped_judge
from UniFuseLib.verdict.parting import parting_of
from UniFuseLib.verdict.uncertainty import Uncertainty, uncertainty_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from UniFuseLib.degradation import Classification
    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair


#: (degraded, reference): right and wrong pairs of these were fitted (docs/results/trust.md)
FITTED = frozenset({("mr", "mr"), ("ct", "mr"), ("mr", "ct"), ("pet", "ct"), ("pet", "mr")})


class Judged(NamedTuple):
    """How far the alignment can be trusted, and where, if that was asked for."""

    verdict: Verdict
    uncertainty: Uncertainty | None


def judge(
    pair: PreparedPair,
    working: WorkingPair,
    flow: Tensor,
    classified: Classification,
    mapped: bool,
    progress: Callable[[float], None],
) -> Judged:
    """The verdict of the release, which is the same with and without a map.

    Args:
        pair: the checked inputs.
        working: both on the working grid.
        flow: φ `(1, 3, d, h, w)` voxels, that the result follows.
        classified: the degradation.
        mapped: also say how far off it may be at every place.
        progress: called with the fraction done (0 to 1); may raise to stop.
    """
    usual = affordable(pair.reference.scalar.grid)
    parting = parting_of(pair, working, flow, progress) if usual or mapped else None
    known = parting if usual else None
    found = shipped_judge()(evidence_of(pair, working, flow, classified.probabilities, known))
    verdict = found.doubted((*pair.against_modalities, *unfitted(*pair.modalities)))
    return Judged(verdict, uncertainty_of(parting, verdict) if parting and mapped else None)


def unfitted(degraded: str, reference: str) -> tuple[str, ...]:
    """Why a pair of these modalities is never green; empty for those of the verdict's fit.

    Args:
        degraded: `mr`, `ct` or `pet`.
        reference: likewise.
    """
    if (degraded, reference) in FITTED:
        return ()
    names = f"{degraded.upper()} on {reference.upper()}"
    return (
        f"The verdict was not fitted to {names}: its figures may be too good, above all "
        "where organs have moved against each other.",
    )
