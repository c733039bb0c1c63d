"""Read a volume at displaced places, across grids, and tell which places it covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.spatial.displacement import affine_index, sample_at
from UniFuseLib.spatial.resampling import inside

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid, Volume


def pull(
    volume: Volume,
    displacement: np.ndarray | None,
    grid: Grid,
    mode: str = "bilinear",
    fill: float | None = None,
) -> np.ndarray:
    """out[X] = volume(X + u(X)) for every voxel place X of `grid`.

    Args:
        volume: any grid, any unit.
        displacement: u, `(d, h, w, 3)` RAS mm on `grid`; None is the identity.
        grid: where the result lives.
        mode: `bilinear` (trilinear in 3-D) or `nearest` (labels).
        fill: value where the volume does not reach; None repeats its border.

    Returns:
        `(d, h, w)` float32, the unit of `volume`.
    """
    index = _index(volume.grid, displacement, grid)
    source = torch.from_numpy(np.ascontiguousarray(volume.array, dtype=np.float32))[None, None]
    out = sample_at(source, index.float(), mode)[0, 0].numpy()
    return out if fill is None else np.where(_inside(index, volume.grid), out, np.float32(fill))


def covered(volume_grid: Grid, displacement: np.ndarray | None, grid: Grid) -> np.ndarray:
    """`(d, h, w)` bool on `grid`: X + u(X) lies within the voxel faces of `volume_grid`."""
    return _inside(_index(volume_grid, displacement, grid), volume_grid)


def _index(volume_grid: Grid, displacement: np.ndarray | None, grid: Grid) -> Tensor:
    """y[x] = B⁻¹ (A x + u(x)), A and B the two affines.

    Returns:
        `(1, 3, d, h, w)` float64 array indices into the volume.
    """
    like = torch.zeros((), dtype=torch.float64)
    index = affine_index(grid.index_to_index(volume_grid), grid.shape, like)
    if displacement is None:
        return index
    inverse = torch.from_numpy(np.linalg.inv(volume_grid.affine[:3, :3]))
    world = torch.from_numpy(displacement).double()
    return index + torch.einsum("ij,dhwj->idhw", inverse, world)[None]


def _inside(index: Tensor, grid: Grid) -> np.ndarray:
    return inside(index, grid.shape)[0, 0].numpy()
