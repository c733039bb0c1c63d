"""What the whole network promises: shapes, gradients, independence of the batch, budgets,
ablations.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from UniFuseLib.degradation import CLASSES
from UniFuseLib.io.plain_values import from_plain
from UniFuseLib.network.alignment import Alignment
from UniFuseLib.network.build import ABLATIONS, PRESETS, NetworkConfig, build, preset
from UniFuseLib.network.cost import cost, count_parameters

if TYPE_CHECKING:
    from UniFuseLib.network.unifuse import UniFuse

SHAPE = (19, 24, 13)


def seeded(config: NetworkConfig) -> UniFuse:
    torch.manual_seed(0)
    return build(config)


def volumes(
    count: int = 1, shape: tuple[int, int, int] = SHAPE
) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 1, *shape, generator=generator), torch.rand(
        count, 1, *shape, generator=generator
    )


@pytest.mark.parametrize("shape", [(8, 8, 8), SHAPE, (33, 9, 17)])
def test_any_shape_comes_back_as_it_was(shape: tuple[int, int, int]) -> None:
    with torch.no_grad():
        output = seeded(preset("small")).eval()(*volumes(shape=shape))
    assert output.fused.shape == output.restored.shape == output.blend.shape == (1, 1, *shape)
    assert output.flow.shape == (1, 3, *shape)
    assert output.logits.shape == (1, len(CLASSES))
    assert all(torch.isfinite(v).all() for v in output[:5])


def test_an_improved_field_replaces_the_networks_own() -> None:
    model, pair = seeded(preset("small")).eval(), volumes(shape=(33, 9, 17))
    with torch.no_grad():
        registered = model.register(*pair)
        own = model.fuse(registered)
        improved = model.fuse(registered, torch.full_like(registered.flow, 2.0))
    assert registered.flow.shape == (1, 3, 33, 9, 17)
    assert torch.equal(own.flow, registered.flow)
    assert (improved.flow == 2).all()
    assert not torch.allclose(own.restored, improved.restored, atol=1e-3)


def test_the_forward_pass_is_registration_and_fusion() -> None:
    model, pair = seeded(preset("small")).eval(), volumes()
    with torch.no_grad():
        together, apart = model(*pair), model.fuse(model.register(*pair))
    for name in ("fused", "restored", "blend", "detail_weight", "flow", "logits"):
        assert torch.equal(getattr(together, name), getattr(apart, name))


def test_it_restores_by_the_class_that_is_given() -> None:
    model, pair = seeded(preset("small")).eval(), volumes()
    nn.init.normal_(model.fusion.get_parameter("head.weight"))
    with torch.no_grad():
        registered = model.register(*pair)
        found = model.fuse(registered)
        same = model.fuse(registered, probabilities=registered.logits.softmax(-1))
        clean, motion = (
            model.fuse(registered, probabilities=torch.eye(len(CLASSES))[place : place + 1])
            for place in (CLASSES.index("clean"), CLASSES.index("mr_motion"))
        )
    torch.testing.assert_close(same.restored, found.restored, atol=1e-4, rtol=0)
    assert torch.equal(clean.restored, clean.moved)
    assert (motion.restored - motion.moved).abs().mean() > 0.01
    assert torch.isfinite(motion.fused).all()


def test_without_the_field_all_else_stays() -> None:
    """φ is at rest, and nothing but φ has changed; the FA is not computed."""
    model, pair = seeded(preset("small")).eval(), volumes(shape=(33, 9, 17))
    with torch.no_grad():
        whole = model.register(*pair)
        rest = torch.zeros_like(whole.flow)
        model.alignment.forward = None  # type: ignore[assignment]
        without = model.register(*pair, find_field=False)
        here, there = model.fuse(without), model.fuse(whole, rest)
    assert whole.flow.any()
    assert torch.equal(without.flow, rest)
    assert torch.equal(without.logits, whole.logits)
    for name in ("fused", "moved", "restored", "blend", "detail_weight"):
        assert torch.equal(getattr(here, name), getattr(there, name))


@pytest.mark.parametrize("base", ["small", "paper"])
@pytest.mark.parametrize("ablation", sorted(ABLATIONS))
def test_every_ablation_runs_and_differs(base: str, ablation: str) -> None:
    config = preset(f"{base}+{ablation}")
    assert config != preset(base)
    with torch.no_grad():
        output = seeded(config).eval()(*volumes(shape=(16, 16, 24)))
    assert torch.isfinite(output.fused).all()


@pytest.mark.parametrize(
    "name", ["small", "paper", "default", "small+setting_a", "small+multi_experts"]
)
def test_every_parameter_receives_gradient(name: str) -> None:
    model = seeded(preset(name))
    # layers that start at zero would hide what lies behind them
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    output = model(*volumes(shape=(32, 32, 16)))
    (
        output.fused.square().mean() + output.restored.square().mean() + output.flow.square().mean()
    ).backward(retain_graph=True)
    output.logits.square().sum().backward()
    silent = {
        n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0
    }
    expected = set()
    if name.endswith("setting_a"):  # the states are kept from OUFR: A meets a state of zeros
        expected = {n for n in silent if n.startswith("oufr.mixer") and n.endswith("log_a")}
    assert silent == expected


def test_a_batch_equals_its_elements_one_by_one() -> None:
    model = seeded(preset("small")).eval()
    degraded, reference = volumes(count=3)
    with torch.no_grad():
        together = model(degraded, reference)
        for i in range(3):
            alone = model(degraded[i : i + 1], reference[i : i + 1])
            torch.testing.assert_close(together.flow[i : i + 1], alone.flow, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(together.fused[i : i + 1], alone.fused, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(
                together.logits[i : i + 1], alone.logits, atol=1e-5, rtol=1e-4
            )


def test_two_runs_are_identical() -> None:
    model = seeded(preset("small")).eval()
    pair = volumes()
    with torch.no_grad():
        first, second = model(*pair), model(*pair)
    assert torch.equal(first.fused, second.fused)
    assert torch.equal(first.flow, second.flow)


class _Shift(torch.nn.Module):
    """An alignment that always answers with the same shift, in voxels (d, h, w)."""

    def __init__(self, shift: tuple[float, float, float], shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.flow = torch.tensor(shift).view(1, 3, 1, 1, 1).expand(1, 3, *shape)

    def forward(self, *ignored: object) -> Alignment:
        return Alignment(self.flow, [])


def test_the_degraded_volume_is_pulled_through_the_flow() -> None:
    """restored[x] = degraded[x + flow[x]] before training, axis by axis; the features move with
    it.
    """
    shape = (16, 32, 48)
    model = seeded(preset("small")).eval()
    model.alignment = _Shift((2.0, 0.0, -3.0), shape)
    with torch.no_grad():
        model.fusion.get_parameter("preference")[:, 0] = 20.0  # no smoothing
    degraded, reference = volumes(shape=shape)
    with torch.no_grad():
        output = model(degraded, reference)
    expected = degraded[:, :, 2:, :, :-3]
    found = output.restored[:, :, :-2, :, 3:]
    assert (found - expected).abs().mean() < 0.02
    assert (output.restored - degraded).abs().mean() > 0.2
    assert (output.blend - 0.5).abs().mean() < 0.05


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shift", [-4, 4])
def test_an_untrained_network_moves_the_right_way(axis: int, shift: int) -> None:
    """Inverted contrast, shifted along one axis: the flow points there before anything is
    learned.
    """
    noise = torch.randn(1, 1, 48, 32, 64, generator=torch.Generator().manual_seed(3))
    for _ in range(3):
        noise = torch.nn.functional.avg_pool3d(noise, 5, 1, 2)
    reference = (noise - noise.min()) / (noise.max() - noise.min())
    model = seeded(preset("default")).eval()
    with torch.no_grad():
        flow = model(1 - reference.roll(shift, dims=axis + 2), reference).flow
    mean = flow[0, :, 8:-8, 8:-8, 8:-8].mean(dim=(1, 2, 3))
    others = [k for k in range(3) if k != axis]
    assert 0.3 * abs(shift) < float(mean[axis]) * (1 if shift > 0 else -1) < 1.2 * abs(shift)
    assert mean[others].abs().max() < 0.5


def test_default_preset_keeps_its_budget() -> None:
    found = cost(preset("default"))
    assert found.parameters <= 6_000_000
    assert found.parameters_fusion <= 950_000
    assert found.parameters_fusion <= 0.4 * found.parameters_fusion_experts
    assert found.gflops_256 <= 345
    assert found.gflops_256_as_fused <= 250


def test_cost_grows_with_the_volume_alone() -> None:
    """256³ / 160³ = 4.096: linear in the number of voxels."""
    found = cost(preset("small"))
    assert found.gflops_256 / found.gflops_160 == pytest.approx(4.096, rel=0.01)
    assert found.parameters == count_parameters(build(preset("small")))


def test_every_preset_tells_the_classes_of_degradation_apart() -> None:
    assert {config.classes for config in PRESETS.values()} == {len(CLASSES)}


def test_config_survives_json() -> None:
    import json

    config = replace(preset("default+j3"), lora_rank=3)
    assert from_plain(NetworkConfig, json.loads(json.dumps(config.to_dict()))) == config


def test_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="setting_a"):
        preset("default+nonsense")


def test_volumes_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        seeded(preset("small"))(torch.rand(1, 1, 8, 8, 8), torch.rand(1, 1, 8, 8, 16))
