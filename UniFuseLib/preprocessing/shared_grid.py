"""The grid that both volumes are compared on, and the largest that it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.spatial.axes import working_grid

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid

LARGEST_WORKING_GRID = 256**3  # voxels


class WorkingGrid(NamedTuple):
    """The grid that the network works on."""

    grid: Grid
    warnings: tuple[str, ...]


def shared_grid(reference: Grid, spacing: float) -> WorkingGrid:
    """The isotropic grid over `reference`; coarser than `spacing` mm where it would be too large.

    Args:
        reference: which the results will lie on.
        spacing: mm.

    Raises:
        InputError: the axes of `reference` are not perpendicular.
    """
    if reference.sheared:
        raise InputError(
            "The axes of the reference volume are not perpendicular (a sheared grid, or a tilted "
            "scan), and image files cannot store such a grid. Resample it onto perpendicular axes "
            "and try again."
        )
    grid = working_grid(reference, spacing)
    voxels = float(np.prod(grid.shape))
    if voxels <= LARGEST_WORKING_GRID:
        return WorkingGrid(grid, ())
    coarser = spacing * (voxels / LARGEST_WORKING_GRID) ** (1 / 3) * 1.01
    warning = (
        f"Large reference field of view: processed at {coarser:.2f} mm instead of {spacing:.2f} mm."
        " Crop the reference to the region of interest for a finer alignment."
    )
    return WorkingGrid(working_grid(reference, coarser), (warning,))
