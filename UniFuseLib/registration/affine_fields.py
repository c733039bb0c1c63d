"""Both volumes of the affine registration on the grid of one spacing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.displacement import affine_index, sample_at
from UniFuseLib.spatial.resampling import inside, resample, shrink
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.registration.affine_parameters import Frame
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

_REACH = 2  # voxels that a descriptor of dilation 1 and radius 1 sees to each side


class Fields(NamedTuple):
    """One volume on the grid of the problem, each `(1, 1, d, h, w)`."""

    values: Tensor  # network intensities
    padded: Tensor  # 0 to 1
    depth_mm: Tensor  # inside the body
    weight: Tensor  # 0 to 1: how much a voxel counts
    inside: Tensor  # bool: the field of view


class BodyGrid(NamedTuple):
    """The working grid around a body."""

    grid: Grid
    body: Tensor  # (1, 1, d, h, w): 1 in the body and a rim of one voxel, else 0


class Stack(NamedTuple):
    """The channels of `Fields` on the volume's own axes, as means of blocks."""

    channels: Tensor  # (1, 4, d, h, w): values, padded, depth_mm, weight
    grid: Grid

    def pulled(self, matrix: np.ndarray, onto: Grid) -> Fields:
        """out[x] = stack(A X) at the place X of grid index x.

        Args:
            matrix: A, `(4, 4)` RAS mm.
            onto: grid of the result.
        """
        pull = np.linalg.solve(self.grid.affine, matrix @ onto.affine)
        index = affine_index(pull, onto.shape, self.channels)
        values, padded, depth, weight = sample_at(self.channels, index).split(1, dim=1)
        return Fields(values, padded, depth, weight, inside(index, self.grid.shape))


def body_grid(reference: AlignmentVolume, spacing: float) -> BodyGrid:
    """The working grid, no larger than the body and what its descriptors see.

    Args:
        reference: whose body is meant; its skin is a strong edge, hence the rim.
        spacing: mm.
    """
    whole = working_grid(reference.values.grid, spacing)
    body = resample(_like(reference, reference.body), whole, 0.0)[0] > 0.5
    rimmed = F.max_pool3d(body.float(), 3, 1, 1)
    index = torch.nonzero(rimmed[0, 0])
    if len(index) == 0:
        return BodyGrid(whole, torch.ones_like(rimmed))
    low = (index.min(dim=0).values - _REACH).clamp(min=0)
    high = torch.minimum(index.max(dim=0).values + 1 + _REACH, torch.tensor(whole.shape))
    affine = whole.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low.double().numpy()
    (a, b, c), (i, j, k) = low.tolist(), high.tolist()
    return BodyGrid(Grid((i - a, j - b, k - c), affine), rimmed[:, :, a:i, b:j, c:k])


def stacked(volume: AlignmentVolume, spacing: float, by_bone: bool) -> Stack:
    """Means of blocks of about `spacing` mm.

    Args:
        volume: one side.
        spacing: mm.
        by_bone: voxels count as much as they move with the bones.
    """
    coarse = [shrink(channel, (spacing,) * 3) for channel in _channels(volume, by_bone)]
    channels = np.stack([c.array for c in coarse]).astype(np.float32)
    return Stack(torch.from_numpy(channels)[None], coarse[0].grid)


def on_grid(volume: AlignmentVolume, grid: Grid, by_bone: bool) -> Fields:
    """The volume at the voxels of `grid`.

    Args:
        volume: one side.
        grid: of the result.
        by_bone: see `stacked`.
    """
    sampled = [resample(channel, grid, 0.0) for channel in _channels(volume, by_bone)]
    values, padded, depth, weight = (channel for channel, _ in sampled)
    return Fields(values, padded, depth, weight, inside=sampled[0][1] > 0)


def homogeneous(grid: Grid, frame: Frame) -> Tensor:
    """((X - centre) / radius, 1) at every voxel: `(4, d, h, w)`, components R, A, S, 1.

    Args:
        grid: of the voxels.
        frame: of the parameters.
    """
    world = affine_index(grid.affine, grid.shape, torch.zeros(1, dtype=torch.float64))
    centre = torch.from_numpy(frame.centre).view(1, 3, 1, 1, 1)
    h = (world - centre) / frame.radius
    return torch.cat([h, torch.ones_like(h[:, :1])], dim=1)[0].float()


def eroded(mask: Tensor) -> Tensor:
    """Without the voxels whose descriptor sees beyond the mask: 1 or 0, `(1, 1, d, h, w)`.

    Args:
        mask: `(1, 1, d, h, w)` bool; what lies outside the grid is outside the mask.
    """
    outside = F.pad(1 - mask.float(), [_REACH] * 6, value=1.0)
    side = 2 * _REACH + 1
    for kernel in ((side, 1, 1), (1, side, 1), (1, 1, side)):  # one axis at a time: less work
        outside = F.max_pool3d(outside, kernel, 1)
    return 1 - outside


def _like(volume: AlignmentVolume, array: np.ndarray) -> Volume:
    return Volume(array.astype(np.float32), volume.values.affine)


def _channels(volume: AlignmentVolume, by_bone: bool) -> list[Volume]:
    """Values, padding, depth and weight, each on the volume's own grid."""
    weight = volume.rigid_weight if by_bone else None
    weight = np.ones(volume.body.shape) if weight is None else weight
    others = (volume.padded, volume.depth_mm, weight)
    return [volume.values, *(_like(volume, array) for array in others)]
