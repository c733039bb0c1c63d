"""ALSN: the skips of UFR&F, a base net and LoRA branches driven by the prompt (Eq. 7-10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from UniFuseLib.network.layers import (
    channel_rms_norm,
    convolution,
    separable_convolution,
    without_autocast,
    zero_bias,
)
from UniFuseLib.network.prompt import PromptGuide, modulate
from UniFuseLib.network.slabs import by_slabs, slabs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from UniFuseLib.network.dapl import Context

_REACH = 2  # planes: two 3³ convolutions, one after the other
_LEAST_SHARE = 1e-3  # p_j of a branch: what is left out is that part of it, times `strength`
_LEAST_LENGTH = 1e-12  # of a query or a key


class SkipNet(nn.Module):
    """A net of a skip in two steps, for maps that are too large to be worked on as a whole."""

    def forward(self, features: Tensor, prompt: Tensor) -> Tensor:
        """F̃_i `(b, C, d, h, w)`, prompt P̂ ⊙ p `(b, classes, l, m)` → the same shape."""
        return self.at(features, self.prepared([features], prompt))

    def prepared(self, parts: Iterable[Tensor], prompt: Tensor) -> Tensor:
        """What the net needs of the whole map, which comes in parts, and of the prompt."""
        raise NotImplementedError

    def at(self, features: Tensor, prepared: Tensor) -> Tensor:
        """What it makes of a part of the map; reads up to `_REACH` planes around a voxel."""
        raise NotImplementedError


class BaseNet(SkipNet):
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

    def prepared(self, parts: Iterable[Tensor], prompt: Tensor) -> Tensor:
        """M_i `(b, C, C)`: how alike the channels of queries and keys are over the whole map.

        Both are linear in the features, so their products are read from those of the features.
        """
        guide: Tensor = self.guide(prompt).float()
        with without_autocast(guide.device):  # half precision does not hold sums over a volume
            products = torch.stack([_products(part) for part in parts]).sum(0)
            key = _with_bias(self.key)
            query = guide[:, :, None] * _with_bias(self.query)
            of_query, of_key = query @ products, key @ products
            lengths = _length(of_query, query)[:, :, None] * _length(of_key, key)[:, None]
            likeness = of_query @ key.T
        return (likeness / lengths * self.temperature).softmax(dim=-1)

    def at(self, features: Tensor, prepared: Tensor) -> Tensor:
        """F̃_i^B of a part of the map."""
        # Eq. 10 is a product: large features would grow with their square
        even = channel_rms_norm(self._attended(features, prepared))
        return self.content(even) * F.gelu(self.gate(even))

    def _attended(self, features: Tensor, attention: Tensor) -> Tensor:
        """V'_i."""
        value: Tensor = self.value(features)
        return (attention.to(value.dtype) @ value.flatten(2)).view_as(value) + value


class LoRANet(SkipNet):
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

    def prepared(self, _parts: Iterable[Tensor], prompt: Tensor) -> Tensor:
        """A number for every rank, `(b, rank)`."""
        guide: Tensor = self.guide(prompt)
        return guide

    def at(self, features: Tensor, prepared: Tensor) -> Tensor:
        """A·B·x of a part of the map."""
        raised: Tensor = self.up(modulate(self.down(features), prepared))
        return raised


class ALSN(nn.Module):
    """Adaptive LoRA synergistic network, Eq. 7, added to the skip.

    B_i(F̃_i, P̂) + Σ_j p_j R_ij(F̃_i, P̂).
    """

    def __init__(self, base: SkipNet, branches: Sequence[SkipNet]) -> None:
        super().__init__()
        self.base = base
        self.branches = nn.ModuleList(branches)
        self.strength = nn.Parameter(torch.tensor(0.1))

    def forward(self, features: Tensor, context: Context) -> Tensor:
        """F̃_i `(b, C, d, h, w)` → the skip of this scale, of the same shape."""
        p = context.probabilities
        weighted = context.prompt * p[:, :, None, None]  # P̂ ⊙ p
        attention = self.base.prepared(_even_parts(features), weighted)
        branches = self._counted(p)
        guides = [branch.prepared(_even_parts(features), weighted) for branch in branches.values()]

        def skipped(part: Tensor) -> Tensor:
            even = channel_rms_norm(part)
            out = self.base.at(even, attention)
            for (j, branch), guide in zip(branches.items(), guides, strict=True):
                share = p[:, j, None, None, None, None].to(out.dtype)
                out = out + share * branch.at(even, guide)
            return part + self.strength * out

        return by_slabs(skipped, features, _REACH)

    def _counted(self, p: Tensor) -> dict[int, SkipNet]:
        """Branches by class; after training those of classes that are out of the question are left
        out.
        """
        branches = dict(enumerate(cast("Sequence[SkipNet]", self.branches)))
        if self.training or p.is_meta:
            return branches
        possible = (p.amax(dim=0) >= _LEAST_SHARE).tolist()
        return {j: branch for j, branch in branches.items() if possible[j]}


def _products(features: Tensor) -> Tensor:
    """Σ over voxels of x xᵀ, `(b, C + 1, C + 1)`; x are the features and a one for the bias."""
    x = features.flatten(2).float()
    channels, ones = x @ x.transpose(1, 2), x.sum(-1, keepdim=True)
    count = torch.full_like(ones[:, :1], x.shape[-1])
    below = torch.cat([ones.transpose(1, 2), count], dim=2)
    return torch.cat([torch.cat([channels, ones], dim=2), below], dim=1)


def _with_bias(layer: nn.Conv3d) -> Tensor:
    """A 1³ convolution as a matrix `(C, C + 1)` for features and a one."""
    bias = layer.weight.new_zeros(layer.out_channels) if layer.bias is None else layer.bias
    return torch.cat([layer.weight.flatten(1), bias[:, None]], dim=1).float()


def _length(products: Tensor, weights: Tensor) -> Tensor:
    """√Σ over voxels of (weights · x)², `(b, C)`; `products` is weights · Σ x xᵀ."""
    return (products * weights).sum(-1).clamp(min=0).sqrt().clamp(min=_LEAST_LENGTH)


def _even_parts(features: Tensor) -> Iterator[Tensor]:
    """The features normalised, part by part."""
    return (channel_rms_norm(features[:, :, rows]) for rows in slabs(features))


def build_alsn(
    channels: int,
    width: int,
    dense: bool,
    rank: int,
    classes: int,
    kind: Literal["lora", "base_only", "experts"],
) -> ALSN:
    """`lora` is the paper's; `base_only` is `w/o LoRA` and `experts` `Multi-Experts` of Table 4."""
    branches: dict[str, list[SkipNet]] = {
        "lora": [LoRANet(channels, width, rank, dense) for _ in range(classes)],
        "base_only": [],
        "experts": [BaseNet(channels, width, dense) for _ in range(classes)],
    }
    return ALSN(BaseNet(channels, width, dense), branches[kind])
