"""Displacements between control points: cubic B-splines with their adjoint and bending energy, mm.

Rueckert et al. 1999, doi 10.1109/42.796284.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.bspline import bspline_basis

Axes = tuple[Tensor, Tensor, Tensor]  # coordinates along d, h and w, (n,) each


class SplineWeights(NamedTuple):
    """Weights `(places, control points)` along d, h and w."""

    d: Tensor
    h: Tensor
    w: Tensor

    def field(self, control: Tensor) -> Tensor:
        """u[x] = Σ_i β_i(x) c_i: control points `(1, 3, i, j, k)` → `(1, 3, d, h, w)`, one unit."""
        for axis, weights in enumerate(self, start=2):
            summed = torch.tensordot(control, weights, dims=([axis], [1]))
            control = summed.movedim(-1, axis)
        return control

    def gather(self, field: Tensor) -> Tensor:
        """Σ_x β_i(x) f[x], the adjoint of `field`: `(1, 3, d, h, w)` → `(1, 3, i, j, k)`."""
        for axis, weights in enumerate(self, start=2):
            summed = torch.tensordot(field, weights, dims=([axis], [0]))
            field = summed.movedim(-1, axis)
        return field

    def of_blocks(self) -> SplineWeights:
        """Means over places 0 and 1, 2 and 3, …; of an odd number the last one alone."""
        return SplineWeights(
            d=_means_of_two(self.d),
            h=_means_of_two(self.h),
            w=_means_of_two(self.w),
        )


class ControlLattice:
    """Control points `pitch` mm apart over a grid, the same ones whatever the grid's spacing.

    A control point lies on the middle of the grid, and the lattice reaches beyond its faces.

    Args:
        shape: voxels of the grid along d, h, w.
        spacing: mm of its voxels.
        pitch: mm between control points.
    """

    def __init__(self, shape: tuple[int, int, int], spacing: float, pitch: float) -> None:
        self.pitch = pitch
        self._spacing = spacing
        self._grid = shape
        d, h, w = shape
        self._intervals = (
            _even_intervals(d * spacing, pitch),
            _even_intervals(h * spacing, pitch),
            _even_intervals(w * spacing, pitch),
        )

    def zeros(self, device: torch.device) -> Tensor:
        """Control points that move nothing, `(1, 3, i, j, k)`."""
        points = [intervals + 3 for intervals in self._intervals]
        return torch.zeros(1, 3, *points, device=device)

    def weights(self, places: Axes) -> SplineWeights:
        """Of all control points at the places with these coordinates.

        Args:
            places: continuous indices of the grid.
        """
        d, h, w = places
        return SplineWeights(
            d=self._along(0, d),
            h=self._along(1, h),
            w=self._along(2, w),
        )

    def _along(self, axis: int, places: Tensor) -> Tensor:
        """Weights `(places, control points)` along one axis."""
        voxels = self._grid[axis]
        intervals = self._intervals[axis]
        middle = (voxels - 1) / 2
        from_middle = (places - middle) * self._spacing / self.pitch
        position = from_middle + intervals / 2
        return bspline_basis(position, intervals + 3)

    def field(self, control: Tensor) -> Tensor:
        """Control points `(1, 3, i, j, k)` → the grid's voxels `(1, 3, d, h, w)`, one unit."""
        d, h, w = (torch.arange(n, device=control.device) for n in self._grid)
        weights = self.weights((d, h, w))
        return weights.field(control)

    def bending_gradient(self, control: Tensor) -> Tensor:
        """Derivative of ½ ∫ Σ_ab (∂²u / ∂a∂b)² dV, mm²: second differences of control points, mm.

        ∂² is a difference by pitch², dV is pitch³.

        Args:
            control: `(1, 3, i, j, k)` mm.
        """
        total = torch.zeros_like(control)
        for a in (2, 3, 4):
            slope = control.diff(dim=a)
            bend = slope.diff(dim=a)
            total += _adjoint(_adjoint(bend, a), a)
            for b in range(a + 1, 5):
                twist = slope.diff(dim=b)
                untwisted = _adjoint(_adjoint(twist, a), b)
                total += 2 * untwisted
        return total / self.pitch


def _even_intervals(length: float, pitch: float) -> int:
    """Between control points over `length` mm; even, so that a point lies on the middle."""
    return 2 * math.ceil(length / (2 * pitch))


def _adjoint(difference: Tensor, axis: int) -> Tensor:
    """The transpose of `diff` along an axis."""
    pad = [0, 0] * (4 - axis) + [1, 1]
    framed = F.pad(difference, pad)
    return -framed.diff(dim=axis)


def _means_of_two(weights: Tensor) -> Tensor:
    if len(weights) % 2:
        last = weights[-1:]
        weights = torch.cat([weights, last])
    first, second = weights[0::2], weights[1::2]
    return (first + second) / 2
