"""Shared encoder: two convolutions, the same weights for both sources (paper Sec. 3.2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from UniFuseLib.network.layers import activation, convolution
from UniFuseLib.network.slabs import widened
from UniFuseLib.spatial.mind import CHANNELS, mind_ssc

TEXTURES = 8  # channels of `texture`
_TYPICAL = 0.02  # about the median roughness of tissue, network intensities
_NOISELESS = 2e-3  # keeps the logarithm of a constant patch finite


class Encoded(NamedTuple):
    """One source after the shared encoder."""

    features: Tensor  # F (b, C, d, h, w)
    # MIND-SSC (b, 12, d, h, w) on the same grid, where the encoder makes it
    structure: Tensor | None
    # patch statistics (b, 8, d/Q, h/Q, w/Q), where the encoder makes them
    texture: Tensor | None = None


class Encoder(nn.Module):
    """Intensities at full resolution, as the paper has it.

    Args:
        channels: C of F'_D and F_R.
    """

    stride: int = 1

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(1, channels)
        self.second = convolution(channels, channels)
        self.activation = activation()

    def forward(self, volume: Tensor) -> Encoded:
        """`(b, 1, d, h, w)` → F `(b, C, d, h, w)`."""
        features = self.activation(self.first(volume))
        return Encoded(self.activation(self.second(features)), None)


class DescriptorEncoder(nn.Module):
    """Intensities and MIND-SSC at half resolution.

    The same structure looks alike in both modalities. No detail is lost on the way down: the eight
    voxels of every 2³ block become eight channels.

    Args:
        channels: C of F'_D and F_R.
        patch: Q, side of a patch in voxels of the volume.
    """

    stride: int = 2

    def __init__(self, channels: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.first = convolution(8 + CHANNELS, channels, kernel=1)
        self.second = convolution(channels, channels)
        self.activation = activation()

    def forward(self, volume: Tensor) -> Encoded:
        """`(b, 1, d, h, w)` with even sides → F `(b, C, d/2, h/2, w/2)`."""
        structure = descriptors(volume)
        described = torch.cat([space_to_depth(volume), structure], dim=1)
        features = self.activation(self.first(described))
        features = self.activation(self.second(features))
        return Encoded(features, structure, texture(volume, self.patch))


def descriptors(volume: Tensor) -> Tensor:
    """MIND-SSC at half resolution, no gradient: `(b, 1, d, h, w)` → `(b, 12, d/2, h/2, w/2)`."""
    with torch.no_grad():
        return mind_ssc(F.avg_pool3d(volume.float(), 2))


def texture(volume: Tensor, patch: int) -> Tensor:
    """How rough every patch is: mean, deviation, and mean differences along each axis.

    Deviation, first and second differences as logarithms. Noise, streaks and ghosts differ in these
    before anything is learned.

    Args:
        volume: `(b, 1, d, h, w)`, sides divisible by `patch`.
        patch: Q, voxels.

    Returns:
        `(b, 8, d/Q, h/Q, w/Q)`, about 0 ± 2, no gradient.
    """
    with torch.no_grad():
        volume = volume.float()
        starts = range(0, volume.shape[2], patch)
        means = [_means(volume, slice(start, start + patch), patch) for start in starts]
        mean, square, *rough = torch.cat(means, dim=2).split(1, dim=1)
        deviation = (square - mean.square()).clamp(min=0).sqrt()
        logarithms = [torch.log((r + _NOISELESS) / _TYPICAL) for r in (deviation, *rough)]
        return torch.cat([mean, *logarithms], dim=1)


def _means(volume: Tensor, rows: slice, patch: int) -> Tensor:
    """Of one row of patches: the volume, its square, and |Δ| and |Δ²| along each axis.

    Returns:
        `(b, 8, 1, h/Q, w/Q)`.
    """
    around, inner = widened(rows, 1, volume.shape[2])
    here = volume[:, :, around]
    maps = [here, here.square()]
    for axis in (2, 3, 4):
        maps += _differences(here, axis)
    return torch.cat([F.avg_pool3d(one[:, :, inner], patch) for one in maps], dim=1)


def _differences(volume: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """|Δ| and |Δ²| along an axis, same shape: the border repeats."""
    steps = volume.diff(dim=axis)
    others = [0, 0] * (4 - axis)
    ahead, behind = F.pad(steps, [*others, 0, 1]), F.pad(steps, [*others, 1, 0])
    return ahead.abs(), (ahead - behind).abs_()


def space_to_depth(volume: Tensor) -> Tensor:
    """2³ voxels become 8 channels: `(b, c, d, h, w)` → `(b, 8c, d/2, h/2, w/2)`.

    A pixel unshuffle in three dimensions; undone by `depth_to_space`.
    """
    b, c, d, h, w = volume.shape
    blocks = volume.reshape(b, c, d // 2, 2, h // 2, 2, w // 2, 2)
    return blocks.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, 8 * c, d // 2, h // 2, w // 2)


def depth_to_space(features: Tensor) -> Tensor:
    """8 channels become 2³ voxels: `(b, 8c, d, h, w)` → `(b, c, 2d, 2h, 2w)`."""
    b, channels, d, h, w = features.shape
    blocks = features.reshape(b, channels // 8, 2, 2, 2, d, h, w)
    return blocks.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(b, channels // 8, 2 * d, 2 * h, 2 * w)
