"""MIND-SSC of volumes of which only a part was acquired.

Heinrich et al. 2013, doi 10.1007/978-3-642-40811-3_24, with patches cut to what was acquired: the
edge of a padding, of a stripped brain or of a slab is not anatomy and enters no patch.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.mind import CHANNELS, DIFFERENCES, Offset

REACH = 2  # voxels that a descriptor sees to each side: a neighbour, and the patch about it
_LEAST_PATCH = 1 / 3  # of a patch's 27 voxels; one plane of a slab is as much
_LEAST_CHANNELS = 4  # of twelve: those of one plane
_PATCH = 27
_HERE = (0, 0, 0)


class MaskedDescriptors(NamedTuple):
    """Descriptors, and which of them could be computed."""

    values: Tensor  # (b, 12, d, h, w) in [0, 1]; 0 where not valid
    valid: Tensor  # (1, 12, d, h, w) float32: 1 or 0


def masked_mind_ssc(volumes: Tensor, acquired: Tensor) -> MaskedDescriptors:
    """m_k[x] = exp(-(SSD_k[x] - min_k SSD[x]) / V[x]), SSD a mean over acquired voxels alone.

    All volumes are described on one mask, so that what was cut from one is cut from all.

    Args:
        volumes: `(b, 1, d, h, w)`, any unit.
        acquired: `(1, 1, d, h, w)` float32, 1 where every volume was acquired, else 0.
    """
    squares, weights = _patches(volumes, acquired)
    valid = (weights >= _LEAST_PATCH) * acquired
    valid *= valid.sum(1, keepdim=True) >= _LEAST_CHANNELS
    # in place, and volume by volume: a new array of all channels costs as much again
    squares /= weights.clamp_(min=1e-6)
    del weights
    least = torch.cat([_least(one, valid) for one in squares.split(1)])
    squares.sub_(least.nan_to_num(posinf=0.0)).clamp_(min=0)
    values = squares.div_(-_variance(squares, valid)).exp_()
    return MaskedDescriptors(values.mul_(valid), valid)


def _least(squares: Tensor, valid: Tensor) -> Tensor:
    """Of the valid channels of one volume, `(1, 1, d, h, w)`; infinite where there is none."""
    return torch.where(valid > 0, squares, torch.inf).amin(1, keepdim=True)


def _variance(squares: Tensor, valid: Tensor) -> Tensor:
    """V: mean over the valid channels, within three orders of magnitude of what is typical."""
    count = valid.sum(1, keepdim=True)
    sums = [(one * valid).sum(1, keepdim=True) for one in squares.split(1)]
    variance = torch.cat(sums) / count.clamp(min=1)
    described = (count > 0).sum().clamp(min=1)
    typical = variance.sum(dim=(1, 2, 3, 4), keepdim=True) / described
    return variance.clamp(typical * 1e-3, typical * 1e3).clamp(min=1e-12)


def _patches(volumes: Tensor, acquired: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squares of a channel's differences times their weight `(b, 12, …)`, and the weight
    `(1, 12, …)`: the acquired part of a patch.
    """
    shape = volumes.shape[2:]
    larger = torch.Size(n + 2 for n in shape)  # neighbours lie up to one voxel outside
    values, mask = (F.pad(v, [REACH] * 6) for v in (volumes * acquired, acquired))
    squares: dict[int, Tensor] = {}
    weights: dict[int, Tensor] = {}
    for offset, reads in DIFFERENCES:
        both = _window(mask, _HERE, 1, larger) * _window(mask, offset, 1, larger)
        difference = _window(values, _HERE, 1, larger) - _window(values, offset, 1, larger)
        square, weight = _patch_mean(difference.square_().mul_(both)), _patch_mean(both)
        for channel, place in reads:
            squares[channel] = _window(square, place, 1, shape)
            weights[channel] = _window(weight, place, 1, shape)
    return _by_channel(squares), _by_channel(weights)


def _by_channel(found: dict[int, Tensor]) -> Tensor:
    """`(b, 12, …)`; `found` is empty afterwards, so that what it held can be freed."""
    return torch.cat([found.pop(channel) for channel in range(CHANNELS)], 1)


def _window(padded: Tensor, offset: Offset, margin: int, shape: torch.Size) -> Tensor:
    """out[x] = padded[x + margin + offset], x over `shape`."""
    for axis, step in enumerate(offset, start=2):
        padded = padded.narrow(axis, margin + step, shape[axis - 2])
    return padded


def _patch_mean(volume: Tensor) -> Tensor:
    """Mean over 3³ voxels, with zeros outside."""
    volume = F.pad(volume, [1] * 6)
    for axis in (2, 3, 4):
        before, here, after = (volume.narrow(axis, k, volume.shape[axis] - 2) for k in range(3))
        volume = before + here + after
    return volume / _PATCH
