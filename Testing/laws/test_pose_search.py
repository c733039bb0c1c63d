"""Poses from all over, and their ranking."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from head_phantom import DEGRADED, REFERENCE, error_mm, rigid, scan, seen
from scipy.spatial.transform import Rotation
from scipy.stats import entropy

from UniFuseLib.registration.affine_parameters import rotation_degrees
from UniFuseLib.registration.pose_search import (
    ROTATIONS,
    PoseScore,
    all_poses,
    counted_information,
    even_rotations,
    header_poses,
    ranked,
)
from UniFuseLib.spatial.volume import Volume


def test_rotations_are_rotations_and_leave_no_gap() -> None:
    found = even_rotations(ROTATIONS)
    np.testing.assert_allclose(
        found @ found.transpose(0, 2, 1), np.tile(np.eye(3), (ROTATIONS, 1, 1)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(found), 1)
    tried = Rotation.random(400, random_state=0)
    nearest = [
        np.rad2deg((Rotation.from_matrix(found).inv() * one).magnitude().min()) for one in tried
    ]
    assert np.mean(nearest) < 16
    assert np.max(nearest) < 26


def test_poses_put_centre_on_centre() -> None:
    away = rigid((60.0, -50.0, 40.0, 0, 0, 0))
    moving, fixed = seen(scan(DEGRADED, "t2"), "mr"), seen(scan(REFERENCE, "t1"), "mr")
    placed = Volume(moving.values.array, away @ moving.values.affine)
    moved = moving._replace(values=placed)
    centre = fixed.points().mean(axis=0)
    for matrix in all_poses(moved, fixed)[::100]:
        image = matrix[:3, :3] @ centre + matrix[:3, 3]
        np.testing.assert_allclose(image, moved.points().mean(axis=0), atol=1e-6)
    near = header_poses(moved, fixed)
    np.testing.assert_allclose(near[0], np.eye(4), atol=1e-12)
    angles = [rotation_degrees(matrix) for matrix in near]
    np.testing.assert_allclose(angles, 2 * [0, *6 * [15.0]], atol=1e-6)


@pytest.mark.parametrize("degrees", [(0, 0, 90), (180, 0, 0), (30, 140, -60)])
def test_the_right_pose_is_among_the_first(degrees: tuple[float, ...]) -> None:
    """Turned about any axis, and 300 mm away."""
    truth = rigid((300.0, -80.0, 20.0, 0, 0, 0)) @ rigid((0, 0, 0, *degrees))
    stored = scan(DEGRADED, "t2")
    moving = Volume(stored.array, truth @ stored.affine)
    pair = seen(moving, "mr"), seen(scan(REFERENCE, "t1"), "mr")
    found = ranked(PoseScore(*pair), all_poses(*pair))
    assert (np.diff(found.scores) <= 0).all()
    nearest = [rotation_degrees(np.linalg.inv(m) @ truth) for m in found.matrices[:5]]
    assert min(nearest) < 30
    assert error_mm(found.matrices[int(np.argmin(nearest))], truth) < 45


def test_the_score_is_highest_at_the_truth_and_nothing_outside() -> None:
    pair = seen(scan(DEGRADED, "t2"), "mr"), seen(scan(REFERENCE, "t1"), "mr")
    shifts = [rigid((x, 0, 0, 0, 0, 0)) for x in (0.0, 12.0, -12.0, 500.0)]
    turns = [rigid((0, 0, 0, *turn)) for turn in ((0, 0, 180), (180, 0, 0))]
    scores = PoseScore(*pair)(np.array([*shifts, *turns]))
    assert scores.argmax() == 0
    assert scores[3] == 0


def entropy_sum(counts: np.ndarray) -> float:
    """H(rows) + H(columns) - H(both), nats."""
    sides = (counts.sum(1), counts.sum(0), counts.ravel())
    rows, columns, both = (float(entropy(side)) for side in sides)
    return rows + columns - both


def test_information_is_that_of_the_counts_less_its_bias() -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(0, 16, 3000)
    other = (one + rng.integers(0, 5, 3000)) % 16
    counts = np.histogram2d(one, other, bins=np.arange(17))[0]
    bias = 15 * 15 / 6000
    found = float(counted_information(torch.from_numpy(counts)[None])[0])
    assert found == pytest.approx(entropy_sum(counts) - bias, abs=1e-9)
    independent = np.histogram2d(one, rng.permutation(other), bins=np.arange(17))[0]
    assert abs(float(counted_information(torch.from_numpy(independent)[None])[0])) < 0.01
