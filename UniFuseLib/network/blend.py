"""The fused volume's own head: how much of the reference where, and what neither source has."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from UniFuseLib.network.layers import activation, convolution, zero_bias
from UniFuseLib.network.slabs import by_slabs
from UniFuseLib.spatial.mind import box_mean

_HIDDEN = 12
_REACH = 2  # planes: two means over 3³ voxels
_AROUND = 4  # voxels either way, 13 mm in all: tendons and vessels without signal are thinner
# Of that mean, network intensities: padding, where motion leaves ghosts, and MR of soft tissue. Of
# two heads and two limbs 95 % of the padding of three lies below the second, 95 % of the rest of
# all four above it
_SIGNAL = (0.02, 0.06)
Base = Literal["reference", "degraded"]  # whose soft tissue the fused volume shows


class Blend(NamedTuple):
    """fused = restored + w (I_R - restored) + s, all `(b, 1, d, h, w)`."""

    weight: Tensor  # w of the reference, 0..1
    extra: Tensor  # s, -0.1..0.1


def blend_of(out: Tensor) -> Blend:
    """w = σ(4 a) and s = 0.1 tanh(b) of a head's two channels `(b, 2, d, h, w)`."""
    weight, extra = out.split(1, dim=1)
    return Blend(torch.sigmoid(4 * weight), 0.1 * torch.tanh(extra))


class BlendHead(nn.Module):
    """Two layers over a voxel of one volume, of the base under it and of their means.

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

    def forward(self, restored: Tensor, reference: Tensor, base: Base = "reference") -> Blend:
        """w and s, means over 3³ voxels: single voxels neither light up nor drop out.

        Args:
            restored: `(b, 1, d, h, w)`.
            reference: I_R, of the same shape.
            base: whose soft tissue is shown; of the other volume what it alone shows.
        """
        if base == "degraded":
            return self._swapped(restored, reference)
        volumes = torch.cat([restored, reference], dim=1).detach()
        return Blend(*by_slabs(self._straight, volumes, _REACH).split(1, dim=1))

    def _straight(self, volumes: Tensor) -> Tensor:
        """w and s `(b, 2, d, h, w)` of both volumes `(b, 2, d, h, w)`."""
        seen = torch.cat([volumes, box_mean(volumes, 1)], dim=1)
        rough = blend_of(self.out(self.mix(seen)).float())
        return box_mean(torch.cat(rough, dim=1), 1)

    def _swapped(self, restored: Tensor, reference: Tensor) -> Blend:
        """The restored volume as the base; the reference where it has no signal far around."""
        straight, swapped = self(restored, reference), self(reference, restored)
        nothing, something = _SIGNAL
        around = box_mean(restored.detach().float(), _AROUND)
        signal = ((around - nothing) / (something - nothing)).clamp(0, 1)
        return Blend(
            torch.lerp(straight.weight, 1 - swapped.weight, signal),
            torch.lerp(straight.extra, swapped.extra, signal),
        )


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
