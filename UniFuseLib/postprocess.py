"""What the network found on the working grid → volumes on the reference grid, at its own
resolution.

The degraded volume is sampled once, from its own voxels, at X + u(X); the network adds what it
changed. So neither volume loses detail to the working grid, and resampling with the written field
gives `aligned` again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.preprocessing.checks import BT601
from UniFuseLib.preprocessing.intensity import BACKGROUND, IntensityMap
from UniFuseLib.spatial.displacement import sample, world_to_flow
from UniFuseLib.spatial.resampling import block_places, inside, row_blocks

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid, Volume


class Source(NamedTuple):
    """One input, on its own grid."""

    volume: Volume
    modality: str
    intensity: IntensityMap


class Found(NamedTuple):
    """What the network found; tensors on the CPU, float32, on `grid`; `(1, 1, d, h, w)` if not said
    otherwise.
    """

    grid: Grid
    moved: Tensor  # degraded pulled through affine and flow, network intensities
    restored: Tensor  # network intensities
    blend: Tensor  # weight of the reference, 0..1
    extra: Tensor  # fused - (restored + blend · (reference - restored)), network intensities
    kept: Tensor  # 0..1: how much of what the working grid cannot carry is taken from the degraded volume
    remainder: Tensor  # v (1, 3, d, h, w), RAS mm
    affine: np.ndarray  # A (4, 4), RAS reference point → RAS degraded point


class Native(NamedTuple):
    """On the reference grid; arrays `(d, h, w)`, colours `(d, h, w, 3)`."""

    fused: np.ndarray  # network intensities float32, or colours uint8
    restored: np.ndarray  # the degraded volume's own units
    aligned: np.ndarray  # the degraded volume's own units
    displacement: np.ndarray  # (d, h, w, 3) float32, RAS mm: X reads degraded at X + u(X)
    coverage: np.ndarray  # bool: X + u(X) lies in the degraded field of view


def to_reference_grid(degraded: Source, reference: Source, found: Found) -> Native:
    """u(X) = A(X + v(X)) - X, aligned(X) = degraded(X + u(X)), and what the network made of it,
    block by block.
    """
    grid = reference.volume.grid
    moving = _channels(degraded.volume.array)
    stacked = torch.cat(
        [found.moved, found.restored, found.blend, found.extra, found.kept, found.remainder], dim=1
    )
    out = _empty(grid.shape, colour=moving.shape[1] == 3)
    to_found, to_degraded = (
        grid.index_to_index(found.grid),
        grid.index_to_index(degraded.volume.grid),
    )
    for rows in row_blocks(grid.shape):
        at = sample(stacked, block_places(to_found, grid.shape, rows))
        u = _displacement(grid, rows, at[:, 5:], found.affine)
        y = block_places(to_degraded, grid.shape, rows) + world_to_flow(u, degraded.volume.grid)
        covered = inside(y, degraded.volume.array.shape)
        aligned = torch.where(covered, sample(moving, y), BACKGROUND[degraded.modality])
        here = torch.from_numpy(
            np.asarray(luma_of(reference.volume.array[rows]), dtype=np.float32)
        )[None, None]
        restored, fused = _compose(aligned, here, at, covered, degraded, reference.intensity)
        for target, value in zip(out, (fused, restored, aligned, u, covered), strict=True):
            target[rows] = _into(target, value)
    return out


def luma_of(array: np.ndarray) -> np.ndarray:
    """Y of `(..., 3)` colours; scalars `(d, h, w)` unchanged."""
    return (
        array if array.ndim == 3 else array.astype(np.float32) @ np.array(BT601, dtype=np.float32)
    )


def _displacement(grid: Grid, rows: slice, remainder: Tensor, affine: np.ndarray) -> Tensor:
    """u(X) = A(X + v(X)) - X = (A - 1) X + A v(X), `(1, 3, d, h, w)` float32 RAS mm."""
    turn = torch.as_tensor(affine[:3, :3], dtype=remainder.dtype)
    moved = block_places((affine - np.eye(4)) @ grid.affine, grid.shape, rows).float()
    return moved + torch.einsum("ij,bjdhw->bidhw", turn, remainder)


def _compose(
    aligned: Tensor,
    reference: Tensor,
    at: Tensor,
    covered: Tensor,
    degraded: Source,
    reference_map: IntensityMap,
) -> tuple[Tensor, Tensor]:
    """Restored (own units) and fused (network intensities, or colours 0..255) of one block.

    Args:
        aligned: `(1, 1 or 3, ...)` own units. reference: `(1, 1, ...)` own units.
        at: `(1, 5+, ...)`: moved, restored, blend, extra, kept of `Found` at the block's voxels.
    """
    grey = aligned if aligned.shape[1] == 1 else _luma(aligned)
    here = degraded.intensity.forward(grey)
    detail = at[:, 4:5]
    restored = at[:, 1:2] + detail * (here - at[:, :1])
    own = degraded.intensity.inverse(restored) + detail * (grey - degraded.intensity.inverse(here))
    own = torch.where(covered, own, BACKGROUND[degraded.modality])
    clean = reference_map.forward(reference)
    mixed = (restored + at[:, 2:3] * (clean - restored) + at[:, 3:4]).clip(min=0.0)
    fused = torch.where(covered, mixed, clean)
    if aligned.shape[1] == 1:
        return own, fused
    # Eq. 13: the colour (what a channel has beyond the luma) moves with the volume and comes back
    # on top
    chroma = aligned - grey
    return (own + chroma).clip(0, 255), (255 * fused + torch.where(covered, chroma, 0.0)).clip(
        0, 255
    )


def _luma(colours: Tensor) -> Tensor:
    weights = torch.tensor(BT601, dtype=colours.dtype).view(1, 3, 1, 1, 1)
    return (colours * weights).sum(dim=1, keepdim=True)


def _channels(array: np.ndarray) -> Tensor:
    """`(1, 1 or 3, d, h, w)` float32."""
    values = array[..., None] if array.ndim == 3 else array
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(values, -1, 0), dtype=np.float32))[
        None
    ]


def _empty(shape: tuple[int, int, int], colour: bool) -> Native:
    size, kind = ((*shape, 3), np.uint8) if colour else (shape, np.float32)
    return Native(
        fused=np.empty(size, dtype=kind),
        restored=np.empty(size, dtype=kind),
        aligned=np.empty(size, dtype=kind),
        displacement=np.empty((*shape, 3), dtype=np.float32),
        coverage=np.empty(shape, dtype=bool),
    )


def _into(target: np.ndarray, value: Tensor) -> np.ndarray:
    """`(1, c, rows, h, w)` → the layout and type of the array it goes into."""
    values = value[0].movedim(0, -1) if target.ndim == 4 else value[0, 0]
    return (values.round() if target.dtype == np.uint8 else values).numpy()
