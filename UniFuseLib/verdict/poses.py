"""What other poses say about the one that was found: turned, shifted and mirrored ones.

All of them are scored on the pair itself, so no level of likeness is built in: a pair that fits no
better when it is right than when it is wrong has nothing to prove it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from UniFuseLib.registration.affine_measures import measures_of
from UniFuseLib.registration.affine_parameters import body_frame, rigid_matrix
from UniFuseLib.registration.affine_problem import AffineProblem
from UniFuseLib.registration.affine_solver import levenberg_marquardt

if TYPE_CHECKING:
    from UniFuseLib.registration.affine_parameters import BodyFrame
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

_COARSE_MM, _MEDIUM_MM = 8.0, 5.0
_MIRROR_STEPS = 6  # evaluations of a climb at most
_WRONG_TURNS_DEG = (60.0, 120.0, 180.0)  # about R, A and S each
_WRONG_SHIFT = 0.5  # of the body's radius, along R, A and S, either way
_POINTS = 2000
_LEAST_LEVEL = 1e-4


class PoseEvidence(NamedTuple):
    """Scores are those of `AffineProblem`."""

    level: float  # of the found pose, at 5 mm
    level_coarse: float  # at 8 mm
    above_wrong: float  # (level_coarse - mean of wrong poses) / their standard deviation
    wrong_best_ratio: float  # best wrong pose against the found one, at 8 mm
    mirror_ratio: float  # best mirrored pose, climbed, against the found one, at 5 mm
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
    frame = body_frame(reference.points(_POINTS))
    measures = measures_of(degraded.modality, reference.modality)
    coarse = AffineProblem(degraded, reference, _COARSE_MM, frame, measures)
    medium = AffineProblem(degraded, reference, _MEDIUM_MM, frame, measures)
    level_coarse = coarse.expand(pose).score  # first: chance is measured there
    at_medium = medium.expand(pose)
    wrong = [coarse.expand(matrix).score for matrix in wrong_poses(pose, frame)]
    spread = max(float(np.std(wrong, ddof=1)), _LEAST_LEVEL)
    return PoseEvidence(
        level=at_medium.score,
        level_coarse=level_coarse,
        above_wrong=(level_coarse - float(np.mean(wrong))) / spread,
        wrong_best_ratio=max(wrong) / max(level_coarse, _LEAST_LEVEL),
        mirror_ratio=_mirrored(coarse, medium, pose) / max(at_medium.score, _LEAST_LEVEL),
        covered=at_medium.covered,
    )


def wrong_poses(pose: np.ndarray, frame: BodyFrame) -> list[np.ndarray]:
    """Turned and shifted so far that no patient fits, `(4, 4)` RAS mm each.

    Args:
        pose: the found one, `(4, 4)` RAS mm.
        frame: of the reference's body.
    """
    centre = frame.centre
    image = pose[:3, :3] @ centre + pose[:3, 3]
    axes = np.eye(3)
    turns = [np.deg2rad(degrees) * axis for degrees in _WRONG_TURNS_DEG for axis in axes]
    rotations = Rotation.from_rotvec(turns).as_matrix()
    turned = [rigid_matrix(rotation @ pose[:3, :3], centre, image) for rotation in rotations]
    shift = _WRONG_SHIFT * frame.radius
    return turned + [_shifted(pose, sign * shift * axis) for sign in (1, -1) for axis in axes]


def _mirrored(coarse: AffineProblem, medium: AffineProblem, pose: np.ndarray) -> float:
    """Score at 5 mm of the best mirrored pose near the found one.

    Mirrored along R, A and S each: which of them is the plane of symmetry depends on how the
    patient lay, and the climb finds the turn between them only where it is small.
    """
    starts = [pose @ _reflection(axis, coarse.frame.centre) for axis in range(3)]
    reached = [levenberg_marquardt(coarse, start, _MIRROR_STEPS) for start in starts]
    best = max(reached, key=lambda optimum: optimum.at.score)
    return levenberg_marquardt(medium, best.matrix, _MIRROR_STEPS).at.score


def _shifted(pose: np.ndarray, shift: np.ndarray) -> np.ndarray:
    moved = pose.copy()
    moved[:3, 3] += shift
    return moved


def _reflection(axis: int, centre: np.ndarray) -> np.ndarray:
    """Through the centre, across one axis."""
    matrix = np.eye(4)
    matrix[axis, axis] = -1
    matrix[axis, 3] = 2 * centre[axis]
    return matrix
