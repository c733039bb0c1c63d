"""The degraded volume where the deformation reads it, block by block of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.preprocessing.working_pair import WHOLLY
from UniFuseLib.spatial.displacement import sample_at, world_to_flow
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.resampling import block_places, inside, row_blocks

if TYPE_CHECKING:
    from numpy.typing import DTypeLike
    from torch import Tensor

    from UniFuseLib.preprocessing.prepare import InputVolume
    from UniFuseLib.spatial.composed import ComposedField
    from UniFuseLib.spatial.volume import Grid

# of an integer scan: rounding is off by a two-thousandth of its range at most
_LEVELS = 1000


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
        return self.read(unmoved + world_to_flow(u, self._scan))

    def read(self, index: Tensor) -> Pulled:
        """At places of the scan.

        Args:
            index: `(1, 3, d, h, w)` continuous indices into the scan, float64.
        """
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


def pull_at(degraded: InputVolume, field: ComposedField, voxels: np.ndarray) -> np.ndarray:
    """degraded(X + u(X)) at some voxels of the reference, `(n,)` or `(n, 3)` float32.

    Args:
        degraded: after its repair.
        field: u.
        voxels: `(n, 3)` indices.
    """
    scan = PulledScan(degraded, field.grid)
    places = mapped(field.grid.affine, voxels) + field[tuple(voxels.T)]
    index = mapped(np.linalg.inv(degraded.volume.affine), places).T[None, :, :, None, None]
    values = scan.read(torch.from_numpy(np.ascontiguousarray(index))).values[0, :, :, 0, 0].T
    return values.numpy() if scan.colour else values[:, 0].numpy()


def channels_of(array: np.ndarray) -> Tensor:
    """`(1, 1 or 3, d, h, w)` float32."""
    channels_last = array[..., None] if array.ndim == 3 else array
    channels_first = np.moveaxis(channels_last, -1, 0)
    values = np.ascontiguousarray(channels_first, dtype=np.float32)
    return torch.from_numpy(values)[None]


def empty_volume(
    shape: tuple[int, int, int], colour: bool, dtype: DTypeLike = np.float32
) -> np.ndarray:
    """Greys of a type, or colours uint8, not filled."""
    return np.empty((*shape, 3), np.uint8) if colour else np.empty(shape, dtype)


def own_type(scan: np.ndarray, background: float) -> np.dtype:
    """The type that a scan's values keep: its own 16 bits where rounding is no loss, else float32.

    Args:
        scan: `(d, h, w)`, as it was read.
        background: what is written where it has no data.
    """
    whole = scan.dtype in (np.int16, np.uint16)
    if not whole or int(scan.max()) - int(scan.min()) < _LEVELS:
        return np.dtype(np.float32)
    limits = np.iinfo(scan.dtype)
    return scan.dtype if limits.min <= background <= limits.max else np.dtype(np.float32)


def write_rows(target: np.ndarray, rows: slice, value: Tensor) -> None:
    """`(1, c, rows, h, w)` into the layout and type of the array, as near as that can hold it."""
    colour = target.ndim == 4
    values = value[0].movedim(0, -1) if colour else value[0, 0]
    if np.issubdtype(target.dtype, np.integer):
        limits = np.iinfo(target.dtype)
        values = values.round().clip(limits.min, limits.max)
    target[rows] = values.numpy()
