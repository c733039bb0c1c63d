"""The two volumes that a refinement compares, with the point spread that both get."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.registration.masked_filters import normalised_smoothing
from UniFuseLib.spatial.displacement import sample_at
from UniFuseLib.spatial.resampling import inside

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# Standard deviation of the point spread that both volumes are compared with; what voxels and
# interpolation blur is part of it
_POINT_SPREAD_MM = 1.5
_ACQUIRED = 0.99  # of an interpolated mask: all its neighbours


class Side(NamedTuple):
    """One volume on the working grid."""

    values: Tensor  # (1, 1, d, h, w) network intensities
    acquired: Tensor  # (1, 1, d, h, w) bool: no padding, nothing stripped, within the field of view

    def to(self, device: torch.device) -> Side:
        """The same on `device`."""
        values = self.values.to(device)
        acquired = self.acquired.to(device)
        return Side(values, acquired)


@dataclass(frozen=True)
class RefinementPair:
    """What is compared, on one working grid.

    Attributes:
        degraded: the volume that is pulled.
        reference: the other one.
        body: `(1, 1, d, h, w)` bool: where the comparison counts.
        spacing: mm, isotropic.
    """

    degraded: Side
    reference: Side
    body: Tensor
    spacing: float

    @cached_property
    def moving(self) -> Compared:
        """The degraded volume as it is compared."""
        return Compared(self.degraded, self.spacing)

    @cached_property
    def fixed(self) -> Compared:
        """The reference as it is compared."""
        return Compared(self.reference, self.spacing)

    def to(self, device: torch.device) -> RefinementPair:
        """The same on `device`."""
        return RefinementPair(
            degraded=self.degraded.to(device),
            reference=self.reference.to(device),
            body=self.body.to(device),
            spacing=self.spacing,
        )


class Compared:
    """One volume with the point spread that both are compared with.

    Args:
        side: of the pair.
        spacing: mm.
    """

    def __init__(self, side: Side, spacing: float) -> None:
        values = side.values.float()
        deviation = _missing_spread(spacing)
        self._acquired = side.acquired.float()
        self.values = normalised_smoothing(values, self._acquired, deviation)

    def acquired_at(self, index: Tensor) -> Tensor:
        """Whether all neighbours were acquired, `(1, 1, …)` bool.

        Args:
            index: `(1, 3, …)` voxels.
        """
        share = sample_at(self._acquired, index)
        return (share > _ACQUIRED) & inside(index, self._acquired.shape[2:])


def _missing_spread(spacing: float) -> float:
    """Standard deviation, voxels: what voxels (s²/12) and linear interpolation (s²/6, on average
    over its fractions) lack of the point spread.
    """
    of_voxels = spacing**2 / 12
    of_interpolation = spacing**2 / 6
    variance = _POINT_SPREAD_MM**2 - of_voxels - of_interpolation
    deviation_mm = math.sqrt(max(variance, 0.0))
    return deviation_mm / spacing
