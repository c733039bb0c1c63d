"""Both directions of a deformation, on oblique and anisotropic grids."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oblique_pair import DEGRADED, REFERENCE, places, rigid, smooth

from UniFuseLib.errors import InputError
from UniFuseLib.spatial.displacement import jacobian_determinant, world_to_flow
from UniFuseLib.spatial.transform import Transform

pytestmark = pytest.mark.filterwarnings("error")


def test_a_point_of_a_voxel_moves_by_what_the_voxel_says() -> None:
    u = smooth(6.0)
    moved = Transform(u, REFERENCE).to_degraded(places(REFERENCE))
    np.testing.assert_allclose(moved.points, places(REFERENCE) + u.reshape(-1, 3), atol=2e-4)
    assert not moved.beyond.any()


def test_the_jacobian_is_the_derivative() -> None:
    field = Transform(smooth(8.0), REFERENCE).field
    rng = np.random.default_rng(3)
    index = rng.uniform(1.05, 1.95, (200, 3)) + rng.integers(0, 18, (200, 3))  # within cells
    points = index @ REFERENCE.linear.T + REFERENCE.origin
    step = 1e-2
    for axis in range(3):
        ahead, behind = (field.moved(points + sign * step * np.eye(3)[axis]) for sign in (1, -1))
        slope = (ahead - behind) / (2 * step)
        np.testing.assert_allclose(field.jacobian(points)[:, :, axis], slope, atol=2e-3)


def test_the_affine_part_of_a_rigid_field_is_that_motion() -> None:
    field = Transform(rigid(70.0, (30.0, -20.0, 12.0)), REFERENCE).field
    x = places(REFERENCE)
    by_affine = x @ field.affine[:3, :3].T + field.affine[:3, 3]
    np.testing.assert_allclose(by_affine, field.moved(x), atol=1e-3)


@pytest.mark.parametrize(("amplitude_mm", "degrees"), [(2.0, 0.0), (7.0, 20.0), (10.0, 60.0)])
def test_the_round_trip_of_ten_thousand_points(amplitude_mm: float, degrees: float) -> None:
    """Bar: 0.1 mm where det J ≥ 0.3."""
    u = smooth(amplitude_mm) + rigid(degrees, (15.0, 4.0, -9.0))
    transform = Transform(u, REFERENCE)
    rng = np.random.default_rng(7)
    index = rng.uniform(0, np.array(REFERENCE.shape) - 1, (10_000, 3))
    x = index @ REFERENCE.linear.T + REFERENCE.origin
    back = transform.to_reference(transform.to_degraded(x).points)
    judged = np.linalg.det(transform.field.jacobian(x)) >= 0.3
    assert judged.mean() > 0.9
    unfolded = judged & back.exists
    if not len(transform.field.folded.centres):
        assert back.exists[judged].all()
    assert unfolded.sum() > 0.8 * judged.sum()
    assert np.linalg.norm(back.points - x, axis=1)[unfolded].max() < 0.1


def folding() -> Transform:
    """Along d the field turns back between two planes: those cells are folded."""
    u = np.zeros((*REFERENCE.shape, 3))
    profile = np.zeros(REFERENCE.shape[0])
    profile[10:13] = -1.7 * np.arange(3)  # steps of -1.7 voxels: det = 1 - 1.7
    profile[13:] = -3.4 * np.exp(-np.arange(REFERENCE.shape[0] - 13) / 6.0)
    u += profile[:, None, None, None] * REFERENCE.linear[:, 0]
    return Transform(u.astype(np.float32), REFERENCE)


def test_a_point_where_the_field_folds_has_no_inverse() -> None:
    """Along d, X + u(X) counted for a fine line: what is met once has an inverse, thrice none."""
    transform = folding()
    d = np.linspace(0, REFERENCE.shape[0] - 1, 20_001)
    line = np.c_[d, np.full_like(d, 14.3), np.full_like(d, 11.8)]
    moved = transform.to_degraded(line @ REFERENCE.linear.T + REFERENCE.origin).points
    met = (np.linalg.inv(REFERENCE.linear) @ (moved - REFERENCE.origin).T)[0]
    targets = np.arange(4.05, 18.0, 0.1)
    crossings = np.array([(np.diff(np.sign(met - t)) != 0).sum() for t in targets])
    index = np.c_[targets, np.full_like(targets, 14.3), np.full_like(targets, 11.8)]
    found = transform.to_reference(index @ REFERENCE.linear.T + REFERENCE.origin)
    assert set(crossings) == {1, 3}
    np.testing.assert_array_equal(found.exists, crossings == 1)
    assert np.isnan(found.points[~found.exists]).all()


def test_folded_cells_are_those_with_a_negative_determinant() -> None:
    transform = folding()
    flow = world_to_flow(
        torch.from_numpy(np.moveaxis(transform.displacement, -1, 0))[None], REFERENCE
    )
    centres = transform.field.folded.centres
    d = np.linalg.solve(REFERENCE.linear, (centres - REFERENCE.origin).T)[0]
    assert set(d.round(3)) == {10.5, 11.5}
    assert float(jacobian_determinant(flow)[0, 11].max()) < 0
    assert not len(Transform(smooth(3.0), REFERENCE).field.folded.centres)


def test_beyond_the_field_of_view_the_border_counts() -> None:
    u = smooth(4.0)
    edge = np.array([0.0, 15.0, 12.0])
    outside = np.array([-6.0, 15.0, 12.0])
    points = np.stack([edge, outside]) @ REFERENCE.linear.T + REFERENCE.origin
    moved = Transform(u, REFERENCE).to_degraded(points)
    np.testing.assert_allclose(moved.points - points, u[0, 15, 12][None].repeat(2, 0), atol=1e-4)
    np.testing.assert_array_equal(moved.beyond, [False, True])
    back = Transform(u, REFERENCE).to_reference(moved.points)
    np.testing.assert_allclose(back.points, points, atol=0.01)
    np.testing.assert_array_equal(back.beyond, [False, True])


def test_the_inverse_on_the_degraded_grid_and_its_error() -> None:
    transform = Transform(smooth(6.0) + rigid(10.0, (3.0, 0.0, -2.0)), REFERENCE, DEGRADED)
    inverse = transform.inverse()
    y = places(DEGRADED)
    x = y + inverse.displacement.reshape(-1, 3)
    known = inverse.exists.ravel()
    np.testing.assert_allclose(transform.to_degraded(x[known]).points, y[known], atol=0.005)
    error = transform.round_trip(inverse)
    assert error.points > 5000
    assert 0 < error.mean_mm < 0.1
    assert error.mean_mm <= error.p95_mm <= error.max_mm
    assert error.share_above_half_mm < 0.01
    spoiled = inverse._replace(displacement=inverse.displacement + np.float32(1.0))
    assert transform.round_trip(spoiled).share_above_half_mm == 1.0


def test_an_unknown_degraded_grid_is_asked_for() -> None:
    with pytest.raises(InputError, match="--grid"):
        Transform(smooth(1.0), REFERENCE).inverse()
