"""Comparing two feature maps around every voxel.

Offsets k run over a cube in array order, d slowest.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.network.slabs import slabs
from UniFuseLib.spatial.joined import joined
from UniFuseLib.spatial.mind import box_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LEAST_SQUARE = 1e-8  # of a feature's length


def local_correlation(moved: Tensor, reference: Tensor, radius: int) -> Tensor:
    """out[k, x] = cos(reference[x], moved[x + k]).

    Args:
        moved: `(b, c, d, h, w)`.
        reference: of the same shape.
        radius: of the cube of offsets, voxels.

    Returns:
        `(b, (2·radius + 1)³, d, h, w)` in [-1, 1].
    """
    moved, reference = _normalised(moved), _normalised(reference)
    return _for_every_offset(lambda r, m: (r * m).sum(1, keepdim=True), moved, reference, radius)


def _normalised(features: Tensor) -> Tensor:
    """x / |x| for every voxel; `F.normalize` takes three times as long along channels."""
    square = features.float().square().sum(1, keepdim=True)  # float16 would lose small ones
    return features * square.clamp(min=_LEAST_SQUARE).rsqrt()


def structure_cost(moved: Tensor, reference: Tensor, radius: int) -> Tensor:
    """out[k, x] = mean over channels and a 3³ window of |reference[x] - moved[x + k]|.

    Args:
        moved: MIND-SSC `(b, 12, d, h, w)`.
        reference: of the same shape.
        radius: of the cube of offsets, voxels.

    Returns:
        `(b, (2·radius + 1)³, d, h, w)`, 0 where the structure is the same.
    """
    distance = _for_every_offset(_mean_distance, moved, reference, radius)
    return box_mean(distance, 1)


def _mean_distance(first: Tensor, second: Tensor) -> Tensor:
    return (first - second).abs().mean(1, keepdim=True)


def best_offset(cost: Tensor, sharpness: Tensor) -> Tensor:
    """out[x] = Σ_k softmax_k(-sharpness · cost[k, x]) · k: a soft arg min.

    Args:
        cost: `(b, (2·radius + 1)³, d, h, w)`.
        sharpness: one number.

    Returns:
        `(b, 3, d, h, w)` voxels.
    """
    side = round(cost.shape[1] ** (1 / 3))
    steps = torch.arange(side, device=cost.device, dtype=cost.dtype) - side // 2
    offsets = torch.cartesian_prod(steps, steps, steps)  # (k, 3), d slowest
    weights = torch.softmax(-sharpness * cost, dim=1)
    return torch.einsum("bkdhw,kc->bcdhw", weights, offsets)


def confident_mean(
    offset: Tensor, confidence: Tensor, damping: float = 0.2, rounds: int = 3
) -> Tensor:
    """out = mean(g · offset) / (mean(g) + damping) over a window of about 5³.

    Normalised convolution (Knutsson & Westin 1993, doi 10.1109/CVPR.1993.341081): flat tissue takes
    over what its surroundings are sure of; where nothing is certain the answer is nearly zero.

    Args:
        offset: `(b, 3, d, h, w)` voxels.
        confidence: g `(b, 1, d, h, w)` in 0..1.
        damping: confidence at which half of the offset is followed; chosen, not measured.
        rounds: of a 3³ mean.
    """
    weighted = torch.cat([offset * confidence, confidence], dim=1)
    for _ in range(rounds):
        weighted = box_mean(weighted, 1)
    return weighted[:, :3] / (weighted[:, 3:] + damping)


def _for_every_offset(
    compare: Callable[[Tensor, Tensor], Tensor], moved: Tensor, reference: Tensor, radius: int
) -> Tensor:
    """out[k, x] = compare(reference[x], moved[x + k]), one channel each; beyond the border the
    border repeats.

    Args:
        compare: of two `(b, c, d', h, w)`, `(b, 1, d', h, w)`.
        moved: `(b, c, d, h, w)`.
        reference: of the same shape.
        radius: of the cube of offsets, voxels.
    """
    padded = F.pad(moved, [radius] * 6, mode="replicate")
    found = (
        torch.cat([compare(reference[:, :, rows], m) for m in _shifted(padded, rows, radius)], 1)
        for rows in slabs(reference)
    )
    return joined(found, dim=2, length=reference.shape[2])


def _shifted(padded: Tensor, rows: slice, radius: int) -> Iterator[Tensor]:
    """volume[x + k] at the rows x for every k, of a volume that is padded by `radius`."""
    h, w = (n - 2 * radius for n in padded.shape[3:])
    for i, j, k in itertools.product(range(2 * radius + 1), repeat=3):
        yield padded[:, :, rows.start + i : rows.stop + i, j : j + h, k : k + w]
