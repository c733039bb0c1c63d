"""Laws of the network's parts: each equation on a case that can be worked out by hand."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from UniFuseLib.degradation import CLASSES
from UniFuseLib.network.alignment import CorrelationRegBLK, PyramidLevel
from UniFuseLib.network.alsn import BaseNet, build_alsn
from UniFuseLib.network.build import build, preset
from UniFuseLib.network.dapl import Context
from UniFuseLib.network.encoder import depth_to_space, space_to_depth
from UniFuseLib.network.fusion import CLEAN, need_of_restoration
from UniFuseLib.network.layers import map_to_tokens, tokens_to_map
from UniFuseLib.network.mamba import MambaBlock, SpatialMambaBlock, meet_state
from UniFuseLib.network.matching import (
    best_offset,
    confident_mean,
    local_correlation,
    structure_cost,
)
from UniFuseLib.spatial.mind import mind_ssc

SHAPE = (7, 9, 11)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_meet_state_is_equation_3() -> None:
    u, dt = random(2, 5, 3), random(2, 5, 3, seed=1).exp()
    a, b, c = -random(3, 4, seed=2).exp(), random(2, 5, 4, seed=3), random(2, 5, 4, seed=4)
    h = random(2, 3, 4, seed=5)
    expected = torch.zeros(2, 5, 3)
    for i in range(5):
        state = (
            torch.exp(dt[:, i, :, None] * a) * h + (dt[:, i] * u[:, i])[..., None] * b[:, i, None]
        )
        expected[:, i] = (state * c[:, i, None]).sum(-1)
    torch.testing.assert_close(meet_state(u, dt, a, b, c, h), expected, atol=1e-5, rtol=1e-5)


def test_meet_state_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = (
        random(1, 40, 3),
        random(1, 40, 3).exp(),
        -random(3, 4).exp(),
        random(1, 40, 4),
        random(1, 40, 4),
    )
    h = random(1, 3, 4).requires_grad_()
    whole = meet_state(*arguments, h)
    (gradient,) = torch.autograd.grad(whole.square().sum(), h)
    monkeypatch.setattr("UniFuseLib.network.mamba._BLOCK_BYTES", 4 * 3 * 4 * 7)
    blocks = meet_state(*arguments, h)
    torch.testing.assert_close(blocks, whole)
    torch.testing.assert_close(torch.autograd.grad(blocks.square().sum(), h)[0], gradient)


def test_spatial_mamba_forgets_nothing_and_mamba_has_an_order() -> None:
    """Literal Eq. 3 treats every token alike, wherever it stands; a recurrence does not."""
    tokens, state = random(1, 12, 8), random(1, 16, 4)
    torch.manual_seed(0)
    spatial, recurrent = SpatialMambaBlock(8, 16, 4), MambaBlock(8, 16, 4)
    with torch.no_grad():
        torch.testing.assert_close(spatial(tokens.flip(1), state), spatial(tokens, state).flip(1))
        assert not torch.allclose(recurrent(tokens.flip(1)), recurrent(tokens).flip(1), atol=1e-3)


def test_tokens_and_maps_are_inverse_on_unequal_sides() -> None:
    features = random(2, 5, *SHAPE)
    assert torch.equal(tokens_to_map(map_to_tokens(features), SHAPE), features)


def test_folded_blocks_keep_every_voxel_at_its_place() -> None:
    volume = random(2, 3, 4, 6, 8)
    folded = space_to_depth(volume)
    assert folded.shape == (2, 24, 2, 3, 4)
    assert torch.equal(depth_to_space(folded), volume)
    # voxel (1, 2, 5) of channel 1 lies in block (0, 1, 2) at offset (1, 0, 1)
    assert folded[0, 1 * 8 + 0b101, 0, 1, 2] == volume[0, 1, 1, 2, 5]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("step", [-1, 1])
def test_local_correlation_finds_the_shift(axis: int, step: int) -> None:
    """moved[x + k] = reference[x] for one offset k: that channel is 1 and the largest, d
    slowest.
    """
    reference = random(1, 6, *SHAPE)
    moved = reference.roll(step, dims=axis + 2)
    found = local_correlation(moved, reference, radius=1)[0, :, 2:-2, 2:-2, 2:-2].mean(
        dim=(1, 2, 3)
    )
    offset = [0, 0, 0]
    offset[axis] = step
    expected = (offset[0] + 1) * 9 + (offset[1] + 1) * 3 + offset[2] + 1
    assert int(found.argmax()) == expected
    assert found[expected] == pytest.approx(1, abs=1e-5)


def test_faint_features_of_half_precision_keep_their_direction() -> None:
    """A square of 2e-4 is below what float16 can hold."""
    faint = 2e-4 * random(1, 6, *SHAPE).sign()
    found = local_correlation(faint.half(), faint.half(), radius=1)
    assert found[:, 13].float().mean() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("step", [-2, -1, 1, 2])
def test_structure_cost_points_where_the_volume_went(axis: int, step: int) -> None:
    """moved[x + k] = reference[x]: the cost is 0 at k, and the soft arg min is k, component by
    component.
    """
    reference = random(1, 12, 11, 13, 15)
    cost = structure_cost(reference.roll(step, dims=axis + 2), reference, radius=2)
    found = best_offset(cost, torch.tensor(200.0))[0, :, 4:-4, 4:-4, 4:-4].mean(dim=(1, 2, 3))
    expected = torch.zeros(3)
    expected[axis] = step
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_confident_mean_spreads_what_is_sure_and_drops_what_is_not() -> None:
    offset, sure = torch.zeros(1, 3, *SHAPE), torch.zeros(1, 1, *SHAPE)
    offset[:, :, :, :5] = torch.tensor([1.0, -2.0, 3.0]).view(1, 3, 1, 1, 1)
    offset[:, :, :, 5:] = 50.0  # wrong, and known to be
    sure[:, :, :, :5] = 1.0
    found = confident_mean(offset, sure, damping=1e-6)
    torch.testing.assert_close(
        found[0, :, 3, 6, 5], torch.tensor([1.0, -2.0, 3.0]), atol=1e-3, rtol=1e-3
    )
    assert confident_mean(offset, 1e-3 * sure, damping=0.2).abs().max() < 0.05


def test_regblk_adds_its_residual_in_the_frame_of_the_reference() -> None:
    """flow'[x] = r[x] + flow[x + r[x]] for a block whose head answers a constant r."""
    block = CorrelationRegBLK(channels=4, context=0, width=8, radius=1, convolutions=1)
    with torch.no_grad():
        block.head.weight.zero_()
        block.head.bias = nn.Parameter(torch.tensor([1.0, 0.0, -2.0]))
    d, h, w = SHAPE
    ramp = torch.arange(w).float().view(1, 1, 1, 1, w).expand(1, 3, d, h, w).contiguous()
    with torch.no_grad():
        flat = torch.zeros(1, 12, *SHAPE)  # no structure: the search has no opinion
        level = PyramidLevel(random(1, 4, *SHAPE), flat)
        flow, _ = block(level, level, ramp, None, random(1, 4, 2, 8))
    inner = flow[0, :, 2, 2, 5]
    torch.testing.assert_close(inner, torch.tensor([1.0 + 3.0, 0.0 + 3.0, -2.0 + 3.0]))


