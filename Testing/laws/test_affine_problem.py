"""The score of an affine, its derivatives, and steps up it: on oblique anisotropic grids."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from head_phantom import DEGRADED, FRAME, REFERENCE, error_mm, rigid, scan, seen, turned

from UniFuseLib.registration.affine_expansion import Derivatives, Expansion
from UniFuseLib.registration.affine_measures import CHARBONNIER, Loss, Measures, measures_of
from UniFuseLib.registration.affine_parameters import AFFINE, RIGID, matrix_of
from UniFuseLib.registration.affine_problem import AffineProblem
from UniFuseLib.registration.affine_solver import levenberg_marquardt
from UniFuseLib.spatial.volume import Volume

INFORMATION = Measures(1.0, 0.0, CHARBONNIER, {})
DESCRIPTORS = Measures(0.0, 1.0, CHARBONNIER, {})
TRUTH = rigid((3.0, -2.5, 2.0, 2.5, -3.0, 2.0))


def problem(
    measures: Measures, spacing: float = 6.0, truth: np.ndarray = TRUTH, contrast: str = "t2"
) -> AffineProblem:
    """T1 on its grid, the other contrast on another one, moved by `truth`."""
    moving = seen(scan(DEGRADED, contrast, truth), "ct" if contrast == "ct" else "mr")
    fixed = seen(scan(REFERENCE, "t1"), "mr")
    return AffineProblem(moving, fixed, spacing, FRAME, measures)


@pytest.mark.parametrize("measures", [INFORMATION, DESCRIPTORS], ids=["information", "descriptors"])
def test_the_gradient_is_the_slope_along_every_generator(measures: Measures) -> None:
    """To the error of derivatives between voxels; a swapped axis or sign turns it away."""
    level = problem(measures, truth=np.eye(4))
    start = rigid((2.0, 3.0, -2.5, 3.0, 2.0, -2.5))
    found = level.expand(start, AFFINE).gradient

    def slope(k: int) -> float:
        step = np.zeros(12)
        step[k] = 1.0
        up, down = (
            level.expand(start @ matrix_of(sign * step, FRAME)).score for sign in (1.0, -1.0)
        )
        return (up - down) / 2

    expected = np.array([slope(k) for k in range(12)])
    cosine = found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)
    assert cosine > 0.95
    large = np.abs(expected) > 0.25 * np.abs(expected).max()
    assert large.sum() >= 5
    np.testing.assert_array_equal(np.sign(found[large]), np.sign(expected[large]))
    np.testing.assert_allclose(level.expand(start, RIGID).gradient, found[:6], rtol=1e-6)


@pytest.mark.parametrize("measures", [INFORMATION, DESCRIPTORS], ids=["information", "descriptors"])
def test_the_hessian_is_symmetric_and_positive(measures: Measures) -> None:
    hessian = problem(measures).expand(np.eye(4), AFFINE).hessian
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-9)
    assert np.linalg.eigvalsh(hessian).min() > -1e-9


def test_the_hessian_is_the_slope_of_the_gradient() -> None:
    """Of a plain sum of squares that is zero at the optimum Gauss-Newton's is exact."""
    squares = Loss(lambda q: q / 2, torch.ones_like)
    oblique = turned((44, 50, 42), (3.4, 3.3, 3.7), 40)
    whole = seen(scan(oblique, "t1"), "mr")
    level = AffineProblem(whole, whole, 6.0, FRAME, Measures(0.0, 1.0, squares, {}))

    def gradient(parameters: np.ndarray) -> np.ndarray:
        return level.expand(matrix_of(parameters, FRAME), AFFINE).gradient

    slope = np.stack([gradient(0.5 * k) - gradient(-0.5 * k) for k in np.eye(12)], axis=1)
    hessian = level.expand(np.eye(4), AFFINE).hessian
    assert np.linalg.norm(slope + hessian) < 0.28 * np.linalg.norm(hessian)  # 0.36 if swapped


