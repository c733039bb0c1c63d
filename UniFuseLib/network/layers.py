"""Small pieces shared by the network's parts."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from UniFuseLib.network.depthwise import DepthwiseConvolution

_SLOPE = 0.1


def convolution(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1
) -> nn.Conv3d:
    """Same-size (or strided) convolution."""
    return _keep_variance(nn.Conv3d(inputs, outputs, kernel, stride, kernel // 2, groups=groups))


def patches(inputs: int, outputs: int, side: int) -> nn.Conv3d:
    """One vector for every patch of `side`³ voxels."""
    return _keep_variance(nn.Conv3d(inputs, outputs, side, side))


def unpatch(inputs: int, outputs: int, side: int) -> nn.ConvTranspose3d:
    """`side`³ voxels out of every vector."""
    layer = nn.ConvTranspose3d(inputs, outputs, side, side)
    nn.init.normal_(layer.weight, std=inputs**-0.5)
    zero_bias(layer)
    return layer


def separable_convolution(channels: int, outputs: int) -> nn.Sequential:
    """1³ mixing of channels, then a depthwise 3³: the cheap convolution of the fine scales."""
    return nn.Sequential(convolution(channels, outputs, kernel=1), depthwise_convolution(outputs))


def depthwise_convolution(channels: int) -> nn.Conv3d:
    """3³, every channel by itself."""
    return _keep_variance(DepthwiseConvolution(channels))


def zero_bias(layer: nn.Conv3d | nn.ConvTranspose3d) -> None:
    """Every convolution here has a bias; its type says it may not."""
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _keep_variance(layer: nn.Conv3d) -> nn.Conv3d:
    """He initialisation.

    torch's default shrinks features by three a layer, until only biases are left to see.
    """
    nn.init.kaiming_normal_(layer.weight, a=_SLOPE, nonlinearity="leaky_relu")
    zero_bias(layer)
    return layer


def activation() -> nn.LeakyReLU:
    """The one of all convolutions; its slope is that of their initialisation."""
    return nn.LeakyReLU(_SLOPE, inplace=True)


def channel_rms_norm(features: Tensor, floor: float = 0.01) -> Tensor:
    """x / √(mean over channels of x² + floor), for every voxel of `(b, c, d, h, w)`."""
    return features * torch.rsqrt(features.square().mean(dim=1, keepdim=True) + floor)


def pad_to_multiple(volume: Tensor, multiple: int) -> Tensor:
    """Repeat the far border until d, h and w are multiples of `multiple`."""
    d, h, w = ((-n) % multiple for n in volume.shape[2:])
    if d == h == w == 0:
        return volume
    return F.pad(volume, (0, w, 0, h, 0, d), mode="replicate")


def crop_to(volume: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """The near corner of `shape` (d, h, w): takes away what `pad_to_multiple` has added."""
    d, h, w = shape
    return volume[:, :, :d, :h, :w]


def tokens_to_map(tokens: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """`(b, n, m)` → `(b, m, d, h, w)` with n = d·h·w."""
    return tokens.transpose(1, 2).unflatten(2, shape)


def map_to_tokens(features: Tensor) -> Tensor:
    """`(b, m, d, h, w)` → `(b, n, m)` with n = d·h·w."""
    return features.flatten(2).transpose(1, 2)


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Products and sums stay in the inputs' precision; `meta` tensors know no autocast."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
