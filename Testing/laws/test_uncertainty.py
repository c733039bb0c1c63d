"""The map of the uncertainty: spread of known motions, what the variations see, the level."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from head_phantom import DEGRADED, REFERENCE, places, rigid, scan, seen, turned

from UniFuseLib.registration.affine_measures import measures_of
from UniFuseLib.registration.affine_parameters import distance_mm
from UniFuseLib.spatial.volume import Grid, affine_of
from UniFuseLib.verdict.ensemble import Variation, division_of, other_poses, variations
from UniFuseLib.verdict.judge import Verdict
from UniFuseLib.verdict.parting import Parting
from UniFuseLib.verdict.spread import spread_of
from UniFuseLib.verdict.stretch import Stretch
from UniFuseLib.verdict.uncertainty import LEAST_MM, Calibration, Uncertainty, calibrated

if TYPE_CHECKING:
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

    Pair = tuple[AlignmentVolume, AlignmentVolume]

CENTRED = turned((9, 13, 11), (4.0, 2.0, 3.1), 23)
SHIFT = np.array([30.0, -20.0, 45.0])
GRID = Grid(CENTRED.shape, affine_of(CENTRED.linear, CENTRED.origin + SHIFT))
POSE = rigid((9.0, -7.0, 6.0, 7.0, -8.0, 9.0))
GREEN = Verdict("green", 0.1, 1.5, (0.5, 4.0), (), {})


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def test_a_known_disagreement_gives_its_distance_at_every_voxel() -> None:
    """On an oblique grid with three spacings and sides: swapped axes or a sign show."""
    other = rigid((11.0, -4.0, 6.5, 9.0, -11.0, 12.0))
    points = places(GRID)
    expected = np.linalg.norm(moved(points, other) - moved(points, POSE), axis=-1)
    assert expected.max() > 2 * expected.min()  # the map has a shape
    found = spread_of(POSE, [other])
    np.testing.assert_allclose(found.on(GRID), expected, atol=1e-4)
    np.testing.assert_allclose(found.at(points.reshape(-1, 3)), expected.ravel(), atol=1e-9)
    for axis in range(3):  # what a mistake would give is far from it
        assert np.abs(np.flip(expected, axis) - expected).max() > 0.3


def test_several_disagreements_are_their_root_mean_square() -> None:
    shifts = [np.array([3.0, 0, 0]), np.array([0, -4.0, 0]), np.zeros(3)]
    others = []
    for shift in shifts:
        other = POSE.copy()
        other[:3, 3] += shift
        others.append(other)
    np.testing.assert_allclose(spread_of(POSE, others).on(GRID), np.sqrt(25 / 3), rtol=1e-5)


def test_turns_that_no_motion_shows_grow_with_the_distance_from_the_centre() -> None:
    shifted = POSE.copy()
    shifted[:3, 3] += [0.0, 2.0, 0.0]
    points = places(GRID)
    from_centre = np.linalg.norm(points - points.mean(axis=(0, 1, 2)), axis=-1)
    radius = np.sqrt((from_centre**2).mean())
    found = spread_of(POSE, [shifted]).with_turns(points.reshape(-1, 3), 0.5).on(GRID)
    np.testing.assert_allclose(found, 2 * np.sqrt(1 + (0.5 * from_centre / radius) ** 2), rtol=1e-4)


def test_motions_that_agree_leave_no_spread() -> None:
    assert spread_of(POSE, [POSE, POSE]).on(GRID).max() == 0


@pytest.fixture(scope="module")
def pair() -> Pair:
    degraded = scan(DEGRADED, "t2", POSE, 40)
    reference = scan(REFERENCE, "t1", None, 40, 9)
    return seen(degraded, "mr"), seen(reference, "mr")


def test_variations_of_a_pair_that_fits_stay_and_find_back(pair: Pair) -> None:
    """Also the exchanged one: an inverse that is forgotten ends far away."""
    degraded, reference = pair
    points = reference.points(500)
    displaced = POSE @ rigid((2.0, 1.5, -2.0, 1.0, 2.0, -1.0))
    off = distance_mm(displaced, POSE, points)
    with torch.no_grad():
        stayed = [end.matrix for end in other_poses(degraded, reference, POSE)]
        back = [end.matrix for end in other_poses(degraded, reference, displaced)]
    assert len(stayed) == len(back) == 6
    assert max(distance_mm(found, POSE, points) for found in stayed) < 1.5
    spread = spread_of(displaced, back).at(points).mean()
    assert spread == pytest.approx(off, rel=0.4)
    assert spread > 3 * spread_of(POSE, stayed).at(points).mean()


def test_progress_runs_from_nothing_towards_all(pair: Pair) -> None:
    said: list[float] = []

    def stop(fraction: float) -> None:
        said.append(fraction)
        if len(said) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        other_poses(*pair, POSE, stop)
    assert said == [0, 1 / 6]


def weight_of(variation: Variation) -> np.ndarray:
    weight = variation.reference.rigid_weight
    assert weight is not None
    return weight


def test_every_variation_differs_in_one_thing(pair: Pair) -> None:
    degraded, reference = pair
    usual = measures_of("mr", "mr")
    every = variations(degraded, reference)
    alone = [v.measures for v in every[:2]]
    assert [(m.information > 0, m.descriptors > 0) for m in alone] == [(True, False), (False, True)]
    assert sum(v.exchanged for v in every) == 1
    assert sum(v.freedom == 12 for v in every) == 1
    one, other = every[-2:]
    np.testing.assert_array_equal(weight_of(one) + weight_of(other), 1)
    assert all(v.measures._replace(by_bone=False) == usual for v in (one, other))
    with_bone = variations(degraded._replace(modality="ct"), reference)
    assert [v.measures.by_bone for v in with_bone[:3]] == [True, True, False]


def test_halves_keep_the_weight_of_bone(pair: Pair) -> None:
    degraded, reference = pair
    weight = np.random.default_rng(0).random(reference.body.shape).astype(np.float32)
    ct = reference._replace(modality="ct", rigid_weight=weight)
    one, other = variations(degraded, ct)[-2:]
    np.testing.assert_allclose(weight_of(one) + weight_of(other), weight)


def test_a_division_has_blocks_of_32_mm_whatever_the_voxels(pair: Pair) -> None:
    _, reference = pair
    division = division_of(reference)
    assert division.shape == reference.body.shape
    assert 0.25 < division.mean() < 0.75
    spacing = reference.values.grid.spacing
    for axis, mm in enumerate(spacing):
        changes = np.abs(np.diff(division, axis=axis)).sum(axis=tuple({0, 1, 2} - {axis}))
        borders = np.flatnonzero(changes)
        assert (np.diff(borders) * mm >= 32 - mm).all()


def test_level_and_shape_follow_the_formula() -> None:
    points = places(GRID).reshape(-1, 3)
    spread = spread_of(POSE, [rigid((11.0, -4.0, 6.5, 9.0, -11.0, 12.0))])
    s = spread.at(points) + LEAST_MM
    typical = np.exp(np.log(s).mean())
    found = calibrated(spread, points, GREEN, Calibration(0.0, 0.2, 0.5, 0.7, 0.4))
    expected = np.exp(0.2) * 1.5**0.5 * typical**0.7 * (s / typical) ** 0.4
    np.testing.assert_allclose(found.at(points), expected, rtol=1e-6)
    np.testing.assert_allclose(found.on(GRID, np.ones(GRID.shape, bool)).ravel(), expected, 1e-4)


def test_nothing_is_said_where_nothing_is_judged() -> None:
    judged = np.zeros(GRID.shape, dtype=bool)
    judged[2:5, 3:9, 4:6] = True
    found = Uncertainty(spread_of(POSE, [POSE]), 2.0, 1.0, 0.5).on(GRID, judged)
    assert found.dtype == np.float32
    assert ((found > 0) == judged).all()


def test_a_red_verdict_is_never_beside_a_small_map() -> None:
    points = places(GRID).reshape(-1, 3)
    spread = spread_of(POSE, [rigid((9.1, -7.0, 6.0, 7.5, -8.0, 9.0))])
    calibration = Calibration(1.0, 0.0, 0.2, 0.8, 0.5)
    red = replace(GREEN, trust="red", expected_error_mm=20.0)
    amber = replace(red, trust="amber")
    assert calibrated(spread, points, amber, calibration).at(points).mean() < 5
    assert calibrated(spread, points, red, calibration).at(points).mean() == pytest.approx(20.0)
    mirrored = replace(red, expected_error_mm=2.0)
    assert calibrated(spread, points, mirrored, calibration).at(points).mean() == pytest.approx(8.0)
    high = Calibration(1.0, 5.0, 0.2, 0.8, 0.5)
    levels = [calibrated(spread, points, v, high).level_mm for v in (red, amber)]
    assert levels[0] == levels[1]


def test_the_evidence_is_the_root_mean_square_distance_in_the_body() -> None:
    turned = rigid((0.0, 0.0, 0.0, 0.0, 0.0, 9.0))
    points = np.array([[40.0, 3.0, -8.0], [-25.0, 31.0, 17.0], [2.0, -12.0, 60.0]])
    apart = (turned - np.eye(4))[:3] @ np.column_stack([points, np.ones(3)]).T
    expected = np.sqrt((apart**2).sum(axis=0).mean())
    found = Parting(spread_of(np.eye(4), [turned]), points, Stretch(0.0, 0.0, 0)).mean_mm
    assert found == pytest.approx(expected)
    assert expected < np.linalg.norm(apart, axis=0).max() - 1  # or a maximum would pass
