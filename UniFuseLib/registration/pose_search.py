"""Where to begin: rigid poses from all over, ranked by mutual information at a coarse spacing.

A patient may lie head first or feet first, on the back or on a side, and files may lose where the
table was. So every rotation is tried with the centres of both bodies on each other, beside the
pose of the files and small turns of it. Mutual information of a few thousand points tells apart
what outlines cannot (a head looks alike from front and back).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from UniFuseLib.registration.affine_parameters import rigid_matrix
from UniFuseLib.registration.mutual_information import intensity_range
from UniFuseLib.spatial.displacement import sample_at
from UniFuseLib.spatial.resampling import inside, shrink
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.registration.alignment_volume import AlignmentVolume

ROTATIONS = 1200  # the nearest one is 15° away on average, 25° at most (test)
_SPACING_MM = 8.0
_POINTS = 1500
_BATCH = 100  # poses at a time: 10 MB of temporaries
_BINS = 16  # of both volumes: 1500 points fill no more
_TURN_DEG = 15.0  # of the starts around the pose of the files
_LEAST_COVERED = 0.3


class RankedPoses(NamedTuple):
    """Poses and what they score, best first."""

    matrices: np.ndarray  # (n, 4, 4): RAS reference point → RAS degraded point
    scores: np.ndarray  # (n,) nats


class PoseScore:
    """Mutual information of points around the reference's body with the degraded volume.

    Args:
        degraded: the volume that is pulled.
        reference: whose body, and a rim around it, is compared.
    """

    def __init__(self, degraded: AlignmentVolume, reference: AlignmentVolume) -> None:
        self._points, values = _points_about(reference)
        self._fixed = _bins(torch.from_numpy(values))
        moving = shrink(degraded.values, (_SPACING_MM,) * 3)
        self._grid = moving.grid
        binned = _bins(torch.from_numpy(np.ascontiguousarray(moving.array, dtype=np.float32)))
        self._moving = binned.float()[None, None]

    def __call__(self, matrices: np.ndarray) -> np.ndarray:
        """Covered part times MI, `(n,)` nats; 0 where little is covered.

        Args:
            matrices: `(n, 4, 4)` RAS mm.
        """
        batches = np.array_split(matrices, max(1, -(-len(matrices) // _BATCH)))
        return np.concatenate([self._score(batch) for batch in batches])

    def _score(self, matrices: np.ndarray) -> np.ndarray:
        pull = np.linalg.inv(self._grid.affine) @ matrices
        index = np.einsum("bij,nj->bin", pull[:, :3, :3], self._points) + pull[:, :3, 3:]
        at = torch.from_numpy(np.moveaxis(index, 1, 0)[None, ..., None].astype(np.float32))
        seen = inside(at, self._grid.shape)[0, 0, ..., 0]
        moved = sample_at(self._moving, at)[0, 0, ..., 0].round().long()
        pose = torch.arange(len(matrices))[:, None]
        place = (pose * _BINS + self._fixed) * _BINS + moved
        counts = torch.bincount(place[seen], minlength=len(matrices) * _BINS**2)
        information = counted_information(counts.view(-1, _BINS, _BINS).double())
        covered = seen.float().mean(dim=1)
        enough = covered >= _LEAST_COVERED
        return torch.where(enough, covered * information, 0.0).double().numpy()


def header_poses(degraded: AlignmentVolume, reference: AlignmentVolume) -> np.ndarray:
    """The pose of the files and centre on centre, each also turned by ± 15° about R, A and S.

    Returns:
        `(14, 4, 4)` RAS mm, the identity first.
    """
    centre, other = reference.points().mean(axis=0), degraded.points().mean(axis=0)
    turns = [np.zeros(3), *(s * _TURN_DEG * axis for axis in np.eye(3) for s in (1, -1))]
    rotations = Rotation.from_rotvec(np.deg2rad(turns)).as_matrix()
    return np.array([rigid_matrix(r, centre, to) for to in (centre, other) for r in rotations])


def all_poses(degraded: AlignmentVolume, reference: AlignmentVolume) -> np.ndarray:
    """Every rotation, centre on centre: `(ROTATIONS, 4, 4)` RAS mm."""
    centre, other = reference.points().mean(axis=0), degraded.points().mean(axis=0)
    return np.array([rigid_matrix(r, centre, other) for r in even_rotations(ROTATIONS)])


def ranked(score: PoseScore, matrices: np.ndarray) -> RankedPoses:
    """Best first.

    Args:
        score: of the pair.
        matrices: `(n, 4, 4)` RAS mm.
    """
    scores = score(matrices)
    order = np.argsort(-scores, kind="stable")
    return RankedPoses(matrices[order], scores[order])


def even_rotations(count: int) -> np.ndarray:
    """`(count, 3, 3)` spread evenly over all rotations: a spiral on the sphere of quaternions.

    Alexa 2022 (super-Fibonacci spirals), doi 10.1109/CVPR52688.2022.00811.

    Args:
        count: how many.
    """
    phi, psi = np.sqrt(2.0), 1.533751168755204288118041
    s = np.arange(count) + 0.5
    inner, outer = np.sqrt(s / count), np.sqrt(1 - s / count)
    alpha, beta = 2 * np.pi * s / phi, 2 * np.pi * s / psi
    quaternions = (
        inner * np.sin(alpha),
        inner * np.cos(alpha),
        outer * np.sin(beta),
        outer * np.cos(beta),
    )
    return Rotation.from_quat(np.stack(quaternions, axis=1)).as_matrix()


def _points_about(reference: AlignmentVolume) -> tuple[np.ndarray, np.ndarray]:
    """`(n, 3)` RAS mm around the body, and the intensities there, `(n,)`."""
    coarse = shrink(reference.values, (_SPACING_MM,) * 3)
    body = shrink(
        Volume(reference.body.astype(np.float32), reference.values.affine), (_SPACING_MM,) * 3
    ).array
    index = np.argwhere(body > 0)
    index = index[np.linspace(0, len(index) - 1, min(len(index), _POINTS)).astype(int)]
    points = index @ coarse.affine[:3, :3].T + coarse.affine[:3, 3]
    return points, coarse.array[tuple(index.T)].astype(np.float32)


def _bins(values: Tensor) -> Tensor:
    """0 to `_BINS` - 1, same shape."""
    low, high = intensity_range(values.flatten())
    return ((values - low) / max(high - low, 1e-6) * (_BINS - 1)).round().clamp(0, _BINS - 1).long()


def counted_information(counts: Tensor) -> Tensor:
    """MI of `(b, i, j)` joint counts, `(b,)` nats, less what chance gives on average.

    The bias is (occupied rows - 1) (occupied columns - 1) / 2n (Miller 1955, Panzeri and Treves
    1996, doi 10.1088/0954-898X_7_1_006).
    """
    n = counts.sum(dim=(1, 2)).clamp(min=1)
    rows, columns = counts.sum(dim=2), counts.sum(dim=1)
    joint_entropy, row_entropy, column_entropy = (
        _entropy(c.flatten(1) / n[:, None]) for c in (counts, rows, columns)
    )
    bias = ((rows > 0).sum(dim=1) - 1) * ((columns > 0).sum(dim=1) - 1) / (2 * n)
    return row_entropy + column_entropy - joint_entropy - bias


def _entropy(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum(dim=1)
