"""Every loss of the paper on a case that can be worked out by hand; swapped arguments and signs
turn these red.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from skimage.metrics import structural_similarity

from UniFuseLib.network.layers import crop_to
from UniFuseLib.network.oufr import Unified
from UniFuseLib.network.unifuse import Registered, UniFuseOutput
from UniFuseLib.spatial.displacement import identity_grid, resize_flow, warp
from UniFuseLib.training import losses
from UniFuseLib.training.config import LossWeights, TrainingConfig
from UniFuseLib.training.objective import (
    _coarse_loss,
    _matching_loss,
    _padded,
    in_own_frame,
    total_loss,
)
from UniFuseLib.training.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (7, 9, 11)
E10 = math.exp(10.0)  # e^{1/τ} with the paper's τ = 0.1


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def constant(value: float, channels: int = 1) -> torch.Tensor:
    return torch.full((1, channels, *SHAPE), value)


def ssim_of_constants(x: float, y: float) -> float:
    return (2 * x * y + 1e-4) / (x * x + y * y + 1e-4)


def test_equation_1_is_the_cross_entropy_of_the_softmax() -> None:
    logits = torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]])
    expected = (-2 + math.log(math.exp(2) + 3) + math.log(math.exp(3) + 3)) / 2
    assert losses.classification_loss(logits, torch.tensor([0, 3])).item() == pytest.approx(
        expected, rel=1e-6
    )


def two_positions(
    first: tuple[int, int], second: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features e_i at two positions: the only negative of a position is the other one."""
    basis = torch.eye(3)
    a, b = (
        torch.stack([basis[i] for i in pair], dim=1).view(1, 3, 1, 1, 2) for pair in (first, second)
    )
    return a * 7, b * 0.2  # cosine similarity does not know lengths


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


