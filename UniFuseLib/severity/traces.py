"""The traces of a degradation that can be measured in one scan, on its own grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.severity.motion import mr_traces
from UniFuseLib.severity.noise import ct_traces, pet_traces

if TYPE_CHECKING:
    from UniFuseLib.severity.head import Traces
    from UniFuseLib.spatial.volume import Volume

LEAST_SLICES = 3  # for differences across them
_LARGEST = 6 * 2**20  # voxels that are looked at: seconds, not a minute, of a large CT
# Sides of the finest voxels that a fit was tried on; finer ones, whose noise is another, are
# averaged first
_FINEST_MM = {"ct_metal_noise": 0.9}
_HALF = 0.5  # of a block is body
_NEARLY = 0.05  # of a block's side in voxels
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
    blocks = _blocks(label, scan.grid.spacing)
    values = _averaged(scan.array[part].astype(np.float32), blocks)
    inside = _averaged(body[part], blocks) > _HALF
    if len(values) < LEAST_SLICES:
        return None
    d, h, w = measured_sides(label, scan.grid.spacing)
    return measured(values, (d, h, w), inside)


def measured_sides(label: str, spacing_mm: np.ndarray) -> tuple[float, float, float]:
    """Sides of the voxels that are looked at, mm: the scan's own, or of blocks of finer ones.

    Args:
        label: of `CLASSES`.
        spacing_mm: of the scan, along (d, h, w).
    """
    d, h, w = (
        count * float(side)
        for count, side in zip(_blocks(label, spacing_mm), spacing_mm, strict=True)
    )
    return d, h, w


def _blocks(label: str, spacing_mm: np.ndarray) -> tuple[int, ...]:
    """Voxels of a block along (d, h, w)."""
    finest = _FINEST_MM.get(label, 0.0)
    return tuple(max(1, math.ceil(finest / float(side) - _NEARLY)) for side in spacing_mm)


def _averaged(values: np.ndarray, blocks: tuple[int, ...]) -> np.ndarray:
    """Means of whole blocks; what is left over at the ends is left out."""
    for axis, count in enumerate(blocks):
        if count > 1:
            whole = values.shape[axis] // count
            kept = np.take(values, range(whole * count), axis)
            shape = (*values.shape[:axis], whole, count, *values.shape[axis + 1 :])
            values = kept.reshape(shape).mean(axis=axis + 1)
    return values


def _middle_slices(body: np.ndarray) -> slice:
    """As many of the slices that show the body as may be looked at, from their middle."""
    shown = np.flatnonzero(body.any(axis=(1, 2)))
    if not shown.size:
        return slice(0, 0)
    first, end = int(shown[0]), int(shown[-1]) + 1
    most = max(LEAST_SLICES, _LARGEST // body[0].size)
    surplus = max(0, end - first - most)
    return slice(first + surplus // 2, end - (surplus - surplus // 2))
