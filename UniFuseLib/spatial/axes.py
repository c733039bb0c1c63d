"""Axes of arrays against those of the patient; the working grid is d → S, h → P, w → L."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.spatial.volume import Grid, Volume, affine_of, centred_affine

# d → Superior, h → Posterior, w → Left, as RAS unit columns
WORKING_AXES = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
_ROUNDING = 1e-3  # voxels by which an extent may exceed a whole number without one voxel more
_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))  # towards minus and plus, along R, A, S


class AxisOrder(NamedTuple):
    """How an array is stored, seen from the working axes."""

    order: list[int]  # the array axis that runs along d → S, h → P, w → L
    sign: np.ndarray  # (3,): +1 where it runs that way, -1 where it runs back


def working_grid(reference: Grid, spacing_mm: float) -> Grid:
    """Isotropic grid over the reference's field of view, on its axes as `canonical` turns them.

    At least two voxels along each axis, for derivatives; a thinner volume lies in their middle.

    Args:
        reference: any axis codes, oblique or not; obliqueness is kept.
        spacing_mm: side of a voxel.

    Raises:
        InputError: the spacing is not positive.
    """
    if not spacing_mm > 0:
        raise InputError(f"Expected a working spacing above 0 mm, got {spacing_mm:g}.")
    order, sign = working_axes(reference)
    extent_mm = (np.array(reference.shape) * reference.spacing)[order]
    voxels = np.ceil(extent_mm / spacing_mm - _ROUNDING)
    d, h, w = (int(n) for n in np.maximum(2, voxels))
    linear = reference.directions[:, order] * sign * spacing_mm
    centre = reference.corners().mean(axis=0)
    return Grid((d, h, w), centred_affine(linear, (d, h, w), centre))


def perpendicular_grid(grid: Grid) -> Grid:
    """The smallest grid with perpendicular axes and the same voxel sizes that covers `grid`.

    Its directions are the nearest perpendicular ones: D = U V^T of the singular vectors.

    Args:
        grid: sheared or not.
    """
    u, _, v = np.linalg.svd(grid.directions)
    step = (u @ v) * grid.spacing
    index = np.linalg.solve(step, grid.corners().T).T  # continuous, from the world's origin
    low, high = index.min(axis=0), index.max(axis=0)
    d, h, w = (int(n) for n in np.ceil(high - low - 1e-6) + 1)
    affine = np.eye(4)
    affine[:3, :3] = step
    affine[:3, 3] = step @ ((low + high) / 2 - (np.array([d, h, w]) - 1) / 2)
    return Grid((d, h, w), affine)


def working_axes(grid: Grid) -> AxisOrder:
    """The order of axes that is nearest to d → S, h → P, w → L."""
    cosines = WORKING_AXES.T @ grid.directions  # [working axis, array axis]

    def likeness(order: tuple[int, ...]) -> float:
        return sum(abs(cosines[working, array]) for working, array in enumerate(order))

    order = max(itertools.permutations(range(3)), key=likeness)
    sign = np.where(cosines[range(3), order] >= 0, 1.0, -1.0)
    return AxisOrder(list(order), sign)


def canonical(volume: Volume) -> Volume:
    """The same voxels with the array's axes along d → S, h → P, w → L.

    What follows cannot depend on the storage order.
    """
    grid = volume.grid
    order, sign = working_axes(grid)
    channels = range(3, volume.array.ndim)
    array = volume.array.transpose(*order, *channels)[_flips(sign)]
    linear = grid.linear[:, order] * sign
    last = np.array(array.shape[:3]) - 1
    stored_first = last * (sign < 0)  # where index (0, 0, 0) of the file is now
    return Volume(array, affine_of(linear, grid.origin - linear @ stored_first))


def from_canonical(array: np.ndarray, grid: Grid) -> np.ndarray:
    """An array on `canonical`'s axes back in the storage order of `grid`."""
    order, sign = working_axes(grid)
    stored = array[_flips(sign)].transpose(*np.argsort(order))
    return np.ascontiguousarray(stored)


def orientation_code(grid: Grid) -> str:
    """Toward which side of the patient d, h and w run, for example `SPL`; the nearest letters."""
    nearest = np.abs(grid.directions).argmax(axis=0)
    ahead = grid.directions[nearest, range(3)] > 0
    return "".join(_LETTERS[axis][int(plus)] for axis, plus in zip(nearest, ahead, strict=True))


def _flips(sign: np.ndarray) -> tuple[slice, ...]:
    return tuple(slice(None) if s > 0 else slice(None, None, -1) for s in sign)
