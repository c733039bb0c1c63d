"""One Gauss-Newton step over control points, and what it would gain where it was not fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.registration.bspline_problem import NormalEquations, tensor_product

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.registration.bspline_lattice import ControlLattice

# 1/mm² of a control point's 1 mm³: holds points that no evidence reaches
_RIDGE = 1e-3
_CG_STEPS, _CG_TOLERANCE = 60, 1e-3
_CELL = 8  # compared points along the side of a cell that is held out whole (24 mm)
_LEAST_CELL = 20  # points with evidence, of 512; fewer are no cell
_LEAST_CELLS = 4


class HeldOut(NamedTuple):
    """What a step gains in cells that it was not fitted to."""

    gain: float  # decrease of the energy there, relative to all of it
    t: float  # mean gain of a cell over its standard error; 0 with hardly any cells


def gauss_newton(
    equations: NormalEquations, control: Tensor, lattice: ControlLattice, bending_weight: float
) -> Tensor:
    """Δc with (Bᵀ S B + λ R) Δc = -(Bᵀ g + λ R c): B the splines, R the bending, mm.

    Args:
        equations: g and S at the compared points.
        control: c `(1, 3, i, j, k)` mm.
        lattice: of the control points.
        bending_weight: λ, mm².
    """
    # sums over blocks of eight points: splines hardly change within one
    blocks, weights = 8 * F.avg_pool3d(even(equations.tensor), 2), equations.weights.of_blocks()

    def normal(c: Tensor) -> Tensor:
        evidence = weights.gather(tensor_product(blocks, weights.field(c)))
        return evidence + bending_weight * lattice.bending_gradient(c) + _RIDGE * c

    right = equations.weights.gather(equations.gradient)
    right = right + bending_weight * lattice.bending_gradient(control) + _RIDGE * control
    return conjugate_gradients(normal, -right)


def held_out_gain(
    equations: NormalEquations, lattice: ControlLattice, bending_weight: float
) -> HeldOut:
    """Two-fold cross-validation of the first step over cells coloured like a chess board.

    Each colour is fitted alone, counted twice, and judged on the other colour.

    Args:
        equations: at c = 0.
        lattice: of the control points.
        bending_weight: λ, mm².
    """
    black = _chess_board(equations.energy)
    start = lattice.zeros(black.device)
    gain = torch.zeros_like(black)
    for fitted in (black, 1 - black):
        step = gauss_newton(equations.where(2 * fitted), start, lattice, bending_weight)
        gain += equations.gain(step) * (1 - fitted)
    total = float(equations.energy.sum())
    cells = _sums_of_cells(gain)[_sums_of_cells((equations.energy > 0).float()) >= _LEAST_CELL]
    relative = float(gain.sum()) / total if total > 0 else 0.0
    if cells.numel() < _LEAST_CELLS:
        return HeldOut(relative, 0.0)
    error = cells.std() / cells.numel() ** 0.5
    return HeldOut(relative, float(cells.mean() / error.clamp(min=1e-12)))


def conjugate_gradients(matrix: Callable[[Tensor], Tensor], right: Tensor) -> Tensor:
    """x with matrix(x) = right, matrix symmetric and positive; from 0."""
    x, rest = torch.zeros_like(right), right
    direction, size = rest, float(rest.square().sum())
    enough = _CG_TOLERANCE**2 * size
    for _ in range(_CG_STEPS):
        if size <= enough:
            break
        image = matrix(direction)
        length = size / float((direction * image).sum())
        x, rest = x + length * direction, rest - length * image
        size, before = float(rest.square().sum()), size
        direction = rest + (size / before) * direction
    return x


def even(tensor: Tensor) -> Tensor:
    """Zeros appended, so that d, h and w are even."""
    d, h, w = (n % 2 for n in tensor.shape[-3:])
    return F.pad(tensor, [0, w, 0, h, 0, d])


def _chess_board(like: Tensor) -> Tensor:
    """1 in the black cells, 0 in the white ones, `(d, h, w)`."""
    d, h, w = (torch.arange(n, device=like.device) // _CELL for n in like.shape)
    return ((d[:, None, None] + h[None, :, None] + w[None, None, :]) % 2).float()


def _sums_of_cells(values: Tensor) -> Tensor:
    """`(d, h, w)` → one sum a cell, `(n,)`."""
    pad = [(-n) % _CELL for n in values.shape]
    padded = F.pad(values, [0, pad[2], 0, pad[1], 0, pad[0]])
    return F.avg_pool3d(padded[None, None], _CELL).flatten() * _CELL**3
