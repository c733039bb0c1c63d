"""Laws of `volume.py` and of the working grid."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.linalg
from scipy.spatial.transform import Rotation

from UniFuseLib.errors import InputError
from UniFuseLib.spatial.axes import canonical, from_canonical, orientation_code, working_grid
from UniFuseLib.spatial.linear import cross_matrix
from UniFuseLib.spatial.volume import Grid, Volume, counted_from, with_larger_voxels


def stored_otherwise(volume: Volume, order: tuple[int, ...], flips: tuple[bool, ...]) -> Volume:
    """The same content in the world, the array stored with other axes."""
    array = volume.array.transpose(*order, *range(3, volume.array.ndim))
    affine = volume.affine.copy()
    affine[:3, :3] = affine[:3, list(order)]
    for axis, flip in enumerate(flips):
        if flip:
            array = np.flip(array, axis)
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
            affine[:3, axis] *= -1
    return Volume(np.ascontiguousarray(array), affine)


WAYS = [
    ((2, 0, 1), (True, False, True)),
    ((1, 0, 2), (False, True, False)),
    ((0, 1, 2), (True, True, True)),
]


def test_spacing_and_directions_make_the_affine(oblique_grid: Grid) -> None:
    np.testing.assert_allclose(oblique_grid.spacing, [2.1, 1.3, 0.8])
    np.testing.assert_allclose(
        oblique_grid.directions * oblique_grid.spacing, oblique_grid.affine[:3, :3]
    )
    np.testing.assert_allclose(
        oblique_grid.directions.T @ oblique_grid.directions, np.eye(3), atol=1e-12
    )


def test_corners_are_the_outermost_centres(oblique_grid: Grid) -> None:
    corners = oblique_grid.corners()
    expected = (oblique_grid.affine @ [6, 0, 10, 1])[:3]
    assert corners.shape == (8, 3)
    assert np.abs(corners - expected).sum(axis=1).min() < 1e-9


def test_index_to_index_goes_through_the_world(oblique_grid: Grid) -> None:
    other = Grid((5, 6, 4), np.diag([3.0, 2.0, 1.5, 1.0]))
    index = oblique_grid.index_to_index(other) @ [3, 8, 1, 1]
    np.testing.assert_allclose(other.affine @ index, oblique_grid.affine @ [3, 8, 1, 1], atol=1e-9)


def test_counted_from_another_voxel_the_places_stay(oblique_grid: Grid) -> None:
    moved = counted_from(oblique_grid.affine, [1, 3, 4])
    np.testing.assert_allclose(moved @ [5, 2, 0, 1], oblique_grid.affine @ [6, 5, 4, 1], atol=1e-9)


def test_larger_voxels_keep_the_faces_of_the_field_of_view(oblique_grid: Grid) -> None:
    ratio = np.array([7 / 4, 9 / 6, 11 / 3])
    larger = with_larger_voxels(oblique_grid.affine, ratio)
    for fine, coarse in (
        ((-0.5, -0.5, -0.5), (-0.5, -0.5, -0.5)),
        ((6.5, 8.5, 10.5), (3.5, 5.5, 2.5)),
    ):
        np.testing.assert_allclose(
            larger @ [*coarse, 1], oblique_grid.affine @ [*fine, 1], atol=1e-9
        )


def test_cross_matrix_is_the_cross_product_and_turns_by_its_length() -> None:
    vector, point = np.array([0.3, -0.5, 0.9]), np.array([2.0, 7.0, -1.0])
    np.testing.assert_allclose(cross_matrix(vector) @ point, np.cross(vector, point))
    turn = scipy.linalg.expm(cross_matrix(vector))
    np.testing.assert_allclose(turn, Rotation.from_rotvec(vector).as_matrix(), atol=1e-12)


def test_same_as_notices_a_shift_and_a_shape(oblique_grid: Grid) -> None:
    moved = oblique_grid.affine.copy()
    moved[1, 3] += 0.01
    assert oblique_grid.same_as(Grid(oblique_grid.shape, oblique_grid.affine.copy()))
    assert not oblique_grid.same_as(Grid(oblique_grid.shape, moved))
    assert not oblique_grid.same_as(Grid((7, 9, 10), oblique_grid.affine))


@pytest.mark.parametrize(
    "affine",
    [
        np.zeros((4, 4)),
        np.diag([1.0, 0.0, 1.0, 1.0]),
        np.full((4, 4), np.nan),
        np.eye(3),
        np.ones((4, 4)),
    ],
)
def test_useless_affines_are_refused(affine: np.ndarray) -> None:
    with pytest.raises(InputError):
        Grid((4, 5, 6), affine)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 6, 2), (3, 4, 5, 6, 7)])
def test_other_dimensions_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="3-D"):
        Volume(np.zeros(shape), np.eye(4))


@pytest.mark.parametrize("spacing", [0.9, 1.5, 4.0])
def test_working_grid_covers_the_reference(oblique_grid: Grid, spacing: float) -> None:
    grid = working_grid(oblique_grid, spacing)
    np.testing.assert_allclose(grid.spacing, spacing)
    faces = np.array(list(itertools.product(*[(-0.5, n - 0.5) for n in oblique_grid.shape])))
    matrix = oblique_grid.index_to_index(grid)
    index = faces @ matrix[:3, :3].T + matrix[:3, 3]
    assert (index >= -0.5 - 2e-3).all()
    assert (index <= np.array(grid.shape) - 0.5 + 2e-3).all()
    assert (
        np.array(grid.shape) * spacing
        < np.sort(oblique_grid.shape * oblique_grid.spacing).max() + spacing
    ).all()


def test_working_grid_looks_superior_posterior_left(oblique_volume: Volume) -> None:
    directions = working_grid(oblique_volume.grid, 1.0).directions
    assert directions[2, 0] > 0.7
    assert directions[1, 1] < -0.7
    assert directions[0, 2] < -0.7


@pytest.mark.parametrize(("order", "flips"), WAYS)
def test_working_grid_does_not_depend_on_storage(
    oblique_volume: Volume, order: tuple, flips: tuple
) -> None:
    other = stored_otherwise(oblique_volume, order, flips)
    assert working_grid(oblique_volume.grid, 1.1).same_as(working_grid(other.grid, 1.1))


@pytest.mark.parametrize(("order", "flips"), WAYS)
def test_canonical_axes_undo_the_storage(
    oblique_volume: Volume, order: tuple, flips: tuple
) -> None:
    other = stored_otherwise(oblique_volume, order, flips)
    here, there = canonical(oblique_volume), canonical(other)
    np.testing.assert_array_equal(here.array, there.array)
    np.testing.assert_allclose(here.affine, there.affine, atol=1e-9)
    np.testing.assert_array_equal(from_canonical(there.array, other.grid), other.array)


def test_orientation_names_the_side_each_axis_runs_to(oblique_grid: Grid) -> None:
    assert orientation_code(working_grid(oblique_grid, 1.0)) == "SPL"
    assert orientation_code(Grid((7, 9, 11), np.diag([2.1, 1.3, 0.8, 1.0]))) == "RAS"
    stored = oblique_grid.affine[:, [2, 0, 1, 3]].copy()
    stored[:, 1] *= -1
    one = orientation_code(oblique_grid)
    opposite = dict(zip("RLAPSI", "LRPAIS", strict=True))
    assert orientation_code(Grid((11, 7, 9), stored)) == one[2] + opposite[one[0]] + one[1]
