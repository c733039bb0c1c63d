"""How well the descriptors of two volumes fit at the voxels of a body, and its derivatives.

The Hessian is Gauss-Newton's, with the mean of both volumes' gradients (ESM, Malis 2004, doi
10.1109/ROBOT.2004.1308092). Voxels are compared a few thousand at a time: all channels of all of
them would leave the processor's cache at every step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from UniFuseLib.registration.symmetric import ENTRIES

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.registration.affine_measures import Loss
    from UniFuseLib.registration.body_voxels import BodyVoxels

_TOGETHER = 1 << 12  # voxels: 200 kB for twelve channels


class DescriptorFit:
    """Descriptors that do not move, for others to be compared with.

    Args:
        described: of the volume that does not move, `(1, c, d, h, w)`.
        voxels: the n that are compared.
        loss: of a voxel.
        spacing: mm of the grid.
    """

    def __init__(self, described: Tensor, voxels: BodyVoxels, loss: Loss, spacing: float) -> None:
        self._voxels, self._parts = voxels, tuple(voxels.parts(_TOGETHER))
        self._fixed = voxels.of(described)
        self._gradient = voxels.gradient(described)
        self._loss, self._per_mm = loss, 1 / (2 * spacing)

    def loss(self, described: Tensor, weight: Tensor) -> float:
        """Σ weight · loss over all voxels.

        Args:
            described: of the volume that moves, `(1, c, d, h, w)`.
            weight: `(n,)`.
        """
        losses = []
        for rows, voxels in self._parts:
            q = (voxels.of(described) - self._fixed[:, rows]).square_().mean(dim=0)
            losses.append((self._loss.value(q) * weight[rows]).sum())
        return float(torch.stack(losses).double().sum())

    def slopes(self, described: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of half the loss by a motion of each voxel along d, h, w.

        Args:
            described: of the volume that moves, `(1, c, d, h, w)`.
            weight: `(n,)`.

        Returns:
            `(3, n)` per mm, and `(6, n)` per mm², the `ENTRIES` of a symmetric matrix.
        """
        slope, curvature = (weight.new_empty(n, len(weight)) for n in (3, len(ENTRIES)))
        for rows, voxels in self._parts:
            residual = voxels.of(described) - self._fixed[:, rows]
            # of both volumes, (3, c, rows), times 2 · spacing
            gradient = voxels.gradient(described).add_(self._gradient[:, :, rows])
            q = residual.square().mean(dim=0)
            share = self._loss.weight(q) * weight[rows] * (self._per_mm / len(residual))
            for i in range(3):
                torch.mul((gradient[i] * residual).sum(dim=0), share, out=slope[i, rows])
            share = share * self._per_mm
            for entry, (i, j) in enumerate(ENTRIES):
                product = (gradient[i] * gradient[j]).sum(dim=0)
                torch.mul(product, share, out=curvature[entry, rows])
        return slope, curvature

    def shuffled_loss(self, described: Tensor, weight: Tensor, order: Tensor) -> float:
        """The mean loss with the voxels of one volume in another order.

        Args:
            described: of the volume that moves, `(1, c, d, h, w)`.
            weight: `(n,)`.
            order: a permutation of the voxels whose weight is above 0.
        """
        seen = weight > 0
        residual = self._voxels.of(described)[:, seen][:, order] - self._fixed[:, seen]
        loss = self._loss.value(residual.square().mean(dim=0))
        return float((loss * weight[seen]).sum() / weight.sum())
