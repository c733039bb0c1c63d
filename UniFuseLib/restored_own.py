"""Restored, not moved: the degraded volume on its own voxels, with what the network changed.

Voxel Y of the degraded volume takes the change that the network made at X, X + u(X) = Y. Its own
value is not interpolated. Where X does not exist or lies outside the reference's field of view, the
volume stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.postprocess import own_units, split_maps
from UniFuseLib.preprocessing.colour import luma_of_channels
from UniFuseLib.pulled_scan import channels_of, write_rows
from UniFuseLib.spatial.displacement import sample_at
from UniFuseLib.spatial.resampling import block_places, row_blocks

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.postprocess import NetworkMaps, NetworkResult
    from UniFuseLib.preprocessing.prepare import InputVolume
    from UniFuseLib.spatial.transform import Transform
    from UniFuseLib.spatial.volume import Grid


class RestoredOwn(NamedTuple):
    """On the degraded volume's grid."""

    array: np.ndarray  # its type and units
    changed: np.ndarray  # (d, h, w) bool: where a place of the reference was found


def restore_own(degraded: InputVolume, found: NetworkResult, transform: Transform) -> RestoredOwn:
    """restored(Y) = f⁻¹(R(X) + w(X) (f(y) - A(X))), y the volume's own value at Y.

    R: restored, A: aligned, w: weight of detail, all on the working grid; f: intensity rule.

    Args:
        degraded: after its repair.
        found: by the network, on the working grid.
        transform: X + u(X) on the reference grid.
    """
    scan = degraded.volume
    values = channels_of(scan.array)
    result = scan.array.copy()
    changed = np.empty(scan.grid.shape, dtype=bool)
    for rows in row_blocks(scan.grid.shape):
        index, known = _reference_places(scan.grid, rows, transform, found.grid)
        block = values[:, :, rows]
        restored = _restored(block, split_maps(sample_at(found.stacked, index)), degraded)
        mixed = torch.where(torch.from_numpy(known), restored, block)
        changed[rows] = known
        write_rows(result, rows, mixed)
    return RestoredOwn(result, changed)


def _reference_places(
    grid: Grid, rows: slice, transform: Transform, working: Grid
) -> tuple[Tensor, np.ndarray]:
    """Index of X in the working grid `(1, 3, rows, h, w)`, and where X is known `(rows, h, w)`."""
    places = block_places(grid.affine, grid.shape, rows)[0].numpy()
    size = places.shape[1:]
    moved = transform.to_reference(np.ascontiguousarray(places.reshape(3, -1).T))
    known = moved.exists & ~moved.beyond
    points = np.where(known[:, None], moved.points, working.origin)
    index = np.linalg.solve(working.linear, (points - working.origin).T)
    return torch.from_numpy(index.reshape(1, 3, *size)), known.reshape(size)


def _restored(values: Tensor, maps: NetworkMaps, degraded: InputVolume) -> Tensor:
    """Own units, `(1, 1 or 3, ...)`; the colour of a colour volume stays as it is."""
    colour = values.shape[1] == 3
    grey = luma_of_channels(values) if colour else values
    intensities = degraded.intensity.forward(grey)
    restored = maps.restored + maps.detail_weight * (intensities - maps.aligned)
    own = own_units(grey, intensities, restored, maps.detail_weight, degraded.intensity)
    return own + (values - grey) if colour else own
