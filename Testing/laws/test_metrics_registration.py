"""Registration errors on non-cubic, anisotropic, oblique grids: they go red when an axis or a sign
is wrong.
"""

from __future__ import annotations

import numpy as np
import pytest

from UniFuseLib.evaluation.metrics.registration import (
    alignment_figures,
    dice,
    folds_percent,
    target_registration_error,
    tre_figures,
)
from UniFuseLib.evaluation.sampling import covered, pull
from UniFuseLib.spatial.volume import Grid, Volume

SHAPE = (7, 9, 11)


def rotation(about: tuple[float, float, float]) -> np.ndarray:
    """Proper rotation by the Euler angles `about`, radians."""
    matrix = np.eye(3)
    for axis, angle in enumerate(about):
        turn = np.eye(3)
        i, j = [n for n in range(3) if n != axis]
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def oblique(
    shape: tuple[int, int, int] = SHAPE, spacing: tuple[float, float, float] = (3.3, 0.9, 1.4)
) -> Grid:
    affine = np.eye(4)
    affine[:3, :3] = rotation((0.3, -0.4, 0.7)) @ np.diag(spacing)
    affine[:3, 3] = (-31.0, 12.5, 80.0)
    return Grid(shape, affine)


def world(grid: Grid) -> np.ndarray:
    """`(d, h, w, 3)` RAS mm of every voxel centre."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def smooth_field(grid: Grid) -> np.ndarray:
    """A curved field with clearly different components, mm."""
    x = world(grid) - world(grid).mean(axis=(0, 1, 2))
    return np.stack(
        [4 + 0.05 * x[..., 1], -2 + 1.5 * np.sin(x[..., 2] / 6), 7 + 0.1 * x[..., 0]], axis=-1
    )


def body(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[1:-1, 2:-1, 1:-3] = True
    return mask


def test_identity_scores_exactly_the_simulated_displacement():
    grid = oblique()
    truth, mask = smooth_field(grid), body()
    expected = np.linalg.norm(truth[mask], axis=1)
    found = tre_figures(np.zeros_like(truth), truth, mask)
    assert found.mean == expected.mean()
    assert found.median == np.median(expected)
    assert found.p95 == np.percentile(expected, 95)


def test_the_true_field_scores_zero_and_a_constant_error_its_length():
    truth, mask = smooth_field(oblique()), body()
    assert tre_figures(truth, truth, mask) == (0.0, 0.0, 0.0)
    error = target_registration_error(truth + np.array([2.0, -3.0, 6.0]), truth, mask)
    np.testing.assert_allclose(error, 7.0)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda u: -u,
        lambda u: u[..., ::-1],
        lambda u: u * [-1, -1, 1],
        lambda u: u[..., [1, 0, 2]],
        lambda u: u[::-1],
    ],
    ids=["sign", "components reversed", "LPS", "R and A swapped", "axis flipped"],
)
def test_a_wrong_field_is_seen(wrong):
    truth, mask = smooth_field(oblique()), body()
    assert tre_figures(wrong(truth), truth, mask).mean > 0.5


def test_error_counts_inside_the_mask_only():
    truth, mask = smooth_field(oblique()), body()
    spoiled = np.where(mask[..., None], truth, truth + 50)
    assert tre_figures(spoiled, truth, mask).mean == 0.0


def test_wrong_shapes_and_empty_masks_are_refused():
    truth = smooth_field(oblique())
    with pytest.raises(ValueError, match="Expected displacement"):
        target_registration_error(np.moveaxis(truth, -1, 0), truth, body())
    with pytest.raises(ValueError, match="at least one voxel"):
        target_registration_error(truth, truth, np.zeros(SHAPE, bool))


@pytest.mark.parametrize(("stretch", "folds"), [(-0.9, 0.0), (-1.1, 100.0), (0.5, 0.0)])
def test_folds_of_a_stretch_along_one_world_axis(stretch, folds):
    """u = s (n·x) n has det = 1 + s, whatever the grid's axes and spacing are."""
    grid = oblique()
    normal = np.array([2.0, -1.0, 2.0]) / 3
    field = stretch * (world(grid) @ normal)[..., None] * normal
    assert folds_percent(field, grid, body()) == folds


def test_folds_see_a_shear_as_no_fold_and_a_local_fold_as_its_share():
    grid, mask = oblique(), body()
    x = world(grid)
    shear = np.zeros_like(x)
    shear[..., 0] = 3.0 * x[..., 2]
    assert folds_percent(shear, grid, mask) == 0.0
    along_d = grid.affine[:3, 0]  # one voxel step along d, mm
    depth = np.arange(SHAPE[0], dtype=float)
    fold = (
        np.where(depth >= 4, -2.0 * (depth - 4), 0.0)[:, None, None, None]
        * along_d
        * np.ones((*SHAPE, 3))
    )
    # steps of the map along d are 1 below 4, 0 at 4 by central differences, -1 above
    expected = 100 * mask[4:].sum() / mask.sum()
    assert folds_percent(fold, grid, mask) == pytest.approx(expected)


def test_dice_closed_form_and_labels_that_only_one_side_has():
    a = np.zeros(SHAPE, int)
    b = np.zeros(SHAPE, int)
    a[1:4, 2:6, 3:8], b[2:5, 2:6, 3:8] = 3, 3
    assert dice(a, b) == pytest.approx(2 / 3)
    b[6, 8, 10] = 9
    assert dice(a, b) == pytest.approx(1 / 3)
    assert dice(a, a) == 1.0


def test_alignment_figures_of_the_source_itself():
    volume = np.random.default_rng(0).random((13, 15, 17))
    mask = np.ones(volume.shape, bool)
    found = alignment_figures(volume, volume, mask)
    assert found.mse == 0.0
    assert found.cc == pytest.approx(1.0)
    assert found.ssim == pytest.approx(1.0)


def linear_volume(grid: Grid) -> Volume:
    """Intensity = 3 R - 2 A + 5 S: trilinear sampling reproduces it exactly."""
    return Volume(world(grid) @ np.array([3.0, -2.0, 5.0]), grid.affine)


def test_pull_reads_the_other_grid_at_the_displaced_place():
    """pull(V, u)[X] = V(X + u(X)), between two grids that share neither axes nor spacing."""
    reference, moving = oblique((5, 6, 7), (2.0, 1.1, 0.8)), oblique((20, 36, 34), (1.5, 1.3, 1.0))
    affine = moving.affine.copy()
    affine[:3, 3] += world(reference).mean(axis=(0, 1, 2)) - world(moving).mean(axis=(0, 1, 2))
    moving = Grid(moving.shape, affine)
    u = 0.3 * smooth_field(reference)
    found = pull(linear_volume(moving), u, reference)
    expected = (world(reference) + u) @ np.array([3.0, -2.0, 5.0])
    assert covered(moving, u, reference).all()
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_pull_fills_what_the_volume_does_not_cover_and_labels_stay_labels():
    grid = oblique()
    labels = Volume(np.random.default_rng(1).integers(1, 5, SHAPE), grid.affine)
    u = np.zeros((*SHAPE, 3)) + 1.0 * grid.affine[:3, 2]  # one voxel along w
    found = pull(labels, u, grid, mode="nearest", fill=0)
    np.testing.assert_array_equal(found[..., :-1], labels.array[..., 1:])
    assert (found[..., -1] == 0).all()
    np.testing.assert_array_equal(covered(grid, u, grid)[..., -1], False)
