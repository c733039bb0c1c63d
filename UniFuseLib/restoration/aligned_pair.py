"""A restored volume and the reference that it is aligned with, whole or slab by slab."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

_SLAB_VOXELS = 2**21  # of the working grid, in one piece


class AlignedPair(NamedTuple):
    """On the working grid, network intensities `(1, 1, d, h, w)`."""

    restored: Tensor  # by the network
    degraded: Tensor  # as it came, aligned
    reference: Tensor
    body: Tensor  # bool
    acquired: Tensor  # bool: where the degraded volume has data
    spacing_mm: float

    def rows(self, rows: slice) -> AlignedPair:
        """A slab of it."""
        return AlignedPair(
            self.restored[:, :, rows],
            self.degraded[:, :, rows],
            self.reference[:, :, rows],
            self.body[:, :, rows],
            self.acquired[:, :, rows],
            self.spacing_mm,
        )


class Slab(NamedTuple):
    """Rows of a grid, and those around them that filters read."""

    rows: slice  # of the grid
    around: slice  # likewise, with the rows around
    inner: slice  # `rows`, counted from the first of `around`

    def inside(self, body: Tensor) -> Tensor:
        """bool `(1, 1, around, h, w)`: the body in `rows`.

        Args:
            body: of the whole grid, `(1, 1, d, h, w)`.
        """
        here = body[:, :, self.around].clone()
        here[:, :, : self.inner.start] = False
        here[:, :, self.inner.stop :] = False
        return here

    def places(self, body: Tensor) -> Tensor:
        """`(n,)`: where the body in `rows` lies in a flattened volume of `around`.

        Args:
            body: of the whole grid, `(1, 1, d, h, w)`.
        """
        return self.inside(body).flatten().nonzero()[:, 0]


def slabs(pair: AlignedPair, halo_mm: float) -> Iterator[Slab]:
    """The grid in pieces.

    Args:
        pair: on the grid.
        halo_mm: how far a filter reads, rounded as `voxels` does.
    """
    depth, height, width = pair.body.shape[2:]
    halo = 2 * voxels(halo_mm / 2, pair.spacing_mm)
    step = max(1, _SLAB_VOXELS // (height * width))
    for first in range(0, depth, step):
        end = min(first + step, depth)
        begin = max(0, first - halo)
        yield Slab(
            slice(first, end),
            slice(begin, min(depth, end + halo)),
            slice(first - begin, end - begin),
        )


def voxels(length_mm: float, spacing_mm: float) -> int:
    """The nearest number of voxels, at least one."""
    return max(1, round(length_mm / spacing_mm))
