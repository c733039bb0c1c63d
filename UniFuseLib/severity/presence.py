"""Whether a scan is degraded at all: the network's opinion and the traces on the scan's own grid.

A stacked classifier (Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1): one logistic regression for
each class, to which the network's log-odds are one more trace.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from UniFuseLib.degradation import DEGRADATION_OF
from UniFuseLib.severity.noise import without_metal
from UniFuseLib.severity.traces import measured_sides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from UniFuseLib.preprocessing.prepare import PreparedVolume
    from UniFuseLib.severity.head import TraceHead

NETWORK = "network"  # name of the network's log-odds among the traces


def presence_of(
    scan: PreparedVolume,
    network: float,
    heads: Mapping[str, TraceHead],
    *,
    metal_counts: bool = True,
) -> float | None:
    """log P(degraded) - log P(clean), natural logarithms.

    Args:
        scan: the degraded one.
        network: the same by the network alone.
        heads: class → fit, of the weights' contract.
        metal_counts: False: a CT is judged by its noise, as if it held no metal.

    Returns:
        None where the network alone decides: no fit of the modality's class, fewer than three
        slices, or a scan unlike all that were fitted, by its traces or the size of its voxels.
    """
    label = DEGRADATION_OF.get(scan.source.modality)
    if label is None or label not in heads or scan.traces is None:
        return None
    traces = scan.traces if metal_counts else without_metal(scan.traces)
    head, known = heads[label], {**traces, NETWORK: network}
    voxel_mm = median(measured_sides(label, scan.scalar.grid.spacing))
    alike = head.reads(known) and head.spans(voxel_mm) and not head.is_far(known)
    return head(known) if alike else None