@pytest.mark.parametrize("dense", [True, False])
def test_attention_of_channels_is_that_of_queries_and_keys(dense: bool) -> None:
    """M_i of Eq. 9, written out; the map comes in parts, its mean is far from zero."""
    torch.manual_seed(0)
    base = BaseNet(5, 8, dense)
    for parameter in base.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    features, prompt = random(2, 5, *SHAPE) + 0.7, random(2, 3, 2, 8)
    with torch.no_grad():
        found = base.prepared(features.split([2, SHAPE[0] - 2], dim=2), prompt)
        guide = base.guide(prompt)[:, :, None, None, None]
        query = (base.query(features) * guide).flatten(2)
        key = base.key(features).flatten(2)
        cosine = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(1, 2)
        expected = (cosine * base.temperature).softmax(-1)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(found, expected.transpose(1, 2), atol=1e-2)


@pytest.mark.parametrize("kind", ["lora", "base_only", "experts"])
def test_alsn_is_equation_7(kind: Literal["lora", "base_only", "experts"]) -> None:
    torch.manual_seed(0)
    alsn = build_alsn(4, 8, dense=True, rank=2, classes=3, kind=kind)
    for parameter in alsn.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    features, prompt = random(1, 4, *SHAPE), random(1, 3, 2, 8)
    logits = torch.tensor([[0.3, 1.0, -0.5]])
    with torch.no_grad():
        found = alsn(features, Context((features, features, features), logits, prompt))
        p = logits.softmax(-1)[0]
        weighted = prompt * p.view(1, 3, 1, 1)
        even = features / (features.square().mean(1, keepdim=True) + 0.01).sqrt()
        expected = alsn.base(even, weighted)
        for j, branch in enumerate(alsn.branches):
            expected = expected + p[j] * branch(even, weighted)
    assert len(alsn.branches) == (0 if kind == "base_only" else 3)
    torch.testing.assert_close(found, features + alsn.strength * expected, atol=1e-3, rtol=1e-4)


def test_alsn_leaves_out_branches_of_impossible_classes_after_training() -> None:
    torch.manual_seed(0)
    alsn = build_alsn(4, 8, dense=True, rank=2, classes=3, kind="lora")
    for parameter in alsn.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    features, prompt = random(1, 4, *SHAPE), random(1, 3, 2, 8)
    logits = torch.tensor([[0.0, 6.0, -4.0]])  # 0.0025, 0.9975, 0.00005
    context = Context((features, features, features), logits, prompt)
    called: list[int] = []
    for j, branch in enumerate(alsn.branches.children()):
        branch.get_submodule("down").register_forward_hook(lambda *_, j=j: called.append(j))
    with torch.no_grad():
        whole = alsn.train()(features, context)
        assert set(called) == {0, 1, 2}
        called.clear()
        found = alsn.eval()(features, context)
    assert set(called) == {0, 1}
    torch.testing.assert_close(found, whole, atol=1e-3 * float(whole.abs().max()), rtol=0)
    assert not torch.equal(found, whole)


