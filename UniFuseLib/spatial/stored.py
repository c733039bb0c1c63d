"""A displacement field on no more voxels than it needs: what `deformation.nii.gz` holds.

Twelve bytes a voxel of the reference are more than all other results together, and a field that is
smooth is the same on a grid of a few millimetres.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.spatial.nodes import AUTO, TRIED_MM, nodes_over
from UniFuseLib.spatial.resampling import block, row_blocks, sample_box

if TYPE_CHECKING:
    from UniFuseLib.spatial.composed import ComposedField
    from UniFuseLib.spatial.volume import Grid

# A thirtieth of the working voxel
SAME_MM = 0.05


class StoredField(NamedTuple):
    """u as it is written."""

    displacement: np.ndarray  # (d, h, w, 3) float32 RAS mm
    grid: Grid
    largest_error_mm: float  # over the voxels of the reference, between the nodes trilinear


def stored(field: ComposedField, spacing: float | str = AUTO) -> StoredField:
    """u on the coarsest grid that gives the same places to 0.05 mm at every voxel, or as asked.

    Args:
        field: u on the voxels of the reference.
        spacing: `auto`; `full`: those voxels; or mm between the nodes, at most.
    """
    limit = SAME_MM if spacing == AUTO else np.inf
    for step in _tried(spacing):
        nodes = nodes_over(field.grid, step)
        if nodes.shape == field.grid.shape:
            break
        u = replace(field, grid=nodes).whole()
        # one matrix is linear: trilinear between any nodes
        error = _largest_error(field, u, nodes, limit) if field.displacement.any() else 0.0
        if error <= limit:
            return StoredField(u, nodes, error)
    return StoredField(field.whole(), field.grid, 0.0)


def _tried(spacing: float | str) -> tuple[float, ...]:
    """mm, coarsest first."""
    if isinstance(spacing, str):
        return TRIED_MM if spacing == AUTO else ()
    return (spacing,)


def _largest_error(field: ComposedField, u: np.ndarray, nodes: Grid, limit: float) -> float:
    """max |u - trilinear u of the nodes|, mm; what is above the limit ends the search."""
    channels = torch.from_numpy(np.moveaxis(u, -1, 0).copy())[None]
    to_nodes = field.grid.index_to_index(nodes)
    largest = 0.0
    for rows in row_blocks(field.grid.shape):
        found = sample_box(channels, to_nodes, block(field.grid.shape, rows))
        apart = torch.from_numpy(field[rows]) - found[0].movedim(0, -1)
        largest = max(largest, float(apart.square().sum(-1).max().sqrt()))
        if largest > limit:
            break
    return largest
