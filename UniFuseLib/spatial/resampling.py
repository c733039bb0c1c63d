"""Sampling a scanner's volume elsewhere, in blocks, with SimpleITK's rule for what lies inside.

An index counts as inside from -0.5 to n - 0.5 along each axis; between a face and the outermost
centre the border repeats. That is what ITK's linear resampling does, so both give the same picture.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.along_axes import inside_along, lines_of, sample_along
from UniFuseLib.spatial.displacement import affine_index, sample_at
from UniFuseLib.spatial.volume import Grid, Volume, counted_from, with_larger_voxels

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = TypeVar("Array", np.ndarray, Tensor)
Box = tuple[slice, slice, slice]  # of voxels along d, h, w
BLOCK_VOXELS = 1 << 20  # about 50 MB of temporaries


def resample(volume: Volume, grid: Grid, fill: float) -> tuple[Tensor, Tensor]:
    """out[x] = volume at the place of grid index x, trilinear.

    Means of blocks are sampled where the grid is much coarser.

    Args:
        volume: `(d, h, w)`, any unit.
        grid: where to sample.
        fill: value outside the volume's field of view.

    Returns:
        `(1, 1, d', h', w')` float32 values, and the coverage of the same shape: 1 inside the field
        of view, else 0.
    """
    source = shrink(volume, tuple(float(s) for s in grid.spacing))
    values = torch.from_numpy(np.ascontiguousarray(source.array, dtype=np.float32))[None, None]
    to_source = grid.index_to_index(source.grid)
    to_volume = grid.index_to_index(volume.grid)
    out = torch.empty((1, 1, *grid.shape))
    coverage = torch.empty_like(out)
    for rows in row_blocks(grid.shape):
        box = block(grid.shape, rows)
        covered = inside_box(to_volume, box, volume.array.shape)
        coverage[:, :, rows] = covered.float()
        out[:, :, rows] = torch.where(covered, sample_box(values, to_source, box), fill)
    return out, coverage


def covered(source: Grid, grid: Grid) -> Tensor:
    """Which voxels of `grid` lie in the field of view of `source`: `(1, 1, d, h, w)` bool."""
    to_source = grid.index_to_index(source)
    out = torch.empty((1, 1, *grid.shape), dtype=torch.bool)
    for rows in row_blocks(grid.shape):
        out[:, :, rows] = inside_box(to_source, block(grid.shape, rows), source.shape)
    return out


def shrink(volume: Volume, target_spacing: tuple[float, ...]) -> Volume:
    """Means of whole blocks of voxels, as many as fit into the target spacing.

    So there is no aliasing when going coarser.

    Args:
        volume: `(d, h, w)`, any unit.
        target_spacing: mm.
    """
    factors = block_factors(volume.grid, target_spacing)
    if max(factors) == 1:
        return volume
    means = block_mean(volume.array, factors)
    return Volume(means, blocks_of(volume.grid, factors).affine)


def block_factors(grid: Grid, target_spacing: tuple[float, ...]) -> tuple[int, int, int]:
    """Voxels of `grid` per block along (d, h, w).

    Blocks become about as large as the finest side of the target, mm.
    """
    finest = min(target_spacing)
    d, h, w = (max(1, math.floor(finest / s + 0.25)) for s in grid.spacing)
    return d, h, w


def blocks_of(grid: Grid, factors: tuple[int, int, int]) -> Grid:
    """The grid of the blocks' centres; a last block that is not full counts."""
    d, h, w = (math.ceil(n / f) for n, f in zip(grid.shape, factors, strict=True))
    return Grid((d, h, w), with_larger_voxels(grid.affine, np.array(factors)))


def block_mean(array: np.ndarray, factors: tuple[int, ...]) -> np.ndarray:
    """Mean over blocks of `factors` voxels, float32; the border repeats to fill the last block."""
    d, h, w = array.shape
    step = factors[0] * max(1, BLOCK_VOXELS // (factors[0] * h * w))  # whole blocks
    means = []
    for start in range(0, d, step):
        part = np.ascontiguousarray(array[start : start + step], dtype=np.float32)
        means.append(mean_of_blocks(torch.from_numpy(part)[None, None], factors)[0, 0].numpy())
    return np.concatenate(means)


def mean_of_blocks(values: Tensor, factors: tuple[int, ...]) -> Tensor:
    """`block_mean` of a tensor `(b, c, d, h, w)`."""
    d, h, w = ((-n) % f for n, f in zip(values.shape[2:], factors, strict=True))
    if d or h or w:
        values = F.pad(values, [0, w, 0, h, 0, d], mode="replicate")
    return F.avg_pool3d(values, factors) if max(factors) > 1 else values


def row_blocks(shape: tuple[int, int, int]) -> Iterator[slice]:
    """Slices of the first axis that hold about `BLOCK_VOXELS` each."""
    step = max(1, BLOCK_VOXELS // (shape[1] * shape[2]))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def block_places(matrix: np.ndarray, shape: tuple[int, int, int], rows: slice) -> Tensor:
    """`box_places` of the rows of a grid of `shape`."""
    return box_places(matrix, block(shape, rows))


def block(shape: tuple[int, int, int], rows: slice) -> Box:
    """Rows of a grid of `shape` as a box."""
    _, h, w = shape
    return rows, slice(0, h), slice(0, w)


def sample_box(volume: Tensor, matrix: np.ndarray, box: Box) -> Tensor:
    """`sample_at` at `box_places`; axis by axis where the axes of both grids lie along each other.

    Args:
        volume: `(b, c, d, h, w)`, any unit.
        matrix: `(4, 4)`, index of the box's grid → index of the volume.
        box: of voxels along d, h, w.
    """
    lines = lines_of(matrix, box)
    if lines is None:
        return sample_at(volume, box_places(matrix, box))
    return sample_along(volume, lines)


def inside_box(matrix: np.ndarray, box: Box, shape: tuple[int, ...]) -> Tensor:
    """`inside` of `box_places`, `(1, 1, d, h, w)` bool.

    Args:
        matrix: `(4, 4)`, index of the box's grid → index of the volume.
        box: of voxels along d, h, w.
        shape: of the volume.
    """
    lines = lines_of(matrix, box)
    if lines is None:
        return inside(box_places(matrix, box), shape)
    return inside_along(lines, shape)


def box_places(matrix: np.ndarray, box: Box) -> Tensor:
    """out[x] = matrix · (x, 1) for the voxels x of a box: `(1, 3, d, h, w)` float64.

    float32 would lose 1e-5 voxels in a large volume.
    """
    first = [side.start for side in box]
    d, h, w = (side.stop - side.start for side in box)
    like = torch.empty(0, dtype=torch.float64)
    return affine_index(counted_from(matrix, first), (d, h, w), like)


def inside(index: Array, shape: tuple[int, ...], axis: int = 1) -> Array:
    """True where -0.5 ≤ index[k] ≤ n[k] - 0.5 along d, h and w: within the faces of the voxels.

    Args:
        index: continuous array indices, NumPy or torch, components (d, h, w) along `axis`.
        shape: voxels n along d, h, w; further axes are ignored.
        axis: of the components, from the front.

    Returns:
        bool, like `index` with a length of 1 along `axis`.
    """
    d, h, w = (_between_faces(_component(index, axis, k), shape[k]) for k in range(3))
    return d & h & w


def _component(index: Array, axis: int, k: int) -> Array:
    place: Any = (*[slice(None)] * axis, slice(k, k + 1))
    return index[place]


def _between_faces(index: Array, count: int) -> Array:
    return (index >= -0.5) & (index <= count - 0.5)
