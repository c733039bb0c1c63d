"""Filters that leave the traces of a degradation and take the anatomy away.

Axis 0 runs across the slices, as `spatial.axes.canonical` turns a scan.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

Spacing = tuple[float, float, float]  # mm along (d, h, w)

#: deviation of a normal distribution over its median absolute value
_NORMAL = 1.4826


def second_difference(volume: np.ndarray, axis: int, step: int) -> np.ndarray:
    """(v[x + step] + v[x - step] - 2 v[x]) / √6 along one axis; white noise keeps its deviation.

    Args:
        volume: `(d, h, w)`.
        axis: of the array.
        step: voxels; the result is shorter by twice as many (see `middle`).
    """
    count = volume.shape[axis]
    before = _part(volume, axis, 0, count - 2 * step)
    after = _part(volume, axis, 2 * step, count)
    return (before + after - 2 * middle(volume, axis, step)) / np.sqrt(6)


def middle(volume: np.ndarray, axis: int, step: int) -> np.ndarray:
    """The voxels that `second_difference` has a value for."""
    return _part(volume, axis, step, volume.shape[axis] - step)


def inside_all(mask: np.ndarray, axis: int, step: int) -> np.ndarray:
    """Where all three voxels of `second_difference` lie inside the mask."""
    count = mask.shape[axis]
    before = _part(mask, axis, 0, count - 2 * step)
    after = _part(mask, axis, 2 * step, count)
    return before & after & middle(mask, axis, step)


def step_of(distance_mm: float, spacing_mm: float, count: int) -> int:
    """Voxels of about a distance: at least one, and three voxels of it fit into the axis.

    Args:
        distance_mm: wanted.
        spacing_mm: of the axis.
        count: voxels along the axis, three at least.
    """
    return max(1, min(round(distance_mm / spacing_mm), (count - 1) // 2))


def bands(volume: np.ndarray, widths: Sequence[Sequence[float]]) -> list[np.ndarray]:
    """Differences of ever wider Gaussian filters, the first one of the volume itself.

    Args:
        volume: `(d, h, w)`.
        widths: deviations along (d, h, w) in voxels, of every filter after the first.
    """
    smoothed = [volume, *(ndimage.gaussian_filter(volume, width) for width in widths)]
    return [finer - coarser for finer, coarser in pairwise(smoothed)]


def spread(values: np.ndarray) -> float:
    """Robust deviation about 0, 1.4826 median |x|; 0 of nothing."""
    return _NORMAL * float(np.median(np.abs(values))) if values.size else 0.0


def _part(volume: np.ndarray, axis: int, first: int, end: int) -> np.ndarray:
    index = [slice(None)] * 3
    index[axis] = slice(first, end)
    return volume[tuple(index)]
