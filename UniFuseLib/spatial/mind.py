"""MIND-SSC: a contrast-invariant description of local structure.

Heinrich et al. 2013, doi 10.1007/978-3-642-40811-3_24.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.joined import joined

CHANNELS = 12
_TOGETHER = 1 << 19  # voxels that are summed at a time: 2 MB, so that sums stay in the cache
_NEIGHBOURS = ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1))
# the twelve edges of the octahedron: pairs of six-neighbours that are not opposite each other
PAIRS = tuple(
    (a, b)
    for a, b in itertools.combinations(_NEIGHBOURS, 2)
    if sum(x * y for x, y in zip(a, b, strict=True)) == 0
)


def mind_ssc(volume: Tensor, dilation: int = 2, radius: int = 1) -> Tensor:
    """m_k[x] = exp(-(SSD_k[x] - min_k SSD[x]) / V[x]) for the twelve neighbour pairs k.

    Args:
        volume: `(b, 1, d, h, w)`, any unit: a monotone or local contrast change leaves the result
            nearly unchanged.
        dilation: voxels from the centre to each neighbour.
        radius: half side of the patch that is compared, voxels.

    Returns:
        `(b, 12, d, h, w)` in (0, 1].
    """
    if volume.ndim != 5 or volume.shape[1] != 1:
        raise ValueError(f"Expected (b, 1, d, h, w), got {tuple(volume.shape)}.")
    padded = F.pad(volume, [dilation] * 6, mode="replicate")
    distances = torch.cat(
        [
            box_mean((_shift(padded, a, dilation) - _shift(padded, b, dilation)).square(), radius)
            for a, b in PAIRS
        ],
        1,
    )
    distances = distances - distances.amin(1, keepdim=True)
    variance = distances.mean(1, keepdim=True)
    typical = variance.mean(dim=(1, 2, 3, 4), keepdim=True)
    # the floor keeps air (no structure at all) from turning numerical dust into edges
    variance = variance.clamp(typical * 1e-3, typical * 1e3).clamp(min=1e-12)
    return torch.div(distances, -variance).exp_()


def _shift(padded: Tensor, offset: tuple[int, int, int], dilation: int) -> Tensor:
    window = padded
    for axis, step in enumerate(offset, start=2):
        window = window.narrow(axis, dilation * (1 + step), padded.shape[axis] - 2 * dilation)
    return window


def box_mean(volume: Tensor, radius: int) -> Tensor:
    """Mean over a cube of side 2·radius + 1, the border repeated; one axis at a time."""
    if volume.device.type != "cpu" or volume.shape[1] == 1:
        return _box_mean(volume, radius)
    # channel by channel: temporaries of all of them leave the processor's cache
    means = (_box_mean(channel, radius) for channel in volume.split(1, dim=1))
    return joined(means, dim=1, length=volume.shape[1])


def _box_mean(volume: Tensor, radius: int) -> Tensor:
    depth, height, width = volume.shape[2:]
    planes = max(1, _TOGETHER // (height * width))
    if planes >= depth:
        return _mean_of_planes(volume, radius, slice(0, depth))
    parts = (
        _mean_of_planes(volume, radius, slice(first, min(first + planes, depth)))
        for first in range(0, depth, planes)
    )
    return joined(parts, dim=2, length=depth)


def _mean_of_planes(volume: Tensor, radius: int, planes: slice) -> Tensor:
    """`_box_mean` at some planes along d."""
    first = max(0, planes.start - radius)
    end = min(volume.shape[2], planes.stop + radius)
    before = radius - (planes.start - first)
    after = radius - (end - planes.stop)
    around = [radius, radius, radius, radius, before, after]
    total = F.pad(volume[:, :, first:end], around, mode="replicate")
    side = 2 * radius + 1
    for axis in (2, 3, 4):
        total = _sum_along(total, axis, side)
    return total.div_(side**3)


def line_mean(volume: Tensor, axis: int, radius: int) -> Tensor:
    """Mean of 2·radius + 1 voxels along one axis of `(b, c, d, h, w)`, the border repeated."""
    around = [radius if k == axis else 0 for k in (4, 3, 2) for _ in range(2)]
    side = 2 * radius + 1
    return _sum_along(F.pad(volume, around, mode="replicate"), axis, side).div_(side)


def _sum_along(volume: Tensor, axis: int, side: int) -> Tensor:
    """out[x] = volume[x] + … + volume[x + side - 1]; every sum is made of two of half its length.

    Args:
        volume: of any shape.
        axis: along which x runs.
        side: at least 1.
    """
    if side == 1:
        return volume
    half, length = side // 2, volume.shape[axis] - side + 1
    part = _sum_along(volume, axis, half)
    total = part.narrow(axis, 0, length) + part.narrow(axis, half, length)
    if side % 2:
        total += volume.narrow(axis, side - 1, length)
    return total
