"""Bytes that the files of one fusion take, before it begins: between two bounds.

How far a scan is compressed depends on its noise and on how much of it is air.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.spatial.nodes import AUTO, TRIED_MM, nodes_over

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid

_VECTOR = 12  # bytes of one vector of the field
_PICTURE = (0.2e6, 3e6)  # overview and report


class Disk(NamedTuple):
    """Bytes, from the least to the most that is expected."""

    low: int
    high: int


class _PerVoxel(NamedTuple):
    """Bytes a voxel of the reference."""

    low: float
    high: float


# docs/results/cost.md says on what it was measured
_COMPRESSED = _PerVoxel(0.9, 5.0)  # fused and restored
_RAW = _PerVoxel(4 + 2, 4 + 4)  # fused float32, restored of 16 bits or float32
_MAP_COMPRESSED, _MAP_RAW = _PerVoxel(0.1, 2.0), _PerVoxel(4, 4)  # of the uncertainty
_FIELD_COMPRESSED = 0.4  # of its raw bytes, at least


def disk_of(
    reference: Grid,
    field_spacing: float | str = AUTO,
    *,
    uncertainty: bool = False,
    uncompressed: bool = False,
) -> Disk:
    """All files of one fusion.

    Args:
        reference: grid of the reference.
        field_spacing: mm between the deformation's nodes, `auto` or `full`.
        uncertainty: whether its map is written.
        uncompressed: whether volumes are written raw.
    """
    voxels = math.prod(reference.shape)
    kinds = [_RAW if uncompressed else _COMPRESSED]
    if uncertainty:
        kinds.append(_MAP_RAW if uncompressed else _MAP_COMPRESSED)
    coarse, fine = _nodes(reference, field_spacing)
    least_field = _VECTOR * coarse * (1 if uncompressed else _FIELD_COMPRESSED)
    low = voxels * sum(kind.low for kind in kinds) + least_field + _PICTURE[0]
    high = voxels * sum(kind.high for kind in kinds) + _VECTOR * fine + _PICTURE[1]
    return Disk(round(low), round(high))


def _nodes(reference: Grid, spacing: float | str) -> tuple[int, int]:
    """Of the deformation's file: the fewest, and the most that a smooth field takes."""
    if isinstance(spacing, str):
        every = math.prod(reference.shape)
        return _auto_nodes(reference) if spacing == AUTO else (every, every)
    nodes = math.prod(nodes_over(reference, spacing).shape)
    return nodes, nodes


def _auto_nodes(reference: Grid) -> tuple[int, int]:
    coarsest, finest = (nodes_over(reference, mm).shape for mm in (TRIED_MM[0], TRIED_MM[-1]))
    return math.prod(coarsest), math.prod(finest)
