"""MIND-SSC: a contrast-invariant description of local structure.

Heinrich et al. 2013, doi 10.1007/978-3-642-40811-3_24.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.joined import joined

CHANNELS = 12
_TOGETHER = 1 << 19  # voxels that are summed at a time: 2 MB, so that sums stay in the cache
_NEIGHBOURS = ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1))
Offset = tuple[int, int, int]  # along d, h, w


class Difference(NamedTuple):
    """I[x] - I[x + offset], which two channels read, each at a neighbour of its voxel."""

    offset: Offset
    reads: tuple[tuple[int, Offset], ...]  # number of the channel, and where: x + place


def _differences() -> tuple[Difference, ...]:
    """What the channels read: six of them differ from the others by a shift alone.

    A channel is an edge of the octahedron: a pair of six-neighbours that are not opposite each
    other.
    """
    reads: dict[Offset, list[tuple[int, Offset]]] = {}
    edges = (
        (a, b)
        for a, b in itertools.combinations(_NEIGHBOURS, 2)
        if sum(x * y for x, y in zip(a, b, strict=True)) == 0
    )
    for channel, (first, second) in enumerate(edges):
        if second < first:
            first, second = second, first
        d, h, w = (b - a for a, b in zip(first, second, strict=True))
        reads.setdefault((d, h, w), []).append((channel, first))
    return tuple(Difference(offset, tuple(places)) for offset, places in reads.items())


DIFFERENCES = _differences()


def mind_ssc(volume: Tensor, dilation: int = 2, radius: int = 1) -> Tensor:
    """m_k[x] = exp(-(SSD_k[x] - min_k SSD[x]) / V[x]) for the twelve neighbour pairs k.

    Args:
        volume: `(b, 1, d, h, w)`, any unit: a monotone or local contrast change leaves the result
            nearly unchanged. Beyond its border the border repeats.
        dilation: voxels from the centre to each neighbour.
        radius: half side of the patch that is compared, voxels.

    Returns:
        `(b, 12, d, h, w)` in (0, 1].
    """
    if volume.ndim != 5 or volume.shape[1] != 1:
        raise ValueError(f"Expected (b, 1, d, h, w), got {tuple(volume.shape)}.")
    padded = F.pad(volume, [dilation + radius] * 6, mode="replicate")
    distances = _distances(padded, dilation, radius)
    distances -= distances.amin(1, keepdim=True)
    variance = distances.mean(1, keepdim=True)
    typical = variance.mean(dim=(1, 2, 3, 4), keepdim=True)
    # the floor keeps air (no structure at all) from turning numerical dust into edges
    variance = variance.clamp(typical * 1e-3, typical * 1e3).clamp(min=1e-12)
    return distances.div_(-variance).exp_()


def _distances(padded: Tensor, dilation: int, radius: int) -> Tensor:
    """SSD_k, `(b, 12, d, h, w)`, of a volume that is padded by `dilation + radius`."""
    reach = dilation + radius
    depth, height, width = (n - 2 * reach for n in padded.shape[2:])
    planes = max(1, _TOGETHER // (height * width))
    parts = (
        _distances_of_planes(padded[:, :, first : first + planes + 2 * reach], dilation, radius)
        for first in range(0, depth, planes)
    )
    return next(parts) if planes >= depth else joined(parts, dim=2, length=depth)


def _distances_of_planes(padded: Tensor, dilation: int, radius: int) -> Tensor:
    """`_distances`, every difference summed once for both of its channels."""
    shape = [n - 2 * (dilation + radius) for n in padded.shape[2:]]
    channels: dict[int, Tensor] = {}
    for offset, reads in DIFFERENCES:
        (_, first), (_, second) = reads
        corner = tuple(min(pair) for pair in zip(first, second, strict=True))
        box = [
            n + 2 * radius + dilation * abs(a - b)
            for n, a, b in zip(shape, first, second, strict=True)
        ]
        start = [dilation * (1 + place) for place in corner]
        ahead = [a + dilation * step for a, step in zip(start, offset, strict=True)]
        squares = (_box(padded, start, box) - _box(padded, ahead, box)).square_()
        sums = _cube_sum(squares, radius).div_((2 * radius + 1) ** 3)
        for channel, place in reads:
            inside = [dilation * (p - c) for p, c in zip(place, corner, strict=True)]
            channels[channel] = _box(sums, inside, shape)
    return torch.cat([channels[k] for k in range(CHANNELS)], 1)


def _box(volume: Tensor, start: list[int], lengths: list[int]) -> Tensor:
    for axis, (first, length) in enumerate(zip(start, lengths, strict=True), start=2):
        volume = volume.narrow(axis, first, length)
    return volume


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
    total = _cube_sum(F.pad(volume[:, :, first:end], around, mode="replicate"), radius)
    return total.div_((2 * radius + 1) ** 3)


def _cube_sum(padded: Tensor, radius: int) -> Tensor:
    """Over a cube of side 2·radius + 1; `radius` voxels fewer on every side."""
    total = padded
    for axis in (2, 3, 4):
        total = _sum_along(total, axis, 2 * radius + 1)
    return total


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
