"""ALSN: the skips of UFR&F, a base net and LoRA branches driven by the prompt (Eq. 7-10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from UniFuseLib.network.layers import (
    channel_rms_norm,
    convolution,
    separable_convolution,
    zero_bias,
)
from UniFuseLib.network.prompt import PromptGuide, modulate
from UniFuseLib.network.slabs import by_slabs

if TYPE_CHECKING:
    from UniFuseLib.network.dapl import Context

_REACH = 1  # planes: a 3³ convolution


class BaseNet(nn.Module):
    """B_i, Eq. 9-10: prompt-driven channel attention, then a gated convolution with GELU.

    Args:
        channels: C of this scale.
        width: M of the prompt.
        dense: 3³ convolutions; otherwise separable ones.
    """

    def __init__(self, channels: int, width: int, dense: bool) -> None:
        super().__init__()
        make = convolution if dense else separable_convolution
        self.guide = PromptGuide(width, channels)
        self.query = convolution(channels, channels, 1)
        self.key = convolution(channels, channels, 1)
        self.value = make(channels, channels)
        self.content = make(channels, channels)
        self.gate = make(channels, channels)
        self.temperature = nn.Parameter(torch.ones(1))

    def forward(self, features: Tensor, prompt: Tensor) -> Tensor:
        """F̃_i `(b, C, d, h, w)`, prompt P̂ ⊙ p `(b, classes, l, m)` → F̃_i^B of the same shape."""
        query = F.normalize(modulate(self.query(features), self.guide(prompt)).flatten(2), dim=-1)
        key = F.normalize(self.key(features).flatten(2), dim=-1)
        value = self.value(features)
        likeness = query @ key.transpose(1, 2)
        attention = (likeness * self.temperature).softmax(dim=-1)  # M_i (b, C, C)
        attended = (attention @ value.flatten(2)).view_as(value) + value  # V'_i
        return by_slabs(self._gated, attended, _REACH)

    def _gated(self, attended: Tensor) -> Tensor:
        # Eq. 10 is a product: large features would grow with their square
        even = channel_rms_norm(attended)
        return self.content(even) * F.gelu(self.gate(even))


class LoRANet(nn.Module):
    """R_ij, Eq. 8: A·B·x of low rank.

    B goes down to the rank (3³ where the scale is dense, else 1³), A back up (1³).
    """

    def __init__(self, channels: int, width: int, rank: int, dense: bool) -> None:
        super().__init__()
        self.down = convolution(channels, rank, kernel=3 if dense else 1)
        self.guide = PromptGuide(width, rank, hidden=8)
        self.up = nn.Conv3d(rank, channels, 1)
        nn.init.zeros_(self.up.weight)
        zero_bias(self.up)

    def forward(self, features: Tensor, prompt: Tensor) -> Tensor:
        """`(b, C, d, h, w)`, prompt P̂ ⊙ p `(b, classes, l, m)` → the same shape."""
        return self.up(modulate(self.down(features), self.guide(prompt)))


class ALSN(nn.Module):
    """Adaptive LoRA synergistic network, Eq. 7, added to the skip.

    B_i(F̃_i, P̂) + Σ_j p_j R_ij(F̃_i, P̂).
    """

    def __init__(self, base: nn.Module, branches: list[nn.Module]) -> None:
        super().__init__()
        self.base = base
        self.branches = nn.ModuleList(branches)
        self.strength = nn.Parameter(torch.tensor(0.1))

    def forward(self, features: Tensor, context: Context) -> Tensor:
        """F̃_i `(b, C, d, h, w)` → the skip of this scale, of the same shape."""
        p = context.probabilities
        weighted = context.prompt * p[:, :, None, None]  # P̂ ⊙ p
        even = channel_rms_norm(features)
        out = self.base(even, weighted)
        for j, branch in enumerate(self.branches):
            probability = p[:, j, None, None, None, None].to(out.dtype)
            out = out + probability * branch(even, weighted)
        return features + self.strength * out


def build_alsn(
    channels: int,
    width: int,
    dense: bool,
    rank: int,
    classes: int,
    kind: Literal["lora", "base_only", "experts"],
) -> ALSN:
    """`lora` is the paper's; `base_only` is `w/o LoRA` and `experts` `Multi-Experts` of Table 4."""
    branches: dict[str, list[nn.Module]] = {
        "lora": [LoRANet(channels, width, rank, dense) for _ in range(classes)],
        "base_only": [],
        "experts": [BaseNet(channels, width, dense) for _ in range(classes)],
    }
    return ALSN(BaseNet(channels, width, dense), branches[kind])
