"""Stage II: the fusion network on features of the frozen U-Net of Stage I.

Three kinds of module, as in the authors' code: `StepMerge` joins the noise levels of one source,
`CrossAttention` both sources, `ScaleMerge` the scales from coarse to fine.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_REDUCTION = 8  # of channel attention
_HEAD = 16  # channels at full resolution


def _mix(before: int, after: int) -> nn.Sequential:
    """A 1² convolution, then a 3² one."""
    return nn.Sequential(
        nn.Conv2d(before, after, 1),
        nn.SiLU(),
        nn.Conv2d(after, after, 3, padding=1),
        nn.SiLU(),
    )


class StepMerge(nn.Module):
    """Features of one source at all noise levels → one feature map; shared by both sources."""

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.mix = _mix(levels * channels, channels)

    def forward(self, features: list[Tensor]) -> Tensor:
        """One `(b, c, h, w)` a level → `(b, c, h, w)`."""
        mixed: Tensor = self.mix(torch.cat(features, dim=1))
        return mixed


class CrossAttention(nn.Module):
    """F = w X + (1 - w) Y + X + Y, w of spatial, channel and pixel attention on X + Y.

    The attention is that of DEA-Net (Chen et al. 2024, doi 10.1109/TIP.2024.3354108).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(channels // _REDUCTION, 4)
        self.channel = nn.Sequential(
            nn.Conv2d(channels, narrow, 1), nn.ReLU(), nn.Conv2d(narrow, channels, 1)
        )
        self.spatial = nn.Conv2d(2, 1, 7, padding=3)
        self.pixel = nn.Conv2d(2 * channels, channels, 3, padding=1, groups=channels)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`(b, c, h, w)` of each source → the same shape."""
        both = x + y
        mean_and_most = torch.cat([both.mean(1, keepdim=True), both.amax(1, keepdim=True)], dim=1)
        coarse = self.channel(both.mean((2, 3), keepdim=True)) + self.spatial(mean_and_most)
        # a group of `pixel` holds a feature and its coarse attention
        paired = torch.stack([both, coarse], dim=2).flatten(1, 2)
        weight = torch.sigmoid(self.pixel(paired))
        return weight * x + (1 - weight) * y + both


class ScaleMerge(nn.Module):
    """One scale's fused features and the coarser scale's → one feature map."""

    def __init__(self, channels: int, coarser: int) -> None:
        super().__init__()
        self.lift = nn.Conv2d(coarser, channels, 1)
        self.mix = _mix(channels, channels)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """`(b, c, h, w)` and `(b, k, h/2, w/2)` → `(b, c, h, w)`."""
        raised = F.interpolate(self.lift(coarse), scale_factor=2.0, mode="bilinear")
        mixed: Tensor = self.mix(fine + raised)
        return mixed


class FusionNetwork(nn.Module):
    """Features of both sources and the sources → the fused image.

    Args:
        channels: of each scale, finest first, as of the U-Net.
        levels: how many noise levels come in.
    """

    def __init__(self, channels: tuple[int, ...], levels: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(StepMerge(c, levels) for c in channels)
        self.cross = nn.ModuleList(CrossAttention(c) for c in channels)
        self.coarsest = _mix(channels[-1], channels[-1])
        self.scales = nn.ModuleList(ScaleMerge(a, b) for a, b in itertools.pairwise(channels))
        self.raise_ = nn.Conv2d(channels[0], 4 * _HEAD, 1)
        self.source = nn.Conv2d(2, _HEAD, 3, padding=1)
        self.join = nn.Sequential(nn.SiLU(), nn.Conv2d(2 * _HEAD, _HEAD, 3, padding=1), nn.SiLU())
        self.head = nn.Conv2d(_HEAD, 2, 3, padding=1)
        nn.init.normal_(self.head.weight, std=1e-3)  # untrained: the mean of both sources
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(
        self, first: Tensor, second: Tensor, features: list[tuple[list[Tensor], list[Tensor]]]
    ) -> Tensor:
        """F = A + w (B - A) + s, w in 0..1 and s in -1..1 at every pixel.

        Args:
            first: A `(b, 1, h, w)`, 0..1.
            second: B, likewise.
            features: per scale, finest first, those of A and of B at each noise level.
        """
        fused = [
            cross(merge(of_first), merge(of_second))
            for (of_first, of_second), merge, cross in zip(
                features, self.steps, self.cross, strict=True
            )
        ]
        x = self.coarsest(fused[-1])
        for fine, scale in zip(reversed(fused[:-1]), reversed(list(self.scales)), strict=True):
            x = scale(fine, x)
        raised = F.pixel_shuffle(self.raise_(x), 2)
        entry = self.source(torch.cat([first, second], dim=1).to(raised.dtype))
        weight, extra = self.head(self.join(torch.cat([raised, entry], dim=1))).float().chunk(2, 1)
        return first + torch.sigmoid(weight) * (second - first) + torch.tanh(extra)
