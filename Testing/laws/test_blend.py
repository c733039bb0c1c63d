"""The fused volume's own head: its equation, where its gradient ends, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from UniFuseLib.network.blend import BlendHead, with_own_blend
from UniFuseLib.network.build import build, preset

if TYPE_CHECKING:
    from torch import Tensor

SHAPE = (4, 6, 10)
OWN, SHARED = preset("small"), replace(preset("small"), blend="shared")


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def disturbed(model: Any, seed: int = 5) -> Any:
    """Layers that start at zero or at the identity would hide what they do."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def pair() -> tuple[Tensor, Tensor]:
    return random(1, 1, 16, 32, 48, seed=1).sigmoid(), random(1, 1, 16, 32, 48, seed=2).sigmoid()


def test_every_block_of_voxels_is_mixed_from_its_own_features_and_voxels() -> None:
    head = disturbed(BlendHead(channels=3, folded=True))
    features = random(1, 3, 2, 3, 5)
    restored, reference = random(1, 1, *SHAPE, seed=1), random(1, 1, *SHAPE, seed=2)
    with torch.no_grad():
        found = head(features, restored, reference)[0]
        for d, h, w in ((0, 0, 0), (1, 0, 4), (0, 2, 3)):
            block = (slice(2 * d, 2 * d + 2), slice(2 * h, 2 * h + 2), slice(2 * w, 2 * w + 2))
            seen = [features[0, :, d, h, w], restored[0, 0][block], reference[0, 0][block]]
            column = torch.cat([part.flatten() for part in seen])
            first = head.mix[0].weight.flatten(1) @ column + head.mix[0].bias
            out = head.out.weight.flatten(1) @ F.leaky_relu(first, 0.1) + head.out.bias
            torch.testing.assert_close(found[(slice(None), *block)], out.view(2, 2, 2, 2))


def test_the_fused_volume_is_what_head_and_sources_make_of_it() -> None:
    model = disturbed(build(OWN))
    asked: list[Tensor] = []
    model.fusion.blend.register_forward_hook(lambda _module, _given, out: asked.append(out))
    degraded, reference = pair()
    with torch.no_grad():
        output = model(degraded, reference)
    weight, extra = asked[0].split(1, dim=1)
    w, s = torch.sigmoid(4 * weight), 0.1 * torch.tanh(extra)
    expected = (1 - w) * output.restored + w * reference + s
    torch.testing.assert_close(output.fused, expected)
    assert torch.equal(output.blend, w)
    assert s.std() > 0.01  # or the law would not see it


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


def test_a_head_of_its_own_leaves_field_class_and_restored_volume_to_the_last_bit() -> None:
    shared, own = disturbed(build(SHARED)), build(OWN).eval()
    own.load_state_dict(with_own_blend(shared.state_dict(), own.state_dict()))
    with torch.no_grad():
        before, after = shared(*pair()), own(*pair())
    for name in ("restored", "detail_weight", "flow", "logits"):
        assert torch.equal(getattr(before, name), getattr(after, name)), name
    assert not torch.equal(before.fused, after.fused)
