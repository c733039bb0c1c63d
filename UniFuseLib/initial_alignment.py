"""The global part of the alignment: an affine by descent on MIND-SSC, kept only if it is worth believing.

Several starts at the coarsest spacing, then three spacings (`affine_descent.py`). The result replaces the identity only
where it moves the body by more than this method's own error, and where most regions of the body agree that it helps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.affine_descent import BY_SIZE, RIGID, SATURATING, Frame, Level, Side, descend, matrix_of
from UniFuseLib.intensity import IntensityMap
from UniFuseLib.preprocess import acquired_mask
from UniFuseLib.resampling import shrink
from UniFuseLib.volume import Volume

# (spacing in mm, steps at most)
_LEVELS = ((8.0, 16), (5.0, 10), (3.5, 6))
FINEST_MM = _LEVELS[-1][0]
_START_STEPS = 6
_KEPT_STARTS = 3
_START_TURN_DEG = 12.0
_LEAST_COVERED = 0.3  # of the reference's body; a start that leaves it is no match
# Measured on real pairs with known affines: mean error inside the body where both volumes are of one modality, and
# where they are not. A smaller correction would not be one.
_OWN_ERROR_MM = {True: 0.8, False: 3.5}
# PET network intensities are roots of the uptake; descriptors of uptake^1.5 find the same edges as those of a CT, not
# the blurred skirt around them (measured: 4.7 → 4.0 mm)
_CONTRAST_POWER = {"pet": 3.0}
_REGION = 6  # voxels of the finest level along the side of a region (21 mm)
_LEAST_T = 4.0  # mean gain of the regions over its standard error


class InitialAlignment(NamedTuple):
    """What `align` found."""

    matrix: np.ndarray  # (4, 4): RAS reference point → RAS degraded point; the identity unless used
    similarity_before: float  # 1 - mean loss of the MIND-SSC difference at 3.5 mm, at the identity
    similarity_after: float  # the same at the affine that was found, used or not
    used: bool
    moved_mm: float  # mean displacement inside the body of the affine that was found, used or not
    confidence: float  # t of the regions' gain


class Image(NamedTuple):
    """One side of the alignment."""

    volume: Volume  # network intensities
    body: np.ndarray  # bool, on the volume's grid
    modality: str
    acquired: np.ndarray  # bool, on the volume's grid: False where the file is padded with a constant


def alignment_image(scalar: Volume, body: np.ndarray, modality: str, intensity: IntensityMap) -> Image:
    """Means of blocks, for the alignment works at 3.5 mm and coarser.

    Args:
        scalar: own units. body: bool, same shape. intensity: to network intensities.
    """
    coarse = shrink(scalar, (FINEST_MM,) * 3)
    inside, acquired = (
        shrink(Volume(mask.astype(np.float32), scalar.affine), (FINEST_MM,) * 3).array
        for mask in (body, acquired_mask(scalar.array, modality))
    )
    values = intensity.forward(coarse.array.astype(np.float32))
    return Image(Volume(values, coarse.affine), inside > 0.5, modality, acquired > 0.99)


def align(degraded: Image, reference: Image, tell: Callable[[float], None] = lambda fraction: None) -> InitialAlignment:
    """A with degraded(A X) like reference(X), from several starts, coarse to fine; the identity unless A helps.

    Args:
        degraded, reference: of one patient, on grids that overlap.
        tell: called with the fraction done; may raise to stop.
    """
    with torch.no_grad():
        frame = _frame(reference)
        total = sum(steps for _, steps in _LEVELS) + _KEPT_STARTS * _START_STEPS
        count = itertools.count(1)

        def one_step() -> None:
            tell(min(1.0, next(count) / total))

        level = _level(degraded, reference, _LEVELS[0][0], frame)
        matrix = _best_start(level, _centre(degraded) - frame.centre, one_step)
        for spacing, steps in _LEVELS:
            if spacing != level.spacing:
                level = _level(degraded, reference, spacing, frame)
            matrix = descend(level, matrix, steps, tell=one_step)
        return _judge(level, matrix, reference, degraded.modality == reference.modality)


def _best_start(level: Level, shift: np.ndarray, one_step: Callable[[], None]) -> np.ndarray:
    """The best of a few rigid descents, begun where the coarse residual is lowest."""
    candidates = sorted(_starts(level.frame, shift), key=lambda matrix: _score(level, matrix))[:_KEPT_STARTS]
    reached = [descend(level, matrix, _START_STEPS, RIGID, one_step) for matrix in candidates]
    return min(reached, key=lambda matrix: _score(level, matrix))


def _starts(frame: Frame, shift: np.ndarray) -> list[np.ndarray]:
    """Identity and centre of mass on centre of mass, each also turned by ± 12° about R, A and S."""
    turn = np.deg2rad(_START_TURN_DEG) * frame.radius
    turns = [np.zeros(3), *(sign * turn * np.eye(3)[axis] for axis in range(3) for sign in (1, -1))]
    return [matrix_of(np.concatenate([t, r, np.zeros(6)]), frame) for t in (np.zeros(3), shift) for r in turns]


def _score(level: Level, matrix: np.ndarray) -> float:
    energy, covered = level.energy(matrix)
    return energy + (1.0 if covered < _LEAST_COVERED else 0.0)


def _judge(level: Level, matrix: np.ndarray, reference: Image, one_modality: bool) -> InitialAlignment:
    """Keep A only if it moves the body by more than the method's error and the regions agree that it helps."""
    before, weight_before = level.residual(np.eye(4))
    after, weight_after = level.residual(matrix)
    weight = weight_before * weight_after
    t = _agreement((before - after) * weight, weight)
    moved = _moved_mm(matrix, reference)
    used = moved > _OWN_ERROR_MM[one_modality] and (t > _LEAST_T or _score(level, np.eye(4)) > 1)
    total = weight.sum().clamp(min=1)
    similarity = [1 - float((energy * weight).sum() / total) for energy in (before, after)]
    return InitialAlignment(matrix if used else np.eye(4), similarity[0], similarity[1], used, moved, t)


