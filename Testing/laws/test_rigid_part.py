"""A displacement field parted into where the body as a whole goes, and how it is bent."""

from __future__ import annotations

import numpy as np
import pytest
from head_phantom import rigid
from turned_grid import oblique

from UniFuseLib.registration.affine_parameters import rotation_degrees
from UniFuseLib.report.parts import RigidPartReport
from UniFuseLib.spatial.rigid import rigid_part

GRID = oblique((17, 23, 31), (3.5, 2.0, 1.5), 4)
MOTION = rigid((9.0, -7.0, 6.0, 17.0, -8.0, 9.0))


def places() -> np.ndarray:
    """X `(d, h, w, 3)` RAS mm."""
    index = np.moveaxis(np.indices(GRID.shape), 0, -1)
    return index @ GRID.linear.T + GRID.origin


def moved(points: np.ndarray) -> np.ndarray:
    return points @ MOTION[:3, :3].T + MOTION[:3, 3]


def body() -> np.ndarray:
    inside = np.zeros(GRID.shape, dtype=bool)
    inside[3:-4, 5:-2, 6:-9] = True
    return inside


def test_a_rigid_field_is_its_motion_and_nothing_is_left() -> None:
    """Axes, signs and the order of the motion and the grid would show."""
    x = places()
    u = moved(x) - x
    found = rigid_part(u.astype(np.float32), GRID, body())
    np.testing.assert_allclose(found.matrix, MOTION, atol=1e-4)
    assert found.moved_mm == pytest.approx(np.linalg.norm(u[body()], axis=-1).mean(), rel=1e-5)
    assert found.rest_mm.shape == (body().sum(),)
    assert found.rest_mm.max() < 1e-3
    np.testing.assert_allclose(found.length_mm, np.linalg.norm(u[body()], axis=-1), rtol=1e-5)


def test_what_bends_is_left_and_what_lies_outside_the_body_says_nothing() -> None:
    x = places()
    bend = np.random.default_rng(0).normal(0, 1, x.shape)
    u = moved(x + bend) - x
    u[~body()] = 400.0
    found = rigid_part(u.astype(np.float32), GRID, body())
    expected = np.linalg.norm(bend[body()], axis=-1)
    np.testing.assert_allclose(found.rest_mm, expected, atol=0.2)
    assert found.rest_mm.mean() == pytest.approx(expected.mean(), rel=0.01)


def test_the_motion_is_the_nearest_one() -> None:
    """A turned or shifted one would leave more."""
    x = places()
    u = np.stack([0.05 * x[..., 0] ** 2 / 20, 0.04 * x[..., 2], -0.1 * x[..., 0]], axis=-1)
    found = rigid_part(u.astype(np.float32), GRID, body())
    least = (found.rest_mm.astype(np.float64) ** 2).sum()
    inside = x[body()]
    for step in np.eye(6) * 0.3:
        other = rigid(step) @ found.matrix
        rest = inside + u[body()] - (inside @ other[:3, :3].T + other[:3, 3])
        assert (rest**2).sum() > least


def test_an_empty_body_means_all_voxels() -> None:
    x = places()
    u = (moved(x) - x).astype(np.float32)
    found = rigid_part(u, GRID, np.zeros(GRID.shape, dtype=bool))
    assert found.rest_mm.size == np.prod(GRID.shape)
    np.testing.assert_allclose(found.matrix, MOTION, atol=1e-4)


@pytest.mark.parametrize("row", [4, 5, 6])
def test_a_body_of_one_slice_is_parted_as_well(row: int) -> None:
    """At every place: no lattice of voxels may step over it."""
    x = places()
    sheet = np.zeros(GRID.shape, dtype=bool)
    sheet[row, 4:20, 3:28] = True
    found = rigid_part((moved(x) - x).astype(np.float32), GRID, sheet)
    np.testing.assert_allclose(found.matrix, MOTION, atol=1e-3)


def test_the_report_rounds_it() -> None:
    x = places()
    found = RigidPartReport.of(rigid_part((moved(x) - x).astype(np.float32), GRID, body()))
    np.testing.assert_allclose(found.matrix_ras, MOTION, atol=1e-4)
    assert found.rotation_deg == pytest.approx(rotation_degrees(MOTION), abs=0.01)
    assert found.deformed_mm.max < 0.001
