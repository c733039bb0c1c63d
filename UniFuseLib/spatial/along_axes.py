"""Sampling where the axes of two grids lie along each other: one axis after the other.

A working grid lies on the axes of its reference. A trilinear sample is then three linear ones, and
what they read is the same for a whole line: a sixth of the work of sampling voxel by voxel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.spatial.volume import counted_from

if TYPE_CHECKING:
    from torch import Tensor

_ASIDE = 1e-6  # voxels: what counts as none


class Lines(NamedTuple):
    """Where a box of voxels lies in a volume whose axes run along its own."""

    order: tuple[int, int, int]  # axis of the volume that d, h and w of the box run along
    places: tuple[Tensor, Tensor, Tensor]  # `(n,)` float64 each: continuous index along that axis


def lines_of(matrix: np.ndarray, box: tuple[slice, slice, slice]) -> Lines | None:
    """matrix · (x, 1) for the voxels x of a box, axis by axis; None where axes lie askew.

    Args:
        matrix: `(4, 4)`, index → index.
        box: of voxels along d, h, w.
    """
    d, h, w = (int(axis) for axis in np.abs(matrix[:3, :3]).argmax(axis=0))
    aside = matrix[:3, :3].copy()
    aside[(d, h, w), (0, 1, 2)] = 0
    farthest = max(abs(end) for side in box for end in (side.start, side.stop))
    if {d, h, w} != {0, 1, 2} or np.abs(aside).sum() * farthest > _ASIDE:
        return None
    counted = counted_from(matrix, [side.start for side in box])
    along = (
        torch.arange(side.stop - side.start, dtype=torch.float64) * float(counted[axis, k])
        + float(counted[axis, 3])
        for k, (axis, side) in enumerate(zip((d, h, w), box, strict=True))
    )
    return Lines((d, h, w), tuple(along))  # type: ignore[arg-type]


def sample_along(volume: Tensor, lines: Lines) -> Tensor:
    """`displacement.sample_at` at the places of a box, to rounding.

    Args:
        volume: `(b, c, d, h, w)`, any unit.
        lines: where the box lies in it.

    Returns:
        `(b, c, d', h', w')`; outside the volume its border repeats.
    """
    out = volume.permute(0, 1, *(2 + axis for axis in lines.order))
    lengths = out.shape[2:]
    # first where most is left out: a thin box of a large volume needs little memory on the way
    for k in sorted(range(3), key=lambda k: len(lines.places[k]) / lengths[k]):
        out = _interpolated(out, 2 + k, lines.places[k])
    return out


def inside_along(lines: Lines, shape: tuple[int, ...]) -> Tensor:
    """`resampling.inside` of the places of a box: `(1, 1, d, h, w)` bool.

    Args:
        lines: where the box lies.
        shape: voxels of the volume along its d, h, w.
    """
    d, h, w = (
        (place >= -0.5) & (place <= shape[axis] - 0.5)
        for axis, place in zip(lines.order, lines.places, strict=True)
    )
    return (d[:, None, None] & h[:, None] & w)[None, None]


def _interpolated(volume: Tensor, axis: int, place: Tensor) -> Tensor:
    """Linear along one axis, at `place` `(n,)`; the border repeats."""
    last = volume.shape[axis] - 1
    place = place.clamp(0, last)
    nearest = place.round()
    if (place - nearest).abs().max() < _ASIDE:
        return _taken(volume, axis, nearest.long())
    first = place.floor()
    shares = (place - first).to(volume)
    weight = shares.view([-1 if k == axis else 1 for k in range(volume.ndim)])
    lower = first.long()
    upper = (lower + 1).clamp(max=last)
    return torch.lerp(_taken(volume, axis, lower), _taken(volume, axis, upper), weight)


def _taken(volume: Tensor, axis: int, index: Tensor) -> Tensor:
    """Whole planes `(n,)` along one axis; a view where one follows on the other."""
    first, count = int(index[0]), len(index)
    if torch.equal(index, torch.arange(first, first + count)):
        return volume.narrow(axis, first, count)
    return volume.index_select(axis, index.to(volume.device))
