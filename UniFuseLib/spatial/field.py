"""A displacement field at any place: u(X), its derivatives, and where X + u(X) folds.

Between voxels u is trilinear; beyond the outermost voxels it keeps their value, as a grid transform
of 3D Slicer does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.spatial.displacement import sample_at
from UniFuseLib.spatial.resampling import inside, row_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from UniFuseLib.spatial.volume import Grid

_FIT_POINTS = 20_000  # of the grid, for twelve parameters
_BLOCK_POINTS = 1 << 18  # about 100 MB of temporaries in `jacobian`
_CORNERS = tuple((i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1))


class FoldedCells(NamedTuple):
    """Cells between eight voxels in which X + u(X) reverses its orientation somewhere."""

    centres: np.ndarray  # (m, 3) RAS mm
    radius_mm: float  # largest distance of a moved corner from its moved centre; 0 where m is 0


@dataclass(frozen=True, eq=False)
class DisplacementField:
    """X ↦ X + u(X).

    Attributes:
        displacement: u `(d, h, w, 3)` float32, RAS mm (R, A, S).
        grid: where its voxels lie.

    Raises:
        ValueError: shapes that do not fit.
    """

    displacement: np.ndarray
    grid: Grid

    def __post_init__(self) -> None:
        if self.displacement.shape != (*self.grid.shape, 3):
            expected = (*self.grid.shape, 3)
            raise ValueError(f"Expected u of shape {expected}, got {self.displacement.shape}.")

    def at(self, points: np.ndarray) -> np.ndarray:
        """u(X), `(n, 3)` float64 RAS mm.

        Args:
            points: X `(n, 3)` RAS mm.
        """
        index = torch.from_numpy(self._index(points).T.copy())[None, :, :, None, None]
        return sample_at(self._channels, index)[0, :, :, 0, 0].T.double().numpy()

    def moved(self, points: np.ndarray) -> np.ndarray:
        """X + u(X), `(n, 3)` RAS mm.

        Args:
            points: X `(n, 3)` RAS mm.
        """
        return points + self.at(points)

    def holds(self, points: np.ndarray) -> np.ndarray:
        """`(n,)` bool: X lies within the faces of the grid's voxels.

        Args:
            points: X `(n, 3)` RAS mm.
        """
        return inside(self._index(points), self.grid.shape)[:, 0]

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """The place within the outermost voxel centres that is nearest along the axes, `(n, 3)`.

        Args:
            points: X `(n, 3)` RAS mm; those inside come back as they are.
        """
        index = self._index(points)
        clamped = np.clip(index, 0, np.array(self.grid.shape) - 1)
        return points + (clamped - index) @ self.grid.linear.T

    def beyond_projection(self, points: np.ndarray) -> np.ndarray:
        """∂(X - nearest(X))/∂X `(n, 3, 3)`: 0 inside the grid.

        Args:
            points: X `(n, 3)` RAS mm.
        """
        index = self._index(points)
        beyond = (index < 0) | (index > np.array(self.grid.shape) - 1)
        return (self.grid.linear * beyond[:, None, :]) @ self._to_index

    def jacobian(self, points: np.ndarray) -> np.ndarray:
        """∂(X + u(X))/∂X = I + ∂u/∂index · A⁻¹, exact within a cell.

        Args:
            points: X `(n, 3)` RAS mm.

        Returns:
            `(n, 3, 3)`; row: component (R, A, S), column: axis of differentiation.
        """
        found = np.empty((len(points), 3, 3))
        for start in range(0, len(points), _BLOCK_POINTS):
            rows = slice(start, start + _BLOCK_POINTS)
            found[rows] = self._slopes(self._index(points[rows])) @ self._to_index
        return found + np.eye(3)

    @cached_property
    def affine(self) -> np.ndarray:
        """`(4, 4)`: the affine map that is nearest to X ↦ X + u(X) in the mean square."""
        step = max(1, round((np.prod(self.grid.shape) / _FIT_POINTS) ** (1 / 3)))
        axes = [np.arange(0, n, step) for n in self.grid.shape]
        index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        places = index.reshape(-1, 3) @ self.grid.linear.T + self.grid.origin
        u = self.displacement[np.ix_(*axes)].reshape(-1, 3)
        known = np.c_[places, np.ones(len(places))]
        found, *_ = np.linalg.lstsq(known, places + u, rcond=None)
        matrix = np.eye(4)
        matrix[:3] = found.T
        return matrix

    @cached_property
    def folded(self) -> FoldedCells:
        """Where the inverse is not one point.

        A cell counts when the determinant is ≤ 0 at one of its corners, with the differences taken
        inside the cell (Liu et al. 2022, arXiv:2212.06060).
        """
        corners = [first for rows in self._cell_rows() for first in self._folded_in(rows)]
        if not corners:
            return FoldedCells(np.empty((0, 3)), 0.0)
        first = np.array(corners)
        centres = (first + self._half) @ self.grid.linear.T + self.grid.origin
        moved = self.moved(centres)
        radius = 0.0
        for offset in _CORNERS:
            place = (first + np.array(offset)) @ self.grid.linear.T + self.grid.origin
            distance = np.linalg.norm(self.moved(place) - moved, axis=1)
            radius = max(radius, float(distance.max()))
        return FoldedCells(centres, radius)

    @cached_property
    def _channels(self) -> torch.Tensor:
        """u `(1, 3, d, h, w)` float32."""
        values = np.ascontiguousarray(np.moveaxis(self.displacement, -1, 0), dtype=np.float32)
        return torch.from_numpy(values)[None]

    @cached_property
    def _to_index(self) -> np.ndarray:
        """`(3, 3)` mm → voxels."""
        return np.linalg.inv(self.grid.linear)

    @property
    def _half(self) -> np.ndarray:
        """From the first corner of a cell to its centre, in voxels."""
        return np.minimum(np.array(self.grid.shape) - 1, 1) / 2

    def _index(self, points: np.ndarray) -> np.ndarray:
        return (np.asarray(points, dtype=np.float64) - self.grid.origin) @ self._to_index.T

    def _slopes(self, index: np.ndarray) -> np.ndarray:
        """∂u/∂index `(n, 3, 3)` in the cell around `index`; 0 along an axis that it lies beyond."""
        last = np.array(self.grid.shape) - 1
        clamped = np.clip(index, 0, last)
        first = np.minimum(np.floor(clamped).astype(np.int64), np.maximum(last - 1, 0))
        fraction = clamped - first
        within = (index >= 0) & (index <= last) & (last > 0)
        slopes = np.zeros((len(index), 3, 3))
        for offset in _CORNERS:
            at = np.minimum(first + offset, last)
            u = self.displacement[at[:, 0], at[:, 1], at[:, 2]]
            weights = np.where(offset, fraction, 1 - fraction)
            for axis in range(3):
                others = [k for k in range(3) if k != axis]
                weight = weights[:, others].prod(axis=1) * (1 if offset[axis] else -1)
                slopes[:, :, axis] += u * weight[:, None]
        return slopes * within[:, None, :]

    def _cell_rows(self) -> Iterator[slice]:
        """Blocks of the first axis of the cells; of a grid that is one voxel thin, nothing."""
        d, h, w = (n - 1 for n in self.grid.shape)
        if min(d, h, w) > 0:
            yield from row_blocks((d, h, w))

    def _folded_in(self, rows: slice) -> np.ndarray:
        """`(m, 3)` index of the first corner of every folded cell among `rows`."""
        flow = self.displacement[rows.start : rows.stop + 1] @ self._to_index.T.astype(np.float32)
        steps = [np.diff(flow, axis=axis) for axis in range(3)]
        folded = np.zeros(tuple(n - 1 for n in flow.shape[:3]), dtype=bool)
        for i, j, k in _CORNERS:
            # the three edges of the cell that meet in this corner
            along_d = _edges(steps[0], (0, j, k), folded.shape)
            along_h = _edges(steps[1], (i, 0, k), folded.shape)
            along_w = _edges(steps[2], (i, j, 0), folded.shape)
            folded |= _determinant(along_d, along_h, along_w) <= 0
        return np.argwhere(folded) + np.array([rows.start, 0, 0])


def _edges(
    steps: np.ndarray, first: tuple[int, int, int], shape: tuple[int, ...]
) -> tuple[np.ndarray, ...]:
    """Components of one edge of every cell."""
    cells = tuple(slice(start, start + n) for start, n in zip(first, shape, strict=True))
    return tuple(np.moveaxis(steps[cells], -1, 0))


def _determinant(
    d: tuple[np.ndarray, ...], h: tuple[np.ndarray, ...], w: tuple[np.ndarray, ...]
) -> np.ndarray:
    """det(I + [d h w]), columns: differences of the flow along d, h and w, in voxels."""
    (dd, hd, wd), (dh, hh, wh), (dw, hw, ww) = d, h, w
    dd, hh, ww = dd + 1, hh + 1, ww + 1
    return dd * (hh * ww - hw * wh) - dh * (hd * ww - hw * wd) + dw * (hd * wh - hh * wd)
