"""Volumes, time series and label maps of one scan on the voxels of the other.

out(P) = volume(P + w(P)) at the voxel places P of the target: w is u towards the reference and its
inverse v towards the degraded volume.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.apply.interpolations import LABEL_INTERPOLATIONS
from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.signs import whole_numbers
from UniFuseLib.spatial.coarser import sampled
from UniFuseLib.spatial.displacement import sample_at, world_to_flow
from UniFuseLib.spatial.resampling import block_places, inside, row_blocks

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.apply.interpolations import Interpolation
    from UniFuseLib.spatial.transform import InverseField, Scan, Transform
    from UniFuseLib.spatial.volume import Grid

Sampler = Callable[["Tensor"], np.ndarray]
_NEIGHBOURS = tuple((i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1))


class Pull(NamedTuple):
    """Where the voxels of a grid read the other scan."""

    grid: Grid
    displacement: np.ndarray  # w (d, h, w, 3) float32 RAS mm
    known: np.ndarray | None = None  # (d, h, w) bool: False where the field folds; None: nowhere
    inverse: InverseField | None = None  # where w is one


def pull_towards(transform: Transform, to: Scan, grid: Grid | None = None) -> Pull:
    """What every file of one scan is read with.

    Args:
        transform: of the result.
        to: the scan whose places are wanted.
        grid: onto which voxels; None: those of that scan.

    Raises:
        InputError: the voxels of the degraded volume are not known.
    """
    target = grid or transform.grid_of(to)
    if to == "degraded":
        inverse = transform.inverse(target)
        return Pull(target, inverse.displacement, inverse.exists, inverse)
    if target.same_as(transform.grid):
        return Pull(target, transform.displacement)
    return Pull(target, sampled(transform.field, target))


def resample_frames(
    frames: np.ndarray, grid: Grid, pull: Pull, interpolation: Interpolation, fill: float
) -> np.ndarray:
    """Every frame on the voxels of `pull.grid`; whole numbers are rounded and keep their type.

    Args:
        frames: `(t, d, h, w)`, or `(t, d, h, w, 3)` of colours.
        grid: where their voxels lie.
        pull: where the target's voxels read.
        interpolation: `linear`, `bspline` (cubic; Unser 1999, doi 10.1109/79.799930), `label`
            (linear for each label, the largest share wins) or `nearest`.
        fill: outside the field of view, and where the field folds.

    Returns:
        `(t, d', h', w')` or `(t, d', h', w', 3)`, the type of `frames`.

    Raises:
        InputError: fractions or colours for the interpolation of labels, or no overlap at all.
    """
    if interpolation in LABEL_INTERPOLATIONS:
        _check_labels(frames)
    channels = _channels(frames)
    out = np.empty((len(channels), *pull.grid.shape), dtype=frames.dtype)
    for target, channel in zip(out, channels, strict=True):
        if not _fill_in(target, _SAMPLERS[interpolation](channel), grid, pull, fill):
            raise InputError(
                "The file lies wholly outside the field of view that it would be brought to. Check "
                "that it belongs to this patient and study, and the direction (--to)."
            )
    colours = frames.ndim == 5
    return np.moveaxis(out.reshape(len(frames), 3, *out.shape[1:]), 1, -1) if colours else out


def _fill_in(target: np.ndarray, sample: Sampler, grid: Grid, pull: Pull, fill: float) -> int:
    """Voxels of the target that read the source."""
    count = 0
    to_source = pull.grid.index_to_index(grid)
    for rows in row_blocks(pull.grid.shape):
        index = _index(pull, grid, to_source, rows)
        covered = inside(index, grid.shape)[0, 0].numpy()
        if pull.known is not None:
            covered &= pull.known[rows]
        values = np.where(covered, sample(index), fill)
        target[rows] = _as_type(values, target.dtype)
        count += int(covered.sum())
    return count


def _index(pull: Pull, grid: Grid, to_source: np.ndarray, rows: slice) -> Tensor:
    """B⁻¹ (P + w(P)) `(1, 3, rows, h, w)` float64, B the affine of the source."""
    unmoved = block_places(to_source, pull.grid.shape, rows)
    w = np.moveaxis(pull.displacement[rows], -1, 0).astype(np.float64)
    return unmoved + world_to_flow(torch.from_numpy(w)[None], grid)


def _channels(frames: np.ndarray) -> np.ndarray:
    """`(t or 3 t, d, h, w)`."""
    if frames.ndim == 4:
        return frames
    return np.moveaxis(frames, -1, 1).reshape(-1, *frames.shape[1:4])


def _check_labels(frames: np.ndarray) -> None:
    if frames.ndim == 5:
        raise InputError(
            "Colours have no labels. Choose --interpolation linear for this file, or a label map."
        )
    if not whole_numbers(frames):
        raise InputError(
            "The file holds fractions; labels are whole numbers. Choose --interpolation linear for "
            "intensities or probabilities, or round the label map first."
        )


def _as_type(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    if np.issubdtype(kind, np.integer):
        limits = np.iinfo(kind)
        return values.round().clip(limits.min, limits.max).astype(kind)
    return values.astype(kind)


def _linear(channel: np.ndarray) -> Sampler:
    """Index `(1, 3, d, h, w)` → values `(d, h, w)`, trilinear."""
    values = torch.from_numpy(np.ascontiguousarray(channel, dtype=np.float32))[None, None]
    return lambda index: sample_at(values, index)[0, 0].numpy()


def _bspline(channel: np.ndarray) -> Sampler:
    """Cubic B-splines through the voxels, mirrored at the border as ITK does."""
    coefficients = ndimage.spline_filter(channel, order=3, output=np.float64, mode="mirror")

    def sample(index: Tensor) -> np.ndarray:
        found: np.ndarray = ndimage.map_coordinates(
            coefficients, index[0].numpy(), order=3, mode="mirror", prefilter=False
        )
        return found

    return sample


def _nearest(channel: np.ndarray) -> Sampler:
    """The value of the voxel whose centre is nearest; no arithmetic, so labels stay exact."""

    def sample(index: Tensor) -> np.ndarray:
        at = np.floor(index[0].numpy() + 0.5).astype(np.int64)
        found: np.ndarray = channel[tuple(_clamped(at, channel.shape))]
        return found

    return sample


def _labelwise(channel: np.ndarray) -> Sampler:
    """The label with the largest trilinear weight among the eight voxels around."""

    def sample(index: Tensor) -> np.ndarray:
        places = index[0].numpy()
        first = np.floor(places).astype(np.int64)
        fraction = places - first
        labels, weights = [], []
        for offset in _NEIGHBOURS:
            shift = np.array(offset).reshape(3, 1, 1, 1)
            labels.append(channel[tuple(_clamped(first + shift, channel.shape))])
            weights.append(np.where(shift, fraction, 1 - fraction).prod(axis=0))
        return _heaviest(labels, weights)

    return sample


def _heaviest(labels: list[np.ndarray], weights: list[np.ndarray]) -> np.ndarray:
    """The label whose weights sum to the most; of two alike, the one that comes first."""
    best = np.full(labels[0].shape, -1.0)
    winner = labels[0].copy()
    for label in labels:
        total = sum(w * (other == label) for other, w in zip(labels, weights, strict=True))
        better = total > best + 1e-9
        best = np.where(better, total, best)
        winner = np.where(better, label, winner)
    return winner


def _clamped(index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The border repeats, as in `sample_at`."""
    last = np.array(shape).reshape(3, 1, 1, 1) - 1
    return np.clip(index, 0, last)


_SAMPLERS = {
    "linear": _linear,
    "bspline": _bspline,
    "nearest": _nearest,
    "label": _labelwise,
}
