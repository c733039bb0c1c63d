"""The whole registration: a pose is found wherever it lies, and refused where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from head_phantom import (
    DEGRADED,
    FRAME,
    MODALITY,
    REFERENCE,
    error_mm,
    places,
    radius,
    rigid,
    scan,
    seen,
)
from scipy import ndimage
from scipy.spatial.transform import Rotation

from UniFuseLib.errors import Cancelled
from UniFuseLib.registration.affine import AffineResult, register, unmoved
from UniFuseLib.registration.affine_decision import (
    Candidate,
    Chance,
    Evidence,
    chance_of,
    choose,
    likely,
    stretch_percent,
    warnings_of,
)
from UniFuseLib.registration.affine_parameters import matrix_of, rigid_matrix
from UniFuseLib.spatial.volume import Volume

POINTS = places(REFERENCE)[radius(places(REFERENCE)) < 1]


def found_on(degraded: Volume, reference: Volume, contrasts: tuple[str, str]) -> AffineResult:
    first, second = (MODALITY[contrast] for contrast in contrasts)
    return register(seen(degraded, first), seen(reference, second))


@pytest.mark.parametrize("contrasts", [("t2", "t1"), ("ct", "t1"), ("t1", "ct")])
def test_a_known_motion_is_found(contrasts: tuple[str, str]) -> None:
    truth = rigid((9.0, -7.0, 6.0, 7.0, -8.0, 9.0))
    noise = [30.0 if contrast == "ct" else 40.0 for contrast in contrasts]
    moving = scan(DEGRADED, contrasts[0], truth, noise[0])
    result = found_on(moving, scan(REFERENCE, contrasts[1], None, noise[1], seed=9), contrasts)
    assert error_mm(np.eye(4), truth) > 12
    assert error_mm(result.matrix, truth) < 0.5
    assert (result.freedom, result.warnings) == ("rigid", ())
    np.testing.assert_allclose(np.linalg.norm(result.matrix[:3, :3], axis=0), 1)


@pytest.mark.parametrize(
    ("shift", "degrees"),
    [((0, 0, 0), (0, 0, 90)), ((10, -5, 20), (180, 0, 0)), ((300, -400, 200), (40, -120, 70))],
    ids=["quarter", "upside_down", "no_overlap"],
)
def test_a_pose_that_is_far_is_found_and_told(
    shift: tuple[float, ...], degrees: tuple[float, ...]
) -> None:
    turn = Rotation.from_rotvec(np.deg2rad(degrees)).as_matrix()
    truth = rigid_matrix(turn, FRAME.centre, FRAME.centre + shift)
    stored = scan(DEGRADED, "t2")
    result = found_on(
        Volume(stored.array, truth @ stored.affine), scan(REFERENCE, "t1"), ("t2", "t1")
    )
    assert error_mm(result.matrix, truth) < 0.5
    assert "against what its file says" in result.warnings[0]
    assert result.evidence is not None
    assert result.evidence.far


def test_ct_on_mr_and_mr_on_ct_end_in_one_pose() -> None:
    ct = seen(scan(DEGRADED, "ct", rigid((9.0, -7.0, 6.0, 7.0, -8.0, 9.0)), 30), "ct")
    mr = seen(scan(REFERENCE, "t1", noise=40, seed=9), "mr")
    there, back = register(ct, mr), register(mr, ct)
    assert there.freedom == back.freedom == "rigid"
    np.testing.assert_allclose(there.matrix @ back.matrix, np.eye(4), atol=1e-9)


def test_an_aligned_pair_stays_without_a_warning() -> None:
    result = found_on(scan(DEGRADED, "t2", noise=40), scan(REFERENCE, "t1"), ("t2", "t1"))
    np.testing.assert_array_equal(result.matrix, np.eye(4))
    assert (result.freedom, result.warnings) == ("none", ())
    assert result.evidence is not None
    assert result.evidence.convincing


def barrel() -> Volume:
    """Another body: two bones in a cylinder."""
    r, a, s = np.moveaxis(places(DEGRADED), -1, 0)
    inside = (np.hypot(r, a) < 55) & (np.abs(s) < 85)
    bones = (np.hypot(r - 20, a + 8) < 9) | (np.hypot(r + 22, a - 5) < 11)
    return Volume((inside * (600 - 500 * bones)).astype(np.float32), DEGRADED.affine)


def grain() -> Volume:
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=DEGRADED.shape), 1)
    return Volume((noise - noise.min()).astype(np.float32), DEGRADED.affine)


@pytest.mark.parametrize("other", [barrel, grain])
def test_volumes_that_have_nothing_in_common_are_refused(other) -> None:
    result = register(seen(other(), "mr"), seen(scan(REFERENCE, "t1", noise=20), "mr"))
    assert not result.followed
    np.testing.assert_array_equal(result.matrix, np.eye(4))
    assert "better than by chance" in result.warnings[0]


def test_edges_of_what_was_cut_off_do_not_pull() -> None:
    """A reference that ends below the crown and is padded, a degraded one without skull."""
    truth = rigid((6.0, -5.0, 4.0, 4.0, -3.0, 5.0))
    moving, fixed = scan(DEGRADED, "t2", truth), scan(REFERENCE, "t1")
    padded = fixed.array.copy()
    padded[-20:], padded[:, :14] = 0, 0
    back = np.linalg.inv(truth)
    inner = radius(places(DEGRADED) @ back[:3, :3].T + back[:3, 3]) < 0.8
    stripped = Volume(np.where(inner, moving.array, 0), moving.affine)
    for degraded, reference in (
        (moving, Volume(padded, fixed.affine)),
        (stripped, fixed),
        (stripped, Volume(padded, fixed.affine)),
    ):
        result = found_on(degraded, reference, ("t2", "t1"))
        assert error_mm(result.matrix, truth) < 0.8


def test_stretch_is_followed_only_where_it_is_there() -> None:
    motion = rigid((5.0, 4.0, -3.0, 4.0, 3.0, -5.0))
    stretch = matrix_of(np.array([0, 0, 0, 0, 0, 0, 4.0, -3.0, 2.0, 0, 0, 0]), FRAME)
    fixed = seen(scan(REFERENCE, "t1", noise=30), "mr")
    for truth, freedom in ((motion, "rigid"), (motion @ stretch, "affine")):
        result = register(seen(scan(DEGRADED, "t2", truth, 30), "mr"), fixed, "affine")
        assert result.freedom == freedom
        assert error_mm(result.matrix, truth) < 0.5
    assert "by up to 7" in result.warnings[0] or "by up to 6" in result.warnings[0]


def test_it_can_be_stopped_and_tells_how_far_it_is() -> None:
    told: list[float] = []

    def progress(fraction: float) -> None:
        told.append(fraction)
        if fraction > 0.2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        register(
            seen(scan(DEGRADED, "t2"), "mr"), seen(scan(REFERENCE, "t1"), "mr"), "rigid", progress
        )
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] <= 1


def candidate(parameters: tuple[float, ...], score: float) -> Candidate:
    return Candidate(rigid(parameters), score, 1.0)


def test_chance_is_what_turned_poses_reach() -> None:
    right = candidate((3, 0, 0, 0, 0, 5), 0.9)
    beside = candidate((15, 0, 0, 20, 0, 0), 0.6)
    turns = ((90, 0.1), (180, 0.2), (-120, 0.3))
    wrong = [candidate((0, 0, 0, 0, 0, angle), score) for angle, score in turns]
    found = chance_of(right, [right, beside, *wrong])
    assert found.mean == pytest.approx(0.2)
    assert found.spread == pytest.approx(0.1)
    assert found.best == 0.3
    alike = [one._replace(score=0.2) for one in wrong]
    assert chance_of(right, alike).spread == pytest.approx(0.01)
    assert chance_of(right, [right, beside]).mean == pytest.approx(0.75)


def test_many_spreads_or_the_best_wrong_pose_outdone_is_more_than_chance() -> None:
    narrow = Chance(mean=0.2, spread=0.02, best=0.25)
    assert narrow.sigmas(0.27) == pytest.approx(3.5)
    assert not narrow.beaten_by(0.27)
    assert narrow.beaten_by(0.31)
    assert not narrow.far_below(0.31)
    wide = Chance(mean=0.2, spread=0.1, best=0.35)
    assert not wide.beaten_by(0.52)
    assert wide.beaten_by(0.62)
    assert wide.far_below(0.62)
    usual = evidence(score=0.31, chance=narrow)
    assert usual.convincing
    assert not usual._replace(rotation_deg=100.0).convincing
    assert usual._replace(rotation_deg=100.0, score=0.4).convincing
    rough = evidence(score=0.62, chance=wide)
    assert rough.convincing
    assert "not by much" in warnings_of(rough)[0]
    assert not rough._replace(rotation_deg=100.0).convincing
    assert rough._replace(rotation_deg=100.0, score=0.75).convincing
    assert not rough._replace(score=0.75).scant


def test_only_what_may_win_climbs_on() -> None:
    chance = Chance(mean=0.2, spread=0.05, best=0.3)
    poses = [candidate((0, 0, 0, 0, 0, k), score) for k, score in enumerate((0.8, 0.51, 0.49))]
    assert likely(poses, chance) == poses[:2]
    assert likely(poses[2:] + poses[1:2], chance._replace(best=0.4)) == [poses[2], poses[1]]


def test_the_pose_of_the_files_is_left_only_for_one_that_is_clearly_better() -> None:
    near, far = candidate((5, 0, 0, 0, 0, 10), 0.5), candidate((0, 0, 0, 0, 0, 170), 0.56)
    other = candidate((-6, 3, 0, 0, 8, 0), 0.52)
    chance = Chance(0.2, 0.05, 0.3)
    assert choose([far, near], chance, POINTS) is near
    assert choose([far._replace(score=0.61), near], chance, POINTS).score == 0.61
    assert choose([near, other], chance, POINTS) is other
    assert choose([far], chance, POINTS) is far


def evidence(**changes: float | Chance) -> Evidence:
    return Evidence(0.8, Chance(0.2, 0.05, 0.3), 0.6, 1.0, 20.0, 0.4, 1.0, 9.0, 5.0, 0.0)._replace(
        **changes
    )


def test_what_is_doubtful_is_told() -> None:
    assert warnings_of(evidence()) == ()
    assert "stay where their files place them" in warnings_of(evidence(score=0.44))[0]
    assert "turned by 90°" in warnings_of(evidence(rotation_deg=90.0))[0]
    assert "moved by 210 mm" in warnings_of(evidence(moved_mm=210.0))[0]
    assert "rests on 12 %" in warnings_of(evidence(covered=0.12))[0]


def test_stretch_is_the_largest_either_way() -> None:
    matrix = rigid((5.0, 0, 0, 30.0, 20.0, 0))
    matrix[:3, :3] = matrix[:3, :3] @ np.diag([1.02, 0.95, 1.0])
    assert stretch_percent(matrix) == pytest.approx(5)


def test_unmoved_is_the_pose_of_the_files() -> None:
    assert unmoved().followed is False
    np.testing.assert_array_equal(unmoved().matrix, np.eye(4))
