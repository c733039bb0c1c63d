"""What the reference says of the restored volume, learned from this very pair.

Ghosts and noise do not follow the reference's anatomy. A regression of the restored volume on
patches of the reference, over the whole body, keeps what both share, in the restored volume's own
contrast. Random hidden units and a ridge regression of their outputs: Rahimi and Recht 2008,
"Weighted sums of random kitchen sinks", NeurIPS 21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from UniFuseLib.restoration.aligned_pair import slabs, voxels
from UniFuseLib.spatial.mind import box_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from UniFuseLib.restoration.aligned_pair import AlignedPair, Slab

_CUBES_MM = (1.5, 3.0, 6.0, 12.0)  # half sides
_STEP_MM = 1.5  # of the gradient
_UNITS = 192
_REACH = 1.5  # deviation of what a unit sums
_RIDGE = 1e-4  # times the voxels that are fitted
_FITTED = 60_000  # voxels of the body
_LIMIT = 4.0  # deviations of a number from its mean
_LINES = 2**13  # voxels at a time: their units stay in the processor's cache


def predicted(pair: AlignedPair) -> Tensor:
    """The restored volume as patches of the reference explain it, `(1, 1, d, h, w)`.

    0 outside the body.
    """
    result = torch.zeros_like(pair.restored)
    if not pair.body.any():
        return result
    known = torch.cat([_inside(pair, slab) for slab in slabs(pair, _CUBES_MM[-1])])
    regression = fitted(known, pair.restored[pair.body])
    result[pair.body] = torch.cat([regression(lines) for lines in known.split(_LINES)])
    return result


def _inside(pair: AlignedPair, slab: Slab) -> Tensor:
    """`(n, numbers)` float16, one line for each voxel of the body in these rows."""
    inside = slab.inside(pair.body)
    place = inside.flatten().nonzero()[:, 0]
    here = pair.reference[:, :, slab.around]
    maps = [
        values.flatten().index_select(0, place).half() for values in patches(here, pair.spacing_mm)
    ]
    return torch.stack([*maps, *_places(pair, slab, inside)], dim=1)


def patches(volume: Tensor, spacing_mm: float) -> Iterator[Tensor]:
    """Volumes: what surrounds every voxel.

    Args:
        volume: `(1, 1, d, h, w)`.
        spacing_mm: of its voxels.
    """
    yield volume
    yield volume * volume
    for half_mm in _CUBES_MM:
        radius = voxels(half_mm, spacing_mm)
        mean = box_mean(volume, radius)
        yield mean
        yield (box_mean(volume * volume, radius) - mean * mean).clamp(min=0).sqrt()
    yield _steepness(volume, voxels(_STEP_MM, spacing_mm))


def _steepness(volume: Tensor, step: int) -> Tensor:
    """Root of Σ (v[x + step] - v[x - step])² over the axes, the border repeated."""
    squares = torch.zeros_like(volume)
    for axis in (2, 3, 4):
        length = volume.shape[axis]
        place = torch.arange(length)
        after = volume.index_select(axis, (place + step).clamp(max=length - 1))
        before = volume.index_select(axis, (place - step).clamp(min=0))
        squares += (after - before).square()
    return squares.sqrt()


def _places(pair: AlignedPair, slab: Slab, inside: Tensor) -> Iterator[Tensor]:
    """-1 to 1 along each axis: receive coils make one tissue brighter on one side.

    Args:
        pair: on the grid.
        slab: of it.
        inside: bool `(1, 1, around, h, w)`: voxels that are meant.
    """
    index = inside[0, 0].nonzero().T
    starts = slab.around.start, 0, 0
    for axis, (length, start) in enumerate(zip(pair.body.shape[2:], starts, strict=True)):
        along = torch.linspace(-1, 1, length).half()
        yield along[start:].index_select(0, index[axis])


class Regression(NamedTuple):
    """`(n, numbers)` → `(n,)`: weights of random units, of the numbers, and a constant."""

    mean: Tensor
    deviation: Tensor
    directions: Tensor  # (numbers, units)
    offsets: Tensor  # (units,)
    weights: Tensor  # (units + numbers + 1,)

    def __call__(self, known: Tensor) -> Tensor:
        x = self.scaled(known)
        units, numbers = self.weights[:_UNITS], self.weights[_UNITS:-1]
        return self.units(x) @ units + x @ numbers + self.weights[-1]

    def scaled(self, known: Tensor) -> Tensor:
        """In deviations from the mean, `(n, numbers)` float32."""
        return ((known.float() - self.mean) / self.deviation).clamp(-_LIMIT, _LIMIT)

    def units(self, x: Tensor) -> Tensor:
        """Outputs of the random units, `(n, units)`."""
        return torch.addmm(self.offsets, x, self.directions).relu_()

    def lifted(self, known: Tensor) -> Tensor:
        """What the weights multiply, `(n, units + numbers + 1)`."""
        x = self.scaled(known)
        return torch.cat([self.units(x), x, torch.ones(len(x), 1)], dim=1)


def fitted(known: Tensor, values: Tensor) -> Regression:
    """The regression of `values` `(n,)` on `known` `(n, numbers)`."""
    drawn = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(known), generator=drawn)[:_FITTED]
    lines, wanted = known[chosen].float(), values[chosen].double()
    numbers = lines.shape[1]
    regression = Regression(
        mean=lines.mean(0),
        deviation=lines.std(0, correction=0) + 1e-6,
        directions=torch.randn(numbers, _UNITS, generator=drawn) * _REACH * numbers**-0.5,
        offsets=torch.randn(_UNITS, generator=drawn),
        weights=torch.zeros(_UNITS + numbers + 1),
    )
    lifted = regression.lifted(lines).double()
    normal = lifted.T @ lifted
    normal += _RIDGE * len(lines) * torch.eye(len(normal), dtype=normal.dtype)
    weights = torch.linalg.solve(normal, lifted.T @ wanted)
    return regression._replace(weights=weights.float())
