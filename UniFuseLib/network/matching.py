"""Comparing two feature maps around every voxel; offsets k run over a cube in array order, d
slowest.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.mind import box_mean

if TYPE_CHECKING:
    from collections.abc import Iterator


def local_correlation(moved: Tensor, reference: Tensor, radius: int) -> Tensor:
    """out[k, x] = cos(reference[x], moved[x + k]).

    Args:
        moved, reference: `(b, c, d, h, w)`.

    Returns:
        `(b, (2·radius + 1)³, d, h, w)` in [-1, 1].
    """
    moved, reference = F.normalize(moved, dim=1, eps=1e-4), F.normalize(reference, dim=1, eps=1e-4)
    return torch.cat([(reference * m).sum(1, keepdim=True) for m in _shifted(moved, radius)], dim=1)


def structure_cost(moved: Tensor, reference: Tensor, radius: int) -> Tensor:
    """out[k, x] = mean over channels and a 3³ window of |reference[x] - moved[x + k]|.

    Args:
        moved, reference: MIND-SSC `(b, 12, d, h, w)`.

    Returns:
        `(b, (2·radius + 1)³, d, h, w)`, 0 where the structure is the same.
    """
    cost = torch.cat(
        [(reference - m).abs().mean(1, keepdim=True) for m in _shifted(moved, radius)], dim=1
    )
    return box_mean(cost, 1)


def best_offset(cost: Tensor, sharpness: Tensor) -> Tensor:
    """out[x] = Σ_k softmax_k(-sharpness · cost[k, x]) · k: a soft arg min, voxels, `(b, 3, d, h,
    w)`.
    """
    side = round(cost.shape[1] ** (1 / 3))
    steps = torch.arange(side, device=cost.device, dtype=cost.dtype) - side // 2
    offsets = torch.cartesian_prod(steps, steps, steps)  # (k, 3), d slowest
    weights = torch.softmax(-sharpness * cost, dim=1)
    return torch.einsum("bkdhw,kc->bcdhw", weights, offsets)


def confident_mean(
    offset: Tensor, confidence: Tensor, doubt: float = 0.2, rounds: int = 3
) -> Tensor:
    """out = mean(g · offset) / (mean(g) + doubt) over a window of about 5³: normalised convolution.

    Flat tissue takes over what its surroundings are sure of; where nobody is sure the answer is
    nearly nothing (Knutsson & Westin 1993, doi 10.1109/CVPR.1993.341081).

    Args:
        offset: `(b, 3, d, h, w)` voxels. confidence: g `(b, 1, d, h, w)` in 0..1.
        rounds: of a 3³ mean.
    """
    weighted = torch.cat([offset * confidence, confidence], dim=1)
    for _ in range(rounds):
        weighted = box_mean(weighted, 1)
    return weighted[:, :3] / (weighted[:, 3:] + doubt)


def _shifted(volume: Tensor, radius: int) -> Iterator[Tensor]:
    """volume[x + k] for every k; beyond the border the border repeats."""
    d, h, w = volume.shape[2:]
    padded = F.pad(volume, [radius] * 6, mode="replicate")
    for i, j, k in itertools.product(range(2 * radius + 1), repeat=3):
        yield padded[:, :, i : i + d, j : j + h, k : k + w]
