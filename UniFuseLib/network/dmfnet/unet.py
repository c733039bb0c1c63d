"""Stage I: a small 2-D U-Net that predicts the noise of a slice, and gives its features."""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MULTIPLE = 8  # of an image's sides: blocks of 2, then two halvings
_TIME = 64  # sines and cosines that describe t
_WIDTH = 128  # of the embedding of t


class ChannelNorm(nn.Module):
    """x / rms(x) over the channels of each pixel: the same in a tile as in the whole slice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """`(b, c, h, w)` → the same shape."""
        scale = x.float().square().mean(1, keepdim=True).add(1e-5).rsqrt().to(x.dtype)
        return x * scale * self.gain[:, None, None].to(x.dtype)


class ResidualBlock(nn.Module):
    """Two 3² convolutions around a shift and a scale that follow from t; `(b, a, h, w)` → `(b, c,
    h, w)`.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            ChannelNorm(before), nn.SiLU(), nn.Conv2d(before, after, 3, padding=1)
        )
        self.time = nn.Linear(_WIDTH, 2 * after)
        self.norm = ChannelNorm(after)
        self.leave = nn.Sequential(nn.SiLU(), nn.Conv2d(after, after, 3, padding=1))
        self.short = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Features and the embedding of t `(b, _WIDTH)`."""
        scale, shift = self.time(embedded)[:, :, None, None].chunk(2, dim=1)
        out: Tensor = self.leave(self.norm(self.enter(x)) * (1 + scale) + shift)
        return out + self.short(x)


class DenoisingUNet(nn.Module):
    """ε_θ(x_t, t); works on blocks of 2² pixels, so that full resolution stays cheap.

    Args:
        channels: of each scale, finest (half resolution) first.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            nn.Linear(_TIME, _WIDTH), nn.SiLU(), nn.Linear(_WIDTH, _WIDTH), nn.SiLU()
        )
        self.enter = nn.Conv2d(4, channels[0], 3, padding=1)
        self.contract = nn.ModuleList(ResidualBlock(c, c) for c in channels)
        self.smaller = nn.ModuleList(
            nn.Conv2d(a, b, 2, stride=2) for a, b in itertools.pairwise(channels)
        )
        self.middle = ResidualBlock(channels[-1], channels[-1])
        self.larger = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in itertools.pairwise(channels))
        self.expand = nn.ModuleList(ResidualBlock(2 * c, c) for c in channels[:-1])
        self.leave = nn.Sequential(
            ChannelNorm(channels[0]), nn.SiLU(), nn.Conv2d(channels[0], 4, 3, padding=1)
        )

    def forward(self, noisy: Tensor, step: Tensor) -> Tensor:
        """x_t `(b, 1, h, w)`, sides multiples of `MULTIPLE`, t `(b,)` → ε, of x_t's shape."""
        return F.pixel_shuffle(self.leave(self.features(noisy, step)[0]), 2)

    def features(self, image: Tensor, step: Tensor) -> list[Tensor]:
        """What the expanding path holds at each scale, finest first: `(b, c_i, h/2^{i+1}, ...)`."""
        embedded = self.embed(_describe(step))
        x = self.enter(F.pixel_unshuffle(image, 2))
        skips = []
        for number, block in enumerate(self.contract):
            x = block(x, embedded)
            skips.append(x)
            if number < len(self.smaller):
                x = self.smaller[number](x)
        out = [self.middle(x, embedded)]
        upwards = list(zip(skips[:-1], self.larger, self.expand, strict=True))
        for skip, larger, expand in reversed(upwards):
            coarse = F.interpolate(larger(out[0]), scale_factor=2.0, mode="nearest")
            out.insert(0, expand(torch.cat([skip, coarse], dim=1), embedded))
        return out


def _describe(step: Tensor) -> Tensor:
    """Sines and cosines of t `(b,)` at geometric frequencies: `(b, _TIME)` (Ho et al. 2020)."""
    half = _TIME // 2
    exponents = torch.arange(half, device=step.device, dtype=torch.float32) / half
    angle = step.float()[:, None] * torch.exp(-math.log(10000.0) * exponents)
    return torch.cat([angle.sin(), angle.cos()], dim=1)
