"""L_cont of Eq. 5 on places: the same one in both volumes against other ones, near (accuracy) and
far (uniqueness).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from UniFuseLib.spatial.displacement import sample

if TYPE_CHECKING:
    from UniFuseLib.training.descriptors.samples import Batch

TEMPERATURE = 0.1  # τ of Eq. 5
_NEAR = 32  # negatives around each place
_NEAREST, _FARTHEST = 0.5, 5.0  # their distance, voxels of the descriptors
_SAME = 2.0  # voxels: other points nearer than that are no far negatives


def contrastive_loss(fixed: Tensor, moving: Tensor, batch: Batch, noise: torch.Generator) -> Tensor:
    """Both directions, mean over points; `fixed`, `moving`: descriptors `(b, c, d, h, w)`, unit
    vectors.
    """
    there = _one_way(fixed, moving, batch.fixed_points, batch.moving_points, batch.slack, noise)
    back = _one_way(moving, fixed, batch.moving_points, batch.fixed_points, batch.slack, noise)
    per_pair = (there + back) / 2
    return (per_pair * batch.good).sum() / batch.good.sum().clamp(min=1)


def at_points(features: Tensor, points: Tensor) -> Tensor:
    """Features at continuous indices: `(b, c, d, h, w)`, `(b, ..., 3)` → `(b, ..., c)`, trilinear,
    unit vectors.
    """
    flat = points.flatten(1, -2).transpose(1, 2)[..., None, None]
    values = sample(features, flat)[..., 0, 0].transpose(1, 2)
    values = values / values.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    return values.unflatten(1, points.shape[1:-1])


def _one_way(
    from_: Tensor,
    to: Tensor,
    from_points: Tensor,
    to_points: Tensor,
    slack: Tensor,
    noise: torch.Generator,
) -> Tensor:
    """-log(exp(s⁺/τ) / (exp(s⁺/τ) + Σ exp(s⁻/τ))), mean over the points of each pair, `(b,)`."""
    anchor, positive = at_points(from_, from_points), at_points(to, to_points)
    negative = at_points(to, to_points[:, :, None] + _offsets(to_points, slack, noise))
    own = (anchor * positive).sum(dim=-1, keepdim=True)
    near = torch.einsum("bmc,bmkc->bmk", anchor, negative)
    far = anchor @ positive.transpose(1, 2)
    same = torch.cdist(to_points, to_points) < _SAME * slack[:, None, None]
    far = far.masked_fill(same, -torch.inf)
    scores = torch.cat([own, near, far], dim=-1) / TEMPERATURE
    return (scores.logsumexp(dim=-1) - scores[..., 0]).mean(dim=1)


def _offsets(points: Tensor, slack: Tensor, noise: torch.Generator) -> Tensor:
    """Random directions, lengths log-uniform: most negatives are near."""
    shape = (*points.shape[:2], _NEAR)
    direction = torch.randn((*shape, 3), generator=noise, device=points.device)
    direction = direction / direction.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    u = torch.rand((*shape, 1), generator=noise, device=points.device)
    length = _NEAREST * (_FARTHEST / _NEAREST) ** u
    return direction * length * slack[:, None, None, None]
