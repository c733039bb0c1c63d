"""Cubic B-splines on a lattice of control points.

Rueckert et al. 1999, doi 10.1109/42.796284.
"""

from __future__ import annotations

import torch
from torch import Tensor


def bspline_basis(position: Tensor, count: int) -> Tensor:
    """β³(x - i + 1): weights of the control points i at positions x, in units of the lattice.

    Args:
        position: x `(n,)`; beyond the lattice the value at its end is taken.
        count: control points; the first lies one unit before x = 0.

    Returns:
        `(n, count)`, of `position`'s type; rows sum to 1.
    """
    inside = position.clamp(0, count - 3 - 1e-6)
    points = torch.arange(count, device=position.device)
    distance = ((inside + 1)[:, None] - points[None]).abs()
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance).clamp(min=0) ** 3 / 6
    return torch.where(distance < 1, near, far)
