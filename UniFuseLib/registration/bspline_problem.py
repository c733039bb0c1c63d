"""Least squares between the descriptors of two volumes over the control points of a displacement.

    E(c) = ∫ ρ(|m(degraded ∘ (φ + u)) - m(reference)|) dV + λ · ½ ∫ |∂²u|² dV,    u = Σ_i β_i c_i

Everything is in mm: spacing of the comparison, smoothing, control points, λ. So one pair gives one
answer on every working grid. Compared is only where both volumes were acquired, and descriptors see
nothing else. The step is that of reweighted least squares with the mean of both volumes' gradients,
as in `affine_solver.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from UniFuseLib.registration.bspline_lattice import Axes, ControlLattice, SplineWeights
from UniFuseLib.registration.masked_filters import masked_gradient, normalised_smoothing
from UniFuseLib.registration.symmetric import ENTRIES
from UniFuseLib.spatial.displacement import sample_at
from UniFuseLib.spatial.masked_mind import masked_mind_ssc
from UniFuseLib.spatial.mind import CHANNELS
from UniFuseLib.spatial.resampling import inside

COMPARED_MM = 3.0  # between the points where descriptors are compared
PITCH_MM = 30.0  # between control points
# Standard deviation of the point spread that both volumes are compared with; what voxels and
# interpolation blur is part of it
_POINT_SPREAD_MM = 1.5
# Geman-McClure: a difference of its size has a quarter of the weight of a small one, so that what
# truly differs between the scans has next to no say
_SCALE = 0.2
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


class NormalEquations(NamedTuple):
    """Of one step, at the points that were compared; mm."""

    energy: Tensor  # (d, h, w): of the descriptors, without bending
    gradient: Tensor  # (1, 3, d, h, w): Σ_k w r_k ∇m_k
    tensor: Tensor  # (6, d, h, w): Σ_k w ∇m_k ∇m_kᵀ, its entries xx, yy, zz, xy, xz, yz
    weights: SplineWeights

    def where(self, chosen: Tensor) -> NormalEquations:
        """The same with every point's evidence times `chosen`, `(d, h, w)`."""
        return NormalEquations(
            energy=self.energy * chosen,
            gradient=self.gradient * chosen,
            tensor=self.tensor * chosen,
            weights=self.weights,
        )

    def gain(self, control: Tensor) -> Tensor:
        """Decrease of the energy at every point, as the equations predict it, `(d, h, w)`."""
        u = self.weights.field(control)
        curvature = tensor_product(self.tensor, u)
        change = (self.gradient + curvature / 2) * u
        return -change.sum(1)[0]


