"""The step between the network and the reference grid: R ← R + w Δ.

w follows the probability of the degradation that Δ was fitted to: a light one that looks almost
clean is corrected a little, instead of wholly or not at all. To a CT comes back what stands out of
its noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from UniFuseLib.degradation import DEGRADATION_OF
from UniFuseLib.restoration.aligned_pair import AlignedPair
from UniFuseLib.restoration.dense_structures import dense_structures, metal_on
from UniFuseLib.restoration.profile import Profile

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.degradation import Classification
    from UniFuseLib.postprocess import NetworkMaps, NetworkResult
    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.restoration.correction import Correction
    from UniFuseLib.restoration.dense_structures import DenseStructures
    from UniFuseLib.severity.head import Traces

_CT = DEGRADATION_OF["ct"]
_LEAST_PROBABILITY = 0.05  # a smaller part of a correction is not worth its time


class Corrected(NamedTuple):
    """What was done."""

    label: str | None = None  # class that was corrected; None: nothing was
    mean_change: float | None = None  # mean |w Δ| inside the body, network intensity
    traces: Traces | None = None  # of that class, from both volumes


def correct(
    found: NetworkResult,
    pair: PreparedPair,
    working: WorkingPair,
    classified: Classification,
    correction: Correction | None,
) -> Corrected:
    """Add the correction to the network's restored volume, in place.

    The fused volume follows: it is made of the restored one.

    Args:
        found: what the network found; its restored volume changes.
        pair: the checked inputs.
        working: what the network saw of them.
        classified: probabilities of the classes of the degraded volume.
        correction: by class; None: there is none.
    """
    label = _label(classified, pair.modalities[1], correction)
    if correction is None or label is None:
        return Corrected()
    profile = Profile()
    known = aligned_pair(found.maps, working)
    change = torch.zeros_like(known.restored)
    if correction.suits(label, pair.modalities[1]):
        change = correction(known, label, profile)
    weight = weight_of(classified.probabilities[label])
    if label == _CT:
        dense = _dense(known, change, pair, working)
        change += dense.change
        detail = found.maps.detail_weight
        torch.maximum(detail, weight * dense.weight, out=detail)
    change *= weight
    inside = change[working.mask]
    mean = float(inside.abs().mean()) if len(inside) else 0.0
    found.maps.restored.add_(change)
    return Corrected(label, mean, profile.traces())


def _dense(
    known: AlignedPair, change: Tensor, pair: PreparedPair, working: WorkingPair
) -> DenseStructures:
    """What the network and the correction took away of a CT, and should not have."""
    metal = metal_on(working.grid, pair.degraded.scalar, working.alignment.matrix)
    corrected = known._replace(restored=known.restored + change)
    return dense_structures(corrected, metal, pair.degraded.source.intensity)


def _label(classified: Classification, reference: str, correction: Correction | None) -> str | None:
    """The most probable class that is corrected, if it is probable enough.

    What stands out of the noise of a CT comes back beside any reference.
    """
    if correction is None or not classified.calibrated:
        return None
    weights = {
        name: weight_of(p)
        for name, p in classified.probabilities.items()
        if weight_of(p) > 0 and (name == _CT or correction.suits(name, reference))
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
