"""The evidence: what fits is told from what is mirrored, displaced, of another head, or bent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from head_phantom import DEGRADED, FRAME, REFERENCE, rigid, scan, seen, turned

from UniFuseLib.registration.affine_parameters import distance_mm
from UniFuseLib.spatial.displacement import identity_grid, world_to_flow
from UniFuseLib.spatial.rigid import nearest_rigid
from UniFuseLib.spatial.volume import Volume
from UniFuseLib.verdict.field import field_evidence, images_of
from UniFuseLib.verdict.poses import PoseEvidence, pose_evidence, wrong_poses
from UniFuseLib.verdict.regions import RegionEvidence, body_overlap, region_evidence

GRID = turned((18, 22, 20), (4.0, 3.0, 3.5), 20)


def places_of(count: int = 400) -> np.ndarray:
    index = np.random.default_rng(1).uniform(4, np.array(GRID.shape) - 5, (count, 3))
    return index @ GRID.linear.T + GRID.origin


def test_the_nearest_rigid_motion_of_a_rigid_motion_is_itself() -> None:
    motion = rigid((9.0, -7.0, 6.0, 17.0, -8.0, 9.0))
    points = places_of()
    images = points @ motion[:3, :3].T + motion[:3, 3]
    np.testing.assert_allclose(nearest_rigid(points, images), motion, atol=1e-9)


def test_a_reflection_is_no_rigid_motion() -> None:
    points = places_of()
    found = nearest_rigid(points, points * [-1, 1, 1])
    assert np.linalg.det(found[:3, :3]) == pytest.approx(1)


def test_a_point_goes_through_the_field_first_and_then_the_motion() -> None:
    """On an oblique grid with three spacings: axes or signs that are swapped show."""
    motion = rigid((9.0, -7.0, 6.0, 17.0, -8.0, 9.0))
    shift = np.array([2.0, -3.0, 5.0])
    field = torch.from_numpy(np.broadcast_to(shift[:, None, None, None], (3, *GRID.shape)).copy())
    flow = world_to_flow(field[None].float(), GRID)
    points = places_of()
    expected = (points + shift) @ motion[:3, :3].T + motion[:3, 3]
    np.testing.assert_allclose(images_of(points, motion, flow, GRID), expected, atol=1e-3)


def test_a_bend_is_told_from_a_motion() -> None:
    points = places_of()
    mask = torch.ones(1, 1, *GRID.shape, dtype=torch.bool)
    still = torch.zeros(1, 3, *GRID.shape)
    flat = field_evidence(points, points + 5.0, _shift(5.0), still, mask)
    assert flat.deform_mean_mm == pytest.approx(0, abs=1e-9)
    assert (flat.jacobian_low, flat.strain) == (pytest.approx(1), 0)
    squeezed = identity_grid(GRID.shape, still) * -0.2
    bent = field_evidence(points, points * 0.8, np.eye(4), squeezed, mask)
    assert bent.jacobian_low == pytest.approx(0.8**3, rel=1e-3)
    assert bent.deform_mean_mm > 3


def _shift(mm: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = mm
    return matrix


def poses_of(degraded: Volume, reference: Volume, pose: np.ndarray) -> PoseEvidence:
    return pose_evidence(seen(degraded, "mr"), seen(reference, "mr"), pose)


@pytest.fixture(scope="module")
def right() -> PoseEvidence:
    truth = rigid((9.0, -7.0, 6.0, 7.0, -8.0, 9.0))
    return poses_of(scan(DEGRADED, "t2", truth, 40), scan(REFERENCE, "t1", None, 40, 9), truth)


def test_a_right_pose_stands_out(right: PoseEvidence) -> None:
    assert right.above_wrong > 5
    assert right.mirror_ratio < 0.9
    assert right.wrong_best_ratio < 0.7


def test_a_mirrored_volume_fits_better_mirrored_back() -> None:
    stored = scan(DEGRADED, "t2", None, 40)
    axis = int(np.abs(stored.grid.directions[0]).argmax())
    mirrored = Volume(np.flip(stored.array, axis).copy(), stored.affine)
    found = poses_of(mirrored, scan(REFERENCE, "t1", None, 40, 9), np.eye(4))
    assert found.mirror_ratio > 1.1


def test_a_displaced_pose_stands_out_less(right: PoseEvidence) -> None:
    truth = rigid((0.0, 0.0, 0.0, 5.0, 4.0, -3.0))
    found = poses_of(scan(DEGRADED, "t2", truth, 40), scan(REFERENCE, "t1", None, 40, 9), np.eye(4))
    assert found.above_wrong < 0.8 * right.above_wrong
    assert found.level < 0.8 * right.level


def test_wrong_poses_are_rigid_and_far_from_the_found_one() -> None:
    pose = rigid((9.0, -7.0, 6.0, 17.0, -8.0, 9.0))
    points = FRAME.centre + np.random.default_rng(1).normal(0, 35, (500, 3))
    wrong = wrong_poses(pose, FRAME)
    assert len(wrong) == 15
    for matrix in wrong:
        assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)
        assert distance_mm(matrix, pose, points) > 25


def regions_of(shift: int) -> RegionEvidence:
    random = torch.Generator().manual_seed(2)
    texture = torch.rand(1, 1, 40, 36, 44, generator=random)
    smooth = torch.nn.functional.avg_pool3d(texture, 3, 1, 1)
    mask = torch.ones_like(smooth, dtype=torch.bool)
    return region_evidence(torch.roll(smooth, shift, 3), smooth, mask, 4.0, 1.0)


def test_regions_agree_where_nothing_is_displaced() -> None:
    still = regions_of(0)
    assert (still.far_share, still.shift_mm, still.residual) == (0, 0, pytest.approx(0, abs=1e-6))
    assert still.information > 0.9


def test_regions_name_the_way_back_of_what_is_displaced() -> None:
    moved = regions_of(1)
    assert moved.far_share > 0.95
    assert moved.common_shift_mm == pytest.approx(4, abs=0.3)
    assert moved.information_sigmas < regions_of(0).information_sigmas


def test_regions_say_nothing_of_an_empty_body() -> None:
    empty = torch.zeros(1, 1, 20, 20, 20)
    found = region_evidence(empty, empty, empty > 0, 4.0, 0.0)
    assert (found.regions, found.far_share) == (0, 1)


def test_bodies_overlap_where_both_were_seen() -> None:
    a = torch.zeros(1, 1, 4, 4, 4, dtype=torch.bool)
    a[..., :2] = True
    b = torch.roll(a, 1, -1)
    assert body_overlap(a, a, torch.ones_like(a)) == 1
    assert body_overlap(a, b, torch.ones_like(a)) == 0.5
    assert body_overlap(a, b, torch.zeros_like(a)) == 0
