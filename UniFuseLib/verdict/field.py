"""The field as a whole: the rigid motion nearest to it, and what is left of it beside that."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.spatial.displacement import flow_to_world, jacobian_determinant, sample_at

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.spatial.volume import Grid


_THIN = 3  # voxels along an axis: every second one would be too few for differences


class FieldEvidence(NamedTuple):
    """What a field looks like inside the body; the rigid part says nothing about plausibility."""

    deform_mean_mm: float  # without the nearest rigid motion
    deform_p95_mm: float
    deform_max_mm: float
    deform_ratio: float  # the largest against the mean, plus 1 mm each
    jacobian_low: float  # first percentile of det(I + ∂v)
    jacobian_high: float  # 99th percentile
    strain: float  # root mean square of ∂v, without unit


def images_of(points: np.ndarray, matrix: np.ndarray, flow: Tensor, grid: Grid) -> np.ndarray:
    """A(X + v(X)), `(n, 3)` RAS mm.

    Args:
        points: X, `(n, 3)` RAS mm.
        matrix: A, `(4, 4)` RAS mm.
        flow: v `(1, 3, d, h, w)`, voxels of `grid`.
        grid: of the flow.
    """
    to_index = np.linalg.inv(grid.affine)
    index = points @ to_index[:3, :3].T + to_index[:3, 3]
    places = torch.from_numpy(index.T.astype(np.float32))[None, :, :, None, None]
    v = sample_at(flow_to_world(flow, grid), places)[0, :, :, 0, 0]
    moved = points + v.double().numpy().T
    return moved @ matrix[:3, :3].T + matrix[:3, 3]


def field_evidence(
    points: np.ndarray, images: np.ndarray, rigid: np.ndarray, flow: Tensor, mask: Tensor
) -> FieldEvidence:
    """How plausible a field is.

    Args:
        points: `(n, 3)` RAS mm of the body.
        images: where they go.
        rigid: B, `(4, 4)` RAS mm, nearest to that.
        flow: v `(1, 3, d, h, w)` voxels.
        mask: `(1, 1, d, h, w)` bool, the body.
    """
    rest = images - (points @ rigid[:3, :3].T + rigid[:3, 3])
    length = np.linalg.norm(rest, axis=1)
    d, h, w = (2 if n > _THIN else 1 for n in flow.shape[2:])
    size = torch.tensor([d, h, w], dtype=flow.dtype).view(1, 3, 1, 1, 1)
    thinned = flow[..., ::d, ::h, ::w] / size  # in voxels twice as large
    inside = mask[0, 0, ::d, ::h, ::w]
    determinant = jacobian_determinant(thinned)[0]
    judged = determinant[inside] if inside.any() else determinant.flatten()
    low, high = torch.quantile(judged[:: max(1, judged.numel() // 100_000)], _percentiles())
    strain = [g.square().mean() for g in torch.gradient(thinned[0], dim=(1, 2, 3))]
    mean, largest = float(length.mean()), float(length.max())
    return FieldEvidence(
        deform_mean_mm=mean,
        deform_p95_mm=float(np.percentile(length, 95)),
        deform_max_mm=largest,
        deform_ratio=(largest + 1) / (mean + 1),
        jacobian_low=float(low),
        jacobian_high=float(high),
        strain=float(torch.stack(strain).sum().sqrt()),
    )


def _percentiles() -> Tensor:
    return torch.tensor([0.01, 0.99])