class RefinementProblem:
    """Both volumes, the control points above them, and the points where they are compared.

    Args:
        pair: the volumes.
        start: φ `(1, 3, d, h, w)`, voxels of the working grid.
    """

    def __init__(self, pair: RefinementPair, start: Tensor) -> None:
        d, h, w = pair.body.shape[2:]
        self._spacing = pair.spacing
        self._start = start
        self.compared_mm = max(COMPARED_MM, pair.spacing)
        pitch = PITCH_MM * self.compared_mm / COMPARED_MM
        self.lattice = ControlLattice((d, h, w), pair.spacing, pitch)
        self._moving, self._fixed = pair.moving, pair.fixed
        self._body = pair.body.float()
        step = self.compared_mm / pair.spacing
        self._axes = [_points(n, step, start.device) for n in (d, h, w)]
        self._random = torch.Generator().manual_seed(0)

    def field(self, control: Tensor) -> Tensor:
        """φ + u on the working grid: control points `(1, 3, i, j, k)` mm → voxels."""
        displacement_mm = self.lattice.field(control)
        return self._start + displacement_mm / self._spacing

    def normal_equations(self, control: Tensor) -> NormalEquations:
        """Gauss-Newton at `control`, `(1, 3, i, j, k)` mm."""
        read = self._read(control)
        body = read.body
        described = masked_mind_ssc(read.values, read.acquired)
        moving, fixed = described.values.split(1)
        difference = moving - fixed
        mean = (moving + fixed) / 2
        count = described.valid.sum(1, keepdim=True)
        square = difference.square().sum(1, keepdim=True)
        square = square / count.clamp(min=1)
        volume = body * self.compared_mm**3 / CHANNELS  # mm³ that a channel of a point stands for
        saturation = square + _SCALE**2
        energy = volume * count * _SCALE * square / saturation / 2
        importance = volume * _SCALE**3 / saturation.square()
        gradient = torch.zeros(1, 3, *body.shape[2:], device=body.device)
        tensor = torch.zeros(6, *body.shape[2:], device=body.device)
        for k in range(CHANNELS):  # one at a time: all gradients at once would be a large tensor
            channel = slice(k, k + 1)
            valid = described.valid[:, channel]
            slope = masked_gradient(mean[:, channel], valid, self.compared_mm)
            weighted = importance * slope
            gradient += weighted * difference[:, channel]
            for n, (i, j) in enumerate(ENTRIES):
                tensor[n] += weighted[0, i] * slope[0, j]
        return NormalEquations(energy[0, 0], gradient, tensor, read.weights)

    def _read(self, control: Tensor) -> _Read:
        """Both volumes at the points."""
        d, h, w = self._places()
        weights = self.lattice.weights((d, h, w))
        index = torch.meshgrid(d, h, w, indexing="ij")
        fixed = torch.stack(index)[None]
        start = sample_at(self._start, fixed)
        displacement_mm = weights.field(control)
        moving = fixed + start + displacement_mm / self._spacing
        acquired = torch.ones_like(fixed[:, :1])
        acquired *= self._moving.acquired_at(moving)
        acquired *= self._fixed.acquired_at(fixed)
        moving_values = sample_at(self._moving.values, moving)
        fixed_values = sample_at(self._fixed.values, fixed)
        in_body = sample_at(self._body, fixed) > 0.5
        return _Read(
            weights=weights,
            values=torch.cat([moving_values, fixed_values]),
            acquired=acquired,
            body=acquired * in_body,
        )

    def _places(self) -> Axes:
        """Indices of the points along d, h, w: between the voxels, elsewhere every time.

        Interpolation smooths, so that a volume read on its voxels would fit best where the other
        one is read half way between them.
        """
        share = torch.rand(3, generator=self._random) - 0.5
        offset = share * self.compared_mm / self._spacing
        d, h, w = offset.tolist()
        along_d, along_h, along_w = self._axes
        return along_d + d, along_h + h, along_w + w


class _Read(NamedTuple):
    """What is compared at the points."""

    weights: SplineWeights
    values: Tensor  # (2, 1, …): degraded, reference
    acquired: Tensor  # (1, 1, …) 1 or 0: where both were
    body: Tensor  # (1, 1, …) 1 or 0


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


def tensor_product(tensor: Tensor, field: Tensor) -> Tensor:
    """S v at every point: `(6, d, h, w)` entries, `(1, 3, d, h, w)` → `(1, 3, d, h, w)`."""
    xx, yy, zz, xy, xz, yz = tensor
    x, y, z = field[0]
    along_d = xx * x + xy * y + xz * z
    along_h = xy * x + yy * y + yz * z
    along_w = xz * x + yz * y + zz * z
    return torch.stack([along_d, along_h, along_w])[None]


def _points(count: int, step: float, device: torch.device) -> Tensor:
    """Indices `step` apart over a side of `count` voxels, one of them on its middle."""
    fitting = count / step
    half = math.ceil((fitting - 1) / 2)
    middle = (count - 1) / 2
    steps = torch.arange(-half, half + 1, device=device)
    return steps * step + middle


def _missing_spread(spacing: float) -> float:
    """Standard deviation, voxels: what voxels (s²/12) and linear interpolation (s²/6, on average
    over its fractions) lack of the point spread.
    """
    of_voxels = spacing**2 / 12
    of_interpolation = spacing**2 / 6
    variance = _POINT_SPREAD_MM**2 - of_voxels - of_interpolation
    deviation_mm = math.sqrt(max(variance, 0.0))
    return deviation_mm / spacing
