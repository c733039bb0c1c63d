"""How a result is judged without knowing the truth: displacement, folds, likeness, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.report.parts import DisplacementReport, RigidPartReport, SimilarityReport
from UniFuseLib.spatial.displacement import jacobian_determinant
from UniFuseLib.spatial.mind import mind_ssc
from UniFuseLib.spatial.resampling import row_blocks
from UniFuseLib.spatial.rigid import rigid_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.postprocess import NetworkResult, ReferenceGridResult
    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.spatial.volume import Grid

_BINS = 48  # of the joint histogram, along each side
_STRUCTURE = "1 - mean |MIND-SSC difference| inside the body; 1 is best"
_INFORMATION = "normalised mutual information inside the body; 2 is best"


class Measurements(NamedTuple):
    """All of them for one result, rounded as they are reported."""

    displacement_mm: DisplacementReport
    rigid_part: RigidPartReport
    folds_percent: float
    similarity: SimilarityReport
    mutual_information: SimilarityReport
    coverage_percent: float


def measure(
    pair: WorkingPair,
    found: NetworkResult,
    native: ReferenceGridResult,
    grid: Grid,
    body: np.ndarray,
) -> Measurements:
    """Everything that is reported of a result.

    Args:
        pair: the inputs on the working grid.
        found: what the network made of them there.
        native: the same on the reference grid.
        grid: of the reference.
        body: `(d, h, w)` bool, reference grid.
    """
    folds = folds_percent(found.flow, pair.mask)
    covered = coverage_percent(native.coverage, body)
    parted = rigid_part(native.field, grid, body)
    structure = StructureAgreement(pair.reference, pair.compared)
    information = MutualInformation(pair.reference, pair.compared)
    return Measurements(
        displacement_mm=DisplacementReport.of(parted.length_mm),
        rigid_part=RigidPartReport.of(parted),
        folds_percent=round(folds, 4),
        similarity=before_and_after(structure, _STRUCTURE, pair, found),
        mutual_information=before_and_after(information, _INFORMATION, pair, found),
        coverage_percent=round(covered, 2),
    )


def folds_percent(flow: Tensor, mask: Tensor) -> float:
    """% of the mask where det(I + ∂φ/∂x) ≤ 0.

    Args:
        flow: `(1, 3, d, h, w)` voxels.
        mask: `(1, 1, d, h, w)` bool.
    """
    d, h, w = mask.shape[2:]
    folded = 0
    for rows in row_blocks((d, h, w)):
        first = max(0, rows.start - 1)  # differences read the planes on both sides
        determinant = jacobian_determinant(flow[:, :, first : rows.stop + 1])[:, None]
        here = determinant[:, :, rows.start - first :][:, :, : rows.stop - rows.start]
        folded += int(((here <= 0) & mask[:, :, rows]).sum())
    return 100 * folded / max(1, int(mask.sum()))


def coverage_percent(coverage: np.ndarray, body: np.ndarray) -> float:
    """% of the body that lies in the degraded field of view; of the grid when the body is empty."""
    judged = coverage[body] if body.any() else coverage
    return 100 * float(judged.mean())


def before_and_after(
    likeness: Callable[[Tensor], float], name: str, pair: WorkingPair, found: NetworkResult
) -> SimilarityReport:
    """A likeness to the reference at four points of the road.

    Args:
        likeness: of a `(1, 1, d, h, w)` volume.
        name: what it is, in words.
        pair: the inputs on the working grid.
        found: what the network made of them there.
    """
    affine = round(likeness(pair.degraded), 5)
    moved = pair.degraded_unaligned is not pair.degraded
    return SimilarityReport(
        measure=name,
        before=round(likeness(pair.degraded_unaligned), 5) if moved else affine,
        after_affine=affine,
        after=round(likeness(found.maps.aligned), 5),
        restored=round(likeness(found.maps.restored), 5),
    )


class StructureAgreement:
    """1 - mean |MIND-SSC(volume) - MIND-SSC(reference)| over a mask, at half resolution; 1 is best.

    Args:
        reference: `(1, 1, d, h, w)` network intensities.
        mask: `(1, 1, d, h, w)` bool.
    """

    def __init__(self, reference: Tensor, mask: Tensor) -> None:
        self._described = mind_ssc(halve(reference.float()))
        self._weight = halve(mask.float())

    def __call__(self, volume: Tensor) -> float:
        """Of a volume of the reference's shape, network intensities."""
        difference = mind_ssc(halve(volume.float())) - self._described
        distance = difference.abs_().mean(dim=1, keepdim=True)
        total = (distance * self._weight).sum()
        return 1 - float(total / self._weight.sum().clamp(min=1))


class MutualInformation:
    """(H(a) + H(b)) / H(a, b) over a mask: 1 independent, 2 identical.

    From a 48 × 48 histogram of intensities 0 to 1 at half resolution (Studholme et al. 1999, doi
    10.1016/S0031-3203(98)00091-0).

    Args:
        reference: `(1, 1, d, h, w)` network intensities.
        mask: `(1, 1, d, h, w)` bool.
    """

    def __init__(self, reference: Tensor, mask: Tensor) -> None:
        self._body = halve(mask.float()) > 0.5
        self._bins = _bins(reference, self._body)

    def __call__(self, volume: Tensor) -> float:
        """Of a volume of the reference's shape, network intensities."""
        bins = _bins(volume, self._body)
        if bins.numel() < _BINS:
            return 1.0
        counts = torch.bincount(bins * _BINS + self._bins, minlength=_BINS**2)
        joint = counts.double().numpy().reshape(_BINS, _BINS) / bins.numel()
        marginal_entropies = _entropy(joint.sum(0)) + _entropy(joint.sum(1))
        joint_entropy = _entropy(joint.ravel())
        return float(marginal_entropies / max(joint_entropy, 1e-9))


def halve(volume: Tensor) -> Tensor:
    """Means of 2³ blocks; axes shorter than 16 voxels stay."""
    factors = [2 if n >= 16 else 1 for n in volume.shape[2:]]
    return F.avg_pool3d(volume, factors) if max(factors) > 1 else volume


def _bins(volume: Tensor, body: Tensor) -> Tensor:
    """`(n,)`: of the histogram, the body at half resolution."""
    inside = halve(volume)[body]
    return (inside.clip(0, 1).double() * _BINS).long().clamp(max=_BINS - 1)


def _entropy(p: np.ndarray) -> float:
    """Nats."""
    p = p[p > 0]
    information = p * np.log(p)
    return float(-information.sum())
