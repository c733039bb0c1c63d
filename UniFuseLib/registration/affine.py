"""The global part of the alignment: an affine by descent on MIND-SSC, followed as far as it is
worth believing.

Several starts at the coarsest spacing, then three spacings (`affine_solver.py`); how much of the
result is believed is decided in `affine_shrinkage.py`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.preprocessing.body import acquired_mask
from UniFuseLib.registration.affine_shrinkage import LEAST_COVERED, judge
from UniFuseLib.registration.affine_solver import (
    BY_SIZE,
    RIGID,
    SATURATING,
    Frame,
    Level,
    Side,
    descend,
    matrix_of,
)
from UniFuseLib.spatial.resampling import shrink
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.preprocessing.intensity import IntensityMap

# (spacing in mm, steps at most)
_LEVELS = ((8.0, 16), (5.0, 10), (3.5, 6))
FINEST_MM = _LEVELS[-1][0]
_START_STEPS = 6
_KEPT_STARTS = 3
_START_TURN_DEG = 12.0
# PET network intensities are roots of the uptake; descriptors of uptake^1.5 find the same edges as
# those of a CT, not the blurred skirt around them (measured: 4.7 → 4.0 mm)
_CONTRAST_POWER = {"pet": 3.0}
# CT beside MR: bone is what both sessions share, skin and muscle lie 3 to 10 mm apart (measured:
# 5.7 → 4.7 mm)
_BONE = 0.75  # network intensity of 240 HU
_BONE_REACH_MM = 10.0
_LEAST_IMPORTANCE = 0.1  # far from bone


class InitialAlignment(NamedTuple):
    """What `align` found."""

    matrix: np.ndarray  # (4, 4): RAS reference point → RAS degraded point; the identity unless used
    similarity_before: float  # 1 - mean loss of the MIND-SSC difference at 3.5 mm, at the identity
    similarity_after: float  # the same at the affine that was found, used or not
    used: bool
    moved_mm: float  # mean displacement inside the body of the affine that was found, used or not
    confidence: float  # t of the regions' gain
    believed: float = 1.0  # part of the affine that was found which `matrix` follows, 0 to 1


class Image(NamedTuple):
    """One side of the alignment."""

    volume: Volume  # network intensities
    body: np.ndarray  # bool, on the volume's grid
    modality: str
    acquired: (
        np.ndarray
    )  # bool, on the volume's grid: False where the file is padded with a constant


def alignment_image(
    scalar: Volume, body: np.ndarray, modality: str, intensity: IntensityMap
) -> Image:
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


def align(
    degraded: Image, reference: Image, tell: Callable[[float], None] = lambda fraction: None
) -> InitialAlignment:
    """A with degraded(A X) like reference(X), from several starts, coarse to fine; as far as A is
    believed.

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
        moved = _moved_mm(matrix, reference)
        belief = judge(level, matrix, moved, (degraded.modality, reference.modality))
        return InitialAlignment(
            belief.matrix, *belief.similarity, belief.part > 0, moved, belief.agreement, belief.part
        )


def _best_start(level: Level, shift: np.ndarray, one_step: Callable[[], None]) -> np.ndarray:
    """The best of a few rigid descents, begun where the coarse residual is lowest."""
    candidates = sorted(_starts(level.frame, shift), key=lambda matrix: _score(level, matrix))[
        :_KEPT_STARTS
    ]
    reached = [descend(level, matrix, _START_STEPS, RIGID, one_step) for matrix in candidates]
    return min(reached, key=lambda matrix: _score(level, matrix))


def _starts(frame: Frame, shift: np.ndarray) -> list[np.ndarray]:
    """Identity and centre of mass on centre of mass, each also turned by ± 12° about R, A and S."""
    turn = np.deg2rad(_START_TURN_DEG) * frame.radius
    turns = [np.zeros(3), *(sign * turn * np.eye(3)[axis] for axis in range(3) for sign in (1, -1))]
    return [
        matrix_of(np.concatenate([t, r, np.zeros(6)]), frame)
        for t in (np.zeros(3), shift)
        for r in turns
    ]


def _score(level: Level, matrix: np.ndarray) -> float:
    energy, covered = level.energy(matrix)
    return energy + (1.0 if covered < LEAST_COVERED else 0.0)


def _level(degraded: Image, reference: Image, spacing: float, frame: Frame) -> Level:
    # PET and its partner share few edges: those that fit at all decide (measured: 3.4 → 2.7 mm)
    loss = SATURATING if "pet" in (degraded.modality, reference.modality) else BY_SIZE
    bones = {degraded.modality, reference.modality} == {"ct", "mr"}
    return Level(
        _side(degraded, bones), _side(reference, bones), reference.body, spacing, frame, loss
    )


def _side(image: Image, bones: bool) -> Side:
    power = _CONTRAST_POWER.get(image.modality, 1.0)
    volume = image.volume if power == 1 else Volume(image.volume.array**power, image.volume.affine)
    return Side(
        volume,
        image.acquired,
        _near_bone(image.volume) if bones and image.modality == "ct" else None,
    )


def _near_bone(ct: Volume) -> np.ndarray | None:
    """1 in bone, a Gaussian of the distance around it, `(d, h, w)`; None where there is none."""
    bone = ct.array > _BONE
    if not bone.any():
        return None
    distance = ndimage.distance_transform_edt(~bone, sampling=ct.grid.spacing)
    return _LEAST_IMPORTANCE + (1 - _LEAST_IMPORTANCE) * np.exp(
        -0.5 * (distance / _BONE_REACH_MM) ** 2
    )


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
    return float(
        np.linalg.norm(points @ (matrix[:3, :3] - np.eye(3)).T + matrix[:3, 3], axis=1).mean()
    )


def _points(image: Image) -> np.ndarray:
    """`(n, 3)` RAS mm of body voxels, thinned to some ten thousand."""
    step = max(1, int((image.body.sum() / 1e4) ** (1 / 3)))
    index = np.argwhere(image.body[::step, ::step, ::step]) * step
    index = (
        index
        if len(index)
        else np.argwhere(np.ones_like(image.body[::step, ::step, ::step])) * step
    )
    return index @ image.volume.affine[:3, :3].T + image.volume.affine[:3, 3]