def test_mind_ssc_sees_structure_not_contrast() -> None:
    volume = torch.nn.functional.avg_pool3d(random(1, 1, 16, 18, 20), 3, 1, 1)
    structure = mind_ssc(volume)
    assert structure.shape == (1, 12, 16, 18, 20)
    assert structure.min() > 0
    assert structure.max() == 1
    torch.testing.assert_close(mind_ssc(5 - 3 * volume), structure, atol=1e-4, rtol=1e-4)
    other = torch.nn.functional.avg_pool3d(random(1, 1, 16, 18, 20, seed=9), 3, 1, 1)
    assert (mind_ssc(other) - structure).abs().mean() > 0.1


def channel_by_channel(volume: torch.Tensor, dilation: int) -> torch.Tensor:
    """MIND-SSC of radius 1 as it is defined, beyond the border of the volume the border."""
    steps = [(a, s) for a in (2, 3, 4) for s in (-dilation, dilation)]
    padded = F.pad(volume, [dilation + 1] * 6, mode="replicate")
    d, h, w = (slice(dilation, n - dilation) for n in padded.shape[2:])

    def neighbour(axis: int, step: int) -> torch.Tensor:
        return padded.roll(-step, dims=axis)[:, :, d, h, w]

    squares = [
        (neighbour(*one) - neighbour(*other)).square()
        for one, other in itertools.combinations(steps, 2)
        if one[0] != other[0]
    ]
    distances = torch.cat([F.avg_pool3d(square, 3, 1) for square in squares], 1)
    distances = distances - distances.amin(1, keepdim=True)
    return torch.exp(-distances / distances.mean(1, keepdim=True))


@pytest.mark.parametrize("dilation", [1, 2])
def test_channels_that_share_their_differences_are_those_of_the_definition(dilation: int) -> None:
    volume = random(1, 1, *SHAPE)
    torch.testing.assert_close(mind_ssc(volume, dilation), channel_by_channel(volume, dilation))


def test_descriptors_are_the_same_slab_by_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    volume = random(1, 1, 16, 18, 20)
    whole = mind_ssc(volume)
    monkeypatch.setattr("UniFuseLib.spatial.mind._TOGETHER", 3 * 18 * 20)
    assert torch.equal(mind_ssc(volume), whole)


@pytest.mark.parametrize("axis", [2, 3, 4])
def test_mind_ssc_moves_with_the_volume(axis: int) -> None:
    volume = random(1, 1, 16, 18, 20)
    moved = mind_ssc(volume.roll(2, dims=axis))
    inner = (slice(None), slice(None), slice(6, -6), slice(6, -6), slice(6, -6))
    torch.testing.assert_close(
        moved[inner], mind_ssc(volume).roll(2, dims=axis)[inner], atol=1e-3, rtol=1e-3
    )


def test_mind_ssc_pairs_differ_by_direction() -> None:
    """An edge across one axis answers in other channels than an edge across another axis."""
    d, h, w = (torch.arange(n).float() for n in (16, 18, 20))
    across_d = (d > 7).float().view(1, 1, -1, 1, 1).expand(1, 1, 16, 18, 20)
    across_w = (w > 9).float().view(1, 1, 1, 1, -1).expand(1, 1, 16, 18, 20)
    assert len(h) == 18
    first, second = mind_ssc(across_d)[0, :, 8, 9, 5], mind_ssc(across_w)[0, :, 5, 9, 10]
    assert (first - second).abs().max() > 0.3


# --- DAPL on whole scans ------------------------------------------------------------------------


# --- restoration ---------------------------------------------------------------------------------


def test_the_class_that_needs_no_restoration_is_clean() -> None:
    assert CLASSES[CLEAN] == "clean"


def test_the_need_of_restoration_is_none_when_clean_is_certain_and_full_from_a_half_on() -> None:
    probability = torch.tensor([1.0, 0.75, 0.5, 0.1], requires_grad=True)
    need = need_of_restoration(probability)
    assert need.flatten().tolist() == pytest.approx([0.0, 0.5, 1.0, 1.0])
    assert not need.requires_grad  # restoration does not teach the classifier


def test_what_is_certainly_clean_comes_back_as_it_is() -> None:
    torch.manual_seed(1)
    fusion: Any = build(preset("small")).fusion
    nn.init.normal_(fusion.head.weight)
    scale = 2 if fusion.folded else 1
    moved = random(2, 1, *(scale * n for n in SHAPE), seed=1)
    need = torch.tensor([0.0, 1.0])[:, None, None, None, None]
    found = fusion._restored(random(2, fusion.head.in_channels, *SHAPE), moved, need)
    assert torch.equal(found.volume[0], moved[0])
    assert (found.detail_weight[0] == 1).all()
    assert (found.volume[1] - moved[1]).abs().mean() > 0.1
    assert (found.detail_weight[1] < 1).all()
