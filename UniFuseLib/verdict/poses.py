"""What other poses say about the one that was found: wrong ones, mirrored ones, other measures.

All of them are climbed or scored on the pair itself, so no level of likeness is built in: a pair
that fits no better when it is right than when it is wrong has nothing to prove it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from UniFuseLib.registration.affine_measures import measures_of
from UniFuseLib.registration.affine_parameters import body_frame, distance_mm, rigid_matrix
from UniFuseLib.registration.affine_problem import AffineProblem
from UniFuseLib.registration.affine_solver import levenberg_marquardt

if TYPE_CHECKING:
    from UniFuseLib.registration.affine_measures import Measures
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

_COARSE_MM, _MEDIUM_MM = 8.0, 5.0
_STEPS = 8  # evaluations of a climb at most
_MIRROR_STEPS = 6
_WRONG_TURNS_DEG = (60.0, 120.0, 180.0)  # about R, A and S each
_WRONG_SHIFT = 0.5  # of the body's radius, along R, A and S, either way
_RESTART_DEG, _RESTART_MM = 8.0, 6.0
_POINTS = 2000


class PoseEvidence(NamedTuple):
    """Scores are those of `AffineProblem`; distances are means inside the body, mm."""

    level: float  # score at 5 mm
    level_coarse: float  # at 8 mm
    wrong_mean: float  # of turned and shifted poses, at 8 mm
    wrong_spread: float  # their standard deviation
    above_wrong: float  # (level_coarse - wrong_mean) / wrong_spread
    wrong_best_ratio: float  # best wrong pose against the found one, at 8 mm
    mirror_ratio: float  # best mirrored pose, climbed, against the found one, at 5 mm
    mirror_sigmas: float  # how many spreads the found one is better, at 8 mm
    information_mm: float  # from the found pose to the optimum of mutual information alone
    descriptors_mm: float  # to that of the descriptors alone
    measures_mm: float  # between these two
    inverse_mm: float  # to the optimum with the volumes exchanged
    restart_mm: float  # the farther of two other starts
    restart_near_mm: float  # the nearer
    better_ratio: float  # best score met anywhere against the found one, at 5 mm
    covered: float  # part of the body that is compared, 0 to 1


def pose_evidence(
    degraded: AlignmentVolume, reference: AlignmentVolume, pose: np.ndarray
) -> PoseEvidence:
    """What other poses reach.

    Args:
        degraded: the volume that is pulled.
        reference: whose body is compared.
        pose: B, `(4, 4)` RAS mm, the rigid motion nearest to the result.
    """
    pair = _Pair(degraded, reference)
    coarse = pair.problem(_COARSE_MM)
    medium = pair.problem(_MEDIUM_MM)
    at_coarse = coarse.expand(pose)
    at_medium = medium.expand(pose)
    wrong = [coarse.expand(matrix).score for matrix in pair.wrong(pose)]
    spread = max(float(np.std(wrong, ddof=1)), 1e-4)
    mirrored, mirrored_coarse = pair.mirrored(pose)
    by_information = pair.optimum(pose, information=1.0, descriptors=0.0)
    by_descriptors = pair.optimum(pose, information=0.0, descriptors=3.0)
    restarts = [pair.restarted(pose, sign) for sign in (1.0, -1.0)]
    apart = [pair.apart_mm(matrix, pose) for matrix, _ in restarts]
    level = max(at_medium.score, 1e-4)
    level_coarse = max(at_coarse.score, 1e-4)
    best = max(score for _, score in restarts)
    return PoseEvidence(
        level=at_medium.score,
        level_coarse=at_coarse.score,
        wrong_mean=float(np.mean(wrong)),
        wrong_spread=spread,
        above_wrong=(at_coarse.score - float(np.mean(wrong))) / spread,
        wrong_best_ratio=max(wrong) / level_coarse,
        mirror_ratio=mirrored / level,
        mirror_sigmas=(at_coarse.score - mirrored_coarse) / spread,
        information_mm=pair.apart_mm(by_information, pose),
        descriptors_mm=pair.apart_mm(by_descriptors, pose),
        measures_mm=pair.apart_mm(by_information, by_descriptors),
        inverse_mm=pair.apart_mm(pair.exchanged(pose), pose),
        restart_mm=max(apart),
        restart_near_mm=min(apart),
        better_ratio=max(best, mirrored, at_medium.score) / level,
        covered=at_medium.covered,
    )


class _Pair:
    """Both volumes at every spacing."""

    def __init__(self, degraded: AlignmentVolume, reference: AlignmentVolume) -> None:
        self._volumes = degraded, reference
        self.points = reference.points(_POINTS)
        self._frame = body_frame(self.points)
        self._measures = measures_of(degraded.modality, reference.modality)
        self._problems: dict[float, AffineProblem] = {}

    def problem(self, spacing: float) -> AffineProblem:
        if spacing not in self._problems:
            self._problems[spacing] = self._made(spacing, self._measures)
        return self._problems[spacing]

    def _made(self, spacing: float, measures: Measures) -> AffineProblem:
        return AffineProblem(*self._volumes, spacing, self._frame, measures)

    def apart_mm(self, one: np.ndarray, other: np.ndarray) -> float:
        return distance_mm(one, other, self.points)

    def wrong(self, pose: np.ndarray) -> list[np.ndarray]:
        """Turned and shifted so far that no patient fits."""
        centre = self._frame.centre
        image = (pose @ np.append(centre, 1.0))[:3]
        axes = np.eye(3)
        turns = [np.deg2rad(d) * axis for d in _WRONG_TURNS_DEG for axis in axes]
        rotations = Rotation.from_rotvec(turns).as_matrix()
        turned = [rigid_matrix(r @ pose[:3, :3], centre, image) for r in rotations]
        shift = _WRONG_SHIFT * self._frame.radius
        shifted = [_shifted(pose, sign * shift * axis) for sign in (1, -1) for axis in axes]
        return turned + shifted

    def mirrored(self, pose: np.ndarray) -> tuple[float, float]:
        """Scores at 5 and 8 mm of the best mirrored pose near the found one."""
        starts = [pose @ _reflection(axis, self._frame.centre) for axis in range(3)]
        coarse = [
            levenberg_marquardt(self.problem(_COARSE_MM), start, _MIRROR_STEPS) for start in starts
        ]
        best = max(coarse, key=lambda optimum: optimum.at.score)
        fine = levenberg_marquardt(self.problem(_MEDIUM_MM), best.matrix, _MIRROR_STEPS)
        return fine.at.score, best.at.score

    def optimum(self, pose: np.ndarray, information: float, descriptors: float) -> np.ndarray:
        """Where one measure alone climbs to from the found pose."""
        alone = self._measures._replace(information=information, descriptors=descriptors)
        return levenberg_marquardt(self._made(_MEDIUM_MM, alone), pose, _STEPS).matrix

    def restarted(self, pose: np.ndarray, sign: float) -> tuple[np.ndarray, float]:
        """Pose and score at 5 mm, climbed from beside the found one."""
        centre = self._frame.centre
        turn = np.deg2rad(sign * _RESTART_DEG) * np.array([0.6, -0.6, 0.53])
        beside = rigid_matrix(Rotation.from_rotvec(turn).as_matrix(), centre, centre)
        shift = sign * _RESTART_MM * np.array([0.53, 0.6, 0.6])
        start = _shifted(pose @ beside, shift)
        coarse = levenberg_marquardt(self.problem(_COARSE_MM), start, _STEPS)
        found = levenberg_marquardt(self.problem(_MEDIUM_MM), coarse.matrix, _STEPS)
        return found.matrix, found.at.score

    def exchanged(self, pose: np.ndarray) -> np.ndarray:
        """Where the reference climbs to on the degraded volume, as a motion of the latter."""
        degraded, reference = self._volumes
        frame = body_frame(degraded.points(_POINTS))
        problem = AffineProblem(reference, degraded, _MEDIUM_MM, frame, self._measures)
        back = levenberg_marquardt(problem, np.linalg.inv(pose), _STEPS)
        return np.linalg.inv(back.matrix)


def _shifted(pose: np.ndarray, shift: np.ndarray) -> np.ndarray:
    moved = pose.copy()
    moved[:3, 3] += shift
    return moved


def _reflection(axis: int, centre: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[axis, axis] = -1
    matrix[axis, 3] = 2 * centre[axis]
    return matrix
