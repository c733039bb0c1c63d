"""The degraded volume where the deformation reads it, block by block of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.preprocessing.working_pair import WHOLLY
from UniFuseLib.spatial.displacement import sample_at, world_to_flow
from UniFuseLib.spatial.resampling import block_places, inside, row_blocks

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.preprocessing.prepare import InputVolume
    from UniFuseLib.spatial.composed import ComposedField
    from UniFuseLib.spatial.volume import Grid


class Pulled(NamedTuple):
    """The degraded volume at X + u(X)."""

    values: Tensor  # (1, 1 or 3, d, h, w), own units; its background where it has no data
    covered: Tensor  # (1, 1, d, h, w) bool: it has data there


class PulledScan:
    """The degraded volume at X + u(X), block by block.

    Args:
        degraded: after its repair.
        grid: of X.
    """

    def __init__(self, degraded: InputVolume, grid: Grid) -> None:
        self._scan, self._grid = degraded.volume.grid, grid
        self._background = degraded.background
        self._values = channels_of(degraded.volume.array)
        acquired = degraded.acquired
        self._acquired = None if acquired.all() else channels_of(acquired)
        self._to_scan = grid.index_to_index(self._scan)

    @property
    def colour(self) -> bool:
        """Three channels instead of one."""
        return self._values.shape[1] == 3

    def at(self, rows: slice, u: Tensor) -> Pulled:
        """Of a block of rows.

        Args:
            rows: of the grid.
            u: `(1, 3, rows, h, w)` RAS mm.
        """
        unmoved = block_places(self._to_scan, self._grid.shape, rows)
        index = unmoved + world_to_flow(u, self._scan)
        covered = inside(index, self._scan.shape)
        if self._acquired is not None:
            covered = covered & (sample_at(self._acquired, index) > WHOLLY)
        pulled = sample_at(self._values, index)
        return Pulled(torch.where(covered, pulled, self._background), covered)


def pull_whole(degraded: InputVolume, field: ComposedField) -> np.ndarray:
    """degraded(X + u(X)) on the reference grid, `(d, h, w)` float32 or `(d, h, w, 3)` uint8.

    Args:
        degraded: after its repair.
        field: u.
    """
    scan = PulledScan(degraded, field.grid)
    out = empty_volume(field.grid.shape, scan.colour)
    for rows in row_blocks(field.grid.shape):
        u = torch.from_numpy(field[rows]).movedim(-1, 0)[None]
        write_rows(out, rows, scan.at(rows, u).values)
    return out


def channels_of(array: np.ndarray) -> Tensor:
    """`(1, 1 or 3, d, h, w)` float32."""
    channels_last = array[..., None] if array.ndim == 3 else array
    channels_first = np.moveaxis(channels_last, -1, 0)
    values = np.ascontiguousarray(channels_first, dtype=np.float32)
    return torch.from_numpy(values)[None]


def empty_volume(shape: tuple[int, int, int], colour: bool) -> np.ndarray:
    """Greys float32, or colours uint8, not filled."""
    return np.empty((*shape, 3), np.uint8) if colour else np.empty(shape, np.float32)


def write_rows(target: np.ndarray, rows: slice, value: Tensor) -> None:
    """`(1, c, rows, h, w)` into the layout and type of the array."""
    colour = target.ndim == 4
    values = value[0].movedim(0, -1) if colour else value[0, 0]
    if target.dtype == np.uint8:
        values = values.round()
    target[rows] = values.numpy()
