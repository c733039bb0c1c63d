"""Both volumes of the affine registration on the grid of one spacing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial.transform import Rotation

from UniFuseLib.registration.affine_levels import levels_of
from UniFuseLib.spatial.axes import perpendicular_grid, working_grid
from UniFuseLib.spatial.displacement import affine_index, sample_at
from UniFuseLib.spatial.resampling import inside, resample, shrink
from UniFuseLib.spatial.volume import Grid, Volume, affine_of

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.registration.affine_parameters import BodyFrame
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

_REACH = 2  # voxels that a descriptor of dilation 1 and radius 1 sees to each side
_MARGIN = _REACH + 2  # voxels around the body: the rim, half a voxel of the reference, the reach
_EVERY = 10**9  # points of a body: all of them
_WHOLLY = 0.99  # of an interpolated mask: all that it was interpolated from
_PADDED = 0.01  # of an interpolated mask: some neighbour is padded
# Of the grid against the reference's axes. Interpolation blurs least at a voxel and most between
# two: where both volumes' axes are the grid's, a pose gains by laying voxels on voxels (0045)
_TURN_DEG = (17.0, 23.0, 31.0)  # about d, h and w, each far from what maps axes onto axes
# A padded place is compared as air up to this depth inside the other volume's body: skin that two
# scans see in slightly different places is skin, a skull that was cut off is not
_AIR_REACH_MM = 8.0


class Fields(NamedTuple):
    """One volume on the grid of the problem, each `(1, 1, d, h, w)`."""

    values: Tensor  # network intensities
    padded: Tensor  # 0 to 1
    depth_mm: Tensor  # inside the body
    weight: Tensor  # 0 to 1: how much a voxel counts; one number where all count alike
    inside: Tensor  # bool: the field of view, as far as the user lets it be compared


class BodyGrid(NamedTuple):
    """The working grid around a body."""

    grid: Grid
    body: Tensor  # (1, 1, d, h, w): 1 in the body and a rim of one voxel, else 0


class Stack(NamedTuple):
    """The channels of `Fields` on the volume's own axes, as means of blocks."""

    # (1, 3 or 4, d, h, w): values, padded, depth_mm, and weight where voxels do not count alike
    channels: Tensor
    grid: Grid
    mask: Tensor | None  # (1, 1, d, h, w): 1 where the user lets it be compared; None: everywhere

    def pulled(self, matrix: np.ndarray, onto: Grid) -> Fields:
        """out[x] = stack(A X) at the place X of grid index x.

        Args:
            matrix: A, `(4, 4)` RAS mm.
            onto: grid of the result.
        """
        pull = np.linalg.solve(self.grid.affine, matrix @ onto.affine)
        index = affine_index(pull, onto.shape, self.channels)
        sampled = sample_at(self.channels, index)
        values, padded, depth, *weighted = sampled.split(1, dim=1)
        seen = inside(index, self.grid.shape)
        if self.mask is not None:
            seen = seen & (sample_at(self.mask, index) > _WHOLLY)
        return Fields(
            values=values,
            padded=padded,
            depth_mm=depth,
            weight=weighted[0] if weighted else torch.ones(1, 1, 1, 1, 1),
            inside=seen,
        )


def body_grid(reference: AlignmentVolume, spacing: float) -> BodyGrid:
    """A grid no larger than the body and what its descriptors see.

    Args:
        reference: whose body, or what is compared of it, is meant; its skin is a strong edge, hence
            the rim.
        spacing: mm.
    """
    whole = working_grid(reference.values.grid, spacing)
    points = reference.compared_points(_EVERY)
    levels = levels_of(points)
    # what is chance was measured on the axes; fewer descriptors fit askew into a thin slab
    if levels.whole and spacing == levels.fine:
        whole = _turned(whole, points)
    mask = _like(reference, reference.compared)
    share, _ = resample(mask, whole, fill=0.0)
    body = (share > 0.5).float()
    rimmed = F.max_pool3d(body, kernel_size=3, stride=1, padding=1)
    index = torch.nonzero(rimmed[0, 0])
    if len(index) == 0:
        return BodyGrid(whole, torch.ones_like(rimmed))
    first = index.min(dim=0).values
    last = index.max(dim=0).values
    end = torch.tensor(whole.shape)
    start = (first - _REACH).clamp(min=0)
    stop = torch.minimum(last + 1 + _REACH, end)
    grid = _cropped(whole, start, stop)
    sides = zip(start.tolist(), grid.shape, strict=True)
    for axis, (offset, length) in enumerate(sides, start=2):
        rimmed = rimmed.narrow(axis, offset, length)
    return BodyGrid(grid, rimmed)


def _turned(grid: Grid, points: np.ndarray) -> Grid:
    """A grid of the same spacing, turned by `_TURN_DEG` against the axes, around all points.

    Args:
        grid: isotropic.
        points: `(n, 3)` RAS mm.
    """
    turn = Rotation.from_euler("xyz", _TURN_DEG, degrees=True).as_matrix()
    linear = perpendicular_grid(grid).linear @ turn
    index = np.linalg.solve(linear, points.T).T
    first = np.floor(index.min(axis=0)) - _MARGIN
    last = np.ceil(index.max(axis=0)) + _MARGIN
    d, h, w = (int(n) for n in last - first + 1)
    return Grid((d, h, w), affine_of(linear, linear @ first))


