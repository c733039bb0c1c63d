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
_CG_STEPS = 60
_CG_TOLERANCE = 1e-3
_CELL = 8  # compared points along the side of a cell that is held out whole (24 mm)
_LEAST_CELL = 20  # points with evidence, of 512; fewer do not count as a cell
_LEAST_CELLS = 4


class HeldOut(NamedTuple):
    """What a change gains in cells that it was not fitted to."""

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
    blocks = 8 * F.avg_pool3d(even(equations.tensor), 2)
    weights = equations.weights.of_blocks()

    def stiffness(c: Tensor) -> Tensor:
        bending = lattice.bending_gradient(c)
        return bending_weight * bending

    def normal(c: Tensor) -> Tensor:
        displacement = weights.field(c)
        force = tensor_product(blocks, displacement)
        return weights.gather(force) + stiffness(c) + _RIDGE * c

    evidence = equations.weights.gather(equations.gradient)
    right = evidence + stiffness(control) + _RIDGE * control
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
        half = equations.where(2 * fitted)
        step = gauss_newton(half, start, lattice, bending_weight)
        gain += equations.gain(step) * (1 - fitted)
    return over_cells(gain, equations.energy)


def over_cells(gain: Tensor, energy: Tensor) -> HeldOut:
    """A gain at every point as that of all, and how steady it is over the cells.

    Args:
        gain: decrease of the energy, `(d, h, w)`.
        energy: before it; 0 where nothing was compared.
    """
    total = float(energy.sum())
    relative = float(gain.sum()) / total if total > 0 else 0.0
    has_evidence = (energy > 0).float()
    enough = _sums_of_cells(has_evidence) >= _LEAST_CELL
    cells = _sums_of_cells(gain)[enough]
    count = cells.numel()
    if count < _LEAST_CELLS:
        return HeldOut(relative, t=0.0)
    error = cells.std() / count**0.5
    t = cells.mean() / error.clamp(min=1e-12)
    return HeldOut(relative, float(t))


def conjugate_gradients(matrix: Callable[[Tensor], Tensor], right: Tensor) -> Tensor:
    """x with matrix(x) = right, matrix symmetric and positive; from 0."""
    x = torch.zeros_like(right)
    rest = right
    direction = rest
    size = float(rest.square().sum())
    enough = _CG_TOLERANCE**2 * size
    for _ in range(_CG_STEPS):
        if size <= enough:
            break
        image = matrix(direction)
        curvature = float((direction * image).sum())
        length = size / curvature
        x = x + length * direction
        rest = rest - length * image
        before = size
        size = float(rest.square().sum())
        direction = rest + (size / before) * direction
    return x


def even(tensor: Tensor) -> Tensor:
    """Zeros appended, so that d, h and w are even."""
    d, h, w = (n % 2 for n in tensor.shape[-3:])
    return F.pad(tensor, [0, w, 0, h, 0, d])


def _chess_board(like: Tensor) -> Tensor:
    """1 in the black cells, 0 in the white ones, `(d, h, w)`."""
    d, h, w = (torch.arange(n, device=like.device) // _CELL for n in like.shape)
    planes = d[:, None, None]
    rows = h[None, :, None]
    columns = w[None, None, :]
    odd = (planes + rows + columns) % 2
    return odd.float()


def _sums_of_cells(values: Tensor) -> Tensor:
    """`(d, h, w)` → one sum a cell, `(n,)`."""
    d, h, w = (-n % _CELL for n in values.shape)
    padded = F.pad(values, [0, w, 0, h, 0, d])
    means = F.avg_pool3d(padded[None, None], _CELL)
    return means.flatten() * _CELL**3
