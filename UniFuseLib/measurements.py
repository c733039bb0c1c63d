"""How a result is judged without knowing the truth: displacement, folds, likeness, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.report import DisplacementReport, SimilarityReport
from UniFuseLib.spatial.displacement import jacobian_determinant
from UniFuseLib.spatial.mind import mind_ssc

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.postprocess import NetworkResult, ReferenceGridResult
    from UniFuseLib.preprocessing.prepare import WorkingPair

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
    return Measurements(
        displacement_mm=displacement_statistics(native.displacement, body),
        folds_percent=round(folds_percent(found.flow, pair.mask), 4),
        similarity=before_and_after(structure_agreement, _STRUCTURE, pair, found),
        mutual_information=before_and_after(mutual_information, _INFORMATION, pair, found),
        coverage_percent=round(coverage_percent(native.coverage, body), 2),
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
    folded = (jacobian_determinant(flow)[:, None] <= 0) & mask
    return 100 * float(folded.sum()) / max(1, int(mask.sum()))


def coverage_percent(coverage: np.ndarray, body: np.ndarray) -> float:
    """% of the body that lies in the degraded field of view; of the grid when the body is empty."""
    return 100 * float(coverage[body].mean() if body.any() else coverage.mean())


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
        return round(likeness(volume, pair.reference, pair.mask), 5)

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
    first, second, weight = (halve(v.float()) for v in (first, second, mask))
    distance = (mind_ssc(first) - mind_ssc(second)).abs_().mean(dim=1, keepdim=True)
    return 1 - float((distance * weight).sum() / weight.sum().clamp(min=1))


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
    a, b = (halve(v)[body].clip(0, 1).double().numpy() for v in (first, second))
    if a.size < _BINS:
        return 1.0
    joint = np.histogram2d(a, b, bins=_BINS, range=[[0, 1], [0, 1]])[0] / a.size
    marginal = _entropy(joint.sum(0)) + _entropy(joint.sum(1))
    return float(marginal / max(_entropy(joint.ravel()), 1e-9))


def halve(volume: Tensor) -> Tensor:
    """Means of 2³ blocks; axes shorter than 16 voxels stay."""
    factors = [2 if n >= 16 else 1 for n in volume.shape[2:]]
    return F.avg_pool3d(volume, factors) if max(factors) > 1 else volume


def _entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())
