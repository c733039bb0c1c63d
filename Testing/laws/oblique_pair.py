"""A pair of oblique, anisotropic grids and deformations between them, for tests of transforms."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from UniFuseLib.spatial.volume import Grid, Volume


def turned(shape: tuple[int, int, int], spacing: tuple[float, ...], degrees: float) -> Grid:
    """Oblique, anisotropic, array axes (d, h, w) near (S, A, R): left-handed in array order."""
    a, b = np.deg2rad([degrees, degrees / 2])
    about_s = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_r = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = (about_s @ about_r)[:, [2, 1, 0]] * spacing
    affine[:3, 3] = np.array([5.0, -12.0, 20.0]) - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Grid(shape, affine)


REFERENCE = turned((22, 30, 26), (3.1, 1.7, 2.2), 25.0)
DEGRADED = turned((40, 28, 34), (1.6, 2.3, 1.9), -15.0)


def places(grid: Grid) -> np.ndarray:
    index = np.moveaxis(np.indices(grid.shape), 0, -1).reshape(-1, 3)
    return index @ grid.linear.T + grid.origin


def smooth(amplitude_mm: float, sigma: float = 3.0, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(*REFERENCE.shape, 3))
    field = gaussian_filter(noise, (sigma, sigma, sigma, 0))
    return (field * amplitude_mm / np.abs(field).max()).astype(np.float32)


def rigid(degrees: float, shift: tuple[float, float, float]) -> np.ndarray:
    """u of a turn about an oblique axis through the middle."""
    axis = np.array([0.36, 0.48, 0.8])
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn = np.deg2rad(degrees)
    matrix = np.eye(3) + np.sin(turn) * k + (1 - np.cos(turn)) * k @ k
    x = places(REFERENCE)
    middle = x.mean(axis=0)
    u = (x - middle) @ matrix.T + middle + shift - x
    return u.reshape(*REFERENCE.shape, 3).astype(np.float32)


def textured(grid: Grid, seed: int = 4) -> Volume:
    """A smooth random volume of 0 to 1000."""
    noise = np.random.default_rng(seed).normal(size=grid.shape)
    values = gaussian_filter(noise, 1.5)
    span = values.max() - values.min()
    return Volume((1000 * (values - values.min()) / span).astype(np.float32), grid.affine)
