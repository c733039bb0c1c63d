"""Where the nodes of a displacement field lie that has fewer of them than its grid has voxels."""

from __future__ import annotations

import numpy as np

from UniFuseLib.spatial.volume import Grid

AUTO = "auto"  # the coarsest of these that is good enough, see `spatial.stored`
TRIED_MM = (
    8.0,
    6.0,
    4.0,
    3.0,
    2.0,
)  # coarsest first; the first that is good enough ends the search
_CORNER_MM = 0.01  # what float32 headers of large volumes lose is a tenth of it
_LEAST_VOXELS = 2  # along an axis: a field needs both ends


def nodes_over(grid: Grid, spacing: float) -> Grid:
    """Nodes no farther apart than `spacing` mm, the outermost on the outermost voxels of `grid`.

    No axis gets more nodes than it has voxels.
    """
    last = np.array(grid.shape) - 1
    cells = np.ceil(last * grid.spacing / spacing - 1e-9)
    cells = np.clip(cells, np.minimum(last, _LEAST_VOXELS - 1), np.maximum(last, 1))
    step = np.divide(last, cells, out=np.ones(3), where=last > 0)
    affine = grid.affine.copy()
    affine[:3, :3] = grid.linear * step
    d, h, w = (int(n) + 1 for n in np.where(last > 0, cells, 0))
    return Grid((d, h, w), affine)


def same_corners(nodes: Grid, grid: Grid) -> bool:
    """Whether the outermost nodes lie on the outermost voxels, as `nodes_over` places them."""
    return bool(np.abs(nodes.corners() - grid.corners()).max() <= _CORNER_MM)
