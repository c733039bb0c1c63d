"""Which pose is followed, and whether any: by what poses that are certainly wrong reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.registration.affine_parameters import distance_mm, rotation_degrees

if TYPE_CHECKING:
    from collections.abc import Sequence

# A pose that is turned by more against the best one is certainly wrong: no start that close to the
# truth ended elsewhere
WRONG_DEG = 45.0
# Farther than a patient moves between two scans of one session
FAR_DEG, FAR_MM = 30.0, 60.0
# Above chance, in units of its spread: five alone, or four and one and a half times the best wrong
# pose; both where the pose is far. CT slabs reach 4.7 and 1.5, stripped heads 7 and 1.36; different
# regions 6.5 and 1.35, 5.9 and 1.45, or 4.2 and 1.65, each in a pose that is far (decision 0045)
_ENOUGH_SIGMAS = 5.0
_LEAST_SIGMAS, _LEAST_RATIO = 4.0, 1.5
_CLEARLY_BETTER_SIGMAS = 2.0  # than the pose of the files, to leave it for one that is far
_LEAST_SPREAD = 0.05  # of the mean: a handful of wrong poses may agree by accident
_LEAST_COVERED = 0.3


class Candidate(NamedTuple):
    """A pose that was reached."""

    matrix: np.ndarray  # (4, 4): RAS reference point → RAS degraded point
    score: float  # of `AffineProblem`
    covered: float  # part of the reference's body, 0 to 1


class Chance(NamedTuple):
    """Scores of poses that are certainly wrong, climbed like all others."""

    mean: float
    spread: float  # standard deviation
    best: float  # the highest

    def beaten_by(self, score: float) -> bool:
        """By more than its spread explains."""
        return self.sigmas(score) > _ENOUGH_SIGMAS or self.far_below(score)

    def far_below(self, score: float) -> bool:
        """Each wrong pose, and not only what is usual among them."""
        return self.sigmas(score) > _LEAST_SIGMAS and score > _LEAST_RATIO * self.best

    def beaten_both_ways(self, score: float) -> bool:
        """By its spread, and by each wrong pose."""
        return self.sigmas(score) > _ENOUGH_SIGMAS and self.far_below(score)

    def sigmas(self, score: float) -> float:
        """How far a score is above, in units of the spread."""
        return (score - self.mean) / max(self.spread, 1e-9)


class Evidence(NamedTuple):
    """Why a pose is followed, or not; of the pose that was found, followed or not."""

    score: float  # at the coarsest spacing
    chance: Chance  # what wrong poses reach there
    gain: float  # relative rise of the score over the best resting pose, at the finest spacing
    starts_agreeing: float  # part of the first starts that ended within 10 mm, 0 to 1
    runner_up_mm: float  # mean distance of the second finalist from the pose; 0: there was none
    runner_up_score: float  # of the second finalist, at the medium spacing
    covered: float  # part of the reference's body, 0 to 1
    moved_mm: float  # mean displacement inside the body
    rotation_deg: float
    stretch_percent: float  # the largest, either way

    @property
    def convincing(self) -> bool:
        """Clearly better than chance; a pose that is far from the files even more clearly."""
        chance = self.chance
        if self.far:
            return chance.beaten_both_ways(self.score)
        return chance.beaten_by(self.score)

    @property
    def scant(self) -> bool:
        """Convincing by one of two ways alone, the weaker one."""
        return self.chance.sigmas(self.score) <= _ENOUGH_SIGMAS

    @property
    def far(self) -> bool:
        """Farther from the pose of the files than a patient moves in one session."""
        return self.rotation_deg > FAR_DEG or self.moved_mm > FAR_MM


def chance_of(best: Candidate, drawn: Sequence[Candidate]) -> Chance:
    """Of those that are turned by more than `WRONG_DEG` against the best one.

    Args:
        best: of all poses.
        drawn: poses from all over that climbed at the same spacing, at least two of them others.
    """
    wrong = [c for c in drawn if apart_degrees(best.matrix, c.matrix) > WRONG_DEG]
    scores = [c.score for c in (wrong if len(wrong) > 1 else drawn)]
    mean, spread = float(np.mean(scores)), float(np.std(scores, ddof=1))
    return Chance(mean, max(spread, _LEAST_SPREAD * abs(mean)), max(scores))


def likely(candidates: Sequence[Candidate], chance: Chance) -> list[Candidate]:
    """Without those that are nearer to chance than to the best one, where that beats chance.

    Args:
        candidates: at one spacing.
        chance: there.
    """
    best = max(candidate.score for candidate in candidates)
    if not chance.far_below(best):
        return list(candidates)
    least = (best + chance.mean) / 2
    return [candidate for candidate in candidates if candidate.score >= least]


def choose(
    candidates: Sequence[Candidate],
    chance: Chance,
    points: np.ndarray,
    resting: Sequence[np.ndarray] = (np.eye(4),),
) -> Candidate:
    """The best one; one that is far from the files only where it is clearly better.

    Args:
        candidates: finalists, at one spacing.
        chance: whose spread says what is clear.
        points: `(n, 3)` RAS mm of the body.
        resting: `(4, 4)` each: the pose of the files, and those that the user gave.
    """
    best = max(candidates, key=lambda c: c.score)
    near = [c for c in candidates if is_near(c.matrix, points, resting)]
    if not near:
        return best
    nearest = max(near, key=lambda c: c.score)
    clear = best.score - nearest.score > _CLEARLY_BETTER_SIGMAS * chance.spread
    return best if clear else nearest


def is_near(
    matrix: np.ndarray, points: np.ndarray, resting: Sequence[np.ndarray] = (np.eye(4),)
) -> bool:
    """Whether a patient moves that far between two scans of one session.

    Args:
        matrix: `(4, 4)` RAS mm.
        points: `(n, 3)` RAS mm of the body.
        resting: `(4, 4)` each: one of them has to be near.
    """
    return any(
        apart_degrees(matrix, pose) <= FAR_DEG and distance_mm(matrix, pose, points) <= FAR_MM
        for pose in resting
    )


def apart_degrees(one: np.ndarray, other: np.ndarray) -> float:
    """Angle between two rotations, 0 to 180°.

    Args:
        one: `(4, 4)`.
        other: `(4, 4)`.
    """
    return rotation_degrees(np.linalg.inv(one) @ other)


def stretch_percent(matrix: np.ndarray) -> float:
    """The largest stretch along any direction, either way.

    Args:
        matrix: `(4, 4)`.
    """
    stretches = np.linalg.svd(matrix[:3, :3], compute_uv=False)
    return float(100 * np.abs(stretches - 1).max())


def warnings_of(evidence: Evidence, *, guided: bool = False) -> tuple[str, ...]:
    """What the user has to know about the pose, in sentences.

    Args:
        evidence: of the pose that was found.
        guided: the user gave a pose: where one was found, near it.
    """
    if not evidence.convincing:
        place = (
            "the initial pose is used as it is"
            if guided
            else "they stay where their files place them"
        )
        return (
            "No pose was found in which the two volumes agree clearly better than by chance "
            f"(score {evidence.score:.2f}; wrong poses reach {evidence.chance.mean:.2f} ± "
            f"{evidence.chance.spread:.2f}, {evidence.chance.best:.2f} at most), so {place}. Check "
            "that both show the same region of the same patient, and their modalities.",
        )
    found = []
    if evidence.scant:
        found.append(
            "The two volumes agree better than by chance, but not by much "
            f"(score {evidence.score:.2f}; wrong poses reach {evidence.chance.mean:.2f} ± "
            f"{evidence.chance.spread:.2f}, {evidence.chance.best:.2f} at most). Check the pose."
        )
    if evidence.far and not guided:
        found.append(
            f"The degraded volume was moved by {evidence.moved_mm:.0f} mm and turned by "
            f"{evidence.rotation_deg:.0f}° against what its file says. Check the pose."
        )
    if evidence.covered < _LEAST_COVERED:
        found.append(
            f"The alignment rests on {100 * evidence.covered:.0f} % of the reference's body: no "
            "more of it lies in the degraded volume. Check it."
        )
    return tuple(found)
