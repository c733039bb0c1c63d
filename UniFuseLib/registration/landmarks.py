"""Pairs of landmarks: the rigid motion between them, and how far apart they lie."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.spatial.linear import mapped

LEAST_LANDMARKS = 3  # fix a rigid motion
_PLACED_MM = 2.0  # a landmark is placed about that exactly
_BETTER = 0.5  # of the distance that is left: two landmarks were exchanged
_MOST_COMPARED = 60  # landmarks of which every two are exchanged
_LEAST_OFF_LINE_MM = 1.0  # root mean square; landmarks are placed no more exactly than a voxel


def rigid_procrustes(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """R, t with the least Σ |R source + t - target|², det R = 1: `(4, 4)` RAS mm.

    By singular values (Arun et al. 1987, doi 10.1109/TPAMI.1987.4767965) without a reflection
    (Umeyama 1991, doi 10.1109/34.88573); the same motion as Horn's (1987, doi
    10.1364/JOSAA.4.000629).

    Args:
        source: `(n, 3)` RAS mm.
        target: `(n, 3)` RAS mm, in the same order.

    Raises:
        InputError: two lists of different lengths, fewer than three points, or points on a line.
    """
    check_pairs(source, target)
    check_spread(source)
    check_spread(target)
    middle = source.mean(axis=0)
    other = target.mean(axis=0)
    covariance = (source - middle).T @ (target - other)
    left, _, right = np.linalg.svd(covariance)
    mirrored = np.linalg.det(left @ right) < 0
    last = -1.0 if mirrored else 1.0
    signs = np.diag([1.0, 1.0, last])
    rotation = right.T @ signs @ left.T
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = other - rotation @ middle
    return matrix


def apart_mm(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """|source - target| of every pair, `(n,)` mm.

    Args:
        source: `(n, 3)` RAS mm.
        target: `(n, 3)` RAS mm, in the same order.
    """
    difference = source - target
    return np.asarray(np.linalg.norm(difference, axis=1))


def fit_mm(source: np.ndarray, target: np.ndarray) -> float:
    """Root mean square of what the rigid motion between landmarks leaves.

    Args:
        source: `(n, 3)` RAS mm.
        target: `(n, 3)` RAS mm, in the same order.

    Raises:
        InputError: see `rigid_procrustes`.
    """
    left = apart_mm(mapped(rigid_procrustes(source, target), source), target)
    return float(np.sqrt(np.mean(left**2)))


class Exchanged(NamedTuple):
    """Two landmarks that seem to stand in each other's place in one of two lists."""

    numbers: tuple[int, int]  # from 1
    fit_mm: float  # of all, once they are exchanged


def exchanged(source: np.ndarray, target: np.ndarray) -> Exchanged | None:
    """The two that fit far better if they are exchanged; None where no two do.

    Args:
        source: `(n, 3)` RAS mm.
        target: `(n, 3)` RAS mm.

    Raises:
        InputError: see `rigid_procrustes`.
    """
    count = len(source)
    least = _BETTER * fit_mm(source, target)
    if least < _BETTER * _PLACED_MM or count > _MOST_COMPARED:
        return None
    found = None
    for one, other in combinations(range(count), 2):
        order = np.arange(count)
        order[[one, other]] = other, one
        fit = fit_mm(source, target[order])
        if fit <= least:
            found, least = Exchanged((one + 1, other + 1), fit), fit
    return found


def check_pairs(reference: np.ndarray, degraded: np.ndarray) -> None:
    """Two lists of the same length.

    Args:
        reference: `(n, 3)`.
        degraded: `(n, 3)`.

    Raises:
        InputError: they are not.
    """
    count = len(reference)
    other = len(degraded)
    if count == other > 0:
        return
    raise InputError(
        f"The reference has {count} landmarks and the degraded volume {other}. "
        "Expected the same places in the same order in both lists."
    )


def check_spread(points: np.ndarray) -> None:
    """Enough points to fix a rigid motion.

    Args:
        points: `(n, 3)` mm.

    Raises:
        InputError: fewer than three, or all within a millimetre of one line.
    """
    count = len(points)
    if count < LEAST_LANDMARKS:
        raise InputError(
            f"Expected at least {LEAST_LANDMARKS} landmarks to fix a rigid motion, got {count}. "
            "Add landmarks that do not lie on one line."
        )
    centred = points - points.mean(axis=0)
    _, second, third = np.linalg.svd(centred, compute_uv=False)
    off_line = float(np.hypot(second, third) / np.sqrt(count))
    if off_line < _LEAST_OFF_LINE_MM:
        raise InputError(
            f"The landmarks lie on one line ({off_line:.1f} mm off it), so the rotation"
            " about that line is not determined. Add a landmark that lies elsewhere."
        )
