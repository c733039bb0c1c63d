"""Least squares between the descriptors of two volumes over the control points of a displacement.

    E(c) = ∫ ρ(|m(degraded ∘ (φ + u)) - m(reference)|) dV + λ · ½ ∫ |∂²u|² dV,    u = Σ_i β_i c_i


Everything is in mm: spacing of the comparison, smoothing, control points, λ. So one pair gives one
answer on every working grid. Compared is only where both volumes were acquired, and descriptors see
nothing else. The step is that of reweighted least squares with the mean of both volumes' gradients,
as in `affine_solver.py`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.registration.bspline_lattice import ControlLattice, SplineWeights
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
ENTRIES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # of a symmetric matrix


class Side(NamedTuple):
    """One volume on the working grid."""

    values: Tensor  # (1, 1, d, h, w) network intensities
    acquired: Tensor  # (1, 1, d, h, w) bool: no padding, nothing stripped, within the field of view


class RefinementPair(NamedTuple):
    """What is compared, on one working grid."""

    degraded: Side
    reference: Side
    body: Tensor  # (1, 1, d, h, w) bool: where the comparison counts
    spacing: float  # mm, isotropic

    def to(self, device: torch.device) -> RefinementPair:
        """The same on `device`."""
        degraded, reference = (
            Side(side.values.to(device), side.acquired.to(device))
            for side in (self.degraded, self.reference)
        )
        return RefinementPair(degraded, reference, self.body.to(device), self.spacing)


class NormalEquations(NamedTuple):
    """Of one step, at the points that were compared; mm."""

    energy: Tensor  # (d, h, w): of the descriptors, without bending
    gradient: Tensor  # (1, 3, d, h, w): Σ_k w r_k ∇m_k
    tensor: Tensor  # (6, d, h, w): Σ_k w ∇m_k ∇m_kᵀ, its entries xx, yy, zz, xy, xz, yz
    weights: SplineWeights

    def where(self, chosen: Tensor) -> NormalEquations:
        """The same with every point's evidence times `chosen`, `(d, h, w)`."""
        energy, gradient, tensor = (v * chosen for v in (self.energy, self.gradient, self.tensor))
        return NormalEquations(energy, gradient, tensor, self.weights)

    def gain(self, control: Tensor) -> Tensor:
        """Decrease of the energy at every point, as the equations predict it, `(d, h, w)`."""
        u = self.weights.field(control)
        curvature = tensor_product(self.tensor, u)
        return -((self.gradient + curvature / 2) * u).sum(1)[0]


class RefinementProblem:
    """Both volumes, the control points above them, and the points where they are compared.

    Args:
        pair: the volumes.
        start: φ `(1, 3, d, h, w)`, voxels of the working grid.
    """

    def __init__(self, pair: RefinementPair, start: Tensor) -> None:
        shape, spacing = pair.body.shape[2:], pair.spacing
        self.compared_mm = max(COMPARED_MM, spacing)
        pitch = PITCH_MM * self.compared_mm / COMPARED_MM
        self._spacing, self._start = spacing, start
        self.lattice = ControlLattice((shape[0], shape[1], shape[2]), spacing, pitch)
        self._acquired = [side.acquired.float() for side in (pair.degraded, pair.reference)]
        self._values = [
            _smooth(side.values.float(), acquired, _missing_spread(spacing))
            for side, acquired in zip((pair.degraded, pair.reference), self._acquired, strict=True)
        ]
        self._body = pair.body.float()
        self._axes = [_points(n, self.compared_mm / spacing, start.device) for n in shape]
        self._random = torch.Generator().manual_seed(0)

    def field(self, control: Tensor) -> Tensor:
        """φ + u on the working grid: control points `(1, 3, i, j, k)` mm → voxels."""
        return self._start + self.lattice.field(control) / self._spacing

    def normal_equations(self, control: Tensor) -> NormalEquations:
        """Gauss-Newton at `control`, `(1, 3, i, j, k)` mm."""
        weights, values, acquired, body = self._read(control)
        described = masked_mind_ssc(values, acquired)
        moving, fixed = described.values.split(1)
        difference, mean = moving - fixed, (moving + fixed) / 2
        valid = described.valid
        count = valid.sum(1, keepdim=True)
        square = difference.square().sum(1, keepdim=True) / count.clamp(min=1)
        volume = body * self.compared_mm**3 / CHANNELS  # mm³ that a channel of a point stands for
        energy = volume * count * _SCALE * square / (square + _SCALE**2) / 2
        importance = volume * _SCALE**3 / (square + _SCALE**2).square()
        gradient = torch.zeros(1, 3, *body.shape[2:], device=body.device)
        tensor = torch.zeros(6, *body.shape[2:], device=body.device)
        for k in range(CHANNELS):  # one at a time: all gradients at once would be a large tensor
            slope = _masked_gradient(mean[:, k : k + 1], valid[:, k : k + 1], self.compared_mm)
            weighted = importance * slope
            gradient += weighted * difference[:, k : k + 1]
            for n, (i, j) in enumerate(ENTRIES):
                tensor[n] += weighted[0, i] * slope[0, j]
        return NormalEquations(energy[0, 0], gradient, tensor, weights)

    def _read(self, control: Tensor) -> tuple[SplineWeights, Tensor, Tensor, Tensor]:
        """Splines at the points; both volumes there `(2, 1, …)`; where both were acquired, and the
        body there, `(1, 1, …)`.
        """
        # between the voxels, elsewhere every time: interpolation smooths, so that a volume read on
        # its voxels would fit best where the other one is read half way between them
        offset = (torch.rand(3, generator=self._random) - 0.5) * self.compared_mm / self._spacing
        d, h, w = (axis + float(o) for axis, o in zip(self._axes, offset, strict=True))
        fixed = torch.stack(torch.meshgrid(d, h, w, indexing="ij"))[None]
        weights = self.lattice.weights((d, h, w))
        moving = fixed + sample_at(self._start, fixed) + weights.field(control) / self._spacing
        acquired = torch.ones_like(fixed[:, :1])
        for mask, at in zip(self._acquired, (moving, fixed), strict=True):
            acquired *= (sample_at(mask, at) > _ACQUIRED) & inside(at, mask.shape[2:])
        places = zip(self._values, (moving, fixed), strict=True)
        values = torch.cat([sample_at(volume, at) for volume, at in places])
        body = acquired * (sample_at(self._body, fixed) > 0.5)
        return weights, values, acquired, body


