"""A depthwise 3³ convolution whose gradients are a depthwise convolution and 27 sums.

torch's own backward takes twenty times its forward on a CPU, and on CUDA one block of threads for
every weight.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from UniFuseLib.network.slabs import by_slabs

_SIDE = 3


class DepthwiseConvolution(nn.Conv3d):
    """out[c] = w[c] * x[c] + bias[c], same size.

    Parameters are those of `nn.Conv3d(c, c, 3, padding=1, groups=c)`.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, _SIDE, padding=_SIDE // 2, groups=channels)

    def forward(self, features: Tensor) -> Tensor:
        """`(b, c, d, h, w)` → the same shape, in half precision under autocast."""
        if features.is_meta:
            return super().forward(features)
        if not torch.is_grad_enabled():
            return by_slabs(super().forward, features, _SIDE // 2)
        weight, device = self.weight, features.device.type
        if torch.is_autocast_enabled(device):
            half = torch.get_autocast_dtype(device)
            features, weight = features.to(half), weight.to(half)
        out: Tensor = _Depthwise.apply(features, weight)
        return out if self.bias is None else out + self.bias.to(out.dtype)[:, None, None, None]


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(features, weight)
        return _convolve(features, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        features, weight = ctx.saved_tensors
        (grad,) = grad_outputs
        of_weight = _weight_gradient(features, grad).to(weight.dtype)
        return _convolve(grad, weight.flip(2, 3, 4)), of_weight


def _convolve(features: Tensor, weight: Tensor) -> Tensor:
    return F.conv3d(features, weight, padding=_SIDE // 2, groups=weight.shape[0])


def _weight_gradient(features: Tensor, grad: Tensor) -> Tensor:
    """g[c, k] = Σ_{b, x} grad[b, c, x] · features[b, c, x + k - 1], zero beyond the border.

    Returns:
        `(c, 1, 3, 3, 3)` float32.
    """
    d, h, w = grad.shape[2:]
    padded = F.pad(features, [_SIDE // 2] * (2 * 3))
    sums = [
        (padded[:, :, i : i + d, j : j + h, k : k + w] * grad).sum(
            (0, 2, 3, 4), dtype=torch.float32
        )
        for i, j, k in itertools.product(range(_SIDE), repeat=3)
    ]
    return torch.stack(sums, dim=1).view(-1, 1, _SIDE, _SIDE, _SIDE)
