"""Display planes: a place in the patient appears where a radiologist looks for it, whatever the
grid.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from UniFuseLib.overview.planes import (
    PLANE_NAMES,
    Plane,
    body_points,
    once,
    plane_through,
    sample_plane,
    view_box,
    view_centre,
)
from UniFuseLib.spatial.volume import Grid, Volume

BOX = np.array([[-14.0, -20.0, -16.0], [18.0, 22.0, 15.0]])
CENTRE = np.array([1.0, 2.0, -1.0])
# order and sign of the array axes in RAS: axial, sagittal and coronal acquisitions
CODES = {
    "SPL": ((2, 1), (1, -1), (0, -1)),
    "LPS": ((0, -1), (1, -1), (2, 1)),
    "ASR": ((1, 1), (2, 1), (0, 1)),
}


def oblique_grid(codes: str) -> Grid:
    """An anisotropic, oblique grid around CENTRE that covers BOX."""
    directions = np.zeros((3, 3))
    for column, (axis, sign) in enumerate(CODES[codes]):
        directions[axis, column] = sign
    directions = Rotation.from_rotvec([0.15, -0.1, 0.2]).as_matrix() @ directions
    spacing, shape = np.array([4.1, 2.3, 1.7]), (17, 31, 41)
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = CENTRE - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def world(grid: Grid) -> np.ndarray:
    index = np.moveaxis(np.indices(grid.shape, dtype=np.float64), 0, -1)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def blob(grid: Grid, place: np.ndarray, radius_mm: float = 5.0) -> Volume:
    distance = ((world(grid) - place) ** 2).sum(-1)
    return Volume(np.exp(-distance / (2 * radius_mm**2)).astype(np.float32), grid.affine)


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("name", PLANE_NAMES)
def test_pixels_read_the_patient_at_their_own_place(codes: str, name: str) -> None:
    # linear interpolation is exact for coordinates, so the picture of R, A, S must be the pixels'
    # own R, A, S
    grid = oblique_grid(codes)
    plane = plane_through(name, CENTRE, BOX, 0.9)
    picture = sample_plane(Volume(world(grid).astype(np.float32), grid.affine), plane)
    inside = np.isfinite(picture).all(-1)
    assert inside.mean() > 0.9
    np.testing.assert_allclose(
        picture[inside], plane.points[inside], atol=1.7
    )  # the border repeats half a voxel
    core = np.zeros_like(inside)
    rows, columns = (n // 4 for n in inside.shape)
    core[rows:-rows, columns:-columns] = True
    np.testing.assert_allclose(picture[core], plane.points[core], atol=1e-3)


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize(
    ("name", "place", "side"),
    [
        ("axial", (-9.0, 2.0, -1.0), "right"),  # patient's left
        ("axial", (1.0, 14.0, -1.0), "top"),  # anterior
        ("coronal", (-9.0, 2.0, -1.0), "right"),
        ("coronal", (1.0, 2.0, 9.0), "top"),  # superior
        ("sagittal", (1.0, 14.0, -1.0), "left"),
        ("sagittal", (1.0, 2.0, 9.0), "top"),
    ],
)
def test_radiological_convention(
    codes: str, name: str, place: tuple[float, ...], side: str
) -> None:
    plane = plane_through(name, CENTRE, BOX, 0.7)
    picture = np.nan_to_num(sample_plane(blob(oblique_grid(codes), np.array(place)), plane))
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    middle_row, middle_column = plane.pixel_of(CENTRE)
    offset = {
        "right": column - middle_column,
        "left": middle_column - column,
        "top": middle_row - row,
    }
    assert offset[side] * plane.pixel_mm > 6
    across = row - middle_row if side in ("left", "right") else column - middle_column
    assert abs(across) * plane.pixel_mm < 2.5


def test_letters_name_the_edges() -> None:
    letter = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    for name in PLANE_NAMES:
        plane = plane_through(name, CENTRE, BOX, 1.0)
        towards = (
            -plane.right,
            plane.right,
            -plane.down,
            plane.down,
        )  # left, right, top, bottom edge
        for mark, direction in zip(plane.letters, towards, strict=True):
            axis, sign = letter[mark]
            assert direction[axis] == sign


def test_a_pixel_is_as_wide_as_high_and_the_box_is_covered() -> None:
    for name in PLANE_NAMES:
        points = plane_through(name, CENTRE, BOX, 0.8).points
        assert np.linalg.norm(points[1, 0] - points[0, 0]) == pytest.approx(0.8)
        assert np.linalg.norm(points[0, 1] - points[0, 0]) == pytest.approx(0.8)
        flat = points.reshape(-1, 3)
        varying = np.ptp(flat, axis=0) > 0
        assert varying.sum() == 2
        assert (flat.min(0)[varying] <= BOX[0][varying] + 1e-9).all()
        assert (flat.max(0)[varying] >= BOX[1][varying] - 1e-9).all()
        np.testing.assert_allclose(flat[0][~varying], CENTRE[~varying])


def test_outside_the_field_of_view_is_not_a_number() -> None:
    grid = oblique_grid("SPL")
    far = np.array([[200.0, 200.0, 200.0], [220.0, 230.0, 240.0]])
    picture = sample_plane(blob(grid, CENTRE), plane_through("axial", far.mean(0), far, 1.0))
    assert np.isnan(picture).all()


def test_what_several_columns_show_is_made_once_for_each_plane() -> None:
    planes = [plane_through(name, CENTRE, BOX, 4.0) for name in PLANE_NAMES]
    made = []

    def shape_of(plane: Plane) -> tuple[int, int]:
        made.append(plane.name)
        return plane.shape

    kept = once(shape_of)
    assert [kept(plane) for plane in planes * 2] == [plane.shape for plane in planes * 2]
    assert made == list(PLANE_NAMES)


def test_mask_keeps_its_values() -> None:
    grid = oblique_grid("ASR")
    mask = Volume((blob(grid, CENTRE).array > 0.5).astype(np.float32), grid.affine)
    values = np.unique(sample_plane(mask, plane_through("coronal", CENTRE, BOX, 0.5), order=0))
    assert set(values[np.isfinite(values)]) == {0.0, 1.0}


def test_planes_cross_in_the_weighted_centre_of_the_body() -> None:
    grid = oblique_grid("LPS")
    body = np.ones(grid.shape, dtype=bool)
    place = np.array([-4.0, 9.0, 3.0])
    uptake = blob(grid, place, 3.0).array
    centre = view_centre(body, lambda index: uptake[tuple(index.T)], grid)
    assert np.linalg.norm(centre - place) < grid.spacing.max()
    # no weight anywhere: the middle of the body
    middle = view_centre(body, lambda index: np.zeros(len(index)), grid)
    assert np.linalg.norm(middle - CENTRE) < grid.spacing.max()


def test_view_box_holds_the_body_and_stays_in_the_field_of_view() -> None:
    grid = oblique_grid("SPL")
    body = blob(grid, CENTRE, 4.0).array > 0.4
    box = view_box(body, grid, margin_mm=3.0)
    points = world(grid)[body]
    np.testing.assert_allclose(box[0], points.min(0) - 3, atol=1e-6)
    np.testing.assert_allclose(box[1], points.max(0) + 3, atol=1e-6)
    everything = view_box(np.zeros(grid.shape, dtype=bool), grid, margin_mm=50.0)
    np.testing.assert_allclose(
        everything, [grid.corners().min(0), grid.corners().max(0)], atol=1e-6
    )


def test_thinning_keeps_places() -> None:
    grid = oblique_grid("SPL")
    index, points = body_points(np.ones(grid.shape, dtype=bool), grid)
    np.testing.assert_allclose(points, world(grid)[tuple(index.T)])
