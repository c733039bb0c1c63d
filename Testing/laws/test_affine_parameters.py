"""Twelve numbers in millimetres for an affine, and distances between two of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from UniFuseLib.registration.affine_parameters import (
    BodyFrame,
    body_frame,
    distance_mm,
    matrix_of,
    parameters_of,
    rigid_matrix,
    rotation_degrees,
)

FRAME = BodyFrame(np.array([4.0, -7.0, 11.0]), 60.0)
PARAMETERS = np.array([5.0, -3.0, 2.0, 6.0, -4.0, 3.0, 2.0, -3.0, 1.0, 0.5, -1.0, 0.8])


def test_parameters_and_matrix_are_inverse() -> None:
    matrix = matrix_of(PARAMETERS, FRAME)
    np.testing.assert_allclose(parameters_of(matrix, FRAME), PARAMETERS, atol=1e-9)
    np.testing.assert_allclose(matrix[3], [0, 0, 0, 1])


def test_six_parameters_are_a_rigid_motion() -> None:
    matrix = matrix_of(20 * PARAMETERS[:6], FRAME)
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)
    whole = np.concatenate([PARAMETERS[:6], np.zeros(6)])
    np.testing.assert_allclose(matrix_of(PARAMETERS[:6], FRAME), matrix_of(whole, FRAME))


@pytest.mark.parametrize("k", range(12))
def test_one_millimetre_is_one_millimetre(k: int) -> None:
    """A parameter of 1 mm moves points one radius from the centre by about 1 mm."""
    step = np.zeros(12)
    step[k] = 1.0
    ends = FRAME.centre + FRAME.radius * np.concatenate([np.eye(3), -np.eye(3)])
    matrix = matrix_of(step, FRAME)
    moved = np.linalg.norm(ends @ matrix[:3, :3].T + matrix[:3, 3] - ends, axis=1)
    assert moved.max() == pytest.approx(1, abs=0.03)
    centre = matrix[:3, :3] @ FRAME.centre + matrix[:3, 3]
    np.testing.assert_allclose(centre, FRAME.centre + (step[:3] if k < 3 else 0), atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_rotation_is_right_handed_about_the_named_axis(axis: int) -> None:
    quarter = np.zeros(6)
    quarter[3 + axis] = np.pi / 2 * FRAME.radius
    expected = Rotation.from_rotvec(np.pi / 2 * np.eye(3)[axis]).as_matrix()
    np.testing.assert_allclose(matrix_of(quarter, FRAME)[:3, :3], expected, atol=1e-9)


def test_the_radius_is_a_body_s() -> None:
    """Of a ball of radius 50 mm: 1.5 · 50 / √5."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-50, 50, (200_000, 3))
    points = points[np.linalg.norm(points, axis=1) < 50] + [10, 20, 30]
    frame = body_frame(points)
    np.testing.assert_allclose(frame.centre, [10, 20, 30], atol=0.3)
    assert frame.radius == pytest.approx(75 / np.sqrt(5), rel=0.01)


def test_distance_is_the_mean_over_the_points() -> None:
    shift = np.eye(4)
    shift[:3, 3] = [3, 0, -4]
    points = np.random.default_rng(1).normal(size=(50, 3))
    assert distance_mm(shift, np.eye(4), points) == pytest.approx(5)
    half_turn = np.diag([-1.0, -1, 1, 1])  # about S: 2 · distance from the axis
    expected = 2 * np.linalg.norm(points[:, :2], axis=1).mean()
    assert distance_mm(half_turn, np.eye(4), points) == pytest.approx(expected)


@pytest.mark.parametrize("degrees", [0.0, 12.0, 90.0, 180.0])
def test_rotation_is_told_whatever_the_stretch(degrees: float) -> None:
    matrix = np.eye(4)
    turn = Rotation.from_rotvec(np.deg2rad(degrees) * np.array([0.6, 0, 0.8])).as_matrix()
    matrix[:3, :3] = turn @ np.diag([1.05, 0.97, 1.0])
    assert rotation_degrees(matrix) == pytest.approx(degrees, abs=1e-4)


def test_a_rigid_matrix_turns_about_its_centre() -> None:
    centre, image = np.array([1.0, 2, 3]), np.array([-4.0, 5, 6])
    turn = Rotation.from_rotvec([0.3, -0.4, 0.5]).as_matrix()
    matrix = rigid_matrix(turn, centre, image)
    np.testing.assert_allclose(matrix[:3, :3] @ centre + matrix[:3, 3], image)
    np.testing.assert_array_equal(matrix[:3, :3], turn)
