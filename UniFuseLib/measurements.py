"""How a result is judged without knowing the truth: displacement, folds, likeness, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.report_parts import DisplacementReport, SimilarityReport
from UniFuseLib.spatial.displacement import jacobian_determinant
from UniFuseLib.spatial.mind import mind_ssc

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.postprocess import NetworkResult, ReferenceGridResult
    from UniFuseLib.preprocessing.working_pair import WorkingPair

_BINS = 48  # of the joint histogram, along each side
_STRUCTURE = "1 - mean |MIND-SSC difference| inside the body; 1 is best"
_INFORMATION = "normalised mutual information inside the body; 2 is best"


class Measurements(NamedTuple):
    """All of them for one result, rounded as they are reported."""

    displacement_mm: DisplacementReport
    folds_percent: float
    similarity: SimilarityReport
    mutual_information: SimilarityReport
    coverage_percent: float


def measure(
    pair: WorkingPair, found: NetworkResult, native: ReferenceGridResult, body: np.ndarray
) -> Measurements:
    """Everything that is reported of a result.

    Args:
        pair: the inputs on the working grid.
        found: what the network made of them there.
        native: the same on the reference grid.
        body: `(d, h, w)` bool, reference grid.
    """
    folds = folds_percent(found.flow, pair.mask)
    covered = coverage_percent(native.coverage, body)
    return Measurements(
        displacement_mm=displacement_statistics(native.displacement, body),
        folds_percent=round(folds, 4),
        similarity=before_and_after(structure_agreement, _STRUCTURE, pair, found),
        mutual_information=before_and_after(mutual_information, _INFORMATION, pair, found),
        coverage_percent=round(covered, 2),
    )


def displacement_statistics(displacement: np.ndarray, body: np.ndarray) -> DisplacementReport:
    """‖u‖ in mm inside the body; everywhere when the body is empty.

    Args:
        displacement: `(d, h, w, 3)` RAS mm.
        body: `(d, h, w)` bool.
    """
    field = displacement[body] if body.any() else displacement.reshape(-1, 3)
    length = np.linalg.norm(field, axis=-1)
    return DisplacementReport(
        mean=round(float(length.mean()), 3),
        median=round(float(np.median(length)), 3),
        p95=round(float(np.percentile(length, 95)), 3),
        max=round(float(length.max()), 3),
    )


def folds_percent(flow: Tensor, mask: Tensor) -> float:
    """% of the mask where det(I + ∂φ/∂x) ≤ 0.

    Args:
        flow: `(1, 3, d, h, w)` voxels.
        mask: `(1, 1, d, h, w)` bool.
    """
    determinant = jacobian_determinant(flow)[:, None]
    folded = (determinant <= 0) & mask
    voxels = max(1, int(mask.sum()))
    return 100 * float(folded.sum()) / voxels


def coverage_percent(coverage: np.ndarray, body: np.ndarray) -> float:
    """% of the body that lies in the degraded field of view; of the grid when the body is empty."""
    judged = coverage[body] if body.any() else coverage
    return 100 * float(judged.mean())


def before_and_after(
    likeness: Callable[[Tensor, Tensor, Tensor], float],
    name: str,
    pair: WorkingPair,
    found: NetworkResult,
) -> SimilarityReport:
    """A likeness to the reference at four points of the road.

    Args:
        likeness: of two `(1, 1, d, h, w)` volumes over a mask.
        name: what it is, in words.
        pair: the inputs on the working grid.
        found: what the network made of them there.
    """

    def of(volume: Tensor) -> float:
        value = likeness(volume, pair.reference, pair.compared)
        return round(value, 5)

    return SimilarityReport(
        measure=name,
        before=of(pair.degraded_unaligned),
        after_affine=of(pair.degraded),
        after=of(found.maps.aligned),
        restored=of(found.maps.restored),
    )


def structure_agreement(first: Tensor, second: Tensor, mask: Tensor) -> float:
    """1 - mean |MIND-SSC(first) - MIND-SSC(second)| over the mask, at half resolution; 1 is best.

    Args:
        first: `(1, 1, d, h, w)` network intensities.
        second: of the same shape.
        mask: `(1, 1, d, h, w)` bool.
    """
    weight = halve(mask.float())
    first = halve(first.float())
    second = halve(second.float())
    difference = mind_ssc(first) - mind_ssc(second)
    distance = difference.abs_().mean(dim=1, keepdim=True)
    total = (distance * weight).sum()
    return 1 - float(total / weight.sum().clamp(min=1))


def mutual_information(first: Tensor, second: Tensor, mask: Tensor) -> float:
    """(H(a) + H(b)) / H(a, b) over the mask: 1 independent, 2 identical.

    From a 48 × 48 histogram of intensities 0 to 1 at half resolution (Studholme et al. 1999, doi
    10.1016/S0031-3203(98)00091-0).

    Args:
        first: `(1, 1, d, h, w)` network intensities.
        second: of the same shape.
        mask: `(1, 1, d, h, w)` bool.
    """
    body = halve(mask.float()) > 0.5
    a = _unit_intensities(first, body)
    b = _unit_intensities(second, body)
    if a.size < _BINS:
        return 1.0
    counts, *_ = np.histogram2d(a, b, bins=_BINS, range=[[0, 1], [0, 1]])
    joint = counts / a.size
    marginal_entropies = _entropy(joint.sum(0)) + _entropy(joint.sum(1))
    joint_entropy = _entropy(joint.ravel())
    return float(marginal_entropies / max(joint_entropy, 1e-9))


def halve(volume: Tensor) -> Tensor:
    """Means of 2³ blocks; axes shorter than 16 voxels stay."""
    factors = [2 if n >= 16 else 1 for n in volume.shape[2:]]
    return F.avg_pool3d(volume, factors) if max(factors) > 1 else volume


def _unit_intensities(volume: Tensor, body: Tensor) -> np.ndarray:
    """`(n,)` float64, clipped to 0..1: the body at half resolution."""
    inside = halve(volume)[body]
    return inside.clip(0, 1).double().numpy()


def _entropy(p: np.ndarray) -> float:
    """Nats."""
    p = p[p > 0]
    information = p * np.log(p)
    return float(-information.sum())
