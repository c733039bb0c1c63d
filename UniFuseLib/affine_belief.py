"""How much of an affine that was found is believed.

Between two modalities an affine also follows what truly differs between the scans (the shape of soft tissue, blurred
uptake), and that error of millimetres hardly depends on how far apart they were. So only a part of it is followed, the
smaller the weaker its evidence: a positive-part shrinkage as in James and Stein 1961, see Efron and Morris 1973,
doi 10.1080/01621459.1973.10481350.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.affine_descent import Frame, Level, matrix_of, parameters_of

LEAST_COVERED = 0.3  # of the reference's body; an affine that leaves less is no match
# Mean error inside the body on real pairs of one modality with known affines. A smaller correction would not be one.
_OWN_ERROR_MM = 0.8
# The evidence that pairs of two modalities give when they are aligned already: so high that none of twelve (CT, MR)
# and ten (PET) patients with known affines gets worse by more than 0.1 mm (others do: decision 0040)
_CHANCE_GAIN = 0.18  # fall of the residual, relative to what is left
_CHANCE_T = 12.0  # the same regions agree: of a noisy scan the residual falls little
_CHANCE_MM = 2.0  # mean displacement
_CHANCE_PET_MM = 5.5  # the residual of PET hardly tells, so this alone
_STEEPNESS = 3  # 2 is James and Stein's; takes up to 0.4 mm more from what is far off
_REGION = 6  # voxels of the finest level along the side of a region (21 mm)
_LEAST_T = 4.0  # mean gain of the regions over its standard error


class Belief(NamedTuple):
    """What `judge` decided."""

    matrix: np.ndarray  # (4, 4): the identity, the affine that was found, or a part of it
    part: float  # 0 to 1
    similarity: tuple[float, float]  # 1 - mean loss where both are covered, at the identity and at the affine found
    agreement: float  # t of the regions' gain


def judge(level: Level, matrix: np.ndarray, moved_mm: float, modalities: tuple[str, str]) -> Belief:
    """exp(part · log A): nothing unless the regions agree that A helps, less of it the weaker its evidence.

    Args:
        level: the finest.
        matrix: A, `(4, 4)` RAS mm, found there.
        moved_mm: mean displacement of A inside the body.
        modalities: of the two volumes.
    """
    before, weight_before = level.residual(np.eye(4))
    after, weight_after = level.residual(matrix)
    weight = (weight_before * weight_after > 0).float()
    t = _agreement((before - after) * weight, weight)
    if level.energy(np.eye(4))[1] < LEAST_COVERED <= level.energy(matrix)[1]:
        part = 1.0  # unmoved they hardly overlap
    elif t <= _LEAST_T:
        part = 0.0
    elif modalities[0] == modalities[1]:
        part = float(moved_mm > _OWN_ERROR_MM)
    elif "pet" in modalities:
        part = believed_part(moved_mm / _CHANCE_PET_MM)
    else:
        fit = max(_relative_gain(level, matrix) / _CHANCE_GAIN, t / _CHANCE_T)
        part = believed_part(min(moved_mm / _CHANCE_MM, fit))
    total = float(weight.sum().clamp(min=1))
    similarity = (1 - float((before * weight).sum()) / total, 1 - float((after * weight).sum()) / total)
    return Belief(_part_of(matrix, part, level.frame), part, similarity, t)


def believed_part(evidence: float) -> float:
    """1 - 1 / evidence³, 0 where negative; evidence is 1 where a pair that is aligned already gives as much."""
    return max(0.0, 1 - evidence**-_STEEPNESS) if evidence > 0 else 0.0


def _part_of(matrix: np.ndarray, part: float, frame: Frame) -> np.ndarray:
    """exp(part · log A)."""
    if part in (0.0, 1.0):
        return matrix if part else np.eye(4)
    return matrix_of(part * parameters_of(matrix, frame), frame)


def _relative_gain(level: Level, matrix: np.ndarray) -> float:
    """(E(identity) - E(A)) / E(A)."""
    before, after = level.energy(np.eye(4))[0], level.energy(matrix)[0]
    return (before - after) / max(after, 1e-9)


def _agreement(gain: Tensor, weight: Tensor) -> float:
    """t = mean / standard error of the gain per region, over regions that the body fills to a fifth."""
    pooled = [torch.nn.functional.avg_pool3d(v, _REGION, ceil_mode=True).flatten() for v in (gain, weight)]
    used = pooled[1] > 0.2
    regions = (pooled[0] / pooled[1].clamp(min=1e-6))[used]
    if regions.numel() < 4:
        return 0.0
    return float(regions.mean() / (regions.std() / regions.numel() ** 0.5).clamp(min=1e-9))