def tensor_product(tensor: Tensor, field: Tensor) -> Tensor:
    """S v at every point: `(6, d, h, w)` entries, `(1, 3, d, h, w)` → `(1, 3, d, h, w)`."""
    xx, yy, zz, xy, xz, yz = tensor
    x, y, z = field[0]
    return torch.stack(
        [xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z]
    )[None]


def _points(count: int, step: float, device: torch.device) -> Tensor:
    """Indices `step` apart over a side of `count` voxels, one of them on its middle."""
    half = math.ceil((count / step - 1) / 2)
    return torch.arange(-half, half + 1, device=device) * step + (count - 1) / 2


def _missing_spread(spacing: float) -> float:
    """Standard deviation, voxels: what voxels (s²/12) and linear interpolation (s²/6, on average
    over its fractions) lack of the point spread.
    """
    variance = _POINT_SPREAD_MM**2 - spacing**2 / 12 - spacing**2 / 6
    return math.sqrt(max(variance, 0.0)) / spacing


def _smooth(volume: Tensor, acquired: Tensor, deviation: float) -> Tensor:
    """Gaussian mean over acquired voxels alone (normalised convolution, Knutsson and Westin 1993,
    doi 10.1109/CVPR.1993.341081).
    """
    if deviation == 0:
        return volume
    reach = math.ceil(3 * deviation)
    steps = torch.arange(-reach, reach + 1, device=volume.device)
    kernel = torch.exp(-0.5 * (steps / deviation) ** 2)
    weighted = torch.cat([volume * acquired, acquired])
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = len(kernel)
        padding = [reach if a == axis else 0 for a in range(3)]
        weighted = F.conv3d(weighted, (kernel / kernel.sum()).view(shape), padding=padding)
    total, weight = weighted.split(1)
    return total / weight.clamp(min=1e-3)


def _masked_gradient(channel: Tensor, valid: Tensor, spacing: float) -> Tensor:
    """Central differences per mm where both neighbours and the voxel are valid, else 0.

    Args:
        channel: `(1, 1, d, h, w)`.
        valid: of the same shape, 1 or 0.
        spacing: mm.

    Returns:
        `(1, 3, d, h, w)`, along d, h, w.
    """
    slopes = torch.zeros(1, 3, *channel.shape[2:], device=channel.device)
    for axis in (2, 3, 4):
        inner = channel.shape[axis] - 2
        if inner < 1:
            continue
        (before, after), known = (
            (volume.narrow(axis, 0, inner), volume.narrow(axis, 2, inner))
            for volume in (channel, valid)
        )
        here = slopes[:, axis - 2 : axis - 1].narrow(axis, 1, inner)
        here.copy_((after - before) * known[0] * known[1] / (2 * spacing))
    return slopes * valid
