"""The fused volume's own head: its equation, where its gradient ends, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F

from UniFuseLib.network.blend import Blend, BlendHead, with_own_blend
from UniFuseLib.network.build import build, preset

if TYPE_CHECKING:
    from torch import Tensor

SHAPE = (4, 6, 10)
OWN, SHARED = preset("small"), replace(preset("small"), blend="shared")


@pytest.fixture(autouse=True)
def _the_same_weights_in_every_run() -> None:
    torch.manual_seed(0)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def disturbed(model: Any, seed: int = 5) -> Any:
    """Layers that start at zero or at the identity would hide what they do."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def pair() -> tuple[Tensor, Tensor]:
    return random(1, 1, 16, 32, 48, seed=1).sigmoid(), random(1, 1, 16, 32, 48, seed=2).sigmoid()


def test_every_voxel_is_mixed_from_its_own_values_and_means_and_then_smoothed() -> None:
    head = disturbed(BlendHead())
    restored, reference = random(1, 1, *SHAPE, seed=1), random(1, 1, *SHAPE, seed=2)
    with torch.no_grad():
        found = head(restored, reference)
        parts = [v[0, 0] for v in (restored, reference)]
        seen = torch.stack([*parts, *(mean_of_neighbours(part) for part in parts)], dim=-1)
        first = F.leaky_relu(seen @ head.mix[0].weight.flatten(1).T + head.mix[0].bias, 0.1)
        weight, extra = (first @ head.out.weight.flatten(1).T + head.out.bias).unbind(-1)
        w = mean_of_neighbours(torch.sigmoid(4 * weight))
        s = mean_of_neighbours(0.1 * torch.tanh(extra))
    torch.testing.assert_close(found.weight[0, 0], w)
    torch.testing.assert_close(found.extra[0, 0], s)


def mean_of_neighbours(volume: Tensor) -> Tensor:
    """Over 3³ voxels `(d, h, w)`, one by one; the border repeats."""
    padded = F.pad(volume[None, None], [1] * 6, mode="replicate")[0, 0]
    d, h, w = volume.shape
    cube = [(i, j, k) for i in range(3) for j in range(3) for k in range(3)]
    return torch.stack([padded[i : i + d, j : j + h, k : k + w] for i, j, k in cube]).mean(0)


def test_the_fused_volume_is_what_head_and_sources_make_of_it() -> None:
    model = disturbed(build(OWN))
    asked: list[Blend] = []
    model.fusion.blend.register_forward_hook(lambda _module, _given, out: asked.append(out))
    degraded, reference = pair()
    with torch.no_grad():
        output = model(degraded, reference)
    w, s = asked[0]
    expected = (1 - w) * output.restored + w * reference + s
    torch.testing.assert_close(output.fused, expected)
    assert torch.equal(output.blend, w)
    assert s.std() > 0.001  # or the law would not see it


def test_an_untrained_head_returns_the_mean() -> None:
    degraded, reference = pair()
    with torch.no_grad():
        output = build(OWN).eval()(degraded, reference)
    torch.testing.assert_close(output.fused, (output.restored + reference) / 2)


def test_the_fused_volume_teaches_its_own_head_alone() -> None:
    model = disturbed(build(OWN))
    model(*pair()).fused.square().sum().backward()
    taught = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert taught == {
        name for name, _ in model.named_parameters() if name.startswith("fusion.blend.")
    }


def test_a_head_of_its_own_leaves_field_class_and_restored_volume() -> None:
    """Field and class to the last bit; its thin convolution adds the same products otherwise."""
    shared, own = disturbed(build(SHARED)), build(OWN).eval()
    own.load_state_dict(with_own_blend(shared.state_dict(), own.state_dict()))
    with torch.no_grad():
        before, after = shared(*pair()), own(*pair())
    for name in ("detail_weight", "flow", "logits"):
        assert torch.equal(getattr(before, name), getattr(after, name)), name
    rounding = 1e-6 * float(before.restored.abs().max())  # of sums, not of what they come to
    torch.testing.assert_close(after.restored, before.restored, atol=rounding, rtol=0)
    assert not torch.equal(before.fused, after.fused)


def test_with_the_degraded_volume_as_base_both_sources_change_places() -> None:
    head = disturbed(BlendHead())
    restored = 0.5 + 0.4 * random(1, 1, *SHAPE, seed=1).sigmoid()  # signal everywhere
    reference = random(1, 1, *SHAPE, seed=2).sigmoid()
    with torch.no_grad():
        found = head(restored, reference, "degraded")
        mirrored = head(reference, restored)
        straight = head(restored, reference)
    torch.testing.assert_close(found.weight, 1 - mirrored.weight)
    torch.testing.assert_close(found.extra, mirrored.extra)
    assert not torch.allclose(found.weight, straight.weight, atol=1e-3)


def test_where_the_base_has_no_signal_the_reference_stands() -> None:
    head = disturbed(BlendHead())
    restored = torch.full((1, 1, 12, 12, 40), 0.5)
    restored[..., 20:] = 0.0
    reference = random(1, 1, 12, 12, 40, seed=2).sigmoid()
    with torch.no_grad():
        found = head(restored, reference, "degraded")
        straight, swapped = head(restored, reference), head(reference, restored)
    torch.testing.assert_close(found.weight[..., 25:], straight.weight[..., 25:])
    torch.testing.assert_close(found.weight[..., :15], 1 - swapped.weight[..., :15])


def test_the_network_hands_the_base_to_the_head() -> None:
    model = disturbed(build(OWN))
    with torch.no_grad():
        registered = model.register(*pair())
        straight, swapped = model.fuse(registered), model.fuse(registered, base="degraded")
    assert torch.equal(straight.restored, swapped.restored)
    assert not torch.allclose(straight.blend, swapped.blend, atol=1e-3)
