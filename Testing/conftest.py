"""Fixtures that several parts share: small, non-cubic, anisotropic, oblique."""

from __future__ import annotations

import numpy as np
import pytest

from UniFuseLib.spatial.volume import Grid, Volume


def rotation(axis: int, degrees: float) -> np.ndarray:
    """`(3, 3)` right-handed rotation about a coordinate axis."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def grid(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], angles: tuple[float, ...]
) -> Grid:
    """A grid centred near the world's origin whose axes are turned about R, A and S by `angles`
    degrees.
    """
    affine = np.eye(4)
    turn = rotation(0, angles[0]) @ rotation(1, angles[1]) @ rotation(2, angles[2])
    affine[:3, :3] = turn @ np.diag(spacing)
    affine[:3, 3] = np.array([3.0, -5.0, 7.0]) - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Grid(shape, affine)


@pytest.fixture
def oblique_grid() -> Grid:
    """(7, 9, 11) voxels of 2.1 × 1.3 × 0.8 mm, no axis along R, A or S."""
    return grid((7, 9, 11), (2.1, 1.3, 0.8), (15.0, -20.0, 35.0))


@pytest.fixture
def oblique_volume(oblique_grid: Grid) -> Volume:
    """Uniform noise on `oblique_grid`: no two voxels alike, so that a swapped axis shows."""
    values = np.random.default_rng(0).random(oblique_grid.shape).astype(np.float32)
    return Volume(values, oblique_grid.affine)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs first: with processes side by side, none is left alone with them at the end."""
    items.sort(key=lambda item: "whole_path" not in item.path.parts)
