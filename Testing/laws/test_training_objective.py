"""Eq. 15 on one batch: which loss compares what, and what pulls on what."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, NamedTuple

import pytest
import torch

from Testing.laws.loss_inputs import E10, SHAPE, constant, generator, noise, two_positions
from UniFuseLib.network.layers import crop_to
from UniFuseLib.network.oufr import Unified
from UniFuseLib.network.unifuse import Registered, UniFuseOutput
from UniFuseLib.spatial.displacement import identity_grid, resize_flow, warp
from UniFuseLib.training.config import LossWeights, TrainingConfig
from UniFuseLib.training.objective import (
    coarse_loss,
    in_own_frame,
    levels_matching_loss,
    padded_sample,
    total_loss,
)
from UniFuseLib.training.samples import Sample


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

    def fuse(self, registered: Registered, flow: torch.Tensor) -> UniFuseOutput:
        aligned = warp(self.sample.fine, flow)
        fused = torch.maximum(aligned, self.sample.reference)
        return UniFuseOutput(
            fused=fused,
            moved=aligned,
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

        def fuse(self, registered: Registered, flow: torch.Tensor) -> UniFuseOutput:
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
    assert coarse_loss([half], sample).item() == pytest.approx(0.1, abs=1e-5)
    assert coarse_loss([0 * half], sample).item() == pytest.approx(14.01**0.5, rel=1e-5)
    assert coarse_loss([half, 0 * half], sample).item() == pytest.approx(
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
    assert coarse_loss([level], padded_sample(crop, 16)).item() < 0.2
    assert coarse_loss([level], crop).item() > 0.5  # as if the levels covered the crop alone


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
        def fuse(self, registered: Registered, flow: torch.Tensor) -> UniFuseOutput:
            used.append(flow)
            return model.fuse(registered, flow)

    _, terms = total_loss(Watched(sample, []), sample, config, False, generator())  # type: ignore[arg-type]
    assert torch.equal(used[0], share * sample.flow)
    assert terms["restore"].item() == pytest.approx(0, abs=1e-5)  # the target moves with the field
    length = sample.flow.square().sum(1).mean().item()  # of the predicted field's error
    assert terms["registration"].item() == pytest.approx(length, rel=1e-5)


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
        levels_matching_loss(levels, sample._replace(flow=sign * flow)).item() for sign in (1, -1)
    )
    assert right < wrong - 0.5
    for level in levels:
        assert levels_matching_loss([level], sample).item() < math.log(27) - 0.5
