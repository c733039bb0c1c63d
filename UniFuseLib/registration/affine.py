"""The global part of the alignment: one motion of the whole body, followed wholly or not at all.

Poses from all over are ranked by mutual information (`pose_search.py`), the best of them climb on
mutual information and MIND-SSC descriptors together (`affine_problem.py`, `affine_solver.py`),
coarse to fine. Poses that are certainly wrong climb as well: what they reach is what chance gives
(`affine_decision.py`, `affine_search.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch

from UniFuseLib.registration.affine_decision import (
    Evidence,
    is_near,
    stretch_percent,
    warnings_of,
)
from UniFuseLib.registration.affine_levels import better_as_reference
from UniFuseLib.registration.affine_parameters import AFFINE, rotation_degrees
from UniFuseLib.registration.affine_search import Climber, search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from UniFuseLib.registration.affine_decision import Candidate
    from UniFuseLib.registration.affine_search import Search
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

Freedom = Literal["rigid", "affine"]
_PATIENCE = 25  # evaluations for the pose that is followed: limbs are smooth along their bone
_AGREE_MM = 10.0
# Of the score: volumes that are aligned gain 0.03 at most in 9 of 10 pairs, 3 mm off 0.06 and more
_LEAST_GAIN = 0.05  # (0045)
# The worst error on heads, CT on MR (0045): a pose of the user that is nearer may be the better one
_ERROR_MM = 2.0
_LEAST_STRETCH_GAIN = 0.2  # of the score; pairs of heads that are not stretched reach 0.17 (0045)
STRETCH_TO_TELL = 1.0  # percent


class AffineResult(NamedTuple):
    """What `register` found, and what of it is followed."""

    matrix: np.ndarray  # (4, 4): RAS reference point → RAS degraded point
    # of `matrix`; none: the identity; given: a pose of the user, as it is
    freedom: Literal["none", "given", "rigid", "affine"]
    evidence: Evidence | None  # None where nothing was looked for
    warnings: tuple[str, ...]

    @property
    def followed(self) -> bool:
        """Whether `matrix` is other than the pose of the files."""
        return self.freedom != "none"


def unmoved(given: Sequence[np.ndarray] = ()) -> AffineResult:
    """The first given pose, else that of the files, without looking for another.

    Args:
        given: `(4, 4)` RAS mm each.
    """
    return _resting(given[0] if given else np.eye(4), None, ())


def register(
    degraded: AlignmentVolume,
    reference: AlignmentVolume,
    freedom: Freedom = "rigid",
    progress: Callable[[float], None] = lambda _: None,
    given: Sequence[np.ndarray] = (),
) -> AffineResult:
    """A with degraded(A X) like reference(X), from any pose; the identity if chance does as well.

    A pose that the user gave is one start more. Where nothing clearly better is found, it stays.

    Args:
        degraded: the volume that is pulled.
        reference: of the same patient.
        freedom: `rigid`; `affine` stretches and shears as well where the volumes clearly carry it.
        progress: called with the fraction done (0 to 1); may raise to stop.
        given: poses of the user, `(4, 4)` RAS mm each.
    """
    with torch.no_grad():
        if not better_as_reference(degraded, reference):
            return _decided(Climber(degraded, reference, progress, given), freedom)
        share = min(1.0, degraded.body_ml() / reference.body_ml())
        turned = [np.linalg.inv(matrix) for matrix in given]
        back = _decided(Climber(reference, degraded, progress, turned), freedom, share)
        return back._replace(matrix=np.linalg.inv(back.matrix))


def _decided(pair: Climber, freedom: Freedom, share: float = 1.0) -> AffineResult:
    """The pose of a pair, and whether it is followed.

    Args:
        pair: whose second volume is compared wholly.
        freedom: see `register`.
        share: of the reference's body that could be compared.
    """
    given, fine = pair.given, pair.levels.fine
    coarse = search(pair)
    settled = pair.climb(pair.levels.medium, coarse.chosen.matrix, steps=_PATIENCE)
    # a given pose that is right already must not be lost on the coarse levels
    reached = pair.climb_all(fine, (settled.matrix, *given))
    found = max(reached, key=lambda candidate: candidate.score)
    rest = max(pair.resting, key=lambda matrix: pair.problem(fine).expand(matrix).score)
    evidence = _evidence(pair, coarse, found, rest)._replace(covered=share * found.covered)
    if not evidence.convincing:
        warnings = warnings_of(evidence, guided=bool(given))
        return _resting(unmoved(given).matrix, evidence, warnings)
    guided = bool(given) and is_near(found.matrix, pair.points, given)
    rigid = AffineResult(found.matrix, "rigid", evidence, warnings_of(evidence, guided=guided))
    result = _stretched(pair, rigid, found) if freedom == "affine" else rigid
    if result.freedom == "rigid" and evidence.gain < _LEAST_GAIN:
        return _resting(rest, evidence, ())
    alike = [pose for pose in given if pair.apart_mm(pose, found.matrix) < _ERROR_MM]
    if result.freedom == "rigid" and alike:
        return _resting(alike[0], evidence, ())
    return result


def _resting(
    matrix: np.ndarray, evidence: Evidence | None, warnings: tuple[str, ...]
) -> AffineResult:
    """A pose of the files or of the user that stays."""
    as_filed = np.array_equal(matrix, np.eye(4))
    return AffineResult(matrix, "none" if as_filed else "given", evidence, warnings)


def _evidence(pair: Climber, coarse: Search, found: Candidate, rest: np.ndarray) -> Evidence:
    def apart_mm(matrix: np.ndarray) -> float:
        return pair.apart_mm(matrix, found.matrix)

    at_rest = pair.problem(pair.levels.fine).expand(rest).score
    agreeing = [apart_mm(candidate.matrix) < _AGREE_MM for candidate in coarse.first]
    return Evidence(
        score=pair.problem(pair.levels.coarse).expand(found.matrix).score,
        chance=coarse.chance,
        gain=(found.score - at_rest) / max(abs(found.score), 1e-9),
        starts_agreeing=sum(agreeing) / len(agreeing),
        runner_up_mm=apart_mm(coarse.second.matrix),
        runner_up_score=coarse.second.score,
        covered=found.covered,
        moved_mm=apart_mm(np.eye(4)),
        rotation_deg=rotation_degrees(found.matrix),
        stretch_percent=stretch_percent(found.matrix),
    )


def _stretched(pair: Climber, rigid: AffineResult, found: Candidate) -> AffineResult:
    """With twelve parameters, where they raise the score by more than chance does."""
    twelve = pair.climb(pair.levels.fine, found.matrix, AFFINE)
    if twelve.score - found.score < _LEAST_STRETCH_GAIN * found.score:
        return rigid
    stretch = stretch_percent(twelve.matrix)
    evidence = rigid.evidence and rigid.evidence._replace(stretch_percent=stretch)
    warnings = rigid.warnings
    if stretch > STRETCH_TO_TELL:
        warnings += (
            f"The alignment stretched the degraded volume by up to {stretch:.1f} %, more than a "
            "patient changes. Check the voxel sizes of both files.",
        )
    return AffineResult(twelve.matrix, "affine", evidence, warnings)
