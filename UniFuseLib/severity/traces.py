"""The traces of a degradation that can be measured in one scan, on its own grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.severity.motion import mr_traces
from UniFuseLib.severity.noise import ct_traces, pet_traces

if TYPE_CHECKING:
    from UniFuseLib.severity.head import Traces
    from UniFuseLib.spatial.volume import Volume

LEAST_SLICES = 3  # for differences across them
_LARGEST = 6 * 2**20  # voxels that are looked at: seconds, not a minute, of a large CT
_OF_CLASS = {"ct_metal_noise": ct_traces, "pet_low_dose": pet_traces, "mr_motion": mr_traces}


def traces_of(label: str, scan: Volume, body: np.ndarray) -> Traces | None:
    """The traces that tell how strong a degradation of this class is.

    Args:
        label: of `CLASSES`.
        scan: grey, its own units, axes as `spatial.axes.canonical` turns them: slices along d.
        body: `(d, h, w)` bool on its grid.

    Returns:
        None of a class without degradation, and of fewer than three slices.
    """
    measured = _OF_CLASS.get(label)
    part = _middle_slices(body)
    if measured is None or part.stop - part.start < LEAST_SLICES:
        return None
    values = scan.array[part].astype(np.float32)
    d, h, w = (float(side) for side in scan.grid.spacing)
    return measured(values, (d, h, w), body[part])


def _middle_slices(body: np.ndarray) -> slice:
    """As many of the slices that show the body as may be looked at, from their middle."""
    shown = np.flatnonzero(body.any(axis=(1, 2)))
    if not shown.size:
        return slice(0, 0)
    first, end = int(shown[0]), int(shown[-1]) + 1
    most = max(LEAST_SLICES, _LARGEST // body[0].size)
    surplus = max(0, end - first - most)
    return slice(first + surplus // 2, end - (surplus - surplus // 2))
