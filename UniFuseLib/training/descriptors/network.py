"""Learned descriptors: a small 3-D U-Net whose features of one place agree whatever the contrast
(Eq. 5's L_cont).

Features have half the resolution of the volume: descriptor voxel k covers the volume's voxels 2k
and 2k + 1 along each axis, so faces coincide, as everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from UniFuseLib.spatial.displacement import resize

STRIDE = 2  # voxels of the volume per voxel of the descriptors, along each axis
_DEEPEST = 8  # voxels of the volume per voxel of the coarsest features


@dataclass(frozen=True)
class DescriptorConfig:
    """Channels of the network.

    Attributes:
        stem: at full resolution.
        widths: at half, a quarter and an eighth.
        descriptors: of the result.
    """

    stem: int = 8
    widths: tuple[int, int, int] = (24, 40, 48)
    descriptors: int = 16


class DescriptorNetwork(nn.Module):
    """f(volume): vectors that tell places apart and contrasts not, shorter than 1.

    Their length says how much a place has to tell: |f - f'|² of two places without structure is
    small whatever they are. Vectors are scaled for themselves, over channels alone: no statistic of
    the whole volume, hence the same descriptors for a crop and for a scan.
    """

    def __init__(self, config: DescriptorConfig = DescriptorConfig()) -> None:  # noqa: B008 (frozen)
        super().__init__()
        half, quarter, eighth = config.widths
        self.config = config
        self.stem = _Block(1, config.stem)
        self.to_half = nn.Conv3d(config.stem, half, 2, 2)
        self.encode_half = _Block(half, half)
        self.to_quarter = nn.Conv3d(half, quarter, 2, 2)
        self.encode_quarter = _Block(quarter, quarter)
        self.to_eighth = nn.Conv3d(quarter, eighth, 2, 2)
        self.encode_eighth = nn.Sequential(_Block(eighth, eighth), _Block(eighth, eighth))
        self.from_eighth = nn.Conv3d(eighth, quarter, 1)
        self.decode_quarter = _Block(quarter, quarter)
        self.from_quarter = nn.Conv3d(quarter, half, 1)
        self.decode_half = _Block(half, half)
        self.head = nn.Conv3d(half, config.descriptors, 1)

    def forward(self, volume: Tensor) -> Tensor:
        """`(b, 1, d, h, w)` network intensities → `(b, descriptors, ⌈d/2⌉, ⌈h/2⌉, ⌈w/2⌉)`.

        Raises:
            ValueError: another number of axes or channels.
        """
        if volume.ndim != 5 or volume.shape[1] != 1:
            raise ValueError(f"Expected (b, 1, d, h, w), got {tuple(volume.shape)}.")
        shape = [-(-n // STRIDE) for n in volume.shape[2:]]
        half = self.encode_half(self.to_half(self.stem(_padded(volume))))
        quarter = self.encode_quarter(self.to_quarter(half))
        eighth = self.encode_eighth(self.to_eighth(quarter))
        quarter = self.decode_quarter(quarter + _twice(self.from_eighth(eighth)))
        half = self.decode_half(half + _twice(self.from_quarter(quarter)))
        features = self.head(half)[..., : shape[0], : shape[1], : shape[2]]
        features = features.float()
        return features / (1 + features.square().sum(dim=1, keepdim=True)).sqrt()


class _Block(nn.Module):
    """Convolution 3³, every vector made equally loud, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(_equally_loud(self.convolution(x)), 0.1)


def _equally_loud(features: Tensor) -> Tensor:
    """x / √(mean over channels of x² + 1e-4)."""
    power = features.square().mean(dim=1, keepdim=True)
    return features / (power + 1e-4).sqrt()  # under autocast rsqrt would leave half precision


def _twice(features: Tensor) -> Tensor:
    """Trilinear on voxels half as large, faces coincide."""
    d, h, w = features.shape[2:]
    return resize(features, (2 * d, 2 * h, 2 * w))


def _padded(volume: Tensor) -> Tensor:
    """The far border repeated until every axis holds whole voxels of the coarsest features."""
    d, h, w = ((-n) % _DEEPEST for n in volume.shape[2:])
    return F.pad(volume, [0, w, 0, h, 0, d], mode="replicate") if d or h or w else volume
