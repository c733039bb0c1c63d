"""The fused volume's own head: how much of the reference where, and what neither source has."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from UniFuseLib.network.layers import activation, convolution, zero_bias
from UniFuseLib.spatial.mind import box_mean

_HIDDEN = 12
_SLAB = 16  # planes


class Blend(NamedTuple):
    """fused = restored + w (I_R - restored) + s, all `(b, 1, d, h, w)`."""

    weight: Tensor  # w of the reference, 0..1
    extra: Tensor  # s, -0.1..0.1


def blend_of(out: Tensor) -> Blend:
    """w = σ(4 a) and s = 0.1 tanh(b) of a head's two channels `(b, 2, d, h, w)`."""
    weight, extra = out.split(1, dim=1)
    return Blend(torch.sigmoid(4 * weight), 0.1 * torch.tanh(extra))


class BlendHead(nn.Module):
    """Two layers over a voxel of the restored volume, of the reference and of their means.

    It only reads both: no gradient of the fused volume reaches the restored one, so it can be
    trained alone, and what it learns costs no restoration. Every voxel has the same weights: a
    head over 2³ blocks draws the blocks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Sequential(convolution(4, _HIDDEN, kernel=1), activation())
        self.out = nn.Conv3d(_HIDDEN, 2, 1)
        # untrained: fused = mean of both sources
        nn.init.zeros_(self.out.weight)
        zero_bias(self.out)

    def forward(self, restored: Tensor, reference: Tensor) -> Blend:
        """w and s, means over 3³ voxels: single voxels neither light up nor drop out.

        Args:
            restored: `(b, 1, d, h, w)`.
            reference: I_R, of the same shape.
        """
        volumes = torch.cat([restored, reference], dim=1).detach()
        seen = torch.cat([volumes, box_mean(volumes, 1)], dim=1)
        # slab by slab: the hidden channels of a whole volume would be the largest tensor of a run
        slabs = [self.out(self.mix(slab)) for slab in seen.split(_SLAB, dim=2)]
        rough = blend_of(torch.cat(slabs, dim=2).float())
        return Blend(*(box_mean(value, 1) for value in rough))


def with_own_blend(shared: dict[str, Tensor], fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a network whose fused volume shared the restored volume's head, with one of its
    own in place of that share; field, class and restored volume stay to the last bit.

    Args:
        shared: name → tensor.
        fresh: of the same network with a head of its own; its parts of that head are taken.
    """
    first = ("fusion.smooth.weight", "fusion.smooth.bias")
    kept = {name: tensor[:1] if name in first else tensor for name, tensor in shared.items()}
    head = {name: tensor for name, tensor in fresh.items() if name.startswith("fusion.blend.")}
    return {**kept, **head}
