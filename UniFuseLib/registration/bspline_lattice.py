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
            control = torch.tensordot(control, weights, dims=([axis], [1])).movedim(-1, axis)
        return control

    def gather(self, field: Tensor) -> Tensor:
        """Σ_x β_i(x) f[x], the adjoint of `field`: `(1, 3, d, h, w)` → `(1, 3, i, j, k)`."""
        for axis, weights in enumerate(self, start=2):
            field = torch.tensordot(field, weights, dims=([axis], [0])).movedim(-1, axis)
        return field

    def of_blocks(self) -> SplineWeights:
        """Means over places 0 and 1, 2 and 3, …; of an odd number the last one alone."""
        return SplineWeights(*(_means_of_two(weights) for weights in self))


class ControlLattice:
    """Control points `pitch` mm apart over a grid, the same ones whatever the grid's spacing.

    A control point lies on the middle of the grid, and the lattice reaches beyond its faces.

    Args:
        shape: voxels of the grid along d, h, w.
        spacing: mm of its voxels.
        pitch: mm between control points.
    """

    def __init__(self, shape: tuple[int, int, int], spacing: float, pitch: float) -> None:
        self._grid, self._spacing, self.pitch = shape, spacing, pitch
        self._intervals = [2 * math.ceil(n * spacing / (2 * pitch)) for n in shape]

    def zeros(self, device: torch.device) -> Tensor:
        """Control points that move nothing, `(1, 3, i, j, k)`."""
        return torch.zeros(1, 3, *(n + 3 for n in self._intervals), device=device)

    def weights(self, places: Axes) -> SplineWeights:
        """Of all control points at the places with these coordinates.

        Args:
            places: continuous indices of the grid.
        """
        d, h, w = (
            bspline_basis(
                (place - (n - 1) / 2) * self._spacing / self.pitch + intervals / 2, intervals + 3
            )
            for place, n, intervals in zip(places, self._grid, self._intervals, strict=True)
        )
        return SplineWeights(d, h, w)

    def field(self, control: Tensor) -> Tensor:
        """Control points `(1, 3, i, j, k)` → the grid's voxels `(1, 3, d, h, w)`, one unit."""
        d, h, w = (torch.arange(n, device=control.device) for n in self._grid)
        return self.weights((d, h, w)).field(control)

    def bending_gradient(self, control: Tensor) -> Tensor:
        """Derivative of ½ ∫ Σ_ab (∂²u / ∂a∂b)² dV, mm²: second differences of control points, mm.

        ∂² is a difference by pitch², dV is pitch³.

        Args:
            control: `(1, 3, i, j, k)` mm.
        """
        total = torch.zeros_like(control)
        for a in (2, 3, 4):
            total += _adjoint(_adjoint(control.diff(dim=a).diff(dim=a), a), a)
            for b in range(a + 1, 5):
                total += 2 * _adjoint(_adjoint(control.diff(dim=a).diff(dim=b), a), b)
        return total / self.pitch


def _adjoint(difference: Tensor, axis: int) -> Tensor:
    """The transpose of `diff` along an axis."""
    pad = [0, 0] * (4 - axis) + [1, 1]
    return -F.pad(difference, pad).diff(dim=axis)


def _means_of_two(weights: Tensor) -> Tensor:
    if len(weights) % 2:
        weights = torch.cat([weights, weights[-1:]])
    return (weights[0::2] + weights[1::2]) / 2
