"""CT whose densest voxels wrapped around: 12 bits end at 3071 HU, or at 1023 where they are signed.

Bone, teeth and metal beyond that turn into values no tissue has, below -1300 HU, in the middle of
the brightest ones. Elsewhere such values are fill or noise around the patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from UniFuseLib.preprocessing.signs import LOWEST_HU, signs_of, whole_numbers
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from UniFuseLib.preprocessing.acquired import Acquired

_TURN = 4096  # 12 bits: what wrapped around spans less, a CT of an extended scale more
_DENSE_HU = 300.0  # bone begins here
_LEAST = 27  # voxels (3³), as of a fill value
_MOST_LONELY = 0.5  # of these voxels touch nothing dense: they are something else


def unwrapped(found: Acquired, affine: np.ndarray) -> tuple[np.ndarray, int]:
    """(array, how many voxels were raised by 4096); the array as it is where none wrapped.

    Args:
        found: `(d, h, w)` without fill values.
        affine: of the volume.
    """
    array = found.array
    lowest, highest = float(array.min()), float(array.max())
    if lowest >= LOWEST_HU or highest - lowest >= _TURN:
        return array, 0
    low = (array < LOWEST_HU) & found.mask
    count = int(low.sum())
    if count < _LEAST or not whole_numbers(array) or not _amid_dense(array, low):
        return array, 0
    raised = np.where(low, array.astype(np.float32) + _TURN, array).astype(_holding(array))
    return (raised, count) if signs_of(Volume(raised, affine)).hounsfield else (array, 0)


def _amid_dense(array: np.ndarray, low: np.ndarray) -> bool:
    """Most of these voxels lie in regions that touch bone or metal."""
    regions, count = ndimage.label(low)
    beside = ndimage.binary_dilation(array > _DENSE_HU) & low
    touching = np.zeros(count + 1, dtype=bool)
    touching[np.unique(regions[beside])] = True
    touching[0] = False
    return bool(touching[regions[low]].mean() > _MOST_LONELY)


def _holding(array: np.ndarray) -> np.dtype:
    """A type that holds the raised values as well."""
    return np.promote_types(array.dtype, np.int16)
