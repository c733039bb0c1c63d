"""Values and derivatives of volumes at the voxels of one body, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator


class BodyVoxels:
    """The n voxels of a body on one grid, with their neighbours along d, h, w.

    Args:
        place: `(n,)` index into the flat grid.
        before: of d, h, w: `(n,)`, the neighbour behind, at the grid's face the voxel itself.
        after: likewise, the neighbour ahead.
        apart: `(n,)` each: voxels between both, 1 or 2.
    """

    def __init__(
        self, place: Tensor, before: list[Tensor], after: list[Tensor], apart: list[Tensor]
    ) -> None:
        self._place, self._before, self._after, self._apart = place, before, after, apart

    @classmethod
    def of_mask(cls, body: Tensor) -> BodyVoxels:
        """Those of a body `(1, 1, d, h, w)`, above 0 inside."""
        shape = body.shape[2:]
        index = body[0, 0].nonzero().T  # (3, n)
        step = (shape[1] * shape[2], shape[2], 1)
        place = torch.stack([i * s for i, s in zip(index, step, strict=True)]).sum(0)
        before, after, apart = [], [], []
        for i, s, length in zip(index, step, shape, strict=True):
            behind, ahead = i > 0, i < length - 1
            before.append(place - s * behind)
            after.append(place + s * ahead)
            apart.append((behind.float() + ahead.float()).clamp(min=1))
        return cls(place, before, after, apart)

    def parts(self, most: int) -> Iterator[tuple[slice, BodyVoxels]]:
        """At most so many of them at a time, and which of the n they are."""
        for start in range(0, len(self._place), most):
            rows = slice(start, min(start + most, len(self._place)))
            neighbours = (self._before, self._after, self._apart)
            yield rows, BodyVoxels(self._place[rows], *([x[rows] for x in of] for of in neighbours))

    def of(self, volume: Tensor) -> Tensor:
        """Values there: `(1, c, d, h, w)` or `(c, d, h, w)` → `(c, n)`."""
        return _flat(volume).index_select(1, self._place)

    def gradient(self, volume: Tensor) -> Tensor:
        """Derivatives per voxel along d, h, w: central, at the grid's faces to one side.

        Args:
            volume: `(1, c, d, h, w)`.

        Returns:
            `(3, c, n)`.
        """
        flat = _flat(volume)
        slopes = flat.new_empty(3, len(flat), len(self._place))
        ends = zip(slopes, self._before, self._after, self._apart, strict=True)
        for slope, before, after, apart in ends:
            torch.sub(flat.index_select(1, after), flat.index_select(1, before), out=slope)
            slope.div_(apart)
        return slopes


def _flat(volume: Tensor) -> Tensor:
    """`(c, d h w)`."""
    channels = volume[0] if volume.ndim == 5 else volume
    return channels.flatten(1)
