"""Whether every region agrees with the result: its own best shift, and likeness against chance."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from UniFuseLib.registration.pose_search import counted_information
from UniFuseLib.spatial.mind import mind_ssc
from UniFuseLib.spatial.resampling import mean_of_blocks

if TYPE_CHECKING:
    from torch import Tensor

_SPACING_MM = 4.0
_REGION_MM = 32.0
_FAR_MM = 3.0
_BINS = 24
_LEAST_INSIDE = 0.3  # of a region, to have a say


class RegionEvidence(NamedTuple):
    """What the regions of the body say, by their MIND-SSC residuals at 4 mm."""

    regions: float  # how many have a say
    far_share: float  # part of them whose best shift is longer than 3 mm
    shift_mm: float  # mean length of their best shifts
    common_shift_mm: float  # length of the mean of their best shifts
    contrast: float  # mean of (residual of all shifts - that of none) / spread over the shifts
    residual: float  # mean |MIND-SSC difference| inside the body
    information: float  # mutual information over the lesser entropy, 0 to 1
    information_sigmas: float  # above what the same volume in displaced blocks gives
    dice: float  # of both bodies where both fields of view overlap


def region_evidence(
    degraded: Tensor, reference: Tensor, mask: Tensor, spacing: float, dice: float
) -> RegionEvidence:
    """How the regions agree.

    Args:
        degraded: `(1, 1, d, h, w)`, aligned, network intensities.
        reference: likewise.
        mask: bool, the body where both were acquired.
        spacing: mm of the grid.
        dice: of the bodies (`body_overlap`).
    """
    factor = max(1, round(_SPACING_MM / spacing))
    factors = [factor if n >= 4 * factor else 1 for n in mask.shape[2:]]
    first, second, inside = (
        mean_of_blocks(v.float(), tuple(factors)) for v in (degraded, reference, mask)
    )
    step = [max(1, round(_SPACING_MM / (spacing * f))) for f in factors]
    residuals, shifts = _residuals(first, second, step)
    shifts_mm = shifts * spacing * np.array(factors)
    body = (inside > 0.5).float()
    weighted, share = _region_means(residuals, body, spacing * np.array(factors))
    usable = share > _LEAST_INSIDE
    values = weighted[:, usable].numpy()
    information, sigmas = _information(first, second, body > 0)
    residual = float((residuals[:1] * body).sum() / body.sum().clamp(min=1))
    if values.shape[1] == 0:
        return RegionEvidence(0, 1.0, 8.0, 8.0, 0.0, residual, information, sigmas, dice)
    best = shifts_mm[values.argmin(axis=0)]
    length = np.linalg.norm(best, axis=1)
    spread = values.std(axis=0) + 1e-6
    return RegionEvidence(
        regions=values.shape[1],
        far_share=float((length > _FAR_MM).mean()),
        shift_mm=float(length.mean()),
        common_shift_mm=float(np.linalg.norm(best.mean(axis=0))),
        contrast=float(((values.mean(axis=0) - values[0]) / spread).mean()),
        residual=residual,
        information=information,
        information_sigmas=sigmas,
        dice=dice,
    )


def _residuals(first: Tensor, second: Tensor, step: list[int]) -> tuple[Tensor, np.ndarray]:
    """Mean |difference| for every shift `(n, 1, d, h, w)`, and the shifts, voxels; first: none."""
    near = list(itertools.product((0, 1, -1), repeat=3))
    far = [tuple(2 * s * (k == axis) for k in range(3)) for axis in range(3) for s in (1, -1)]
    shifts = np.array([*near, *far]) * step
    moving, fixed = mind_ssc(first, dilation=1), mind_ssc(second, dilation=1)
    margin = [2 * s for s in step]
    padding = [m for m in reversed(margin) for _ in range(2)]
    padded = F.pad(moving, padding, mode="replicate")
    out = []
    for shift in shifts.tolist():
        window = padded
        for axis, (m, s) in enumerate(zip(margin, shift, strict=True), start=2):
            window = window.narrow(axis, m + s, fixed.shape[axis])
        out.append((window - fixed).abs_().mean(dim=1))
    return torch.stack(out), shifts


def _region_means(residuals: Tensor, body: Tensor, voxel_mm: np.ndarray) -> tuple[Tensor, Tensor]:
    """Means over the body in regions `(shifts, regions)`, and the part of each in the body."""
    size = [
        max(1, min(n, round(_REGION_MM / mm)))
        for n, mm in zip(body.shape[2:], voxel_mm, strict=True)
    ]
    padding = [
        p for n, s in reversed(list(zip(body.shape[2:], size, strict=True))) for p in (0, -n % s)
    ]
    inside = F.pad(body, padding)
    sums = F.avg_pool3d(F.pad(residuals * body, padding), size)
    share = F.avg_pool3d(inside, size)
    means = sums / share.clamp(min=1e-6)
    return means.flatten(1), share.flatten()


def _information(first: Tensor, second: Tensor, inside: Tensor) -> tuple[float, float]:
    """Mutual information over the lesser entropy, and how far it lies above displaced blocks."""
    box = _box(inside[0, 0])
    if box is None:
        return 0.0, 0.0
    a, b, body = (v[0, 0][box] for v in (first, second, inside))
    a, b = _bins(a, body), _bins(b, body)
    rolls = [(0, 0, 0), *_rolls(tuple(a.shape))]
    counts = torch.stack([_counts(torch.roll(a, r, (0, 1, 2)), b, body) for r in rolls])
    information = counted_information(counts.double())
    joint = counts[0].double()
    lesser = min(_entropy(joint.sum(0)), _entropy(joint.sum(1)))
    chance = information[1:]
    spread = max(float(chance.std()), 0.01 * lesser, 1e-4)
    return float(information[0]) / max(lesser, 1e-6), float(information[0] - chance.mean()) / spread


def _box(inside: Tensor) -> tuple[slice, ...] | None:
    index = torch.nonzero(inside)
    if len(index) < 64:
        return None
    first, last = index.min(0).values.tolist(), index.max(0).values.tolist()
    return tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))


def _rolls(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """By a quarter to a half of the body along one axis or all."""
    parts = [
        (f if k == axis else 0) for axis in range(3) for f in (0.25, 0.5, 0.75) for k in range(3)
    ]
    single = [tuple(parts[i : i + 3]) for i in range(0, len(parts), 3)]
    every = [(0.25, 0.5, 0.75), (0.5, 0.25, 0.5), (0.75, 0.75, 0.25)]
    return [tuple(math.ceil(f * n) for f, n in zip(p, shape, strict=True)) for p in single + every]


def _bins(values: Tensor, inside: Tensor) -> Tensor:
    seen = values[inside]
    low, high = torch.quantile(seen[:: max(1, len(seen) // 100_000)], torch.tensor([0.01, 0.99]))
    unit = (values - low) / (high - low).clamp(min=1e-6)
    return (unit * _BINS).clamp(0, _BINS - 1).long()


def _counts(a: Tensor, b: Tensor, inside: Tensor) -> Tensor:
    place = a[inside] * _BINS + b[inside]
    return torch.bincount(place, minlength=_BINS**2).view(_BINS, _BINS)


def _entropy(counts: Tensor) -> float:
    p = counts / counts.sum().clamp(min=1)
    return float(-torch.special.xlogy(p, p).sum())


def body_overlap(degraded: Tensor, reference: Tensor, seen: Tensor) -> float:
    """2 |a ∩ b| / (|a| + |b|) where both fields of view overlap; 0 where nothing lies.

    Args:
        degraded: `(1, 1, d, h, w)` bool, its body, aligned.
        reference: bool, its body.
        seen: bool, where both were acquired.
    """
    a, b = degraded & seen, reference & seen
    both = float(a.sum() + b.sum())
    return 2 * float((a & b).sum()) / both if both else 0.0
