"""A displacement field on fewer voxels, and as one matrix, each with the error that this makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.spatial.field import DisplacementField
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.nodes import nodes_over
from UniFuseLib.spatial.resampling import block_places, row_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.spatial.volume import Grid


class FieldError(NamedTuple):
    """|difference| between two fields over the voxels of the finer one, mm."""

    mean: float
    p95: float
    max: float


def coarser(field: DisplacementField, spacing: float) -> DisplacementField:
    """u at nodes no farther apart than `spacing` mm, the outermost on the outermost voxels.

    So the coarse field holds all places of the fine one, and tools that count voxels from a corner
    (FSL) find the same corner.

    Args:
        field: u.
        spacing: mm.
    """
    nodes = nodes_over(field.grid, spacing)
    return DisplacementField(sampled(field, nodes), nodes)


def difference(field: DisplacementField, other: DisplacementField) -> FieldError:
    """How far apart two fields send the voxels of the first.

    Args:
        field: whose voxels are compared.
        other: between its own voxels trilinear.
    """
    return _error(field, other.at)


def beyond_affine(field: DisplacementField) -> FieldError:
    """How far X + u(X) lies from the affine map that is nearest to it.

    Args:
        field: u.
    """
    return _error(field, lambda places: mapped(field.affine, places) - places)


def sampled(field: DisplacementField, nodes: Grid) -> np.ndarray:
    """u on the voxels of another grid, `(d, h, w, 3)` float32 RAS mm.

    Args:
        field: u, between its own voxels trilinear.
        nodes: the other grid.
    """
    out = np.empty((*nodes.shape, 3), dtype=np.float32)
    for rows in row_blocks(nodes.shape):
        shape = out[rows].shape
        out[rows] = field.at(_places(nodes, rows)).reshape(shape)
    return out


def _places(grid: Grid, rows: slice) -> np.ndarray:
    """`(n, 3)` RAS mm of some rows of voxels."""
    places = block_places(grid.affine, grid.shape, rows)[0].numpy()
    return np.ascontiguousarray(places.reshape(3, -1).T)


def _error(field: DisplacementField, expected: Callable[[np.ndarray], np.ndarray]) -> FieldError:
    """|u - expected| at the voxels of u."""
    distances = np.empty(field.grid.shape, dtype=np.float32)
    for rows in row_blocks(field.grid.shape):
        u = field.displacement[rows].reshape(-1, 3)
        apart = np.linalg.norm(u - expected(_places(field.grid, rows)), axis=1)
        distances[rows] = apart.reshape(distances[rows].shape)
    return FieldError(
        mean=float(distances.mean()),
        p95=float(np.percentile(distances, 95)),
        max=float(distances.max()),
    )
