"""Local statistics of a restored volume and the reference that it is aligned with.

What both volumes share within a few millimetres is anatomy, what the degraded one shows alone may
be a ghost, a streak or noise: the guided filter (He et al. 2013, doi 10.1109/TPAMI.2012.213)
predicts the one volume linearly from the other, place by place. What the whole body says of the
one in terms of the other (`prediction.py`) is the second guide: it does not follow a ghost.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.restoration.aligned_pair import slabs, voxels
from UniFuseLib.restoration.prediction import predicted
from UniFuseLib.spatial.mind import box_mean, line_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from UniFuseLib.restoration.aligned_pair import AlignedPair, Slab

_REACH_MM = (1.5, 3.0, 6.0)  # half sides of the cubes
_REGULARISATION = (3e-4, 3e-3)  # of the guided filter, intensity²
_MEAN_MM = (1.5, 3.0, 6.0, 12.0)  # half sides, of what the prediction leaves
_LINE_MM = (2.0, 5.0)  # half lengths of means along one axis
_LINES = 2**13  # voxels at a time: what is made of them stays in the processor's cache
_LEAST = 1e-6  # variance that counts as none
_LEAST_SHARE = 1e-3  # of a cube that is body
_AIR_SHARE = 0.9  # quantile of the air
_LEAST_AIR = 1000  # voxels; fewer say nothing

_GUIDES = len(_REACH_MM) * len(_REGULARISATION)
LOCAL = 3 + 7 * len(_REACH_MM) + 3 * len(_LINE_MM)
RESIDUAL = 2 * len(_REACH_MM)
BESIDE_PREDICTION = 1 + 3 * len(_REACH_MM) + 2 * len(_MEAN_MM) - 1
WHOLE = 2 + _GUIDES
#: numbers that are known of every voxel, without a prediction and residuals
COUNT = LOCAL + WHOLE
#: those of them that the guided filters say: the first ones of every cube
GUIDED = tuple(
    3 + 7 * cube + guide for cube in range(len(_REACH_MM)) for guide in range(len(_REGULARISATION))
)


def statistics(
    pair: AlignedPair, beside: AlignedPair | None = None, *, residuals: bool = False
) -> Iterator[tuple[slice, Iterator[Tensor]]]:
    """What is known of the voxels of the body, slab by slab.

    Args:
        pair: restored volume and reference.
        beside: the same with the prediction as its reference (`with_prediction`); None: without.
        residuals: whether what the network took away is read around every voxel.

    Yields:
        Rows of the grid, and `(n, COUNT)` some thousand times, one line for each voxel of the body
        in those rows; with `BESIDE_PREDICTION` and `RESIDUAL` numbers more where they are read.
    """
    pieces = list(slabs(pair, _MEAN_MM[-1]))
    around = [_inside(pair, slab, LOCAL, local) for slab in pieces]
    whole = of_the_whole(pair, [numbers[list(GUIDED)] for numbers in around])
    for slab in pieces:
        parts = [around.pop(0)]
        if beside is not None:
            parts.append(_inside(beside, slab, BESIDE_PREDICTION, beside_prediction))
        if residuals:
            parts.append(_inside(pair, slab, RESIDUAL, residual))
        parts.append(whole[:, None].expand(-1, parts[0].shape[1]))
        yield slab.rows, _lines(parts)


def _lines(parts: list[Tensor]) -> Iterator[Tensor]:
    """`(n, …)`, all numbers of at most `_LINES` voxels at a time, of parts `(numbers, n)`."""
    for some in zip(*(part.split(_LINES, dim=1) for part in parts), strict=True):
        yield torch.cat(some).T


def _inside(
    pair: AlignedPair, slab: Slab, count: int, maps_of: Callable[[AlignedPair], Iterator[Tensor]]
) -> Tensor:
    """`(count, n)`: what so many volumes show at the voxels of the body in a slab."""
    place = slab.places(pair.body)
    found = pair.restored.new_empty(count, len(place))
    for number, values in enumerate(maps_of(pair.rows(slab.around))):
        torch.index_select(values.flatten(), 0, place, out=found[number])
    return found


def with_prediction(pair: AlignedPair) -> AlignedPair:
    """The pair with the restored volume that the reference predicts in the reference's place."""
    return pair._replace(reference=predicted(pair))


