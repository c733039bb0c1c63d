"""u(X) = A(X + v(X)) - X on the voxels of the reference, computed where it is read.

The whole of u would be the largest array of a run: twelve bytes a voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from UniFuseLib.spatial.displacement import sample_at
from UniFuseLib.spatial.resampling import box_places, row_blocks, sample_box

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.spatial.volume import Grid

Box = tuple[slice, slice, slice]  # of voxels along d, h, w
Voxels = tuple[np.ndarray, ...]  # indices along d, h, w


@dataclass(frozen=True, eq=False)
class ComposedField:
    """u `(d, h, w, 3)` float32, RAS mm (R, A, S): X reads the degraded volume at X + u(X).

    It is read like an array: by rows, by a box of voxels, or voxel by voxel.

    Attributes:
        grid: of the reference.
        working: where v lies.
        displacement: v `(1, 3, d', h', w')` float32, RAS mm.
        affine: A `(4, 4)`, RAS point of the reference → RAS point of the degraded volume.
    """

    grid: Grid
    working: Grid
    displacement: Tensor
    affine: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(d, h, w, 3)."""
        return (*self.grid.shape, 3)

    def __getitem__(self, where: slice | Box | Voxels) -> np.ndarray:
        """u as an array would give it; slices have no step.

        Args:
            where: slice of d; slices of d, h, w; or three index arrays `(n,)`.
        """
        if isinstance(where, tuple) and isinstance(where[0], np.ndarray):
            return self._at(np.stack(cast("Voxels", where), axis=-1))
        part = cast("slice | Box", where)
        sampled = sample_box(self.displacement, self._to_working, self._box(part))
        return self.composed(sampled, part)[0].movedim(0, -1).numpy()

    def composed(self, sampled: Tensor, where: slice | Box) -> Tensor:
        """u = (A - 1) X + A v(X), `(1, 3, d, h, w)` float32 RAS mm, where v is sampled already.

        Args:
            sampled: v there, `(1, 3, d, h, w)` RAS mm.
            where: rows, or a box of voxels.
        """
        by_affine = box_places(self._to_shift, self._box(where))
        return by_affine.float() + self._turned(sampled)

    def whole(self) -> np.ndarray:
        """All of u, `(d, h, w, 3)`."""
        out = np.empty(self.shape, dtype=np.float32)
        for rows in row_blocks(self.grid.shape):
            out[rows] = self[rows]
        return out

    @property
    def _to_working(self) -> np.ndarray:
        return self.grid.index_to_index(self.working)

    @property
    def _to_shift(self) -> np.ndarray:
        """`(4, 4)`: voxel of the reference → A X - X in mm."""
        return np.asarray((self.affine - np.eye(4)) @ self.grid.affine)

    def _at(self, index: np.ndarray) -> np.ndarray:
        """u `(n, 3)` at voxels `(n, 3)`."""
        places, shift = (
            (index @ matrix[:3, :3].T + matrix[:3, 3]).T[None, :, :, None, None]
            for matrix in (self._to_working, self._to_shift)
        )
        sampled = sample_at(self.displacement, torch.from_numpy(np.ascontiguousarray(places)))
        by_network = self._turned(sampled)
        found = torch.from_numpy(np.ascontiguousarray(shift)).float() + by_network
        return found[0, :, :, 0, 0].T.numpy()

    def _turned(self, sampled: Tensor) -> Tensor:
        """A v without A's translation."""
        linear = torch.as_tensor(self.affine[:3, :3], dtype=sampled.dtype)
        return torch.einsum("ij,bjdhw->bidhw", linear, sampled)

    def _box(self, where: slice | Box) -> Box:
        sides = (where, slice(None), slice(None)) if isinstance(where, slice) else where
        ends = [side.indices(n) for side, n in zip(sides, self.grid.shape, strict=True)]
        d, h, w = (slice(start, stop) for start, stop, _ in ends)
        return d, h, w
