"""A restored volume and the reference that it is aligned with, whole or slab by slab.

Statistics are of the body: slabs end where nothing that a voxel of the body reads lies any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from UniFuseLib.spatial.resampling import Box

_SLAB_VOXELS = 2**21  # of the working grid, in one piece


class AlignedPair(NamedTuple):
    """On the working grid, network intensities `(1, 1, d, h, w)`."""

    restored: Tensor  # by the network
    degraded: Tensor  # as it came, aligned
    reference: Tensor
    body: Tensor  # bool
    acquired: Tensor  # bool: where the degraded volume has data
    spacing_mm: float

    def part(self, box: Box) -> AlignedPair:
        """A box of it."""
        d, h, w = box
        return AlignedPair(
            self.restored[:, :, d, h, w].contiguous(),
            self.degraded[:, :, d, h, w].contiguous(),
            self.reference[:, :, d, h, w].contiguous(),
            self.body[:, :, d, h, w].contiguous(),
            self.acquired[:, :, d, h, w].contiguous(),
            self.spacing_mm,
        )


class Slab(NamedTuple):
    """Rows of a grid, and the box around their part of the body that filters read."""

    rows: slice  # of the grid
    around: Box  # likewise
    inner: slice  # `rows`, counted from the first row of `around`

    def inside(self, body: Tensor) -> Tensor:
        """bool, of the shape of `around`: the body in `rows`.

        Args:
            body: of the whole grid, `(1, 1, d, h, w)`.
        """
        d, h, w = self.around
        here = body[:, :, d, h, w].clone()
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
    """The rows of the body in pieces; none of an empty one.

    Args:
        pair: on the grid.
        halo_mm: how far a filter reads, rounded as `voxels` does.
    """
    depth, height, width = pair.body.shape[2:]
    halo = 2 * voxels(halo_mm / 2, pair.spacing_mm)
    step = max(1, _SLAB_VOXELS // (height * width))
    for first in range(0, depth, step):
        body = pair.body[:, :, first : first + step]
        if body.any():
            d, h, w = (_extent(body, axis) for axis in (2, 3, 4))
            rows = slice(first + d.start, first + d.stop)
            around = _widened(rows, halo, depth)
            box = around, _widened(h, halo, height), _widened(w, halo, width)
            yield Slab(rows, box, slice(rows.start - around.start, rows.stop - around.start))


def _extent(body: Tensor, axis: int) -> slice:
    """From the first to the last plane of the body across an axis."""
    others = [k for k in range(body.ndim) if k != axis]
    planes = body.any(dim=others).nonzero()
    return slice(int(planes[0]), int(planes[-1]) + 1)


def _widened(side: slice, halo: int, length: int) -> slice:
    return slice(max(0, side.start - halo), min(length, side.stop + halo))


def voxels(length_mm: float, spacing_mm: float) -> int:
    """The nearest number of voxels, at least one."""
    return max(1, round(length_mm / spacing_mm))
