"""The chain rule from voxels to an affine: derivatives along the grid's axes → by its generators.

Generator k moves the voxel with the homogeneous coordinates h by G_k h mm along R, A, S. What
changes by `slope` per mm changes by slope · G_k h with parameter k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from UniFuseLib.registration.affine_fields import homogeneous
from UniFuseLib.registration.affine_parameters import BASIS

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.registration.affine_parameters import Frame
    from UniFuseLib.spatial.volume import Grid


class Generators:
    """The generators of `BASIS` at the voxels of a grid.

    Args:
        grid: whose voxels move.
        frame: of the parameters.
    """

    def __init__(self, grid: Grid, frame: Frame) -> None:
        self._axes = grid.directions
        self._h = homogeneous(grid, frame)

    def rows(self, slope: Tensor, seen: Tensor, freedom: int) -> Tensor:
        """Derivative of n values by the generators, `(n, k)`.

        Args:
            slope: `(3, n)` along d, h, w, per mm.
            seen: `(d, h, w)` bool, the n voxels.
            freedom: k.
        """
        matrices = BASIS[:, :freedom].reshape(3, 4, freedom)
        basis = torch.from_numpy(matrices)
        axes = torch.from_numpy(self._axes)
        along_axes = torch.einsum("ji,jak->iak", axes, basis).to(slope)
        h = self._h[:, seen]
        motion = torch.einsum("iak,an->ikn", along_axes, h)
        return torch.einsum("in,ikn->nk", slope, motion)

    def sums(
        self, slope: Tensor, curvature: Tensor, seen: Tensor, freedom: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Σ_n of gradient and Hessian by the generators, `(k,)` and `(k, k)`.

        Args:
            slope: `(3, n)` along d, h, w, per mm.
            curvature: `(3, 3, n)`, likewise.
            seen: `(d, h, w)` bool, the n voxels.
            freedom: k.
        """
        basis = BASIS[:, :freedom]
        axes = self._axes
        h = self._h[:, seen]
        rows = torch.einsum("in,an->ia", slope, h).double().numpy()
        blocks = torch.einsum("ijn,an,bn->iajb", curvature, h, h).double().numpy()
        # derivatives along the grid's axes → along R, A, S
        gradient = (axes @ rows).ravel()
        hessian = np.einsum("ki,lj,iajb->kalb", axes, axes, blocks)
        hessian = hessian.reshape(12, 12)
        return basis.T @ gradient, basis.T @ hessian @ basis
