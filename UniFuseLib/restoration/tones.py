"""How dense a restored CT shows what is dense: as the scan does on average.

What is averaged over neighbours loses contrast: restored CTs of noisy heads read 540 HU of bone as
460 (decision 0109). Noise has no mean, so of many voxels of one level the scan is right:

    r ← r + E[d - r | r]

where r is denser than soft tissue. Streaks have a mean: what lies near metal says nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.severity.noise import METAL_HU
from UniFuseLib.spatial.linear import mapped

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.restoration.aligned_pair import AlignedPair
    from UniFuseLib.spatial.volume import Grid, Volume

# Network intensities of CT: from nothing at 193 HU to all of it at 403 HU. From 113 HU on the limbs
# lose 0.1 dB, whose streaks are brighter than what they cross (0109)
_DENSE = (0.68, 0.78)
_LEVELS = np.linspace(0.6, 1.0, 21)
_FEW = 200  # voxels of one level; fewer say nothing of their mean
_NEAR_MM = 20.0  # half side of the cubes around metal
_MUCH = 0.02  # of a scan that is metal: then its numbers are no HU


def dense_tones(pair: AlignedPair, metal: np.ndarray) -> Tensor:
    """E[d - r | r] where the restored volume is dense, `(1, 1, d, h, w)`; 0 elsewhere.

    Args:
        pair: d and r, network intensities of CT.
        metal: `(d, h, w)` bool on the same grid (`metal_on`).
    """
    restored = pair.restored[0, 0].numpy()
    body = pair.body[0, 0].numpy()
    counted = body & ~_near(metal, pair.spacing_mm)
    levels = restored[counted]
    taken = pair.degraded[0, 0].numpy()[counted] - levels
    bins = np.digitize(levels, _LEVELS)  # 0 and the last one lie beyond
    counts = np.bincount(bins, minlength=len(_LEVELS) + 1)[1:-1]
    sums = np.bincount(bins, weights=taken, minlength=len(_LEVELS) + 1)[1:-1]
    known = counts >= _FEW
    change = np.zeros_like(restored)
    if known.any():
        centres = (_LEVELS[1:] + _LEVELS[:-1]) / 2
        least, wholly = _DENSE
        dense = body & (restored > least)
        level = restored[dense]
        mean = np.interp(level, centres[known], sums[known] / counts[known])
        change[dense] = mean * np.clip((level - least) / (wholly - least), 0, 1)
    return torch.from_numpy(change)[None, None]


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
    to_grid = np.linalg.inv(alignment @ grid.affine) @ scan.affine
    index = np.rint(mapped(to_grid, np.argwhere(dense).astype(float))).astype(int)
    within = ((index >= 0) & (index < grid.shape)).all(axis=1)
    found[tuple(index[within].T)] = True
    return found


def _near(metal: np.ndarray, spacing_mm: float) -> np.ndarray:
    """What lies in a cube of `_NEAR_MM` around metal."""
    side = 2 * round(_NEAR_MM / spacing_mm) + 1
    return metal if not metal.any() else ndimage.maximum_filter(metal.view(np.uint8), side) > 0
