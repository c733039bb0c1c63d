"""L_cont of Eq. 5 twice: on single places, and on what a registration compares, whole regions.

A place against other ones, near and far, makes descriptors that are told apart. But what is
minimised later is the difference summed over a region, and a small bias that all places share moves
its minimum: so a region's sum at the truth competes with its sums at common displacements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.displacement import sample_at

if TYPE_CHECKING:
    from UniFuseLib.training.descriptors.samples import Batch

TEMPERATURE = 0.1  # τ of Eq. 5
_REGION_TEMPERATURE = 0.01  # mean differences of a region vary by hundredths
_REGIONS = 8  # slabs of places in each pair
_NEAR = 48  # displacements around each place
_NEAREST, _FARTHEST = 0.25, 5.0  # their length, voxels of the descriptors
_SAME = 2.0  # voxels: other points nearer than that are not far negatives


def contrastive_loss(
    fixed: Tensor, moving: Tensor, batch: Batch, noise: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Of places and of regions; both directions, mean over the pairs that are good.

    Args:
        fixed: descriptors `(b, c, d, h, w)`.
        moving: the same of the other volume.
        batch: where the places are.
        noise: draws displacements; on the device of the descriptors.
    """
    here = fixed, batch.fixed_points
    there = moving, batch.moving_points
    forth = _one_way(*here, *there, batch.slack, noise)
    back = _one_way(*there, *here, batch.slack, noise)
    share = batch.good / batch.good.sum().clamp(min=1)
    places, regions = ((share * (a + b) / 2).sum() for a, b in zip(forth, back, strict=True))
    return places, regions


def at_points(features: Tensor, points: Tensor) -> Tensor:
    """out[m] = features[points[m]], trilinear: `(b, c, d, h, w)`, `(b, ..., 3)` → `(b, ..., c)`."""
    flat = points.flatten(1, -2).transpose(1, 2)[..., None, None]
    values = sample_at(features, flat)[..., 0, 0].transpose(1, 2)
    return values.unflatten(1, points.shape[1:-1])


def _one_way(
    from_: Tensor,
    from_points: Tensor,
    to: Tensor,
    to_points: Tensor,
    slack: Tensor,
    noise: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Loss of the places and of the regions of each pair, `(b,)`."""
    anchor, positive = at_points(from_, from_points), at_points(to, to_points)
    displaced = at_points(to, to_points[:, :, None] + _displacements(slack, noise)[:, None])
    same = torch.cdist(to_points, to_points) < _SAME * slack[:, None, None]
    return _of_places(anchor, positive, displaced, same), _of_regions(
        anchor, positive, displaced, _slabs(from_points, noise)
    )


def _of_places(anchor: Tensor, positive: Tensor, displaced: Tensor, same: Tensor) -> Tensor:
    """-log(exp(s⁺/τ) / (exp(s⁺/τ) + Σ exp(s⁻/τ))), s the cosine; mean over places, `(b,)`."""
    anchor, positive, displaced = (F.normalize(v, dim=-1) for v in (anchor, positive, displaced))
    own = (anchor * positive).sum(dim=-1, keepdim=True)
    near = torch.einsum("bmc,bmkc->bmk", anchor, displaced)
    far = (anchor @ positive.transpose(1, 2)).masked_fill(same, -torch.inf)
    return _first_of(torch.cat([own, near, far], dim=-1) / TEMPERATURE).mean(dim=1)


def _of_regions(anchor: Tensor, positive: Tensor, displaced: Tensor, slabs: Tensor) -> Tensor:
    """The same with s = -½ mean over a region of |f - f'|²; displacements are common, `(b,)`."""
    candidates = torch.cat([positive[:, :, None], displaced], dim=2)
    score = -0.5 * (anchor[:, :, None] - candidates).square().sum(dim=-1)  # (b, m, 1 + k)
    score = score.gather(1, slabs[..., None].expand_as(score))
    score = score.unflatten(1, (_REGIONS, -1)).mean(dim=2)
    return _first_of(score / _REGION_TEMPERATURE).mean(dim=1)


def _first_of(scores: Tensor) -> Tensor:
    """-log of the softmax' first entry, along the last axis."""
    return scores.logsumexp(dim=-1) - scores[..., 0]


def _displacements(slack: Tensor, noise: torch.Generator) -> Tensor:
    """`(b, k, 3)`: random directions, lengths log-uniform, so that most are near."""
    direction = torch.randn((len(slack), _NEAR, 3), generator=noise, device=slack.device)
    u = torch.rand((len(slack), _NEAR, 1), generator=noise, device=slack.device)
    length = _NEAREST * (_FARTHEST / _NEAREST) ** u
    return F.normalize(direction, dim=-1) * length * slack[:, None, None]


def _slabs(points: Tensor, noise: torch.Generator) -> Tensor:
    """`(b, m)`: the places in their order along a random direction."""
    direction = torch.randn((len(points), 3, 1), generator=noise, device=points.device)
    return (points @ direction)[..., 0].argsort(dim=1)
