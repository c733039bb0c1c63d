"""Values and derivatives of volumes at the voxels of one body, and nowhere else."""

from __future__ import annotations

import torch
from torch import Tensor


class BodyVoxels:
    """The n voxels of a body on one grid, with their neighbours along d, h, w.

    Args:
        body: `(1, 1, d, h, w)`, above 0 inside.
    """

    def __init__(self, body: Tensor) -> None:
        shape = body.shape[2:]
        index = body[0, 0].nonzero().T  # (3, n)
        step = (shape[1] * shape[2], shape[2], 1)
        self._place = sum(i * s for i, s in zip(index, step, strict=True))
        self._before, self._after, self._apart = [], [], []
        for i, s, length in zip(index, step, shape, strict=True):
            behind, ahead = i > 0, i < length - 1
            self._before.append(self._place - s * behind)
            self._after.append(self._place + s * ahead)
            self._apart.append((behind.float() + ahead.float()).clamp(min=1))

    def of(self, volume: Tensor) -> Tensor:
        """Values there: `(1, c, d, h, w)` or `(c, d, h, w)` → `(c, n)`."""
        return _flat(volume).index_select(1, self._place)

    def gradient(self, volume: Tensor) -> Tensor:
        """Derivatives per voxel along d, h, w: central, at the grid's faces to one side.

        Args:
            volume: `(1, c, d, h, w)`.

        Returns:
            `(3, c, n)`.
        """
        flat = _flat(volume)
        slopes = [
            (flat.index_select(1, after) - flat.index_select(1, before)) / apart
            for before, after, apart in zip(self._before, self._after, self._apart, strict=True)
        ]
        return torch.stack(slopes)


def _flat(volume: Tensor) -> Tensor:
    """`(c, d h w)`."""
    channels = volume[0] if volume.ndim == 5 else volume
    return channels.flatten(1)
