"""u(X) = A(X + v(X)) - X, read by parts, on oblique and anisotropic grids."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oblique_pair import REFERENCE, places

from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.composed import ComposedField
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.resampling import block, sample_box
from UniFuseLib.spatial.volume import Grid, affine_of

WORKING = working_grid(REFERENCE, 2.4)
SLOPE = np.array([[0.02, -0.01, 0.03], [0.01, 0.04, -0.02], [-0.03, 0.02, 0.01]])


def matrix() -> np.ndarray:
    a = np.deg2rad(20)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.05]])
    return affine_of(turn, np.array([4.0, -7.0, 11.0]))


@pytest.fixture
def field() -> ComposedField:
    """v(X) = SLOPE X, which trilinear interpolation reproduces."""
    v = (places(WORKING) @ SLOPE.T).T.reshape(1, 3, *WORKING.shape)
    return ComposedField(REFERENCE, WORKING, torch.from_numpy(v).float(), matrix())


def inside(grid: Grid) -> np.ndarray:
    """Voxels of the reference between the outermost ones of the working grid."""
    index = mapped(grid.index_to_index(WORKING), np.indices(grid.shape).reshape(3, -1).T)
    within = (index >= 0) & (index <= np.array(WORKING.shape) - 1)
    return within.all(axis=1).reshape(grid.shape)


def test_it_is_the_formula_in_millimetres(field: ComposedField) -> None:
    x = places(REFERENCE)
    expected = (mapped(matrix(), x + x @ SLOPE.T) - x).reshape(field.shape)
    known = inside(REFERENCE)
    assert known.mean() > 0.6
    np.testing.assert_allclose(field.whole()[known], expected[known], atol=2e-4)


def test_every_part_is_that_part_of_the_whole(field: ComposedField) -> None:
    whole = field.whole()
    rows = slice(5, 13)
    box = (slice(3, 9), slice(11, None), slice(None, 7))
    np.testing.assert_allclose(field[rows], whole[rows], atol=1e-5)
    np.testing.assert_allclose(field[box], whole[box], atol=1e-5)
    index = np.random.default_rng(3).integers(0, REFERENCE.shape, size=(50, 3))
    np.testing.assert_allclose(field[tuple(index.T)], whole[tuple(index.T)], atol=1e-5)


def test_what_is_sampled_already_gives_the_same_bits(field: ComposedField) -> None:
    rows = slice(4, 15)
    others = torch.randn(1, 5, *WORKING.shape)
    stacked = torch.cat([others, field.displacement], dim=1)
    to_working = REFERENCE.index_to_index(WORKING)
    sampled = sample_box(stacked, to_working, block(REFERENCE.shape, rows))
    u = field.composed(sampled[:, 5:], rows)
    np.testing.assert_array_equal(u[0].movedim(0, -1).numpy(), field[rows])
