"""Where the voxels of one grid lie in another one after a displacement, and whether it holds them.

Double precision throughout: whether a voxel counts must not depend on rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.spatial.resampling import inside

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.spatial.volume import Grid


def indices_in(scan: Grid, at: Grid, displacement: np.ndarray) -> np.ndarray:
    """y[x] = B⁻¹ (A x + u(x)), A and B the affines of `at` and `scan`.

    Args:
        scan: whose array indices are wanted.
        at: the grid of x.
        displacement: u, `(d, h, w, 3)` RAS mm on `at`.

    Returns:
        `(3, d, h, w)` continuous array indices into `scan`.
    """
    x = np.indices(at.shape, dtype=np.float64)
    matrix, inverse = at.index_to_index(scan), np.linalg.inv(scan.affine[:3, :3])
    index = np.tensordot(matrix[:3, :3], x, 1) + matrix[:3, 3].reshape(3, 1, 1, 1)
    return index + np.tensordot(inverse, np.moveaxis(displacement, -1, 0), 1)


def holds(grid: Grid, index: np.ndarray) -> np.ndarray:
    """`(d, h, w)` bool: an index `(3, d, h, w)` lies within the faces of the grid's voxels."""
    return inside(index, grid.shape, axis=0)[0]


def sees(scan: Grid, at: Grid, displacement: np.ndarray) -> np.ndarray:
    """True where the scan's field of view holds X(x) + u(x); arguments as in `indices_in`."""
    return holds(scan, indices_in(scan, at, displacement))


def as_array(displacement: Tensor) -> np.ndarray:
    """`(1, 3, d, h, w)` → `(d, h, w, 3)`, RAS mm."""
    return displacement[0].permute(1, 2, 3, 0).numpy()
