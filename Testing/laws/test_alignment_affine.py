"""The affine: its parameters, its descent, and when it is kept. Everything on oblique anisotropic
grids.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from UniFuseLib.errors import Cancelled
from UniFuseLib.registration.affine import Image, align
from UniFuseLib.registration.affine_shrinkage import Belief, believed_part, judge, posterior_mean
from UniFuseLib.registration.affine_solver import (
    RIGID,
    Frame,
    Level,
    Loss,
    Side,
    descend,
    matrix_of,
    parameters_of,
)
from UniFuseLib.spatial.volume import Grid, Volume

FRAME = Frame(np.array([4.0, -7.0, 11.0]), 60.0)
PARAMETERS = np.array([5.0, -3.0, 2.0, 6.0, -4.0, 3.0, 2.0, -3.0, 1.0, 0.5, -1.0, 0.8])


def body(points: np.ndarray) -> np.ndarray:
    """1 inside a lopsided head of about 120 mm, 0 outside; `(..., 3)` RAS mm."""
    r, a, s = np.moveaxis(points, -1, 0)
    return 1 / (
        1 + np.exp((np.sqrt((r / 52) ** 2 + (a / 64) ** 2 + ((s - 0.15 * a) / 58) ** 2) - 1) * 30)
    )


def structures(seed: int = 3) -> np.ndarray:
    """`(24, 4)`: places in RAS mm and strengths of blobs."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.uniform(-38, 38, (24, 3)), rng.uniform(-1, 1, (24, 1))], axis=1)


def anatomy(points: np.ndarray) -> np.ndarray:
    blobs = sum(w * np.exp(-((points - p) ** 2).sum(-1) / 150) for *p, w in structures())
    return body(points) * (0.5 + 0.35 * np.tanh(2 * blobs))


def grid(shape: tuple[int, int, int], spacing: tuple[float, ...], degrees: float) -> Grid:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.diag(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def places(on: Grid) -> np.ndarray:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in on.shape], indexing="ij"), axis=-1)
    return index @ on.affine[:3, :3].T + on.affine[:3, 3]


def image(on: Grid, matrix: np.ndarray, contrast: str, noise: float = 0.0) -> Image:
    """The head seen so that point X of the world shows anatomy(M X)."""
    points = places(on) @ matrix[:3, :3].T + matrix[:3, 3]
    inside, values = body(points) > 0.5, anatomy(points)
    if contrast == "inverted":
        values = body(points) * (1.1 - values) ** 1.5
    if noise:
        rng = np.random.default_rng(8)
        values = values + noise * ndimage.gaussian_filter(rng.normal(size=values.shape), 0.6)
    everywhere = np.ones(on.shape, dtype=bool)
    return Image(
        Volume(values.astype(np.float32), on.affine),
        inside,
        "mr" if contrast == "plain" else "ct",
        everywhere,
    )


def level_of(moving: Image, fixed: Image, spacing: float) -> Level:
    sides = [Side(one.volume, one.acquired) for one in (moving, fixed)]
    return Level(*sides, fixed.body, spacing, FRAME)


REFERENCE = grid((40, 42, 44), (3.4, 3.3, 3.0), 9)
DEGRADED = grid((46, 36, 48), (3.0, 3.9, 3.1), -14)


