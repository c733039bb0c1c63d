"""What a displacement field does to the body as a whole: the rigid motion nearest to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.spatial.resampling import block_places, row_blocks

if TYPE_CHECKING:
    from UniFuseLib.spatial.composed import ComposedField
    from UniFuseLib.spatial.volume import Grid

_FIT_POINTS = 20_000  # as many as `spatial/field.py` takes for twelve parameters
_LEAST_POINTS = 100  # fewer: a body thinner than the distance of the voxels looked at


class RigidPart(NamedTuple):
    """X → X + u(X) as a rigid motion B, and what is left without it."""

    matrix: np.ndarray  # B `(4, 4)`, RAS mm
    moved_mm: float  # mean |B X - X|
    rest_mm: np.ndarray  # |X + u(X) - B X| `(n,)` float32, of every voxel that was looked at
    length_mm: np.ndarray  # |u(X)| of the same voxels, float32


def nearest_rigid(points: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The rotation and translation with the least squares of `images` - B `points`, `(4, 4)`.

    Kabsch 1976, doi 10.1107/S0567739476001873.

    Args:
        points: `(n, 3)` mm.
        images: `(n, 3)` mm.
    """
    centre, image = points.mean(axis=0), images.mean(axis=0)
    left, _, right = np.linalg.svd((images - image).T @ (points - centre))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * signs) @ right
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = image - rotation @ centre
    return matrix


def rigid_part(displacement: np.ndarray | ComposedField, grid: Grid, body: np.ndarray) -> RigidPart:
    """Part a field: where the body as a whole goes, and how far from there its voxels end.

    Args:
        displacement: u `(d, h, w, 3)` float32, RAS mm.
        grid: where its voxels lie.
        body: `(d, h, w)` bool; all voxels count where it is empty.
    """
    judged = body if body.any() else np.ones_like(body)
    matrix = _fitted(displacement, grid, judged)
    to_motion = (matrix - np.eye(4)) @ grid.affine  # index → B X - X
    moved, filled = 0.0, 0
    rest, length = np.empty((2, np.count_nonzero(judged)), dtype=np.float32)
    # slab by slab: a copy of the field inside a body is the largest array of a run
    for rows in row_blocks(grid.shape):
        inside = judged[rows]
        motion = block_places(to_motion, grid.shape, rows)[0].numpy()[:, inside].T
        moved += float(np.linalg.norm(motion, axis=1).sum())
        u = displacement[rows][inside]
        here = slice(filled, filled + len(u))
        length[here] = np.linalg.norm(u, axis=-1)
        rest[here] = np.linalg.norm(u - motion.astype(np.float32), axis=1)
        filled += len(u)
    return RigidPart(matrix, moved / len(rest), rest, length)


def _fitted(displacement: np.ndarray | ComposedField, grid: Grid, judged: np.ndarray) -> np.ndarray:
    """B from voxels at even distances, as many as six parameters need."""
    step = max(1, round((np.count_nonzero(judged) / _FIT_POINTS) ** (1 / 3)))
    index = np.argwhere(judged[::step, ::step, ::step]) * step
    if len(index) < _LEAST_POINTS:
        index = np.argwhere(judged)
    points = index @ grid.linear.T + grid.origin
    return nearest_rigid(points, points + displacement[tuple(index.T)])
