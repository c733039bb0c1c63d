"""Which voxels were acquired: NaN around the patient, fill values and padding are not data."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

_LEAST_REGION = 27  # voxels (3³); what is smaller is damage
_GAP = 0.15  # of the range of the other values, between a fill value and the lowest of them
_AIR_HU = (-1100.0, -900.0)  # a constant here is air as CT writes it
_BELOW = 0.01  # of the voxels lie below a padding that is not background
_CORNERS = 4  # of 8 share the padding


class Acquired(NamedTuple):
    """A volume without what was not acquired."""

    array: np.ndarray  # those voxels hold the lowest value that was acquired
    mask: np.ndarray  # (d, h, w) bool, True where acquired
    findings: tuple[str, ...]  # parts of sentences


def outside_patient(bad: np.ndarray) -> np.ndarray:
    """The part of `bad` that is connected to the border of the volume, 3³ voxels or more.

    Args:
        bad: `(d, h, w)` bool, voxels without a number.
    """
    labels, count = ndimage.label(bad)
    if count == 0:
        return bad
    border = np.unique(
        np.concatenate([np.take(labels, (0, -1), axis).ravel() for axis in range(3)])
    )
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept = np.zeros(count + 1, dtype=bool)
    kept[border] = sizes[border] >= _LEAST_REGION
    kept[0] = False
    return kept[labels]


def without_fill(array: np.ndarray, known: np.ndarray) -> Acquired:
    """Replace fill values and padding that lie inside the range of the data.

    A constant background that is also the lowest value stays: it is air, or MR's own padding,
    which `body.acquired_mask` finds.

    Args:
        array: `(d, h, w)` finite numbers.
        known: bool, same shape: False where NaN stood.
    """
    mask, findings = known, []
    for value, where in _fills(array, known):
        if where.sum() >= _LEAST_REGION and (mask & ~where).any():
            mask = mask & ~where
            findings.append(
                f"{100 * where.mean():.0f} % of the voxels hold the fill value {value:g}"
            )
    if mask is known and known.all():
        return Acquired(array, known, ())
    clean = array.copy()
    clean[~mask] = array[mask].min()
    return Acquired(clean, mask, tuple(findings))


def _fills(array: np.ndarray, known: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """(value, where) of every constant that is not data."""
    found = []
    low = _low_fill(array, known)
    if low is not None:
        found.append((low, (array == low) & known))
        known = known & (array != low)
    padding = _padding(array, known)
    if padding is not None:
        found.append((padding, outside_patient((array == padding) & known)))
    return found


def _low_fill(array: np.ndarray, known: np.ndarray) -> float | None:
    """The lowest value, where it is negative and far below all others, or the one below zero."""
    values = array[known]
    lowest = float(values.min())
    if lowest >= 0 or _AIR_HU[0] <= lowest <= _AIR_HU[1]:
        return None
    others = values[values > lowest]
    if others.size == 0 or values.size - others.size < _LEAST_REGION:
        return None
    following, top = float(others.min()), float(np.percentile(others, 99.9))
    if following >= 0:
        return lowest
    return lowest if following - lowest > _GAP * max(top - following, 1e-12) else None


def _padding(array: np.ndarray, known: np.ndarray) -> float | None:
    """A constant in half of the corners, where it is not the background of the values.

    Either values lie below it, as air lies below a CT that was padded with 0, or it lies far above
    them, as -1 does where it was read as 65535.
    """
    d, h, w = (np.array([0, n - 1]) for n in array.shape)
    corners = array[np.ix_(d, h, w)].ravel()[known[np.ix_(d, h, w)].ravel()]
    values, counts = np.unique(corners, return_counts=True)
    if not counts.size or counts.max() < _CORNERS:
        return None
    value = float(values[counts.argmax()])
    if _AIR_HU[0] <= value <= _AIR_HU[1]:
        return None
    some = array[known]
    if (some < value).mean() > _BELOW and (some == value).mean() > _BELOW:
        return value
    return None
