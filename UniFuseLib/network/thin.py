"""A 3³ convolution to one channel: without gradients it is 27 weighted shifts on a CPU.

oneDNN makes 16 channels where one is asked for: a quarter of a gigabyte at 160³, and twice the
time.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from UniFuseLib.network.slabs import by_slabs

_SIDE = 3
_PLANES = 4  # of a slab, so that it stays in the processor's cache


class ThinConvolution(nn.Conv3d):
    """out = Σ_c w[c] * x[c] + bias, same size.

    Parameters are those of `nn.Conv3d(c, 1, 3, padding=1)`.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 1, _SIDE, padding=_SIDE // 2)

    def forward(self, features: Tensor) -> Tensor:
        """`(b, c, d, h, w)` → `(b, 1, d, h, w)`; other sums of the same products, to 1e-6."""
        plain = features.device.type == "cpu" and features.dtype == torch.float32
        if not plain or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"):
            return super().forward(features)
        return by_slabs(self._shifted, features, _SIDE // 2, _PLANES)

    def _shifted(self, features: Tensor) -> Tensor:
        b, _, d, h, w = features.shape
        padded = F.pad(features, [_SIDE // 2] * (2 * 3))
        bias = 0.0 if self.bias is None else float(self.bias)
        out = features.new_full((b, 1, d, h, w), bias)
        weights = self.weight[0].flatten(1).T.tolist()
        for (i, j, k), weight in zip(_offsets(), weights, strict=True):
            seen = padded[:, :, i : i + d, j : j + h, k : k + w]
            for channel, factor in zip(seen.split(1, dim=1), weight, strict=True):
                out.add_(channel, alpha=factor)
        return out


def _offsets() -> list[tuple[int, int, int]]:
    """Of a kernel's weights, in their order."""
    return [(i, j, k) for i, j, k in itertools.product(range(_SIDE), repeat=3)]
