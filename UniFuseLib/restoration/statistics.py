"""Local statistics of a restored volume and the reference that it is aligned with.

What both volumes share within a few millimetres is anatomy, what the degraded one shows alone may
be a ghost, a streak or noise: the guided filter (He et al. 2013, doi 10.1109/TPAMI.2012.213)
predicts the one volume linearly from the other, place by place.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.spatial.mind import box_mean, line_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

_REACH_MM = (1.5, 3.0, 6.0)  # half sides of the cubes
_REGULARISATION = (3e-4, 3e-3)  # of the guided filter, intensity²
_LINE_MM = (2.0, 5.0)  # half lengths of means along one axis
_LEAST = 1e-6  # variance that counts as none
_SLAB_VOXELS = 2**21  # of the working grid, in one piece
_AIR_SHARE = 0.9  # quantile of the air
_LEAST_AIR = 1000  # voxels; fewer say nothing

LOCAL = 3 + 7 * len(_REACH_MM) + 3 * len(_LINE_MM)
WHOLE = 2 + len(_REACH_MM) * len(_REGULARISATION)
#: numbers that are known of every voxel
COUNT = LOCAL + WHOLE


class AlignedPair(NamedTuple):
    """On the working grid, network intensities `(1, 1, d, h, w)`."""

    restored: Tensor  # by the network
    degraded: Tensor  # as it came, aligned
    reference: Tensor
    body: Tensor  # bool
    acquired: Tensor  # bool: where the degraded volume has data
    spacing_mm: float

    def rows(self, rows: slice) -> AlignedPair:
        """A slab of it."""
        return AlignedPair(
            self.restored[:, :, rows],
            self.degraded[:, :, rows],
            self.reference[:, :, rows],
            self.body[:, :, rows],
            self.acquired[:, :, rows],
            self.spacing_mm,
        )


def statistics(pair: AlignedPair) -> Iterator[tuple[slice, Tensor]]:
    """What is known of the voxels of the body, slab by slab.

    Args:
        pair: restored volume and reference.

    Yields:
        Rows of the grid, and `(n, COUNT)`, one line for each voxel of the body in them.
    """
    whole = of_the_whole(pair)
    for rows, inner, slab in slabs(pair):
        body = slab.body[0, 0]
        body[: inner.start] = False
        body[inner.stop :] = False
        place = body.flatten().nonzero()[:, 0]
        known = [values.flatten().index_select(0, place) for values in local(slab)]
        yield rows, torch.stack([*known, *whole.T.expand(-1, len(place))]).T


def slabs(pair: AlignedPair) -> Iterator[tuple[slice, slice, AlignedPair]]:
    """Rows, where they lie in the slab, and a slab with the rows around them that filters read."""
    depth, height, width = pair.body.shape[2:]
    halo = 2 * _voxels(_REACH_MM[-1], pair.spacing_mm)
    step = max(1, _SLAB_VOXELS // (height * width))
    for first in range(0, depth, step):
        end = min(first + step, depth)
        begin = max(0, first - halo)
        around = slice(begin, min(depth, end + halo))
        slab = pair.rows(around)
        yield (
            slice(first, end),
            slice(first - begin, end - begin),
            slab._replace(body=slab.body.clone()),
        )


def local(pair: AlignedPair) -> Iterator[Tensor]:
    """`LOCAL` volumes: what surrounds every voxel."""
    x, y = pair.restored, pair.reference
    yield x
    yield y
    yield pair.degraded - x
    for reach_mm in _REACH_MM:
        window = _Window(x, y, _voxels(reach_mm, pair.spacing_mm))
        for regularisation in _REGULARISATION:
            yield window.guided_difference(regularisation)
        yield window.variance_y.clamp(min=0).sqrt()
        yield window.variance_x.clamp(min=0).sqrt()
        yield window.correlation
        yield window.mean_x - x
        yield window.mean_y - y
    for half_mm in _LINE_MM:
        for axis in (2, 3, 4):
            yield line_mean(x, axis, _voxels(half_mm, pair.spacing_mm)) - x


def of_the_whole(pair: AlignedPair) -> Tensor:
    """`(1, WHOLE)`: how far the guided filter changes the body, and what the air shows.

    Ghosts of motion are plainest in air.
    """
    squares = torch.zeros(WHOLE - 2)
    for _, inner, slab in slabs(pair):
        body = slab.body[:, :, inner]
        differences = [d[:, :, inner][body] for d in _guided_differences(slab)]
        squares += torch.stack([d.square().sum() for d in differences])
    count = pair.body.sum().clamp(min=1)
    air = pair.degraded[pair.acquired & ~pair.body]
    shown = [0.0, 0.0]
    if len(air) >= _LEAST_AIR:
        shown = [float(air.mean()), float(np.quantile(air.numpy(), _AIR_SHARE))]
    return torch.cat([(squares / count).sqrt(), torch.tensor(shown)])[None]


def _guided_differences(pair: AlignedPair) -> Iterator[Tensor]:
    for reach_mm in _REACH_MM:
        window = _Window(pair.restored, pair.reference, _voxels(reach_mm, pair.spacing_mm))
        for regularisation in _REGULARISATION:
            yield window.guided_difference(regularisation)


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


def _voxels(length_mm: float, spacing_mm: float) -> int:
    return max(1, round(length_mm / spacing_mm))
