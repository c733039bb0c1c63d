"""The fused volume's own head: how much of the reference where, and what neither source has."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from UniFuseLib.network.encoder import depth_to_space, space_to_depth
from UniFuseLib.network.layers import activation, convolution, zero_bias

_HIDDEN = 24


class BlendHead(nn.Module):
    """Two pointwise layers over UFR&F's last features, the restored volume and the reference.

    It only reads them: no gradient of the fused volume reaches the restored one, so it can be
    trained alone, and what it learns costs no restoration.

    Args:
        channels: of the features.
        folded: the features belong to 2³ blocks of voxels (`space_to_depth`).
    """

    def __init__(self, channels: int, folded: bool) -> None:
        super().__init__()
        self.folded = folded
        blocks = 8 if folded else 1
        self.mix = nn.Sequential(
            convolution(channels + 2 * blocks, _HIDDEN, kernel=1), activation()
        )
        self.out = nn.Conv3d(_HIDDEN, 2 * blocks, 1)
        # untrained: fused = mean of both sources
        nn.init.zeros_(self.out.weight)
        zero_bias(self.out)

    def forward(self, features: Tensor, restored: Tensor, reference: Tensor) -> Tensor:
        """Before their squashing: the weight of the reference, and what is added.

        Args:
            features: `(b, C, ...)`, at half resolution if folded.
            restored: `(b, 1, d, h, w)`.
            reference: I_R, of the same shape.

        Returns:
            `(b, 2, d, h, w)`.
        """
        volumes = torch.cat([restored, reference], dim=1).detach()
        entry = space_to_depth(volumes) if self.folded else volumes
        seen = torch.cat([features.detach(), entry.to(features.dtype)], dim=1)
        out: Tensor = self.out(self.mix(seen))
        return depth_to_space(out) if self.folded else out


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
