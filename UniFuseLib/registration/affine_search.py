"""From every pose to one: ranked poses climb at the coarse spacings, and the best one is chosen."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.registration.affine_decision import (
    WRONG_DEG,
    Candidate,
    Chance,
    apart_degrees,
    chance_of,
    choose,
    is_near,
    likely,
)
from UniFuseLib.registration.affine_levels import levels_of
from UniFuseLib.registration.affine_measures import measures_of
from UniFuseLib.registration.affine_parameters import RIGID, body_frame, distance_mm
from UniFuseLib.registration.affine_problem import AffineProblem
from UniFuseLib.registration.affine_solver import levenberg_marquardt
from UniFuseLib.registration.pose_search import PoseScore, all_poses, header_poses, ranked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from UniFuseLib.registration.alignment_volume import AlignmentVolume

_STEPS, _FINE_STEPS = 10, 12  # evaluations of a climb at most
_NEAR_STARTS, _FAR_STARTS, _WRONG_STARTS, _FINALISTS = 3, 5, 7, 3
_NEAR_APART_MM, _APART_MM = 5.0, 15.0  # starts, and finalists, that are nearer than this are one
_WRONG_APART_DEG = 45.0
_WRONG_MARGIN_DEG = 15.0  # that a wrong start may turn back in its climb
_EVALUATIONS = 190  # at most about, of one registration


class Search(NamedTuple):
    """What the coarse levels ended with."""

    first: list[Candidate]  # where the starts went
    chance: Chance
    chosen: Candidate
    second: Candidate  # the best other finalist; the chosen one if there is none


class Climber:
    """Both volumes at every spacing, the poses from all over, and a count of the evaluations."""

    def __init__(
        self,
        degraded: AlignmentVolume,
        reference: AlignmentVolume,
        progress: Callable[[float], None] = lambda _: None,
        given: Sequence[np.ndarray] = (),
    ) -> None:
        self._volumes = degraded, reference
        self.given = tuple(given)
        self.resting = (np.eye(4), *given)  # poses that may stay as they are
        self.points = reference.compared_points()
        self._frame = body_frame(self.points)
        self.levels = levels_of(self.points)
        self._measures = measures_of(degraded.modality, reference.modality)
        self._problems: dict[float, AffineProblem] = {}
        self._count = itertools.count(1)
        self._progress = progress
        score = PoseScore(degraded, reference)
        near = header_poses(degraded, reference)
        far = all_poses(degraded, reference)
        self.near = ranked(score, near).matrices
        self.far = ranked(score, far).matrices

    def problem(self, spacing: float) -> AffineProblem:
        """Both volumes at `spacing` mm."""
        if spacing not in self._problems:
            self._problems[spacing] = AffineProblem(
                *self._volumes, spacing, self._frame, self._measures
            )
        return self._problems[spacing]

    def climb(
        self,
        spacing: float,
        matrix: np.ndarray,
        freedom: int = RIGID,
        steps: int | None = None,
    ) -> Candidate:
        """Steps up the score at `spacing` mm, from `matrix`."""
        problem = self.problem(spacing)
        most = steps or (_FINE_STEPS if spacing == self.levels.fine else _STEPS)
        found = levenberg_marquardt(problem, matrix, most, freedom, self.step)
        return Candidate(found.matrix, found.at.score, found.at.covered)

    def climb_all(self, spacing: float, matrices: Iterable[np.ndarray]) -> list[Candidate]:
        """`climb` from each."""
        return [self.climb(spacing, matrix) for matrix in matrices]

    def apart_mm(self, one: np.ndarray, other: np.ndarray) -> float:
        """Mean distance inside the body of where both send a point."""
        return distance_mm(one, other, self.points)

    def step(self) -> None:
        """One evaluation more."""
        done = next(self._count) / _EVALUATIONS
        self._progress(min(1.0, done))


def _best(candidates: list[Candidate]) -> Candidate:
    return max(candidates, key=lambda candidate: candidate.score)


def search(pair: Climber) -> Search:
    """From every pose to one."""
    near_starts = _near_starts(pair)
    far_starts = _far_starts(pair)
    coarse, medium, _ = pair.levels
    near = pair.climb_all(coarse, near_starts)
    far = pair.climb_all(coarse, far_starts)
    wrong_starts = _wrong_starts(pair, far_starts, best=_best(near + far))
    wrong = pair.climb_all(coarse, wrong_starts)
    reached = near + far + wrong
    # of poses that were drawn alike: those around the files may be stuck where nothing fits
    chance = chance_of(_best(reached), far + wrong)
    finalists = pair.climb_all(medium, _finalists(pair, reached, chance))
    chosen = choose(finalists, chance, pair.points, pair.resting)
    others = [candidate for candidate in finalists if candidate is not chosen]
    return Search(near + far, chance, chosen, _best(others or [chosen]))


def _near_starts(pair: Climber) -> list[np.ndarray]:
    """That of the files, the best poses around it, and those that the user gave."""
    starts = _distinct([np.eye(4), *pair.near], _NEAR_STARTS, pair.apart_mm, _NEAR_APART_MM)
    return [*starts, *pair.given]


def _far_starts(pair: Climber) -> list[np.ndarray]:
    """The best of all poses."""
    return _distinct(pair.far, _FAR_STARTS, pair.apart_mm, _APART_MM)


def _wrong_starts(pair: Climber, starts: list[np.ndarray], best: Candidate) -> list[np.ndarray]:
    """The best among the poses that are certainly wrong if `best` is right, beside the starts."""
    least = WRONG_DEG + _WRONG_MARGIN_DEG
    taken = [matrix for matrix in starts if apart_degrees(best.matrix, matrix) > least]

    def beside(matrix: np.ndarray) -> bool:
        return all(apart_degrees(matrix, other) > _WRONG_APART_DEG for other in taken)

    wrong = (m for m in pair.far if apart_degrees(best.matrix, m) > least and beside(m))
    count = max(0, _WRONG_STARTS - len(taken))
    return _distinct(wrong, count, apart_degrees, _WRONG_APART_DEG)


def _finalists(pair: Climber, reached: list[Candidate], chance: Chance) -> list[np.ndarray]:
    """The best ones, one of them near the pose of the files, or a given one, if any is."""
    ordered = sorted(likely(reached, chance), key=lambda candidate: -candidate.score)
    matrices = [candidate.matrix for candidate in ordered]
    chosen = _distinct(matrices, _FINALISTS, pair.apart_mm, _APART_MM)
    near = [matrix for matrix in matrices if is_near(matrix, pair.points, pair.resting)]
    if any(is_near(matrix, pair.points, pair.resting) for matrix in chosen):
        return chosen
    return chosen + near[:1]


def _distinct(
    matrices: Iterable[np.ndarray],
    count: int,
    distance: Callable[[np.ndarray, np.ndarray], float],
    least: float,
) -> list[np.ndarray]:
    """The first `count` of which no two are nearer than `least`."""
    kept: list[np.ndarray] = []
    for matrix in matrices:
        if len(kept) == count:
            break
        if all(distance(matrix, other) > least for other in kept):
            kept.append(matrix)
    return kept
