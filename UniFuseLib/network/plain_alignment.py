"""FA as in the paper: RegBLKs on the patch features (Sec. 3.4, Figure 3, Eq. 6), or none at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from UniFuseLib.network.alignment import Alignment, flow_head, full_flow
from UniFuseLib.network.layers import activation, convolution
from UniFuseLib.network.prompt import PromptGuide, modulate
from UniFuseLib.spatial.displacement import resize

if TYPE_CHECKING:
    from UniFuseLib.network.encoder import Encoded
    from UniFuseLib.network.oufr import Unified


class PlainRegBLK(nn.Module):
    """Figure 3: convolve both streams, multiply by the prompt, model their relation.

    Both streams are passed on, upsampled.
    """

    def __init__(self, channels: int, outputs: int, width: int, upsample: int) -> None:
        super().__init__()
        self.upsample = upsample
        self.convolve = convolution(channels, outputs)
        self.guide = PromptGuide(width, outputs)
        self.relate = convolution(2 * outputs, outputs)
        self.activation = activation()

    def forward(self, degraded: Tensor, reference: Tensor, prompt: Tensor) -> tuple[Tensor, Tensor]:
        """Both streams `(b, c, d, h, w)`, P̂ `(b, classes, l, m)` → both, upsampled."""
        guide = self.guide(prompt)
        d = self.activation(modulate(self.convolve(degraded), guide))
        r = self.activation(modulate(self.convolve(reference), guide))
        relation = self.activation(self.relate(torch.cat([d, r], dim=1)))
        shape = torch.Size(n * self.upsample for n in d.shape[2:])
        return resize(d + relation, shape), resize(r + relation, shape)


class PlainFA(nn.Module):
    """J RegBLKs from patch features to φ, then 3³ convolution → activation → 1³ convolution.

    The paper's final ReLU cannot stand on φ itself, displacements are signed.

    Args:
        width: M of the patch features.
        blocks: J.
        patch: side of a patch in voxels of the features; the first log2(patch) blocks upsample by
            two.
        prompt_width: M of the prompt.
        stride: voxels of the input volume per voxel of the features.
    """

    def __init__(self, width: int, blocks: int, patch: int, prompt_width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        doublings = patch.bit_length() - 1
        sides = [max(width >> (i + 1), 8) for i in range(blocks)]
        inputs = [width, *sides[:-1]]
        self.blocks = nn.ModuleList(
            PlainRegBLK(c, o, prompt_width, 2 if i < doublings else 1)
            for i, (c, o) in enumerate(zip(inputs, sides, strict=False))
        )
        last = sides[-1] if sides else width
        self.head = nn.Sequential(
            convolution(2 * last, last), activation(), flow_head(last, kernel=1)
        )

    def forward(
        self, unified: Unified, streams: tuple[Encoded, Encoded], prompt: Tensor
    ) -> Alignment:
        """φ; of `streams` only the size of the full grid is read."""
        d, r = unified.degraded, unified.reference
        for block in self.blocks:
            d, r = block(d, r, prompt)
        flow = self.head(torch.cat([d, r], dim=1))
        return Alignment(full_flow(flow, streams[0].features, self.stride))


class NoFA(nn.Module):
    """Table 5, J = 0: no RegBLK; the patch features go straight to the output layer."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.head = nn.Sequential(
            convolution(2 * width, width), activation(), flow_head(width, kernel=1)
        )

    def forward(
        self, unified: Unified, streams: tuple[Encoded, Encoded], _prompt: Tensor
    ) -> Alignment:
        flow = self.head(torch.cat([unified.degraded, unified.reference], dim=1))
        return Alignment(full_flow(flow, streams[0].features, self.stride))
