"""The step between the network and the reference grid: R ← R + Δ, where the class says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.restoration.statistics import AlignedPair

if TYPE_CHECKING:
    from UniFuseLib.degradation import Classification
    from UniFuseLib.postprocess import NetworkMaps, NetworkResult
    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.restoration.correction import Correction


class Corrected(NamedTuple):
    """What was done."""

    label: str | None = None  # class that was corrected; None: nothing was
    mean_change: float | None = None  # mean |Δ| inside the body, network intensity


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
        classified: class of the degraded volume.
        reference: modality of the reference.
        correction: by class; None: there is none.
    """
    label = classified.label
    if correction is None or not classified.calibrated or not correction.suits(label, reference):
        return Corrected()
    change = correction(aligned_pair(found.maps, working), label)
    inside = change[working.mask]
    mean = float(inside.abs().mean()) if len(inside) else 0.0
    found.maps.restored.add_(change)
    return Corrected(label, mean)


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
