"""What a degraded scan was taken of: a cut field of view, a slab, thick slices, the brain alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.simulation.degrade import slice_axis
from UniFuseLib.simulation.heads import coarsened
from UniFuseLib.simulation.parameters import integer
from UniFuseLib.spatial.volume import Grid, Volume, counted_from

if TYPE_CHECKING:
    import torch

#: column `acquisition` of the case list → what it means
ACQUISITIONS = {
    "stripped": "the brain alone, from a label map",
    "slab": "8 neighbouring slices",
    "thick": "slices of 6 mm",
}
SLAB_SLICES = 8
THICK_MM = 6.0
#: of the voxels along an axis (at least one), cut off at each end at most: else the centres of both
#: fields of view would give the motion away
LARGEST_CUT = 0.05
#: SynthSeg's labels from 500 on lie outside the brain and the fluid around it
FIRST_OUTSIDE_BRAIN = 500


def field_of_view(generator: torch.Generator, grid: Grid, acquisition: str) -> Grid:
    """The part of a scan's grid that its case shows; voxels stay where they are.

    Args:
        generator: of the cuts.
        grid: of the whole scan.
        acquisition: key of `ACQUISITIONS`, or nothing.
    """
    bounds = [_cut(generator, count) for count in grid.shape]
    if acquisition == "slab":
        axis = slice_axis(grid)
        bounds[axis] = _slab(generator, grid.shape[axis])
    d, h, w = (end - first for first, end in bounds)
    return Grid((d, h, w), counted_from(grid.affine, [first for first, _ in bounds]))


def _cut(generator: torch.Generator, count: int) -> tuple[int, int]:
    """First voxel, and the one after the last, along one axis."""
    most = max(1, int(LARGEST_CUT * count))
    return integer(generator, 0, most + 1), count - integer(generator, 0, most + 1)


def _slab(generator: torch.Generator, count: int) -> tuple[int, int]:
    """`SLAB_SLICES` slices inside the middle half where that holds them."""
    lowest = count // 4
    highest = max(lowest, 3 * count // 4 - SLAB_SLICES)
    first = min(integer(generator, lowest, highest + 1), max(0, count - SLAB_SLICES))
    return first, min(count, first + SLAB_SLICES)


def is_brain(labels: np.ndarray) -> np.ndarray:
    """Bool: brain and the fluid around it, of SynthSeg's labels."""
    return (labels > 0) & (labels < FIRST_OUTSIDE_BRAIN)


def stripped(volume: Volume, labels: Volume, background: float) -> Volume:
    """The volume where `labels`, on its grid, are brain; background elsewhere."""
    kept = np.where(is_brain(labels.array), volume.array, volume.array.dtype.type(background))
    return Volume(kept, volume.affine)


def thickened(volume: Volume, across: int) -> Volume:
    """The volume with slices of about `THICK_MM` across array axis `across`; its type is kept."""
    wanted = [THICK_MM if axis == across else 0.0 for axis in range(3)]
    thick = coarsened(volume, wanted)
    whole = np.issubdtype(volume.array.dtype, np.integer)
    array = np.rint(thick.array) if whole else thick.array
    return Volume(array.astype(volume.array.dtype), thick.affine)
