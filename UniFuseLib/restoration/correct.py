"""The step between the network and the reference grid: R ← R + w Δ.

w follows the probability of the degradation that Δ was fitted to: a light one that looks almost
clean is corrected a little, instead of wholly or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.restoration.aligned_pair import AlignedPair
from UniFuseLib.restoration.profile import Profile

if TYPE_CHECKING:
    from UniFuseLib.degradation import Classification
    from UniFuseLib.postprocess import NetworkMaps, NetworkResult
    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.restoration.correction import Correction
    from UniFuseLib.severity.head import Traces

_LEAST_PROBABILITY = 0.05  # a smaller part of a correction is not worth its time


class Corrected(NamedTuple):
    """What was done."""

    label: str | None = None  # class that was corrected; None: nothing was
    mean_change: float | None = None  # mean |w Δ| inside the body, network intensity
    traces: Traces | None = None  # of that class, from both volumes


def correct(
    found: NetworkResult,
    working: WorkingPair,
    classified: Classification,
    reference: str,
    correction: Correction | None,
) -> Corrected:
    """Add the correction to the network's restored volume, in place.

    The fused volume follows: it is made of the restored one.

    Args:
        found: what the network found; its restored volume changes.
        working: the pair that it saw.
        classified: probabilities of the classes of the degraded volume.
        reference: modality of the reference.
        correction: by class; None: there is none.
    """
    label = _label(classified, reference, correction)
    if correction is None or label is None:
        return Corrected()
    profile = Profile()
    change = correction(aligned_pair(found.maps, working), label, profile)
    change *= weight_of(classified.probabilities[label])
    inside = change[working.mask]
    mean = float(inside.abs().mean()) if len(inside) else 0.0
    found.maps.restored.add_(change)
    return Corrected(label, mean, profile.traces())


def _label(classified: Classification, reference: str, correction: Correction | None) -> str | None:
    """The most probable class that has a correction, if it is probable enough."""
    if correction is None or not classified.calibrated:
        return None
    weights = {
        name: weight_of(p)
        for name, p in classified.probabilities.items()
        if weight_of(p) > 0 and correction.suits(name, reference)
    }
    return max(weights, key=weights.__getitem__) if weights else None


def weight_of(probability: float) -> float:
    """Of the correction of a class: its probability, as the mean over all classes has it."""
    return probability if probability >= _LEAST_PROBABILITY else 0.0


def aligned_pair(maps: NetworkMaps, working: WorkingPair) -> AlignedPair:
    """What the statistics are taken of."""
    return AlignedPair(
        restored=maps.restored,
        degraded=maps.aligned,
        reference=working.reference,
        body=working.mask,
        acquired=working.degraded_acquired,
        spacing_mm=float(working.grid.spacing[0]),
    )