def local(pair: AlignedPair) -> Iterator[Tensor]:
    """What surrounds every voxel: `LOCAL` volumes."""
    x, y = pair.restored, pair.reference
    yield x
    yield y
    yield pair.degraded - x
    for reach_mm in _REACH_MM:
        window = _Window(x, y, voxels(reach_mm, pair.spacing_mm))
        for regularisation in _REGULARISATION:
            yield window.guided_difference(regularisation)
        yield window.variance_y.clamp(min=0).sqrt()
        yield window.variance_x.clamp(min=0).sqrt()
        yield window.correlation
        yield window.mean_x - x
        yield window.mean_y - y
    for half_mm in _LINE_MM:
        for axis in (2, 3, 4):
            yield line_mean(x, axis, voxels(half_mm, pair.spacing_mm)) - x


def residual(pair: AlignedPair) -> Iterator[Tensor]:
    """`RESIDUAL` volumes: mean and deviation of what was taken away, around every voxel.

    Of noise the mean is nothing; a calcification or a lesion that was smoothed like noise is seen.
    """
    taken = pair.degraded - pair.restored
    for reach_mm in _REACH_MM:
        radius = voxels(reach_mm, pair.spacing_mm)
        mean = box_mean(taken, radius)
        yield mean
        yield (box_mean(taken * taken, radius) - mean * mean).clamp(min=0).sqrt()


def beside_prediction(pair: AlignedPair) -> Iterator[Tensor]:
    """`BESIDE_PREDICTION` volumes: what the prediction leaves of the restored volume.

    Args:
        pair: whose reference is the prediction.
    """
    x, prediction = pair.restored, pair.reference
    yield prediction - x
    body = pair.body.float()
    rest = (x - prediction) * body
    for half_mm in _MEAN_MM:
        radius = voxels(half_mm, pair.spacing_mm)
        share = box_mean(body, radius).clamp(min=_LEAST_SHARE)
        mean = box_mean(rest, radius) / share
        yield mean
        if half_mm > _MEAN_MM[0]:
            yield (box_mean(rest * rest, radius) / share - mean * mean).clamp(min=0).sqrt()
    for reach_mm in _REACH_MM:
        window = _Window(x, prediction, voxels(reach_mm, pair.spacing_mm))
        yield window.guided_difference(_REGULARISATION[0])
        yield window.correlation
        yield window.variance_y.clamp(min=0).sqrt()


def of_the_whole(pair: AlignedPair, guided: list[Tensor]) -> Tensor:
    """`(WHOLE,)`: how far the guided filters change the body, and what the air shows.

    Ghosts of motion are plainest in air.

    Args:
        pair: restored volume and reference.
        guided: `(_GUIDES, n)` of its slabs: how far the filters change the voxels of the body.
    """
    squares = torch.zeros(_GUIDES)
    for changes in guided:
        squares += torch.stack([values.square().sum() for values in changes])
    count = pair.body.sum().clamp(min=1)
    air = pair.degraded[pair.acquired & ~pair.body]
    shown = [0.0, 0.0]
    if len(air) >= _LEAST_AIR:
        shown = [float(air.mean()), float(np.quantile(air.numpy(), _AIR_SHARE))]
    return torch.cat([(squares / count).sqrt(), torch.tensor(shown)])


class _Window:
    """Moments of x and y within a cube around every voxel."""

    def __init__(self, x: Tensor, y: Tensor, radius: int) -> None:
        self._x, self._y, self._radius = x, y, radius
        self.mean_x, self.mean_y = box_mean(x, radius), box_mean(y, radius)
        self.variance_y = box_mean(y * y, radius) - self.mean_y**2
        self._covariance = box_mean(x * y, radius) - self.mean_x * self.mean_y

    @cached_property
    def variance_x(self) -> Tensor:
        """Not negative but for rounding."""
        return box_mean(self._x * self._x, self._radius) - self.mean_x**2

    @property
    def correlation(self) -> Tensor:
        """-1 to 1; 0 where one of both is flat."""
        product = self.variance_x.clamp(min=_LEAST) * self.variance_y.clamp(min=_LEAST)
        return self._covariance / product.sqrt()

    def guided_difference(self, regularisation: float) -> Tensor:
        """mean(a) y + mean(b) - x with a = cov(x, y) / (var(y) + ε), b = mean(x) - a mean(y)."""
        slope = self._covariance / (self.variance_y + regularisation)
        offset = self.mean_x - slope * self.mean_y
        return box_mean(slope, self._radius) * self._y + box_mean(offset, self._radius) - self._x