def _cropped(grid: Grid, start: Tensor, stop: Tensor) -> Grid:
    """The voxels of the grid from index `start` to before `stop`, `(3,)` along d, h, w."""
    offset = start.double().numpy()
    affine = grid.affine.copy()
    affine[:3, 3] += grid.linear @ offset
    d, h, w = (stop - start).tolist()
    return Grid((d, h, w), affine)


def stacked(volume: AlignmentVolume, spacing: float, by_bone: bool) -> Stack:
    """Means of blocks of about `spacing` mm.

    Args:
        volume: one side.
        spacing: mm.
        by_bone: voxels count as much as they move with the bones.
    """
    target_spacing = (spacing, spacing, spacing)
    fine = _channels(volume, by_bone)
    if not by_bone or volume.rigid_weight is None:
        fine = fine[:3]
    coarse = [shrink(channel, target_spacing) for channel in fine]
    arrays = [channel.array for channel in coarse]
    channels = np.stack(arrays).astype(np.float32)
    return Stack(
        channels=torch.from_numpy(channels)[None],
        grid=coarse[0].grid,
        mask=_mask(volume, target_spacing),
    )


def _mask(volume: AlignmentVolume, target_spacing: tuple[float, ...]) -> Tensor | None:
    """What the user lets be compared, as means of blocks, `(1, 1, d, h, w)`."""
    if volume.mask is None:
        return None
    means = shrink(_like(volume, volume.mask), target_spacing).array
    return torch.from_numpy(np.ascontiguousarray(means, dtype=np.float32))[None, None]


def on_grid(volume: AlignmentVolume, grid: Grid, by_bone: bool) -> Fields:
    """The volume at the voxels of `grid`.

    Args:
        volume: one side.
        grid: of the result.
        by_bone: see `stacked`.
    """
    channels = _channels(volume, by_bone)
    sampled = [resample(channel, grid, fill=0.0) for channel in channels]
    values, padded, depth, weight = (channel for channel, _ in sampled)
    _, coverage = sampled[0]
    seen = coverage > 0
    if volume.mask is not None:
        allowed, _ = resample(_like(volume, volume.mask), grid, fill=0.0)
        seen = seen & (allowed > _WHOLLY)
    return Fields(
        values=values,
        padded=padded,
        depth_mm=depth,
        weight=weight,
        inside=seen,
    )


def homogeneous(grid: Grid, frame: BodyFrame) -> Tensor:
    """((X - centre) / radius, 1) at every voxel: `(4, d, h, w)`, components R, A, S, 1.

    Args:
        grid: of the voxels.
        frame: of the parameters.
    """
    float64 = torch.zeros(1, dtype=torch.float64)
    world = affine_index(grid.affine, grid.shape, float64)
    centre = torch.from_numpy(frame.centre).view(1, 3, 1, 1, 1)
    h = (world - centre) / frame.radius
    ones = torch.ones_like(h[:, :1])
    h1 = torch.cat([h, ones], dim=1)
    return h1[0].float()


def comparable(moved: Fields, fixed: Fields) -> Tensor:
    """Where both volumes were acquired: `(1, 1, d, h, w)` bool.

    Args:
        moved: one volume.
        fixed: the other one, on the same grid.
    """
    cut_off_moved = (moved.padded > _PADDED) & (fixed.depth_mm > _AIR_REACH_MM)
    cut_off_fixed = (fixed.padded > _PADDED) & (moved.depth_mm > _AIR_REACH_MM)
    cut_off = cut_off_moved | cut_off_fixed
    return moved.inside & fixed.inside & ~cut_off


def eroded(mask: Tensor) -> Tensor:
    """Without the voxels whose descriptor sees beyond the mask: 1 or 0, `(1, 1, d, h, w)`.

    Args:
        mask: `(1, 1, d, h, w)` bool; what lies outside the grid is outside the mask.
    """
    kept = F.pad(mask, [_REACH] * 6, value=False)
    for axis in (2, 3, 4):
        kept = _all_of_five(kept, axis)
    return kept.float()


def _all_of_five(mask: Tensor, axis: int) -> Tensor:
    """Whether five voxels in a row lie in the mask, at each first one."""

    def ahead(some: Tensor, steps: int) -> Tensor:
        """Both here and so many steps on."""
        length = some.shape[axis] - steps
        return some.narrow(axis, 0, length) & some.narrow(axis, steps, length)

    four = ahead(ahead(mask, 1), 2)
    length = four.shape[axis] - 1
    return four.narrow(axis, 0, length) & mask.narrow(axis, 2 * _REACH, length)


def _like(volume: AlignmentVolume, array: np.ndarray) -> Volume:
    values = array.astype(np.float32)
    return Volume(values, volume.values.affine)


def _channels(volume: AlignmentVolume, by_bone: bool) -> list[Volume]:
    """Values, padding, depth and weight, each on the volume's own grid."""
    weight = volume.rigid_weight if by_bone else None
    if weight is None:
        weight = np.ones(volume.body.shape)
    return [
        volume.values,
        _like(volume, volume.padded),
        _like(volume, volume.depth_mm),
        _like(volume, weight),
    ]
