"""The grid of a sample, and volumes whose field of view ends inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from UniFuseLib.simulation.parameters import choice, uniform, uniforms
from UniFuseLib.spatial.axes import WORKING_AXES
from UniFuseLib.spatial.linear import cross_matrix
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.training.config import SampleFrame
    from UniFuseLib.training.data import PackedVolume

_TILT_DEG = 6.0  # of a crop, about each axis


def cut(
    volume: PackedVolume, centre: np.ndarray, reach_mm: float, generator: torch.Generator
) -> PackedVolume:
    """The volume with its field of view ending, along one of its axes, 30 to 100 % of `reach_mm`
    from `centre` (RAS mm).
    """
    grid = volume.grid
    axis, side = choice(generator, (0, 1, 2)), choice(generator, (-1, 1))
    at = float(np.linalg.solve(grid.affine, np.append(centre, 1.0))[axis])
    beyond_mm = uniform(generator, 0.3, 1.0) * reach_mm
    end = at + side * beyond_mm / float(grid.spacing[axis])
    size = grid.shape[axis]
    if side > 0:
        return volume.narrowed(axis, 0, min(max(round(end), 1), size))
    first = min(max(round(end), 0), size - 1)
    return volume.narrowed(axis, first, size - first)


def crop_grid(
    _around: Grid, centre: np.ndarray, crop: int, spacing_mm: float, generator: torch.Generator
) -> Grid:
    """Isotropic crop around `centre` (RAS mm), d → S, h → P, w → L up to a small tilt and a random
    mirror.
    """
    turn = cross_matrix(np.deg2rad(uniforms(generator, -_TILT_DEG, _TILT_DEG, 3)))
    tilt = torch.linalg.matrix_exp(torch.from_numpy(turn)).numpy()
    mirror = np.array([choice(generator, (-1.0, 1.0)) for _ in range(3)])
    affine = np.eye(4)
    affine[:3, :3] = tilt @ WORKING_AXES * mirror * spacing_mm
    affine[:3, 3] = centre - affine[:3, :3] @ np.full(3, (crop - 1) / 2)
    return Grid((crop, crop, crop), affine)


def whole_grid(
    whole: Grid, _centre: np.ndarray, crop: int, _spacing_mm: float, generator: torch.Generator
) -> Grid:
    """A random box with 80 to 100 % of the sides of `whole`, on the cube: cropping and scaling in
    one.
    """
    matrix, first = whole.affine[:3, :3], whole.affine[:3, 3]
    full = np.array(whole.shape)
    sides = full * np.array(uniforms(generator, 0.8, 1.0, 3))
    room = full - sides
    near_face = room * np.array(uniforms(generator, 0.0, 1.0, 3)) - 0.5  # in voxels
    ratio = sides / crop
    affine = np.eye(4)
    affine[:3, :3] = matrix * ratio
    affine[:3, 3] = first + matrix @ (near_face + ratio / 2)
    return Grid((crop, crop, crop), affine)


#: by `TrainingConfig.frame`: (reference's grid, centre, crop, spacing, generator) → grid
GRIDS: dict[SampleFrame, Callable[[Grid, np.ndarray, int, float, torch.Generator], Grid]] = {
    "crop": crop_grid,
    "whole": whole_grid,
}
