"""Other answers to the same question: registrations that differ in one thing from the followed one.

Each starts at the pose that was found and climbs on its own: on one measure alone, with the volumes
exchanged, with twelve parameters, on half of the regions. Where the pair determines the pose, all
end where they began; where they part, nothing in the pair says which of them is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.registration.affine_levels import better_as_reference, levels_of
from UniFuseLib.registration.affine_measures import (
    descriptors_alone,
    information_alone,
    measures_of,
)
from UniFuseLib.registration.affine_parameters import AFFINE, RIGID, body_frame
from UniFuseLib.registration.affine_problem import AffineProblem
from UniFuseLib.registration.affine_solver import levenberg_marquardt
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.rigid import nearest_rigid

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.registration.affine_measures import Measures
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

_STEPS = 8  # evaluations of a climb at most
_POINTS = 2000
_REGION_MM = 32.0  # as in `regions.py`
_LEAST_SCORE = 1e-4


class Variation(NamedTuple):
    """A registration that differs in one thing from the one that was followed."""

    degraded: AlignmentVolume
    reference: AlignmentVolume
    measures: Measures
    freedom: int = RIGID
    exchanged: bool = False  # `degraded` is what was the reference

    def climbed(self, pose: np.ndarray, spacing: float, begin: np.ndarray | None = None) -> End:
        """Where it ends.

        Args:
            pose: that is followed, `(4, 4)` RAS reference point → RAS degraded point.
            spacing: mm.
            begin: where it starts, likewise; None: at the pose.
        """
        points = self.reference.points(_POINTS)
        problem = AffineProblem(
            self.degraded, self.reference, spacing, body_frame(points), self.measures
        )
        start = np.linalg.inv(pose) if self.exchanged else pose
        found = levenberg_marquardt(
            problem, start if begin is None else begin, _STEPS, self.freedom
        )
        gain = 0.0
        if self.freedom == AFFINE:
            rigid = nearest_rigid(points, mapped(found.matrix, points))
            without = max(problem.expand(matrix).score for matrix in (start, rigid))
            gain = found.at.score / max(without, _LEAST_SCORE) - 1
        return End(np.linalg.inv(found.matrix) if self.exchanged else found.matrix, gain)


class End(NamedTuple):
    """Where a variation ends."""

    matrix: np.ndarray  # (4, 4): RAS reference point → RAS degraded point
    stretch_gain: float = 0.0  # of the score, by what of the matrix is not rigid; 0 of a rigid one

    def turned_round(self) -> End:
        """Of the volumes exchanged."""
        return self._replace(matrix=np.linalg.inv(self.matrix))


def other_poses(
    degraded: AlignmentVolume,
    reference: AlignmentVolume,
    pose: np.ndarray,
    progress: Callable[[float], None] = lambda _: None,
) -> list[End]:
    """Where the variations end.

    The volume that `registration.affine.register` pulls is pulled here as well.

    Args:
        degraded: one side.
        reference: the other one.
        pose: that is followed, `(4, 4)` RAS reference point → RAS degraded point.
        progress: called with the fraction done (0 to 1); may raise to stop.
    """
    if better_as_reference(degraded, reference):
        back = _ends(reference, degraded, np.linalg.inv(pose), progress)
        return [end.turned_round() for end in back]
    return _ends(degraded, reference, pose, progress)


def finer_stretch(
    degraded: AlignmentVolume, reference: AlignmentVolume, pose: np.ndarray, coarse: End
) -> End | None:
    """Where twelve parameters end at the finest spacing; None of a slab, too thin to tell its size.

    Args:
        degraded: one side.
        reference: the other one.
        pose: that is followed, `(4, 4)` RAS reference point → RAS degraded point.
        coarse: where they ended at the spacing of `other_poses`.
    """
    if better_as_reference(degraded, reference):
        turned = coarse.turned_round().matrix
        back = _finest(reference, degraded, np.linalg.inv(pose), turned)
        return None if back is None else back.turned_round()
    return _finest(degraded, reference, pose, coarse.matrix)


def _finest(
    degraded: AlignmentVolume, reference: AlignmentVolume, pose: np.ndarray, begin: np.ndarray
) -> End | None:
    levels = levels_of(reference.compared_points())
    if not levels.whole:
        return None
    usual = measures_of(degraded.modality, reference.modality)
    return Variation(degraded, reference, usual, AFFINE).climbed(pose, levels.fine, begin)


def _ends(
    degraded: AlignmentVolume,
    reference: AlignmentVolume,
    pose: np.ndarray,
    progress: Callable[[float], None],
) -> list[End]:
    spacing = levels_of(reference.compared_points()).medium
    every = variations(degraded, reference)
    found = []
    for number, variation in enumerate(every):
        progress(number / len(every))
        found.append(variation.climbed(pose, spacing))
    return found


def variations(degraded: AlignmentVolume, reference: AlignmentVolume) -> list[Variation]:
    """All of a pair.

    Args:
        degraded: the volume that is pulled.
        reference: the other one.
    """
    usual = measures_of(degraded.modality, reference.modality)
    measures = [information_alone(usual), descriptors_alone(usual)]
    if usual.by_bone:
        measures.append(usual._replace(by_bone=False))
    return [
        *(Variation(degraded, reference, some) for some in measures),
        Variation(reference, degraded, usual, exchanged=True),
        Variation(degraded, reference, usual, AFFINE),
        *_halves(degraded, reference, usual),
    ]


def _halves(
    degraded: AlignmentVolume, reference: AlignmentVolume, usual: Measures
) -> list[Variation]:
    """On one half of the regions, and on the other one.

    A region counts by its voxels' weight, so that descriptors at its rim see what they always see.
    """
    by_bone = usual._replace(by_bone=True)  # the weights of the voxels are looked at
    pulled = degraded if usual.by_bone else degraded._replace(rigid_weight=None)
    weight = reference.rigid_weight if usual.by_bone else None
    first = division_of(reference)
    found = []
    for half in (first, 1 - first):
        chosen = half if weight is None else half * weight
        compared = reference._replace(rigid_weight=chosen.astype(np.float32))
        found.append(Variation(pulled, compared, by_bone))
    return found


def division_of(volume: AlignmentVolume) -> np.ndarray:
    """1 in a random half of the blocks of about 32 mm, else 0, `(d, h, w)` float32.

    Args:
        volume: on whose grid.
    """
    random = np.random.default_rng(0)
    grid = volume.values.grid
    sides = np.maximum(1, np.round(_REGION_MM / grid.spacing)).astype(int)
    offsets = random.integers(0, sides)
    block = [(np.arange(n) + o) // s for n, o, s in zip(grid.shape, offsets, sides, strict=True)]
    chosen = random.integers(0, 2, tuple(int(along[-1]) + 1 for along in block))
    return np.asarray(chosen[np.ix_(*block)], dtype=np.float32)
