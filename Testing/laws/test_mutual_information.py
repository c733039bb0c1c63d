"""Mutual information and its derivatives, against closed forms and an independent histogram."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from UniFuseLib.registration.mutual_information import (
    BINS,
    IntensityRange,
    expand_information,
    intensity_range,
    mutual_information,
)

LAST = BINS - 3 - 2e-3  # the largest position


def drawn(count: int, noise: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Bins of one volume, positions of another that depends on it."""
    generator = torch.Generator().manual_seed(seed)
    fixed = torch.randint(0, BINS, (count,), generator=generator)
    spread = noise * torch.randn(count, generator=generator, dtype=torch.float64)
    moving = (0.8 * fixed + 1 + spread).clamp(0, LAST)
    return fixed, moving


def by_loops(fixed: np.ndarray, moving: np.ndarray, weight: np.ndarray) -> float:
    """MI of the histogram with cubic B-spline windows, straight from its definition."""
    window = BSpline.basis_element(np.arange(-2, 3), extrapolate=False)
    joint = np.zeros((BINS, BINS))
    for f, m, w in zip(fixed, moving, weight, strict=True):
        for j in range(BINS):  # bin j lies at position j - 1
            share = float(np.nan_to_num(window(m - (j - 1))))
            joint[f, j] += w * share
    joint /= joint.sum()
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / independent[seen])).sum())


def test_it_is_that_of_the_histogram_with_cubic_windows() -> None:
    fixed, moving = drawn(300, 3.0)
    weight = torch.rand(300, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = by_loops(fixed.numpy(), moving.numpy(), weight.numpy())
    assert mutual_information(fixed, moving, weight) == pytest.approx(expected, abs=1e-6)
    assert expected > 0.3


def test_independent_volumes_share_nothing() -> None:
    fixed = torch.arange(BINS).repeat_interleave(50)
    moving = torch.linspace(0, LAST, 50, dtype=torch.float64).repeat(BINS)
    assert mutual_information(fixed, moving, torch.ones(len(fixed))) == pytest.approx(0, abs=1e-9)


def test_two_tissues_that_determine_each_other_share_their_entropy() -> None:
    """Bins so far apart that no window reaches both."""
    fixed = torch.tensor([3, 3, 3, 20])
    moving = torch.tensor([5.0, 5.0, 5.0, 21.0])
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert mutual_information(fixed, moving, torch.ones(4)) == pytest.approx(entropy, abs=1e-9)
    weighted = mutual_information(fixed, moving, torch.tensor([1.0, 0, 0, 1]))
    assert weighted == pytest.approx(math.log(2), abs=1e-9)


def problem(seed: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Positions away from the ends: a clipped one has no slope."""
    fixed, moving = drawn(4000, 2.0, seed)
    moving = moving.clamp(2, LAST - 2)
    generator = torch.Generator().manual_seed(seed)
    weight = torch.rand(4000, generator=generator, dtype=torch.float64)
    derivative = torch.randn(4000, 3, generator=generator, dtype=torch.float64)
    derivative[:, 1] += (fixed - BINS / 2) / 10
    return fixed, moving, weight, derivative


@pytest.mark.parametrize("k", [0, 1, 2])
def test_the_gradient_is_the_slope(k: int) -> None:
    fixed, moving, weight, derivative = problem()
    step = 1e-4
    up, down = (
        mutual_information(fixed, moving + sign * step * derivative[:, k], weight)
        for sign in (1, -1)
    )
    found = expand_information(fixed, moving, weight, derivative)
    assert float(found.gradient[k]) == pytest.approx((up - down) / (2 * step), rel=1e-3, abs=1e-6)
    assert found.value == pytest.approx(mutual_information(fixed, moving, weight))


def test_the_hessian_is_positive_and_that_of_thevenaz_and_unser() -> None:
    """Their Eq. 31, from a histogram whose changes are finite differences."""
    fixed, moving, weight, derivative = problem()
    found = expand_information(fixed, moving, weight, derivative)
    assert torch.linalg.eigvalsh(found.hessian).min() > 0

    def histogram(positions: torch.Tensor) -> np.ndarray:
        window = BSpline.basis_element(np.arange(-2, 3), extrapolate=False)
        shares = np.nan_to_num(window(positions.numpy()[:, None] - (np.arange(BINS) - 1)))
        joint = np.zeros((BINS, BINS))
        np.add.at(joint, fixed.numpy(), weight.numpy()[:, None] * shares)
        return joint / joint.sum()

    step = 1e-4
    change = np.stack(
        [
            (
                histogram(moving + step * derivative[:, k])
                - histogram(moving - step * derivative[:, k])
            )
            / (2 * step)
            for k in range(3)
        ],
        axis=-1,
    )
    p = histogram(moving)
    seen, column = p > 1e-9, p.sum(0)
    expected = np.einsum("nk,nl,n->kl", change[seen], change[seen], 1 / p[seen])
    marginal = change.sum(0)
    expected -= np.einsum("jk,jl,j->kl", marginal, marginal, 1 / np.maximum(column, 1e-9))
    np.testing.assert_allclose(found.hessian.numpy(), expected, rtol=2e-3, atol=1e-6)


def test_bright_vessels_do_not_squeeze_the_range() -> None:
    values = torch.cat([torch.linspace(0, 1, 9990), torch.full((10,), 50.0)])
    found = intensity_range(values)
    assert found.low == 0
    assert found.high == pytest.approx(1, abs=0.01)
    positions = found.position(values)
    assert positions.min() == 0
    assert positions.max() < BINS - 3


@pytest.mark.parametrize("count", [1, 2, 7, 501, 1000])
def test_the_range_ends_at_the_percentile(count: int) -> None:
    values = torch.randn(count, generator=torch.Generator().manual_seed(count))
    expected = np.quantile(values.double().numpy(), 0.998)
    assert intensity_range(values).high == pytest.approx(float(expected), abs=1e-6)


def test_a_range_of_nothing_has_positions() -> None:
    assert torch.isfinite(IntensityRange(1.0, 1.0).position(torch.ones(4))).all()
