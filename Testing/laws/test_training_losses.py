"""Every loss of the paper on a case that can be worked out by hand; swapped arguments and signs
turn these red.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from skimage.metrics import structural_similarity

from Testing.laws.loss_inputs import E10, SHAPE, constant, generator, noise, two_positions
from UniFuseLib.training import losses

if TYPE_CHECKING:
    from collections.abc import Callable


def ssim_of_constants(x: float, y: float) -> float:
    return (2 * x * y + 1e-4) / (x * x + y * y + 1e-4)


def test_equation_1_is_the_cross_entropy_of_the_softmax() -> None:
    logits = torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]])
    expected = (-2 + math.log(math.exp(2) + 3) + math.log(math.exp(3) + 3)) / 2
    assert losses.classification_loss(logits, torch.tensor([0, 3])).item() == pytest.approx(
        expected, rel=1e-6
    )


def test_equation_5_on_two_positions() -> None:
    # position 0: s⁺ = 1, s⁻ = 0; position 1: s⁺ = 0, s⁻ = 1; K = 3
    value = losses.contrastive_loss(*two_positions((0, 0), (0, 1)), 3, generator())
    expected = (-math.log(E10 / (E10 + 3)) - math.log(1 / (1 + 3 * E10))) / 2
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_equation_5_takes_its_negatives_from_the_second_map() -> None:
    # the maps of the test above, swapped: s⁺ = s⁻ at both positions
    value = losses.contrastive_loss(*two_positions((0, 1), (0, 0)), 3, generator())
    assert value.item() == pytest.approx(math.log(4), rel=1e-5)


def test_equation_5_never_takes_a_positive_as_negative() -> None:
    features = torch.eye(6).view(1, 6, 1, 2, 3)
    value = losses.contrastive_loss(features, features, 50, generator())
    assert value.item() == pytest.approx(math.log(1 + 50 / E10), rel=1e-3)


def test_equation_4_adds_both_pairs() -> None:
    one, other = two_positions((0, 0), (0, 1)), two_positions((0, 1), (0, 0))
    value = losses.modality_loss(one, other, 3, generator())
    alone = [losses.contrastive_loss(*pair, 3, generator()) for pair in (one, other)]
    assert value.item() == pytest.approx(sum(a.item() for a in alone), rel=1e-6)


def test_equation_6_is_the_squared_length_of_the_error() -> None:
    truth = noise(2, 3, *SHAPE)
    error = torch.tensor([1.0, -2.0, 3.0]).view(1, 3, 1, 1, 1)
    weight = noise(2, 1, *SHAPE, seed=1)
    assert losses.registration_loss(truth + error, truth, weight).item() == pytest.approx(
        14, rel=1e-5
    )
    # a flow in the wrong direction is twice as wrong as none
    wrong = losses.registration_loss(-truth, truth, weight).item()
    assert wrong == pytest.approx(
        4 * losses.registration_loss(0 * truth, truth, weight).item(), rel=1e-5
    )


@pytest.mark.parametrize(
    ("loss", "lengths"),
    [(losses.registration_loss, (4.0, 1.0)), (losses.endpoint_loss, (2.0, 1.0))],
)
def test_errors_of_the_flow_count_by_weight_and_samples_alike(
    loss: Callable[..., torch.Tensor], lengths: tuple[float, float]
) -> None:
    flow, truth = torch.zeros(2, 3, *SHAPE), torch.zeros(2, 3, *SHAPE)
    weight = torch.zeros(2, 1, *SHAPE)
    flow[0, 1, :, :3], weight[0, :, :, :3] = 2.0, 0.5
    flow[0, 1, :, 3:] = 9.0  # where nothing counts
    flow[1, 2], weight[1] = 1.0, 1.0
    assert loss(flow, truth, weight).item() == pytest.approx(sum(lengths) / 2, abs=0.005)


def test_matching_loss_counts_the_place_against_its_26_neighbours() -> None:
    everywhere = torch.ones(1, 1, *SHAPE)
    flat = losses.matching_loss(constant(1.0, 3), constant(2.0, 3), everywhere)
    assert flat.item() == pytest.approx(math.log(27), rel=1e-4)
    # one channel per voxel: alike at the place itself, at right angles to every neighbour
    unlike = torch.eye(27).view(1, 27, 3, 3, 3)
    inner = torch.zeros(1, 1, 3, 3, 3)
    inner[0, 0, 1, 1, 1] = 1
    known = losses.matching_loss(5 * unlike, 0.1 * unlike, inner)
    assert known.item() == pytest.approx(math.log(1 + 26 / E10), rel=1e-2)
    beside = losses.matching_loss(unlike.roll(1, dims=3), unlike, inner)
    assert beside.item() == pytest.approx(math.log(E10 + 26), rel=1e-4)


def test_endpoint_loss_is_the_length_of_the_error() -> None:
    truth = noise(2, 3, *SHAPE)
    error = torch.tensor([1.0, -2.0, 3.0]).view(1, 3, 1, 1, 1)
    value = losses.endpoint_loss(truth + error, truth, torch.ones(2, 1, *SHAPE))
    assert value.item() == pytest.approx(14.01**0.5, rel=1e-5)
    assert losses.endpoint_loss(truth, truth, torch.ones(2, 1, *SHAPE)).item() == pytest.approx(
        0.1, rel=1e-5
    )


@pytest.mark.parametrize("shape", [SHAPE, (5, 12, 8)])
def test_ssim_is_that_of_scikit_image(shape: tuple[int, int, int]) -> None:
    first = noise(1, 1, *shape)
    second = (0.7 * first + 0.3 * noise(1, 1, *shape, seed=1)).clamp(0, 1)
    expected = structural_similarity(
        first[0, 0].double().numpy(),
        second[0, 0].double().numpy(),
        win_size=5,
        data_range=1.0,
        gaussian_weights=False,
        use_sample_covariance=False,
    )
    assert losses.ssim(first, second).item() == pytest.approx(expected, abs=1e-5)


def test_equation_11_compares_the_fused_volume_with_both() -> None:
    p, q = noise(1, 1, *SHAPE), noise(1, 1, *SHAPE, seed=1)
    unlike = 1 - losses.ssim(p, q).item()
    assert unlike > 0.1
    for fused, aligned, reference, expected in (
        (p, p, p, 0.0),
        (p, p, q, unlike),
        (p, q, p, unlike),
        (p, q, q, 2 * unlike),
    ):
        found = losses.structure_loss(fused, aligned, reference).item()
        assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("fused", "expected"), [(0.5, 0.09), (0.2, 0.18), (0.8, 0.18), (0.0, 0.34)]
)
def test_fidelity_is_lowest_at_the_mean_of_both_sources(fused: float, expected: float) -> None:
    value = losses.fidelity_loss(constant(fused), constant(0.2), constant(0.8))
    assert value.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("fused", "expected"), [(0.2, 0.6), (0.9, 0.1), (0.8, 0.0)])
def test_equation_12_takes_the_larger_intensity(fused: float, expected: float) -> None:
    for aligned, reference in ((0.5, 0.8), (0.8, 0.5)):
        value = losses.intensity_loss(constant(fused), constant(aligned), constant(reference))
        assert value.item() == pytest.approx(expected, abs=1e-6)


def ramp(slopes: tuple[float, float, float]) -> torch.Tensor:
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in SHAPE), indexing="ij")
    return sum(s * a for s, a in zip(slopes, axes, strict=True))[None, None]  # type: ignore[index]


@pytest.mark.parametrize(
    ("aligned", "reference", "kept"),
    [
        (0.91, 0.06, 0.91),  # cortical bone of a CT on T1
        (0.46, 0.35, 0.35),  # muscle: the reference's grey
        (0.43, 0.10, 0.10),  # fluid is dark in T1, and CT must not make it grey
        (0.80, 0.46, 0.80),  # uptake on soft tissue of a CT
        (0.25, 0.91, 0.91),  # bone without uptake
        (0.90, 0.95, 0.95),  # bright in both
    ],
)
def test_retention_asks_for_the_reference_and_what_only_the_other_source_shows(
    aligned: float, reference: float, kept: float
) -> None:
    sources = (constant(aligned), constant(reference))
    assert losses.retention_loss(constant(kept), *sources).item() == pytest.approx(0, abs=1e-6)
    assert losses.retention_loss(constant(kept - 0.1), *sources).item() == pytest.approx(0.1)
    squared = losses.squared_retention_loss
    assert squared(constant(kept), *sources).item() == pytest.approx(0, abs=1e-6)
    assert squared(constant(kept - 0.1), *sources).item() == pytest.approx(0.01)


def test_a_smooth_step_rises_from_0_to_1_with_flat_ends() -> None:
    at = torch.tensor([0.0, 0.2, 0.3, 0.4, 0.9])
    expected = torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0])
    torch.testing.assert_close(losses.smooth_step(at, 0.2, 0.4), expected)
    assert losses.smooth_step(torch.tensor(0.21), 0.2, 0.4).item() < 0.01


def test_equation_12_takes_the_steeper_gradient_with_its_sign() -> None:
    aligned, reference = ramp((0.1, 0.2, -0.4)), ramp((-0.3, 0.1, 0.2))
    steeper = ramp((-0.3, 0.2, -0.4))
    assert losses.gradient_loss(steeper, aligned, reference).item() == pytest.approx(0, abs=1e-5)
    assert losses.gradient_loss(steeper, reference, aligned).item() == pytest.approx(0, abs=1e-5)
    flat = losses.gradient_loss(constant(0.5), aligned, reference).item()
    assert flat == pytest.approx(0.3 + 0.2 + 0.4, rel=1e-4)
    assert losses.gradient_loss(-steeper, aligned, reference).item() == pytest.approx(
        2 * 0.9, rel=1e-4
    )


def test_restoration_loss_on_constants() -> None:
    assert losses.restoration_loss(constant(0.3), constant(0.3)).item() == pytest.approx(
        0, abs=1e-5
    )
    expected = 0.2 + 0.25 * (1 - ssim_of_constants(0.3, 0.5))
    assert losses.restoration_loss(constant(0.3), constant(0.5)).item() == pytest.approx(
        expected, abs=1e-5
    )


# --- own frame, true field -----------------------------------------------------------------------