@pytest.mark.parametrize(("measures", "steps"), [(INFORMATION, 10), (DESCRIPTORS, 5)])
def test_a_few_steps_take_most_of_a_small_error(measures: Measures, steps: int) -> None:
    found = levenberg_marquardt(problem(measures), np.eye(4), steps).matrix
    assert error_mm(found, TRUTH) < 0.3 * error_mm(np.eye(4), TRUTH)


def test_steps_never_end_lower_than_they_began() -> None:
    level = problem(measures_of("mr", "mr"))
    for start in (np.eye(4), TRUTH, rigid((40.0, 0, 0, 0, 0, 90.0))):
        assert levenberg_marquardt(level, start, 4).at.score >= level.expand(start).score


def test_stretch_is_found_where_it_is_asked_for() -> None:
    truth = TRUTH @ matrix_of(np.array([0, 0, 0, 0, 0, 0, 3.0, -2, 2, 0, 0, 0]), FRAME)
    level = problem(measures_of("mr", "mr"), 4.0, truth)
    six, twelve = (levenberg_marquardt(level, TRUTH, 10, k).matrix for k in (RIGID, AFFINE))
    assert error_mm(twelve, truth) < 0.35 < 1.0 < error_mm(six, truth)


def test_chance_scores_nothing_and_what_leaves_the_picture_gains_nothing() -> None:
    level = problem(measures_of("mr", "mr"), truth=np.eye(4))
    aligned = level.expand(np.eye(4))
    away = level.expand(rigid((400.0, 0, 0, 0, 0, 0)))
    half = level.expand(rigid((100.0, 0, 0, 0, 0, 0)))
    assert aligned.score > 0.5
    assert aligned.covered == pytest.approx(1, abs=0.05)
    assert (away.score, away.covered) == (0.0, 0.0)
    np.testing.assert_array_equal(away.gradient, np.zeros(6))
    assert half.score < 0.2 * aligned.score
    assert 0.1 < half.covered < 0.9


def test_what_was_cut_off_is_not_compared_as_air() -> None:
    """A half of the head set to the background: of what is left the score is higher."""
    whole = scan(DEGRADED, "t2")
    cut = whole.array.copy()
    cut[:, : cut.shape[1] // 2] = 0
    known = seen(Volume(cut, whole.affine), "mr")
    blind = known._replace(padded=np.zeros_like(known.padded))
    fixed = seen(scan(REFERENCE, "t1"), "mr")
    told, untold = (
        AffineProblem(one, fixed, 6.0, FRAME, measures_of("mr", "mr")).expand(np.eye(4))
        for one in (known, blind)
    )
    assert told.covered < 0.8 < 0.95 < untold.covered
    assert told.score / told.covered > 1.2 * untold.score / untold.covered


def test_bone_decides_between_ct_and_mr() -> None:
    """Weight 1 in the skull and in what it encloses, a tenth far from it; none without CT."""
    ct = seen(scan(DEGRADED, "ct"), "ct")
    assert ct.rigid_weight is not None
    assert ct.rigid_weight[tuple(n // 2 for n in ct.body.shape)] == 1
    assert ct.rigid_weight.min() == pytest.approx(0.1, abs=0.01)
    assert seen(scan(DEGRADED, "t1"), "mr").rigid_weight is None
    assert measures_of("ct", "mr").by_bone
    assert measures_of("mr", "ct").by_bone
    assert not measures_of("mr", "mr").by_bone


def test_derivatives_are_computed_when_they_are_read_and_once() -> None:
    asked: list[None] = []

    def derive() -> Derivatives:
        asked.append(None)
        return Derivatives(np.ones(6), np.eye(6))

    expansion = Expansion(1.0, 0.5, derive)
    assert not asked
    assert expansion.gradient.sum() + expansion.hessian.trace() == 12
    assert len(asked) == 1
