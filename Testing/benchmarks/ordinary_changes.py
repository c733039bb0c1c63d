"""What is done to a pair of `ordinary_pairs.py`, and where its places lie then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation
from verdict_changes import body_points

from UniFuseLib.registration.affine_parameters import rigid_matrix
from UniFuseLib.simulation.degrade import apply_degradation, sample_degradation, slice_axis
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.spatial.volume import Grid

    # RAS reference point → RAS degraded point: (4, 4), or of (n, 3) points; None: two patients
    Truth = np.ndarray | Callable[[np.ndarray], np.ndarray] | None
    Pair = tuple[Volume, Volume, Truth]  # degraded, reference

_TURN_DEG, _SHIFT_MM = 5.0, 7.0
_BEND_MM = 50.0  # of the body, over which it bends


def mapped(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A X, `(n, 3)`."""
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


def middle(grid: Grid) -> np.ndarray:
    corners = grid.corners()
    return np.asarray((corners.min(0) + corners.max(0)) / 2)


def along(volume: Volume, axis: int) -> int:
    """The array axis that runs along an axis of the patient."""
    return int(np.abs(volume.grid.directions[axis]).argmax())


def moved(degraded: Volume, reference: Volume, truth: np.ndarray, seed: int) -> Pair:
    """By 5 degrees and 7 mm, in the header."""
    rng = np.random.default_rng(seed)
    axis, shift = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    rotation = Rotation.from_rotvec(np.deg2rad(_TURN_DEG) * axis).as_matrix()
    centre = middle(degraded.grid)
    motion_matrix = rigid_matrix(rotation, centre, centre + _SHIFT_MM * shift)
    placed = Volume(degraded.array, motion_matrix @ degraded.affine)
    return placed, reference, motion_matrix @ truth


def cropped(volume: Volume, axis: int, start: float, stop: float) -> Volume:
    """A part of the field of view, 0 to 1 along an axis of the patient."""
    axis = along(volume, axis)
    n = volume.array.shape[axis]
    first, last = round(start * n), round(stop * n)
    affine = volume.affine.copy()
    affine[:3, 3] += first * affine[:3, axis]
    return Volume(volume.array.take(range(first, last), axis), affine)


def respaced(degraded: Volume, reference: Volume, axis: int, factor: float) -> Pair:
    """The header names another distance of the voxels; the middle stays."""
    affine = degraded.affine.copy()
    affine[:3, along(degraded, axis)] *= factor
    there = Volume(degraded.array, affine)
    affine[:3, 3] += middle(degraded.grid) - middle(there.grid)
    return there, reference, affine @ np.linalg.inv(degraded.affine)


def tilted(degraded: Volume, reference: Volume, tangent: float) -> Pair:
    """Slices shifted one against the other, in a header that says nothing of it."""
    shear = np.eye(4)
    shear[1, 2] = tangent
    shear[1, 3] = -tangent * middle(degraded.grid)[2]
    back = np.linalg.inv(degraded.affine) @ np.linalg.inv(shear) @ degraded.affine
    array = ndimage.affine_transform(
        degraded.array.astype(np.float32),
        back[:3, :3],
        back[:3, 3],
        order=1,
        cval=float(degraded.array.min()),
    )
    return Volume(array.round(1), degraded.affine), reference, shear


def flipped(degraded: Volume, reference: Volume, axis: int) -> Pair:
    """The voxels in reverse under the same header."""
    axis = along(degraded, axis)
    mirror = np.eye(4)
    mirror[axis, axis], mirror[axis, 3] = -1, degraded.array.shape[axis] - 1
    truth = degraded.affine @ mirror @ np.linalg.inv(degraded.affine)
    return Volume(np.flip(degraded.array, axis).copy(), degraded.affine), reference, truth


def thick(volume: Volume, axis: int, mm: float) -> Volume:
    """Means over slices of about that thickness."""
    axis = along(volume, axis)
    factor = max(1, round(mm / float(volume.grid.spacing[axis])))
    n = volume.array.shape[axis] // factor * factor
    slices = np.moveaxis(volume.array.astype(np.float32), axis, 0)[:n]
    mean = slices.reshape(n // factor, factor, *slices.shape[1:]).mean(1)
    affine = volume.affine.copy()
    affine[:3, 3] += (factor - 1) / 2 * affine[:3, axis]
    affine[:3, axis] *= factor
    return Volume(np.moveaxis(mean, 0, axis).round(1), affine)


def bent(degraded: Volume, reference: Volume, degrees: float) -> Pair:
    """What lies below 0.6 of the height is turned about R, as a neck or a knee bends."""
    grid = degraded.grid
    height = np.ptp(grid.corners()[:, 2])
    pivot = middle(grid) + np.array([0, 0, 0.1 * height])

    def bend(points: np.ndarray) -> np.ndarray:
        share = np.clip((pivot[2] - points[:, 2]) / _BEND_MM, 0, 1)
        angle = np.deg2rad(degrees) * share**2 * (3 - 2 * share)
        r, a, s = (points - pivot).T
        cos, sin = np.cos(angle), np.sin(angle)
        return np.column_stack([r, cos * a - sin * s, sin * a + cos * s]) + pivot

    def truth(points: np.ndarray) -> np.ndarray:
        found = points
        for _ in range(200):
            found = found - 0.7 * (bend(found) - points)
        return found

    index = np.argwhere(np.ones(grid.shape, dtype=bool))
    shown = mapped(np.linalg.inv(degraded.affine), bend(mapped(degraded.affine, index)))
    air = float(degraded.array.min())
    values = ndimage.map_coordinates(degraded.array.astype(np.float32), shown.T, order=1, cval=air)
    return Volume(values.reshape(grid.shape), degraded.affine), reference, truth


def lesion(volume: Volume, radius_mm: float, percentile: float) -> Volume:
    """A ball right of the middle with the value of a percentile."""
    index = np.indices(volume.array.shape, dtype=np.float32)
    centre = np.array([0.55, 0.5, 0.35]) * volume.array.shape
    sides = zip(index, centre, volume.grid.spacing, strict=True)
    distance = np.sqrt(sum(((i - c) * mm) ** 2 for i, c, mm in sides))
    inside = np.clip((radius_mm - distance) / 2 + 0.5, 0, 1)
    value = float(np.percentile(volume.array, percentile))
    values = volume.array.astype(np.float32) * (1 - inside) + value * inside
    return Volume(values.round(1), volume.affine)


def motion(volume: Volume, severity: float) -> Volume:
    """MR motion as `unifuse simulate` makes it."""
    axis = slice_axis(volume.grid)
    spacing = tuple(float(s) for s in volume.grid.spacing)
    values = torch.from_numpy(volume.array.astype(np.float32))
    generator = torch.Generator().manual_seed(1)
    drawn = sample_degradation("mr_motion", generator, values, spacing, severity, axis)
    return Volume(apply_degradation(values, spacing, drawn, axis).numpy(), volume.affine)


def beside(stranger: Volume, reference: Volume) -> tuple[Volume, Volume]:
    """Another patient, his middle where that of the reference lies."""
    kinds = ("ct" if volume.array.min() < -500 else "mr" for volume in (stranger, reference))
    here, there = (
        body_points(volume, kind).mean(axis=0)
        for volume, kind in zip((stranger, reference), kinds, strict=True)
    )
    affine = stranger.affine.copy()
    affine[:3, 3] += there - here
    return Volume(stranger.array, affine), reference
