"""The chain rule from voxels to an affine: derivatives along the grid's axes → by its generators.

Generator k moves the voxel with the homogeneous coordinates h by G_k h mm along R, A, S. What
changes by `slope` per mm changes by slope · G_k h with parameter k.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch

from UniFuseLib.registration.affine_fields import homogeneous
from UniFuseLib.registration.affine_parameters import BASIS
from UniFuseLib.registration.symmetric import ENTRIES

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.registration.affine_parameters import BodyFrame
    from UniFuseLib.registration.body_voxels import BodyVoxels
    from UniFuseLib.spatial.volume import Grid

_PRODUCTS = tuple(itertools.combinations_with_replacement(range(4), 2))  # of the coordinates


class Generators:
    """The generators of `BASIS` at the voxels of a body.

    Args:
        grid: of the voxels.
        frame: of the parameters.
        voxels: the n that move.
    """

    def __init__(self, grid: Grid, frame: BodyFrame, voxels: BodyVoxels) -> None:
        self._axes = grid.directions
        self._h = voxels.of(homogeneous(grid, frame))
        self._products = torch.stack([self._h[a] * self._h[b] for a, b in _PRODUCTS])
        self._motions: dict[int, Tensor] = {}

    def rows(self, slope: Tensor, freedom: int) -> Tensor:
        """Derivative of n values by the generators, `(n, k)`.

        Args:
            slope: `(3, n)` along d, h, w, per mm.
            freedom: k.
        """
        motion = self._motion(freedom)
        rows = slope[0, :, None] * motion[0]
        for along, moved in zip(slope[1:], motion[1:], strict=True):
            rows.addcmul_(along[:, None], moved)
        return rows

    def _motion(self, freedom: int) -> Tensor:
        """mm along d, h, w that each voxel moves with each generator, `(3, n, k)`."""
        if freedom not in self._motions:
            matrices = BASIS[:, :freedom].reshape(3, 4, freedom)
            along_axes = np.einsum("ji,jak->iak", self._axes, matrices)
            of_axes = torch.from_numpy(along_axes).to(self._h)
            self._motions[freedom] = (self._h.T @ of_axes).contiguous()
        return self._motions[freedom]

    def sums(self, slope: Tensor, curvature: Tensor, freedom: int) -> tuple[np.ndarray, np.ndarray]:
        """Σ_n of gradient and Hessian by the generators, `(k,)` and `(k, k)`.

        Args:
            slope: `(3, n)` along d, h, w, per mm.
            curvature: `(6, n)`, likewise, the `ENTRIES` of a symmetric matrix.
            freedom: k.
        """
        basis = BASIS[:, :freedom]
        axes = self._axes
        rows = (slope @ self._h.T).double().numpy()
        blocks = _unfolded((curvature @ self._products.T).double().numpy())
        # derivatives along the grid's axes → along R, A, S
        gradient = (axes @ rows).ravel()
        hessian = np.einsum("ki,lj,iajb->kalb", axes, axes, blocks)
        hessian = hessian.reshape(12, 12)
        return basis.T @ gradient, basis.T @ hessian @ basis


def _unfolded(sums: np.ndarray) -> np.ndarray:
    """`(6, 10)` → `(3, 4, 3, 4)`: `ENTRIES` and products of coordinates back in their places."""
    blocks = np.empty((3, 4, 3, 4))
    for entry, (i, j) in enumerate(ENTRIES):
        for product, (a, b) in enumerate(_PRODUCTS):
            value = sums[entry, product]
            blocks[i, a, j, b] = blocks[j, a, i, b] = value
            blocks[i, b, j, a] = blocks[j, b, i, a] = value
    return blocks
