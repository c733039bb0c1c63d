"""Grids whose axes are turned anywhere."""

from __future__ import annotations

import numpy as np

from UniFuseLib.spatial.volume import Grid


def oblique(shape: tuple[int, int, int], spacing: tuple[float, float, float], seed: int) -> Grid:
    """Axes turned anywhere, the middle near the world's origin."""
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = np.array([2.0, -3.0, 4.0]) - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Grid(shape, affine)