def _agreement(gain: Tensor, weight: Tensor) -> float:
    """t = mean / standard error of the gain per region, over regions that the body fills to a fifth."""
    pooled = [torch.nn.functional.avg_pool3d(v, _REGION, ceil_mode=True).flatten() for v in (gain, weight)]
    used = pooled[1] > 0.2
    regions = (pooled[0] / pooled[1].clamp(min=1e-6))[used]
    if regions.numel() < 4:
        return 0.0
    return float(regions.mean() / (regions.std() / regions.numel() ** 0.5).clamp(min=1e-9))


def _level(degraded: Image, reference: Image, spacing: float, frame: Frame) -> Level:
    # PET and its partner share few edges: those that fit at all decide (measured: 3.4 → 2.7 mm)
    loss = SATURATING if "pet" in (degraded.modality, reference.modality) else BY_SIZE
    return Level(_side(degraded), _side(reference), reference.body, spacing, frame, loss)


def _side(image: Image) -> Side:
    power = _CONTRAST_POWER.get(image.modality, 1.0)
    volume = image.volume if power == 1 else Volume(image.volume.array**power, image.volume.affine)
    return Side(volume, image.acquired)


def _frame(reference: Image) -> Frame:
    points = _points(reference)
    centre = points.mean(axis=0)
    radius = 1.5 * float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean() / 3))
    return Frame(centre, max(radius, 1.0))


def _centre(image: Image) -> np.ndarray:
    return _points(image).mean(axis=0)


def _moved_mm(matrix: np.ndarray, reference: Image) -> float:
    """Mean |A X - X| inside the body."""
    points = _points(reference)
    return float(np.linalg.norm(points @ (matrix[:3, :3] - np.eye(3)).T + matrix[:3, 3], axis=1).mean())


def _points(image: Image) -> np.ndarray:
    """`(n, 3)` RAS mm of body voxels, thinned to some ten thousand."""
    step = max(1, int((image.body.sum() / 1e4) ** (1 / 3)))
    index = np.argwhere(image.body[::step, ::step, ::step]) * step
    index = index if len(index) else np.argwhere(np.ones_like(image.body[::step, ::step, ::step])) * step
    return index @ image.volume.affine[:3, :3].T + image.volume.affine[:3, 3]
