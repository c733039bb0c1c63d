"""How much of an affine that was found is believed.

Between two modalities an affine also follows what truly differs between the scans (the shape of
soft tissue, blurred uptake), and that error of millimetres hardly depends on how far apart they
were. So only a part of it is followed: empirical Bayes (Efron and Morris 1973, doi
10.1080/01621459.1973.10481350). With PET the error is known from many patients, and the posterior
mean is followed; CT beside MR errs in a few patients by a centimetre, and the evidence of each pair
decides (positive-part shrinkage).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.registration.affine_solver import Frame, Level, matrix_of, parameters_of

LEAST_COVERED = 0.3  # of the reference's body; an affine that leaves less is no match
# Mean error inside the body on real pairs of one modality with known affines. A smaller correction
# would not be one.
_OWN_ERROR_MM = 0.8
# The evidence that pairs of two modalities give when they are aligned already: so high that none of
# twelve (CT, MR) and ten (PET) patients with known affines gets worse by more than 0.1 mm (others
# do: decision 0040)
_CHANCE_GAIN = 0.18  # fall of the residual, relative to what is left
_CHANCE_T = 12.0  # the same regions agree: of a noisy scan the residual falls little
_CHANCE_MM = 2.0  # mean displacement
_STEEPNESS = 3  # 2 is James and Stein's; takes up to 0.4 mm more from what is far off
_REGION = 6  # voxels of the finest level along the side of a region (21 mm)
_LEAST_T = 4.0  # mean gain of the regions over its standard error
# PET beside CT, per translation, turn, stretch and shear, mm: what an affine found errs by in 39
# patients with known affines (86 simulated cases, median absolute deviation), and what it finds in
# PET and CT of one couch: uptake lies 1.5 mm towards the back of what CT shows
_PET_DEVIATION_MM = np.repeat([1.26, 1.06, 0.91, 0.13], 3)
_PET_OFFSET_MM = np.array([-0.28, -1.54, -0.72])  # R, A, S
LEAST_PET_T = 2.0
# Misalignments to expect, at strength 1: ± 12 mm, ± 10°, ± 8 %, next to no shear; weaker ones are
# as likely
_EXPECTED_MM, _EXPECTED_RAD, _EXPECTED_STRETCH, _EXPECTED_SHEAR_MM = 7.0, 0.1, 0.045, 0.5
_STRENGTHS = np.geomspace(0.02, 1.3, 24)
_GROUPS = (
    slice(0, 6),
    slice(6, 9),
    slice(9, 12),
)  # pose, stretch, shear: a strength of their own each


class Belief(NamedTuple):
    """What `judge` decided."""

    matrix: np.ndarray  # (4, 4): the identity, the affine that was found, or what is likely of it
    part: float  # 0 to 1: how far, of the displacement that was found
    similarity: tuple[
        float, float
    ]  # 1 - mean loss where both are covered, at the identity and at the affine found
    agreement: float  # t of the regions' gain


def judge(level: Level, matrix: np.ndarray, moved_mm: float, modalities: tuple[str, str]) -> Belief:
    """Nothing unless the regions agree that A helps; with PET what is likely of A, else exp(part ·
    log A).

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
    total = float(weight.sum().clamp(min=1))
    similarity = (
        1 - float((before * weight).sum()) / total,
        1 - float((after * weight).sum()) / total,
    )
    if level.energy(np.eye(4))[1] < LEAST_COVERED <= level.energy(matrix)[1]:
        return Belief(matrix, 1.0, similarity, t)  # unmoved they hardly overlap
    if "pet" in modalities and modalities[0] != modalities[1]:
        followed = (
            _likely_with_pet(matrix, level.frame, modalities) if t > LEAST_PET_T else np.eye(4)
        )
        return Belief(followed, _share(followed, matrix, level.frame), similarity, t)
    if t <= _LEAST_T:
        part = 0.0
    elif modalities[0] == modalities[1]:
        part = float(moved_mm > _OWN_ERROR_MM)
    else:
        fit = max(_relative_gain(level, matrix) / _CHANCE_GAIN, t / _CHANCE_T)
        part = believed_part(min(moved_mm / _CHANCE_MM, fit))
    return Belief(_part_of(matrix, part, level.frame), part, similarity, t)


def posterior_mean(found: np.ndarray, deviation: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """E[p | found] for found ~ N(p, deviation²) and p ~ N(0, (s · expected)²), every order of
    magnitude of s as likely.

    Small findings are taken for error, large ones are nearly followed, and every direction as far
    as it is known.

    Args:
        found, deviation, expected: `(n,)`, one unit.
    """
    spread = (_STRENGTHS[:, None] * expected) ** 2
    variance = spread + deviation**2
    likelihood = -0.5 * (np.log(variance) + found**2 / variance).sum(axis=1)
    weight = np.exp(likelihood - likelihood.max())
    means: np.ndarray = (spread / variance * found * weight[:, None]).sum(axis=0) / weight.sum()
    return means


def likely_affine(
    found: np.ndarray, offset: np.ndarray, deviation: np.ndarray, frame: Frame
) -> np.ndarray:
    """The posterior mean of an affine of a patient, `(4, 4)` RAS mm.

    Args:
        found: `(12,)` mm. offset: `(3,)` mm (R, A, S), what is found where nothing moved.
            deviation: `(12,)` mm.
    """
    moved = np.concatenate([found[:3] - offset, found[3:]])
    turn, stretch = _EXPECTED_RAD * frame.radius, _EXPECTED_STRETCH * frame.radius
    expected = np.repeat([_EXPECTED_MM, turn, stretch, _EXPECTED_SHEAR_MM], 3)
    likely = [posterior_mean(moved[g], deviation[g], expected[g]) for g in _GROUPS]
    return matrix_of(np.concatenate(likely), frame)


def _likely_with_pet(matrix: np.ndarray, frame: Frame, modalities: tuple[str, str]) -> np.ndarray:
    # of PET pulled onto CT; CT pulled onto PET errs the other way, beside MR nothing is known
    sign = {("pet", "ct"): 1.0, ("ct", "pet"): -1.0}.get(modalities, 0.0)
    return likely_affine(
        parameters_of(matrix, frame), sign * _PET_OFFSET_MM, _PET_DEVIATION_MM, frame
    )


def _share(followed: np.ndarray, matrix: np.ndarray, frame: Frame) -> float:
    """|log followed| / |log A|, at most 1."""
    size = float(np.linalg.norm(parameters_of(matrix, frame)))
    return (
        min(1.0, float(np.linalg.norm(parameters_of(followed, frame))) / size) if size > 0 else 0.0
    )


def believed_part(evidence: float) -> float:
    """1 - 1 / evidence³, 0 where negative; evidence is 1 where a pair that is aligned already gives
    as much.
    """
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
    """t = mean / standard error of the gain per region, over regions that the body fills to a
    fifth.
    """
    region = [min(_REGION, n) for n in gain.shape[2:]]
    pooled = [
        torch.nn.functional.avg_pool3d(v, region, ceil_mode=True).flatten() for v in (gain, weight)
    ]
    used = pooled[1] > 0.2
    regions = (pooled[0] / pooled[1].clamp(min=1e-6))[used]
    if regions.numel() < 4:
        return 0.0
    return float(regions.mean() / (regions.std() / regions.numel() ** 0.5).clamp(min=1e-9))
