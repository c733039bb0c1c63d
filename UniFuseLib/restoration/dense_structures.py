"""What stands out of the noise of a CT comes back as the scan shows it: bone, calcifications.

What restores a noisy CT averages over neighbours, and takes a calcification of a few voxels for
noise: ten heads lost two thirds of theirs (decision 0109). Where d exceeds the restored r, both
smoothed, by more than noise does that was taken away around,

    r ← r + w max(d - r, 0)

in HU, where noise is as large in bone as beside it; what is finer than the working grid is kept
there as well. Streaks stand out, too: near metal nothing comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.restoration.aligned_pair import voxels
from UniFuseLib.severity.filters import spread
from UniFuseLib.severity.noise import METAL_HU
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.preprocessing.intensity import IntensityMap
    from UniFuseLib.restoration.aligned_pair import AlignedPair
    from UniFuseLib.spatial.volume import Volume

_SMOOTH_MM = 1.0  # standard deviation of the Gaussian
_DENSE_HU = (80.0, 160.0)  # of the smoothed scan: from nothing to all
_DEVIATIONS = (4.0, 6.0)  # likewise
_LEAST_HU = 30.0  # a smaller deviation counts as this: streaks of a scan that is hardly noisy
_SOFT_HU = (-60.0, 120.0)  # restored; tissue of which the noise is measured
_AROUND_MM = 14.0  # half side of the cubes that it is measured in
_MEAN = float(np.sqrt(np.pi / 2))  # mean deviation of a normal distribution → standard deviation
_FEW = 0.02  # of a cube that is soft tissue; with fewer, the deviation of all counts
_EDGE_MM = 1.5  # around what stands out: its edge
_NEAR_MM = 20.0  # half side of the cubes around metal
_MUCH = 0.02  # of a scan that is metal: then its numbers are no HU


class DenseStructures(NamedTuple):
    """What comes back, `(1, 1, d, h, w)` each."""

    change: Tensor  # network intensities
    weight: Tensor  # w, 0 to 1


def dense_structures(
    pair: AlignedPair, metal: np.ndarray, intensity: IntensityMap
) -> DenseStructures:
    """What was taken away from a CT and stands out of its noise.

    Args:
        pair: r and d, network intensities.
        metal: `(d, h, w)` bool on the same grid (`metal_on`).
        intensity: HU → network intensities.
    """
    body = pair.body[0, 0].numpy()
    restored = pair.restored[0, 0].numpy()
    hu = intensity.inverse(restored)
    scan = intensity.inverse(pair.degraded[0, 0].numpy())
    taken = scan - hu
    smooth = _smoothed(taken, pair.spacing_mm)
    counted = body & ~_around(metal, _NEAR_MM, pair.spacing_mm)
    least, most = _SOFT_HU
    deviation = _deviation(smooth, counted & (hu > least) & (hu < most), pair.spacing_mm)
    weight = _ramp(smooth / deviation, _DEVIATIONS)
    weight *= _ramp(_smoothed(scan, pair.spacing_mm), _DENSE_HU) * counted
    weight = _around(weight, _EDGE_MM, pair.spacing_mm) * body
    change = intensity.forward(hu + weight * np.maximum(taken, 0)) - restored
    change[weight == 0] = 0  # not even rounding
    change = change.astype(np.float32)
    return DenseStructures(
        torch.from_numpy(change)[None, None], torch.from_numpy(weight)[None, None]
    )


def metal_on(grid: Grid, scan: Volume, alignment: np.ndarray) -> np.ndarray:
    """Voxels of `grid` that hold metal of a CT: `(d, h, w)` bool.

    Args:
        grid: the working grid.
        scan: HU, where its file places it.
        alignment: A `(4, 4)`, RAS point of the reference → RAS point of the scan, mm.
    """
    found = np.zeros(grid.shape, dtype=bool)
    dense = scan.array > METAL_HU
    if dense.mean() > _MUCH:
        return ~found
    moved = Grid(scan.grid.shape, np.linalg.solve(alignment, scan.affine))
    places = mapped(moved.index_to_index(grid), np.argwhere(dense).astype(float))
    index = np.rint(places).astype(int)
    within = ((index >= 0) & (index < grid.shape)).all(axis=1)
    found[tuple(index[within].T)] = True
    return found


def _deviation(smooth: np.ndarray, soft: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Standard deviation of the noise that was taken away, HU: that of all, or more around."""
    if not soft.any():
        return np.full(smooth.shape, np.inf, dtype=np.float32)
    values = smooth[soft]
    of_all = spread(values - np.median(values))
    counted = soft.astype(np.float32)
    side = 2 * voxels(_AROUND_MM, spacing_mm) + 1
    share = ndimage.uniform_filter(counted, side, mode="constant")
    # means of |x|: a structure that was taken away raises them less than squares
    mean = ndimage.uniform_filter(np.abs(smooth) * counted, side, mode="constant")
    around = np.where(share > _FEW, _MEAN * mean / np.maximum(share, _FEW), 0)
    return np.maximum(np.maximum(around, of_all), _LEAST_HU)


def _smoothed(volume: np.ndarray, spacing_mm: float) -> np.ndarray:
    return np.asarray(ndimage.gaussian_filter(volume, _SMOOTH_MM / spacing_mm))


def _ramp(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """0 up to the lower limit, 1 from the upper one on, float32."""
    lower, upper = limits
    return ((values - lower) / (upper - lower)).clip(0, 1).astype(np.float32)


def _around(volume: np.ndarray, reach_mm: float, spacing_mm: float) -> np.ndarray:
    """The largest value in a cube of that half side around every voxel; of the volume's type."""
    side = 2 * voxels(reach_mm, spacing_mm) + 1
    numbers = volume.view(np.uint8) if volume.dtype == bool else volume
    found = ndimage.maximum_filter(numbers, side) if numbers.any() else numbers
    return found.view(bool) if volume.dtype == bool else found