def error_mm(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance inside the head between where both matrices send a point."""
    points = places(REFERENCE)[body(places(REFERENCE)) > 0.5]
    return float(
        np.linalg.norm(points @ (found - truth)[:3, :3].T + (found - truth)[:3, 3], axis=1).mean()
    )


def test_parameters_and_matrix_are_inverse() -> None:
    matrix = matrix_of(PARAMETERS, FRAME)
    np.testing.assert_allclose(parameters_of(matrix, FRAME), PARAMETERS, atol=1e-9)
    np.testing.assert_allclose(matrix[3], [0, 0, 0, 1])
    assert abs(np.linalg.det(matrix[:3, :3]) - 1) < 0.1


@pytest.mark.parametrize("k", range(12))
def test_one_millimetre_is_one_millimetre(k: int) -> None:
    """A parameter of 1 mm moves a point one radius from the centre by about 1 mm, or nothing else
    than translate it.
    """
    step = np.zeros(12)
    step[k] = 1.0
    ends = FRAME.centre + FRAME.radius * np.concatenate([np.eye(3), -np.eye(3)])
    matrix = matrix_of(step, FRAME)
    moved = np.linalg.norm(ends @ matrix[:3, :3].T + matrix[:3, 3] - ends, axis=1)
    assert moved.max() == pytest.approx(1, abs=0.03)
    centre = matrix[:3, :3] @ FRAME.centre + matrix[:3, 3]
    np.testing.assert_allclose(centre, FRAME.centre + (step[:3] if k < 3 else 0), atol=1e-9)


def test_rotation_is_right_handed_about_the_named_axis() -> None:
    quarter = np.zeros(12)
    quarter[5] = np.pi / 2 * FRAME.radius  # about S
    turned = matrix_of(quarter, FRAME)[:3, :3] @ [1.0, 0, 0]
    np.testing.assert_allclose(turned, [0, 1, 0], atol=1e-9)


def test_descent_direction_is_downhill_for_every_parameter() -> None:
    """The sign of each derivative agrees with finite differences where the residual is not flat."""
    truth = matrix_of(PARAMETERS, FRAME)
    moving, fixed = (
        image(DEGRADED, np.linalg.inv(truth), "plain"),
        image(REFERENCE, np.eye(4), "plain"),
    )
    level = level_of(moving, fixed, 5.0)
    normal = level.normal(np.eye(4))
    for k in range(12):
        step = np.zeros(12)
        step[k] = 1.5
        up, down = (level.energy(matrix_of(sign * step, FRAME))[0] for sign in (1, -1))
        slope = (up - down) / 3.0
        if abs(slope) > 1e-3:
            assert np.sign(slope) == np.sign(normal.gradient[k]), k


def test_hessian_is_the_slope_of_the_gradient() -> None:
    """Of a plain sum of squares that is zero at the identity, Gauss-Newton's Hessian is the second
    derivative.
    """
    oblique = grid((40, 42, 44), (3.4, 3.3, 3.0), 40)
    whole = image(oblique, np.eye(4), "plain")
    side = Side(
        whole.volume,
        whole.acquired,
        0.2 + 0.8 * (places(oblique)[..., 0] > places(oblique)[..., 2]),
    )
    squares = Loss(lambda q: q / 2, torch.ones_like)
    level = Level(side, side, whole.body, 5.0, FRAME, squares)

    def gradient(parameters: np.ndarray) -> np.ndarray:
        return level.normal(matrix_of(parameters, FRAME)).gradient

    slope = np.stack([gradient(0.5 * k) - gradient(-0.5 * k) for k in np.eye(12)], axis=1)
    hessian = level.normal(np.eye(4)).hessian
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-9)
    assert np.linalg.norm(slope - hessian) < 0.3 * np.linalg.norm(hessian)


def test_one_step_halves_a_small_error() -> None:
    """Direction and length are right only if derivatives along the grid's axes are turned into the
    world.
    """
    truth = matrix_of(np.array([3.0, -2, 2.5, 2, -2, 1.5, 0, 0, 0, 0, 0, 0]), FRAME)
    oblique = grid((40, 42, 44), (3.4, 3.3, 3.0), 40)
    moving, fixed = (
        image(oblique, np.linalg.inv(truth), "plain"),
        image(oblique, np.eye(4), "plain"),
    )
    level = level_of(moving, fixed, 5.0)
    assert error_mm(descend(level, np.eye(4), 2, RIGID), truth) < 0.5 * error_mm(np.eye(4), truth)


def test_descent_never_ends_higher_than_it_began() -> None:
    moving, fixed = (
        image(DEGRADED, matrix_of(PARAMETERS, FRAME), "inverted"),
        image(REFERENCE, np.eye(4), "plain"),
    )
    level = level_of(moving, fixed, 6.0)
    found = descend(level, np.eye(4), 8)
    assert level.energy(found)[0] < level.energy(np.eye(4))[0] - 0.01


@pytest.mark.parametrize(("contrast", "within_mm"), [("plain", 1.2), ("inverted", 2.0)])
def test_a_known_affine_is_found(contrast: str, within_mm: float) -> None:
    truth = matrix_of(2 * PARAMETERS, FRAME)
    # the degraded point A X shows what the reference shows at X
    moving = image(DEGRADED, np.linalg.inv(truth), contrast, noise=0.05)
    result = align(moving, image(REFERENCE, np.eye(4), "plain"))
    assert result.used
    before = error_mm(np.eye(4), truth)
    assert before > 10
    assert error_mm(result.matrix, truth) < within_mm
    assert result.similarity_after > result.similarity_before


def test_volumes_from_different_tables_meet_at_their_centres() -> None:
    """80 mm apart, too far for a descent from the identity."""
    truth = np.eye(4)
    truth[:3, 3] = [55, -45, 40]
    moved = grid((46, 36, 48), (3.0, 3.9, 3.1), -14).affine
    moved[:3, 3] += truth[:3, 3]
    moving = image(Grid((46, 36, 48), moved), np.linalg.inv(truth), "inverted")
    result = align(moving, image(REFERENCE, np.eye(4), "plain"))
    assert result.used
    assert error_mm(result.matrix, truth) < 2


def test_the_edge_of_a_padding_is_no_anatomy() -> None:
    """Of a cropped and padded reference, the affine finds more when it is told what was never
    acquired.
    """
    truth = matrix_of(np.array([6.0, -4, 5, 3, -2, 2, 0, 0, 0, 0, 0, 0]), FRAME)
    moving, whole = (
        image(DEGRADED, np.linalg.inv(truth), "inverted"),
        image(REFERENCE, np.eye(4), "plain"),
    )
    array, acquired = whole.volume.array.copy(), whole.acquired.copy()
    array[:8], array[:, :10], acquired[:8], acquired[:, :10] = 0, 0, False, False
    cropped = Image(Volume(array, REFERENCE.affine), whole.body & acquired, "mr", acquired)
    blind = cropped._replace(acquired=whole.acquired)
    assert error_mm(align(moving, cropped).matrix, truth) < min(
        2.0, error_mm(align(moving, blind).matrix, truth)
    )


def test_an_aligned_pair_is_left_alone() -> None:
    result = align(
        image(DEGRADED, np.eye(4), "inverted", 0.1), image(REFERENCE, np.eye(4), "plain")
    )
    assert not result.used
    np.testing.assert_array_equal(result.matrix, np.eye(4))


def test_the_weaker_the_evidence_the_less_is_believed() -> None:
    parts = [believed_part(evidence) for evidence in (-1.0, 0.0, 0.9, 1.0, 1.5, 3.0, 1e6)]
    assert parts[:4] == [0, 0, 0, 0]
    assert 0.5 < parts[4] < parts[5] < parts[6] <= 1


def judged(
    moving: Image, modalities: tuple[str, str], moved_mm: float = 8.0
) -> tuple[Belief, np.ndarray]:
    """What is believed of the true affine of about 8 mm."""
    truth = matrix_of(PARAMETERS, FRAME)
    level = level_of(moving, image(REFERENCE, np.eye(4), "plain"), 3.5)
    return judge(level, truth, moved_mm, modalities), truth


def test_of_two_modalities_a_part_is_followed_on_the_way_to_the_affine() -> None:
    moving = image(DEGRADED, np.linalg.inv(matrix_of(PARAMETERS, FRAME)), "inverted", 0.1)
    belief, truth = judged(moving, ("ct", "mr"))
    assert 0.5 < belief.part < 1
    found, along = parameters_of(belief.matrix, FRAME), belief.part * parameters_of(truth, FRAME)
    np.testing.assert_allclose(found, along, atol=1e-6)


def test_one_modality_is_followed_wholly_beyond_its_error() -> None:
    moving = image(DEGRADED, np.linalg.inv(matrix_of(PARAMETERS, FRAME)), "plain")
    assert judged(moving, ("mr", "mr"), 2.0)[0].part == 1
    assert judged(moving, ("mr", "mr"), 0.5)[0].part == 0


def test_the_posterior_mean_takes_small_findings_for_error_and_follows_large_ones() -> None:
    deviation, expected = np.linspace(0.5, 2, 12), np.full(12, 7.0)
    found = np.array([1.0, -2, 3, 4, -5, 6, -7, 8, 9, -10, 11, 12])
    parts = [
        posterior_mean(size * found, deviation, expected) / (size * found)
        for size in (0.02, 0.3, 3.0)
    ]
    assert parts[0].max() < 0.25 < parts[1].max() < parts[2].min()
    assert parts[2].min() > 0.9
    for part in parts:  # every direction as far as it is known
        assert (np.diff(part) < 0).all()


def test_a_known_strength_gives_the_posterior_of_two_normal_distributions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("UniFuseLib.registration.affine_shrinkage._STRENGTHS", np.array([0.5]))
    found, deviation, expected = np.arange(12.0), np.full(12, 3.0), np.full(12, 8.0)
    np.testing.assert_allclose(posterior_mean(found, deviation, expected), found * 16 / (16 + 9))


def test_pet_beside_ct_is_freed_of_what_an_aligned_couch_shows() -> None:
    """Along A, of 16 mm found: PET on CT lies 1.5 mm further back by itself, CT on PET the other
    way round.
    """
    moved = np.eye(4)
    moved[1, 3] = 16.0
    moving = image(DEGRADED, np.linalg.inv(moved), "inverted")
    level = level_of(moving, image(REFERENCE, np.eye(4), "plain"), 3.5)
    along = {
        pair: judge(level, moved, 16.0, pair)
        for pair in (("pet", "ct"), ("pet", "mr"), ("ct", "pet"))
    }
    shifts = {pair: belief.matrix[1, 3] for pair, belief in along.items()}
    assert shifts["pet", "ct"] == pytest.approx(shifts["pet", "mr"] + 1.5, abs=0.4)
    assert shifts["ct", "pet"] == pytest.approx(shifts["pet", "mr"] - 1.5, abs=0.4)
    assert 15 < shifts["pet", "mr"] < 16
    assert along["pet", "mr"].part == pytest.approx(shifts["pet", "mr"] / 16, abs=0.02)


def test_pet_stays_where_the_regions_do_not_agree() -> None:
    """A large affine that makes an aligned pair worse: likely by its size, not by what it does."""
    level = level_of(
        image(DEGRADED, np.eye(4), "inverted"), image(REFERENCE, np.eye(4), "plain"), 3.5
    )
    belief = judge(level, matrix_of(2 * PARAMETERS, FRAME), 16.0, ("pet", "ct"))
    assert belief.agreement < 0
    assert belief.part == 0
    np.testing.assert_array_equal(belief.matrix, np.eye(4))


def test_pet_that_hardly_moved_stays_nearly_where_it_was() -> None:
    """What is found lies within the error of what is found."""
    found = matrix_of(np.array([0.5, -1.5, -0.5, 0.4, -0.3, 0.4, 0.2, 0, 0.1, 0, 0, 0]), FRAME)
    moving = image(DEGRADED, np.linalg.inv(found), "inverted")
    level = level_of(moving, image(REFERENCE, np.eye(4), "plain"), 3.5)
    belief = judge(level, found, 1.7, ("pet", "ct"))
    assert error_mm(belief.matrix, np.eye(4)) < 0.2


def test_ct_and_mr_are_followed_as_far_as_the_residual_falls() -> None:
    """However far the affine moves: with much noise the regions agree, but the residual falls by an
    eighth only.
    """
    shown = np.linalg.inv(matrix_of(PARAMETERS, FRAME))
    assert judged(image(DEGRADED, shown, "inverted"), ("ct", "mr"))[0].part > 0.5
    belief = judged(image(DEGRADED, shown, "inverted", 0.3), ("ct", "mr"))[0]
    assert belief.agreement > 5
    assert belief.part == 0


def test_bone_decides_between_ct_and_mr(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bone has moved by 6 mm, the skin has not: beside MR, CT follows its bone; MR beside MR
    follows the skin.
    """

    def limb(on: Grid, shift: float) -> np.ndarray:
        points = places(on)
        shaft = np.exp(-(((points - [0, shift, 0])[..., :2] / 9) ** 2).sum(-1))
        return body(points) * 0.4 + 0.6 * shaft

    fixed, moving = (image(REFERENCE, np.eye(4), "plain") for _ in range(2))
    fixed = fixed._replace(volume=Volume(limb(REFERENCE, 0.0).astype(np.float32), REFERENCE.affine))
    moving = moving._replace(
        volume=Volume(limb(REFERENCE, 6.0).astype(np.float32), REFERENCE.affine)
    )
    monkeypatch.setattr(
        "UniFuseLib.registration.affine.judge",
        lambda level, matrix, *rest: Belief(matrix, 1.0, (0.0, 0.0), 9.0),
    )
    found = [
        align(moving._replace(modality=modality), fixed).matrix[1, 3] for modality in ("ct", "mr")
    ]
    assert found[0] > found[1] + 1


def test_pure_noise_is_no_reason_to_move() -> None:
    rng = np.random.default_rng(1)
    fixed = image(REFERENCE, np.eye(4), "plain")
    noise = Volume(rng.random(DEGRADED.shape).astype(np.float32), DEGRADED.affine)
    result = align(
        Image(noise, np.ones(DEGRADED.shape, bool), "ct", np.ones(DEGRADED.shape, bool)), fixed
    )
    assert not result.used or result.moved_mm < 5


def test_the_descent_can_be_stopped() -> None:
    def tell(fraction: float) -> None:
        assert 0 <= fraction <= 1
        if fraction > 0.2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        align(image(DEGRADED, np.eye(4), "plain"), image(REFERENCE, np.eye(4), "plain"), tell)
