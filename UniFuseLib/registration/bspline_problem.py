"""Least squares between the descriptors of two volumes over the control points of a displacement.

    E(c) = ∫ ρ(|m(degraded ∘ (φ + u)) - m(reference)|) dV + λ · ½ ∫ |∂²u|² dV,    u = Σ_i β_i c_i

Everything is in mm: spacing of the comparison, smoothing, control points, λ. So one pair gives one
answer on every working grid. Compared is only where both volumes were acquired, and descriptors see
nothing else. The step is that of reweighted least squares with the mean of both volumes' gradients,
as in `affine_solver.py`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from UniFuseLib.registration.bspline_lattice import Axes, ControlLattice, SplineWeights
from UniFuseLib.registration.masked_filters import masked_gradient
from UniFuseLib.registration.symmetric import ENTRIES
from UniFuseLib.spatial.displacement import sample_at
from UniFuseLib.spatial.masked_mind import masked_mind_ssc
from UniFuseLib.spatial.mind import CHANNELS

if TYPE_CHECKING:
    from UniFuseLib.registration.bspline_pair import RefinementPair

COMPARED_MM = 3.0  # between the points where descriptors are compared
# Geman-McClure: a difference of its size has a quarter of the weight of a small one, so that what
# truly differs between the scans has next to no say
_SCALE = 0.2


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
        pitch_mm: between control points; more where points are compared farther apart.
    """

    def __init__(self, pair: RefinementPair, start: Tensor, pitch_mm: float = 30.0) -> None:
        d, h, w = pair.body.shape[2:]
        self._spacing = pair.spacing
        self._start = start
        self.compared_mm = max(COMPARED_MM, pair.spacing)
        pitch = pitch_mm * self.compared_mm / COMPARED_MM
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
        at = self._difference(read)
        importance = at.volume * _SCALE**3 / at.saturation.square()
        gradient = torch.zeros(1, 3, *body.shape[2:], device=body.device)
        tensor = torch.zeros(6, *body.shape[2:], device=body.device)
        for k in range(CHANNELS):  # one at a time: all gradients at once would be a large tensor
            moving, fixed, valid = (of[:, k : k + 1] for of in (at.moving, at.fixed, at.valid))
            slope = masked_gradient((moving + fixed) / 2, valid, self.compared_mm)
            weighted = importance * slope
            gradient += weighted * (moving - fixed)
            for n, (i, j) in enumerate(ENTRIES):
                tensor[n] += weighted[0, i] * slope[0, j]
        return NormalEquations(at.energy, gradient, tensor, read.weights)

    def energy(self, control: Tensor) -> Tensor:
        """That of `normal_equations` alone, `(d, h, w)`."""
        return self._difference(self._read(control)).energy

    def _difference(self, read: _Read) -> _Difference:
        """How far the descriptors differ at the points that were read."""
        described = masked_mind_ssc(read.values, read.acquired)
        moving, fixed = described.values.split(1)
        count = described.valid.sum(1, keepdim=True)
        square = (moving - fixed).square_().sum(1, keepdim=True)
        square = square / count.clamp(min=1)
        volume = read.body * self.compared_mm**3 / CHANNELS
        saturation = square + _SCALE**2
        energy = volume * count * _SCALE * square / saturation / 2
        return _Difference(moving, fixed, described.valid, volume, saturation, energy[0, 0])

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


class _Difference(NamedTuple):
    """Descriptors of both volumes at the points that are compared."""

    moving: Tensor  # (1, channels, …)
    fixed: Tensor  # (1, channels, …)
    valid: Tensor  # (1, channels, …) 1 or 0: seen in both
    volume: Tensor  # (1, 1, …) mm³ that a channel of a point stands for
    saturation: Tensor  # (1, 1, …): mean square difference + scale²
    energy: Tensor  # (d, h, w)


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
