"""What the numbers of a volume look like: Hounsfield units, an offset, uptake, labels.

Rules of thumb from what the units are, not fitted; they decide what is asked, never what is
computed in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Volume

PLANES = 64  # are enough to see the intensities
# Hounsfield units: air -1000, lung about -800, fat -100, water 0, muscle 50, bone above 300
_AIR_HU = (-1100.0, -800.0)
_BETWEEN_HU = (-750.0, -400.0)  # partial volume and little else
_AIR_TO_SOFT = (-1100.0, -500.0)
_SOFT_HU = (-250.0, 300.0)
_LEAST_AIR = 0.01  # of the voxels
_LEAST_HU = 0.6  # of the voxels are air, lung or soft tissue
LOWEST_HU = -1300.0  # noise in air; what is lower is a fill value or another unit
_OFFSET_SOFT = (800.0, 1300.0)  # soft tissue where 1024 was added
_OFFSET_AIR = 200.0
_NARROW = 0.75  # of what is not air; MR spreads its tissues from 0 on
_LEAST_SPAN_HU = 50.0  # fat to muscle is 150
_AIR_SHARE = 0.02  # of the range is air
_LEAST_INSIDE = 0.05  # of the voxels are brighter; fewer are spikes
# Measured: 34 MR, also cut at their 99.5th percentile: at most 0.03 (cut at the 98th: 0.12, median
# 0.05); 14 CTs in a window of 80 HU: 0.06 to 0.43, heads and necks in one of 400 HU: 0.06 to 0.32
_CUT = 0.06  # of what is not air has the highest value: a display window cut it off
# PET
_COARSE_MM = 2.5  # PET is reconstructed on coarser grids
_HOT = 2.2  # P99.9 over P95: uptake has hot spots
_SUV = (1.0, 100.0)  # P99.9 of standardised uptake values
# label maps
_MOST_LABELS = 256
_SPARSE = 31  # voxels, no divisor of usual sides: one in so many shows that there are more
_FLAT = 0.6  # of neighbours inside labels are equal; noise leaves few
# Measured: 18 head label maps, also thinned to 2, 3 and 4 mm: equal 0.63 to 0.91, graded 0.25 to
# 0.36. CT and MR of the validation patients in windows of 80 to 2000 HU and 16 to 255 greys: equal
# up to 0.82 in 16 greys and 0.78 in more, and graded above 0.64 wherever equal exceeds 0.6.
_SOLID = 0.9  # more than in any picture: labels in order, as vertebrae are
_FEW_GREYS = 16  # fewer are not a scan
_ADJACENT = 2  # ranks
_GRADED = 0.5  # of the neighbours that differ are adjacent greys


class Signs(NamedTuple):
    """What is seen in one volume."""

    hounsfield: bool  # air and soft tissue lie where HU put them
    offset: bool  # they do after 1024 is subtracted
    signed: bool  # more than noise lies below zero
    unit_range: bool  # within 0 to 1: the units were removed
    pet: int  # of three signs, how many: coarse voxels, hot spots, range of uptake values
    cut: float  # part of what is not air that has the highest value, 0 to 1
    span: float  # P0.1 to P99.9
    low: float  # P0.5
    high: float  # P99.9


def signs_of(volume: Volume) -> Signs:
    """Look at `(d, h, w)` finite numbers.

    Args:
        volume: fill values and NaN already replaced.
    """
    array = volume.array[:: max(1, volume.array.shape[0] // PLANES)].ravel()
    lowest, low, p95, high = (float(v) for v in np.percentile(array, (0.1, 0.5, 95, 99.9)))
    whole = whole_numbers(array)
    coarse = float(np.sort(volume.grid.spacing)[1]) > _COARSE_MM
    hot = high > _HOT * p95
    uptake = not whole and _SUV[0] < high < _SUV[1]
    return Signs(
        hounsfield=_hounsfield(array, low),
        offset=_offset(array, low, high),
        signed=low < 0 and -low > 0.02 * abs(high),
        unit_range=not whole and low >= 0 and high <= 1.0 + 1e-6,
        pet=sum((coarse, hot, uptake)) if low >= -0.05 * high else 0,
        cut=_cut(array),
        span=high - lowest,
        low=low,
        high=high,
    )


def is_cut(signs: Signs) -> bool:
    """So much has the highest value that a display window must have cut it off."""
    return signs.cut >= _CUT


def too_flat_for_ct(signs: Signs) -> bool:
    """Not even fat and muscle could be told apart, were these Hounsfield units."""
    return signs.span < _LEAST_SPAN_HU


def whole_numbers(array: np.ndarray) -> bool:
    """No fractions, whatever the type."""
    return bool(np.issubdtype(array.dtype, np.integer) or (array == np.round(array)).all())


def label_count(array: np.ndarray) -> int:
    """How many labels the map has, were it one; 0 where it is not.

    Labels are few values that fill connected regions: neighbours inside them are equal. So they are
    in a picture of few greys, a CT clipped to a window for example, but there neighbours that
    differ are of adjacent greys, where labels change from any one to any other.

    Args:
        array: `(d, h, w)` finite numbers.
    """
    some = array[:: max(1, array.shape[0] // PLANES)]
    if np.unique(some.ravel()[::_SPARSE]).size > _MOST_LABELS:
        return 0  # seen without sorting all voxels
    values, ranks, counts = np.unique(some, return_inverse=True, return_counts=True)
    if not 2 <= values.size <= _MOST_LABELS:
        return 0
    if values.size == 2:
        return 2
    background = int(counts.argmax())
    steps = [_steps(ranks.reshape(some.shape), background, axis) for axis in (1, 2)]
    equal = max(_share_of(along, 0, 0) for along in steps)
    graded = max(_share_of(along[along > 0], 1, _ADJACENT) for along in steps)
    if equal <= _FLAT or (values.size >= _FEW_GREYS and equal <= _SOLID and graded > _GRADED):
        return 0
    return values.size


def is_graded(array: np.ndarray) -> bool:
    """The values change from voxel to voxel, as a scan's do: no label map, of however many labels.

    Args:
        array: `(d, h, w)` finite numbers.
    """
    some = array[:: max(1, array.shape[0] // PLANES)]
    values, ranks, counts = np.unique(some, return_inverse=True, return_counts=True)
    if values.size <= _MOST_LABELS:
        return values.size > 1 and label_count(array) == 0
    background = int(counts.argmax())
    steps = [_steps(ranks.reshape(some.shape), background, axis) for axis in (1, 2)]
    return max(_share_of(along, 0, 0) for along in steps) <= _FLAT


def _steps(ranks: np.ndarray, background: int, axis: int) -> np.ndarray:
    """|difference of rank| of the neighbours along an axis, both no background; flat."""
    last = ranks.shape[axis] - 1
    one, other = ranks.take(range(last), axis), ranks.take(range(1, last + 1), axis)
    inside = (one != background) & (other != background)
    return np.abs(one[inside] - other[inside])


def _share_of(steps: np.ndarray, least: int, most: int) -> float:
    """Part of the steps within the limits; 0 of too few."""
    if steps.size <= _MOST_LABELS:
        return 0.0
    return float(((steps >= least) & (steps <= most)).mean())


def _cut(array: np.ndarray) -> float:
    """Part of the voxels that are not air whose value is the highest one."""
    low, high = float(array.min()), float(array.max())
    inside = array[array > low + _AIR_SHARE * (high - low)]
    return float((inside == high).mean()) if inside.size > _LEAST_INSIDE * array.size else 0.0


def _hounsfield(array: np.ndarray, low: float) -> bool:
    """Two heaps with little between them; a signed map has one, around zero."""
    air, between, soft = (_share(array, part) for part in (_AIR_HU, _BETWEEN_HU, _SOFT_HU))
    if low < LOWEST_HU or air < max(_LEAST_AIR, 0.5 * between) or soft < between:
        return False
    return _share(array, _AIR_TO_SOFT) + soft >= _LEAST_HU


def _offset(array: np.ndarray, low: float, high: float) -> bool:
    """Air near 0, and nearly all tissue within 800 to 1300."""
    if low < -_OFFSET_AIR / 4 or high < _OFFSET_SOFT[0]:
        return False
    tissue = array[array > _OFFSET_AIR]
    air = 1.0 - tissue.size / array.size
    return air >= _LEAST_AIR and tissue.size > 0 and _share(tissue, _OFFSET_SOFT) >= _NARROW


def _share(array: np.ndarray, limits: tuple[float, float]) -> float:
    return float(((array >= limits[0]) & (array <= limits[1])).mean())