def test_features_are_matched_through_the_true_field_on_every_level() -> None:
    """The degraded features lie where the field says, in voxels of each level; the wrong sign
    costs.
    """
    reference = noise(1, 6, 16, 20, 24, seed=3)
    flow = torch.tensor([2.0, -4.0, 6.0]).view(1, 3, 1, 1, 1).expand(1, 3, 16, 20, 24)
    levels = []
    for size in (1, 2):
        here = reference[..., ::size, ::size, ::size]
        shift = (2 // size, -4 // size, 6 // size)
        levels.append((here.roll(shift, dims=(2, 3, 4)), here))
    weight = torch.zeros(1, 1, 16, 20, 24)
    weight[..., 6:10, 8:12, 8:14] = 1
    a, b, c, d, e = (noise(1, 1, 16, 20, 24, seed=k) for k in range(5))
    sample = Sample(a, b, c, d, e, flow, torch.tensor([0]), weight, torch.ones(1, 3))
    right, wrong = (
        _matching_loss(levels, sample._replace(flow=sign * flow)).item() for sign in (1, -1)
    )
    assert right < wrong - 0.5
    for level in levels:
        assert _matching_loss([level], sample).item() < math.log(27) - 0.5


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


def test_equation_13_on_constant_colours() -> None:
    assert losses.colour_loss(constant(0.3, 2), constant(0.3, 2)).item() == pytest.approx(
        0, abs=1e-5
    )
    expected = 0.2 + 1 - ssim_of_constants(0.3, 0.5)
    assert losses.colour_loss(constant(0.3, 2), constant(0.5, 2)).item() == pytest.approx(
        expected, abs=1e-5
    )


def test_restoration_loss_on_constants() -> None:
    assert losses.restoration_loss(constant(0.3), constant(0.3)).item() == pytest.approx(
        0, abs=1e-5
    )
    expected = 0.2 + 0.25 * (1 - ssim_of_constants(0.3, 0.5))
    assert losses.restoration_loss(constant(0.3), constant(0.5)).item() == pytest.approx(
        expected, abs=1e-5
    )


class Perfect(NamedTuple):
    """A network that knows the answer; it remembers what it was asked."""

    sample: Sample
    asked: list[Any]
    multiple: int = 1

    def register(self, degraded: torch.Tensor, reference: torch.Tensor) -> Registered:
        self.asked.append((degraded, reference))
        logits = torch.nn.functional.one_hot(self.sample.label, 4).float() * 100
        unified = Unified(*two_positions((0, 1), (1, 2)))
        return Registered(self.field, logits, unified, [self.field], (), None)  # type: ignore[arg-type]

    def fuse(
        self, registered: Registered, flow: torch.Tensor, base: str = "reference"
    ) -> UniFuseOutput:
        aligned = warp(self.sample.fine, flow)
        fused = torch.maximum(aligned, self.sample.reference)
        return UniFuseOutput(
            fused=fused,
            restored=aligned,
            blend=fused,
            detail_weight=fused,
            flow=flow,
            logits=registered.logits,
            unified=registered.unified,
            coarse_flows=registered.coarse_flows,
        )

    @property
    def field(self) -> torch.Tensor:
        return self.sample.flow

    def unify(self, first: torch.Tensor, second: torch.Tensor) -> Unified:
        self.asked.append((first, second))
        return Unified(*two_positions((1, 2), (0, 1)))


def sample_of(flow: torch.Tensor) -> Sample:
    shape = flow.shape[2:]
    volumes = [noise(1, 1, *shape, seed=k) for k in range(5)]
    weight = torch.ones(1, 1, *shape)
    return Sample._make([*volumes, flow, torch.tensor([0]), weight, torch.ones(1, 3)])


def made_up_sample() -> Sample:
    volumes = [noise(1, 1, *SHAPE, seed=k) for k in range(5)]
    flow = 0.3 * noise(1, 3, *SHAPE, seed=9)
    return Sample._make([*volumes, flow, torch.tensor([2]), constant(1.0), torch.ones(1, 3)])


def test_equation_15_is_small_for_a_network_that_knows_the_answer() -> None:
    sample = made_up_sample()
    model = Perfect(sample, [])
    config = TrainingConfig(
        name="law", data="", weights=LossWeights(**{name: 2.0 for name in asdict(LossWeights())})
    )
    total, terms = total_loss(model, sample, config, True, generator())  # type: ignore[arg-type]
    assert set(terms) == set(asdict(config.weights))
    for name in ("classification", "registration", "intensity", "restore"):
        assert terms[name].item() == pytest.approx(0, abs=1e-4), name
    for name in ("endpoint", "coarse"):  # the root's floor
        assert terms[name].item() == pytest.approx(0.1, abs=1e-4), name
    # F̄_D with F̄_R, and F̄'_D with F̄'_R: both agree at both positions, and their negatives do not
    assert terms["modality"].item() == pytest.approx(2 * math.log(1 + 16 / E10), rel=0.02)
    assert total.item() == pytest.approx(2 * sum(term.item() for term in terms.values()), rel=1e-5)
    asked = [tuple(id(v) for v in pair) for pair in model.asked]
    assert asked == [
        (id(sample.degraded), id(sample.reference)),
        (id(sample.clean), id(sample.reference_moved)),
    ]


def test_the_restoration_target_does_not_pull_on_the_field() -> None:
    """L_inten could be lowered by moving the target away: only L_reg may move the flow."""
    sample = made_up_sample()
    flow = torch.zeros_like(sample.flow, requires_grad=True)

    class Still(Perfect):
        @property
        def field(self) -> torch.Tensor:
            return flow

        def register(self, degraded: torch.Tensor, reference: torch.Tensor) -> Registered:
            return super().register(degraded, reference)._replace(coarse_flows=[])

        def fuse(
            self, registered: Registered, flow: torch.Tensor, base: str = "reference"
        ) -> UniFuseOutput:
            return super().fuse(registered, flow.detach())._replace(flow=flow)

    config = TrainingConfig(
        name="law", data="", weights=LossWeights(registration=0.0, endpoint=0.0)
    )
    total, _ = total_loss(Still(sample, []), sample, config, False, generator())  # type: ignore[arg-type]
    assert (
        not total.requires_grad
        or torch.autograd.grad(total, flow, allow_unused=True)[0].abs().max() == 0
    )


def test_coarse_flows_are_compared_in_voxels_of_the_full_grid() -> None:
    shape = (16, 8, 24)
    flow = torch.tensor([1.0, -2.0, 3.0]).view(1, 3, 1, 1, 1).expand(1, 3, *shape)
    sample = sample_of(flow)
    half = (flow / 2)[..., ::2, ::2, ::2]
    assert _coarse_loss([half], sample).item() == pytest.approx(0.1, abs=1e-5)
    assert _coarse_loss([0 * half], sample).item() == pytest.approx(14.01**0.5, rel=1e-5)
    assert _coarse_loss([half, 0 * half], sample).item() == pytest.approx(
        (0.1 + 14.01**0.5) / 2, rel=1e-5
    )


def test_coarse_flows_of_a_padded_crop_are_compared_where_they_lie() -> None:
    """The network repeats the far border up to whole patches: its levels cover more than the
    crop.
    """
    places = identity_grid((16, 32, 48), torch.empty(0))
    whole = torch.cat(
        [torch.cos(places[:, 1:2] / 6), 2 * torch.sin(places[:, 2:3] / 8), 2 + 0 * places[:, :1]], 1
    )
    crop = sample_of(crop_to(whole, (11, 23, 37)))
    level = resize_flow(whole, (8, 16, 24))
    assert _coarse_loss([level], _padded(crop, 16)).item() < 0.2
    assert _coarse_loss([level], crop).item() > 0.5  # as if the levels covered the crop alone


# --- own frame, true field -----------------------------------------------------------------------


def two_samples() -> Sample:
    first, second = made_up_sample(), made_up_sample()
    return Sample(*(torch.cat(pair) for pair in zip(first, second, strict=True)))


def test_the_reference_comes_to_the_frame_of_the_chosen_samples_alone() -> None:
    sample = two_samples()
    there = in_own_frame(sample, torch.tensor([False, True]))
    for name in ("reference", "clean", "flow"):
        assert torch.equal(getattr(there, name)[0], getattr(sample, name)[0]), name
    assert torch.equal(there.reference[1], sample.reference_moved[1])
    assert torch.equal(there.clean[1], sample.fine[1])
    assert there.flow[1].abs().max() == 0


class PredictsNoMotion(Perfect):
    """Restores perfectly through whatever field it is given."""

    @property
    def field(self) -> torch.Tensor:
        return torch.zeros_like(self.sample.flow)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_restoration_goes_through_the_true_field_and_the_loss_sees_the_predicted(
    share: float,
) -> None:
    sample = made_up_sample()
    config = TrainingConfig(name="law", data="", true_field=share)
    model = PredictsNoMotion(sample, [])
    used: list[torch.Tensor] = []

    class Watched(PredictsNoMotion):
        def fuse(
            self, registered: Registered, flow: torch.Tensor, base: str = "reference"
        ) -> UniFuseOutput:
            used.append(flow)
            return model.fuse(registered, flow)

    _, terms = total_loss(Watched(sample, []), sample, config, False, generator())  # type: ignore[arg-type]
    assert torch.equal(used[0], share * sample.flow)
    assert terms["restore"].item() == pytest.approx(0, abs=1e-5)  # the target moves with the field
    length = sample.flow.square().sum(1).mean().item()  # of the predicted field's error
    assert terms["registration"].item() == pytest.approx(length, rel=1e-5)
