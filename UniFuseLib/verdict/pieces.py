"""Whether the body was bent between the scans: pieces of it from head to foot, each registered
alone.

One rigid motion cannot follow a neck or a knee that was bent. Whatever part is largest decides the
pose then, all registrations of the whole agree on it, and beyond the bend it is off by centimetres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.registration.affine_levels import better_as_reference, levels_of
from UniFuseLib.registration.affine_measures import measures_of
from UniFuseLib.registration.affine_parameters import body_frame
from UniFuseLib.registration.affine_problem import AffineProblem
from UniFuseLib.registration.affine_solver import levenberg_marquardt
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.resampling import inside
from UniFuseLib.spatial.rigid import nearest_rigid
from UniFuseLib.verdict.field import images_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

_POINTS = 10_000
_LEAST_POINTS = 50  # of a piece, for it to have a say
_PIECE_MM, _LEAST_MM = 70.0, 80.0  # of a piece, about; of a body that has two
_MOST = 8  # pieces: those of a whole body are longer
_STEPS = 8  # evaluations of a climb at most
_LEAST_SCORE = 1e-4
# Of the score of the best piece: what was stripped agrees with nothing (0.01), pieces beyond a bend
# have half of it and more
_LEAST_OF_BEST = 0.25
# docs/decisions/0111: pieces of good results gain at most 0.07 where they move by 3 mm and more; of
# necks that were bent by 6°, whose lower end is 7 mm off, 0.3 and more, and lie 4 mm away
_LEAST_GAIN, _LEAST_MOVED_MM = 0.1, 3.0


class Piece(NamedTuple):
    """Where a part of the body ends that is registered alone."""

    from_mm: float  # S of the reference, its lower end
    to_mm: float  # its upper end
    moved_mm: float  # mean distance from where the result has it
    gain: float  # of the score by moving there
    score: float  # where it ends
    share: float  # of the body

    @property
    def lies_elsewhere(self) -> bool:
        """Clearly not where the result has it."""
        return self.gain >= _LEAST_GAIN and self.moved_mm >= _LEAST_MOVED_MM


class _Places(NamedTuple):
    """The same places of the body in both scans, as the result has them, `(n, 3)` RAS mm."""

    pulled: np.ndarray
    compared: np.ndarray
    reference: np.ndarray  # one of both

    def where(self, chosen: np.ndarray) -> _Places:
        return _Places(*(points[chosen] for points in self))


def pieces_of(
    pair: PreparedPair,
    working: WorkingPair,
    flow: torch.Tensor,
    asked: Callable[[], None] = lambda: None,
) -> list[Piece]:
    """From foot to head; none of a body too short to have two.

    The volume that `registration.affine.register` pulls is pulled here as well.

    Args:
        pair: the checked inputs.
        working: both on the working grid.
        flow: φ `(1, 3, d, h, w)` voxels, that the result follows.
        asked: called before every evaluation; may raise to stop.
    """
    degraded, reference = pair.degraded.side, pair.reference.side
    points = reference.compared_points(_POINTS)
    images = images_of(points, working.alignment.matrix, flow.float().cpu(), working.grid)
    shown = _shown(degraded, images)
    points, images = points[shown], images[shown]
    with torch.no_grad():
        if better_as_reference(degraded, reference):
            return _pieces(reference, degraded, _Places(points, images, points), asked)
        return _pieces(degraded, reference, _Places(images, points, points), asked)


def bent(pieces: Sequence[Piece]) -> tuple[str, ...]:
    """A sentence about the piece with the most to gain, where one is clear; empty else."""
    elsewhere = [piece for piece in pieces if piece.lies_elsewhere]
    if not elsewhere:
        return ()
    worst = max(elsewhere, key=lambda piece: piece.gain)
    return (
        f"From S {worst.from_mm:.0f} to S {worst.to_mm:.0f} mm the body lies {worst.moved_mm:.0f} "
        f"mm from where the alignment has it, and agrees {100 * worst.gain:.0f} % better there: it "
        "was bent or turned between the scans. Check that part, or fuse again with a mask of it.",
    )


def bent_mm(pieces: Sequence[Piece]) -> float:
    """Mean distance inside the body of where pieces clearly lie from where the result has them."""
    return sum(piece.share * piece.moved_mm for piece in pieces if piece.lies_elsewhere)


def _pieces(
    pulled: AlignmentVolume,
    compared: AlignmentVolume,
    places: _Places,
    asked: Callable[[], None],
) -> list[Piece]:
    places = places.where(_compared(compared, places.compared))
    if len(places.compared) < _LEAST_POINTS:
        return []
    height = places.compared[:, 2]
    low, high = np.percentile(height, (1, 99))
    if high - low < _LEAST_MM:
        return []
    count = min(max(2, round((high - low) / _PIECE_MM)), _MOST)
    inner = np.linspace(low, high, count + 1)[1:-1]
    of_place, of_voxel = np.digitize(height, inner), np.digitize(_heights(compared), inner)
    spacings = levels_of(compared.compared_points())[:2]
    found = []
    for number in range(count):
        here = places.where(of_place == number)
        if len(here.compared) >= _LEAST_POINTS:
            part = _masked(compared, of_voxel == number)
            piece = _climbed(pulled, part, here, spacings, asked)
            found.append(piece._replace(share=len(here.compared) / len(places.compared)))
    best = max((piece.score for piece in found), default=0.0)
    return [piece for piece in found if piece.score >= _LEAST_OF_BEST * best]


def _climbed(
    pulled: AlignmentVolume,
    part: AlignmentVolume,
    places: _Places,
    spacings: Sequence[float],
    asked: Callable[[], None],
) -> Piece:
    """From where the result has it, at the coarse spacings; as if it were all of the body."""
    begin = matrix = nearest_rigid(places.compared, places.pulled)
    measures = measures_of(pulled.modality, part.modality)
    gain, score = 0.0, 0.0
    for spacing in spacings:
        problem = AffineProblem(pulled, part, spacing, body_frame(places.compared), measures)
        found = levenberg_marquardt(problem, matrix, _STEPS, progress=asked)
        matrix = found.matrix
        score = found.at.score
        gain = score / max(problem.expand(begin).score, _LEAST_SCORE) - 1
    moved = mapped(matrix, places.compared) - mapped(begin, places.compared)
    height = places.reference[:, 2]
    return Piece(
        from_mm=float(height.min()),
        to_mm=float(height.max()),
        moved_mm=float(np.linalg.norm(moved, axis=1).mean()),
        gain=gain,
        score=score,
        share=1.0,
    )


def _masked(volume: AlignmentVolume, chosen: np.ndarray) -> AlignmentVolume:
    """Compared in the chosen voxels alone; descriptors at their rim see what lies beyond."""
    return volume._replace(mask=chosen if volume.mask is None else chosen & volume.mask)


def _heights(volume: AlignmentVolume) -> np.ndarray:
    """S of every voxel, `(d, h, w)` mm."""
    grid = volume.values.grid
    d, h, w = np.ogrid[tuple(slice(n) for n in grid.shape)]
    along_d, along_h, along_w = grid.linear[2]
    return np.asarray(along_d * d + along_h * h + along_w * w + grid.origin[2])


def _indices(volume: AlignmentVolume, points: np.ndarray) -> np.ndarray:
    return mapped(np.linalg.inv(volume.values.affine), points)


def _shown(volume: AlignmentVolume, points: np.ndarray) -> np.ndarray:
    """Whether the field of view holds them, `(n,)` bool."""
    return inside(_indices(volume, points), volume.values.array.shape)[:, 0]


def _compared(volume: AlignmentVolume, points: np.ndarray) -> np.ndarray:
    """Whether they lie in what is compared of a volume, whose field of view holds them."""
    return volume.compared[tuple(np.rint(_indices(volume, points)).astype(int).T)]
