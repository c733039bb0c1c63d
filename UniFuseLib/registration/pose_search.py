"""Where to begin: rigid poses from all over, ranked by mutual information at a coarse spacing.

A patient may lie head first or feet first, on the back or on a side, and files may lose where the
table was. So every rotation is tried with the centres of both bodies on each other, beside the
pose of the files and small turns of it. Mutual information of a few thousand points tells apart
what outlines cannot (a head looks alike from front and back).
"""

from __future__ import annotations

import math
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
_MOSTLY = 0.5  # of the voxels around: at 8 mm an edge is not finer


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
        self._points, fixed_values = _points_about(reference)
        self._fixed = _bins(torch.from_numpy(fixed_values))
        moving = shrink(degraded.values, (_SPACING_MM,) * 3)
        moving_values = np.ascontiguousarray(moving.array, dtype=np.float32)
        binned = _bins(torch.from_numpy(moving_values))
        self._grid = moving.grid
        self._moving = binned.float()[None, None]
        self._mask = _mask(degraded)

    def __call__(self, matrices: np.ndarray) -> np.ndarray:
        """Covered part times MI, `(n,)` nats; 0 where little is covered.

        Args:
            matrices: `(n, 4, 4)` RAS mm.
        """
        count = max(1, math.ceil(len(matrices) / _BATCH))
        batches = np.array_split(matrices, count)
        scores = [self._score(batch) for batch in batches]
        return np.concatenate(scores)

    def _score(self, matrices: np.ndarray) -> np.ndarray:
        """`__call__` of one batch."""
        index = self._indices(matrices)
        seen = inside(index, self._grid.shape)[0, 0, ..., 0]
        if self._mask is not None:
            seen = seen & (sample_at(self._mask, index)[0, 0, ..., 0] > _MOSTLY)
        moved = sample_at(self._moving, index)[0, 0, ..., 0]
        moved = moved.round().long()
        pose = torch.arange(len(matrices))[:, None]
        place = (pose * _BINS + self._fixed) * _BINS + moved
        counts = torch.bincount(place[seen], minlength=len(matrices) * _BINS**2)
        counts = counts.view(-1, _BINS, _BINS)
        information = counted_information(counts.double())
        covered = seen.float().mean(dim=1)
        enough = covered >= _LEAST_COVERED
        score = torch.where(enough, covered * information, 0.0)
        return score.double().numpy()

    def _indices(self, matrices: np.ndarray) -> Tensor:
        """Voxels of the degraded volume that the points come from: `(1, 3, poses, points, 1)`."""
        to_index = np.linalg.inv(self._grid.affine)
        pull = to_index @ matrices
        linear = pull[:, :3, :3]
        translation = pull[:, :3, 3:]
        index = np.einsum("bij,nj->bin", linear, self._points) + translation
        components_first = np.moveaxis(index, 1, 0)
        as_volume = components_first[None, ..., None]
        return torch.from_numpy(as_volume.astype(np.float32))


def header_poses(degraded: AlignmentVolume, reference: AlignmentVolume) -> np.ndarray:
    """The pose of the files and centre on centre, each also turned by ± 15° about R, A and S.

    Returns:
        `(14, 4, 4)` RAS mm, the identity first.
    """
    centre = _centre(reference)
    other = _centre(degraded)
    turns = [np.zeros(3)]
    for axis in np.eye(3):
        turns += [_TURN_DEG * axis, -_TURN_DEG * axis]
    rotations = Rotation.from_rotvec(np.deg2rad(turns)).as_matrix()
    as_filed = [rigid_matrix(rotation, centre, centre) for rotation in rotations]
    centred = [rigid_matrix(rotation, centre, other) for rotation in rotations]
    return np.array(as_filed + centred)


def all_poses(degraded: AlignmentVolume, reference: AlignmentVolume) -> np.ndarray:
    """Every rotation, centre on centre: `(ROTATIONS, 4, 4)` RAS mm."""
    centre = _centre(reference)
    other = _centre(degraded)
    rotations = even_rotations(ROTATIONS)
    poses = [rigid_matrix(rotation, centre, other) for rotation in rotations]
    return np.array(poses)


def _centre(volume: AlignmentVolume) -> np.ndarray:
    """Of the body, `(3,)` RAS mm."""
    return volume.points().mean(axis=0)


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
    phi = np.sqrt(2.0)
    psi = 1.533751168755204288118041
    s = np.arange(count) + 0.5
    inner = np.sqrt(s / count)
    outer = np.sqrt(1 - s / count)
    alpha = 2 * np.pi * s / phi
    beta = 2 * np.pi * s / psi
    components = (
        inner * np.sin(alpha),
        inner * np.cos(alpha),
        outer * np.sin(beta),
        outer * np.cos(beta),
    )
    quaternions = np.stack(components, axis=1)
    return Rotation.from_quat(quaternions).as_matrix()


def _points_about(reference: AlignmentVolume) -> tuple[np.ndarray, np.ndarray]:
    """`(n, 3)` RAS mm around what is compared, and the intensities there, `(n,)`."""
    mask = Volume(reference.compared.astype(np.float32), reference.values.affine)
    coarse = shrink(reference.values, (_SPACING_MM,) * 3)
    body = shrink(mask, (_SPACING_MM,) * 3)
    index = np.argwhere(body.array > 0)
    count = min(len(index), _POINTS)
    chosen = np.linspace(0, len(index) - 1, count).astype(int)
    index = index[chosen]
    points = index @ coarse.grid.linear.T + coarse.grid.origin
    d, h, w = index.T
    values = coarse.array[d, h, w]
    return points, values.astype(np.float32)


def _mask(volume: AlignmentVolume) -> Tensor | None:
    """What the user lets be compared, `(1, 1, d, h, w)` 0 to 1; None: all."""
    if volume.mask is None:
        return None
    mask = Volume(volume.mask.astype(np.float32), volume.values.affine)
    coarse = np.ascontiguousarray(shrink(mask, (_SPACING_MM,) * 3).array, dtype=np.float32)
    return torch.from_numpy(coarse)[None, None]


def _bins(values: Tensor) -> Tensor:
    """0 to `_BINS` - 1, same shape."""
    low, high = intensity_range(values.flatten())
    extent = max(high - low, 1e-6)
    unit = (values - low) / extent
    bins = (unit * (_BINS - 1)).round()
    return bins.clamp(0, _BINS - 1).long()


def counted_information(counts: Tensor) -> Tensor:
    """MI of `(b, i, j)` joint counts, `(b,)` nats, less what chance gives on average.

    The bias is (occupied rows - 1) (occupied columns - 1) / 2n (Miller 1955, Panzeri and Treves
    1996, doi 10.1088/0954-898X_7_1_006).
    """
    n = counts.sum(dim=(1, 2)).clamp(min=1)
    rows = counts.sum(dim=2)
    columns = counts.sum(dim=1)
    joint_entropy = _entropy(counts.flatten(1), n)
    row_entropy = _entropy(rows, n)
    column_entropy = _entropy(columns, n)
    occupied_rows = (rows > 0).sum(dim=1)
    occupied_columns = (columns > 0).sum(dim=1)
    bias = (occupied_rows - 1) * (occupied_columns - 1) / (2 * n)
    return row_entropy + column_entropy - joint_entropy - bias


def _entropy(counts: Tensor, n: Tensor) -> Tensor:
    """`(b,)` nats of `(b, bins)` counts whose sums are `n`."""
    p = counts / n[:, None]
    return -torch.special.xlogy(p, p).sum(dim=1)
