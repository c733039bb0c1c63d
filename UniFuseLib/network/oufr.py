"""OUFR: omni unified feature representation (Sec. 3.3, Eq. 3) and its ablations (Table 4)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from UniFuseLib.network.layers import map_to_tokens, patches, tokens_to_map
from UniFuseLib.network.mamba import MambaBlock, SpatialMambaBlock

States = tuple[Tensor, Tensor, Tensor]


class Unified(NamedTuple):
    """Features in which the modalities have become alike."""

    degraded: Tensor  # F̄'_D (b, m, d, h, w), one vector a patch
    reference: Tensor  # F̄_R (b, m, d, h, w)


class OUFR(nn.Module):
    """Patches of both sources as one sequence of 2N tokens through three blocks.

    Block j is driven by h_j.

    Args:
        channels: C of the encoder's features.
        width: M.
        patch: side of a patch in voxels of the features.
        mixer: what turns `(b, 2n, m)` tokens and (h1, h2, h3) into `(b, 2n, m)`.
    """

    def __init__(self, channels: int, width: int, patch: int, mixer: nn.Module) -> None:
        super().__init__()
        self.embed = patches(channels, width, patch)
        self.mixer = mixer

    def forward(self, degraded: Tensor, reference: Tensor, states: States) -> Unified:
        """F'_D, F_R `(b, C, d, h, w)`, sides divisible by `patch`."""
        d, r = self.embed(degraded), self.embed(reference)
        shape = (d.shape[2], d.shape[3], d.shape[4])
        tokens = self.mixer(torch.cat([map_to_tokens(d), map_to_tokens(r)], dim=1), states)
        d_tokens, r_tokens = tokens.chunk(2, dim=1)
        return Unified(tokens_to_map(d_tokens, shape), tokens_to_map(r_tokens, shape))


class SpatialMamba(nn.Module):
    """Literal Eq. 3, three times."""

    block: type[nn.Module] = SpatialMambaBlock

    def __init__(self, width: int, inner: int, states: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(self.block(width, inner, states) for _ in range(3))

    def forward(self, tokens: Tensor, states: States) -> Tensor:
        for block, h in zip(self.blocks, states, strict=True):
            tokens = block(tokens, h)
        return tokens


class RecurrentSpatialMamba(SpatialMamba):
    """The other reading of Eq. 3: a recurrent scan that starts from h_j."""

    block = MambaBlock


class PlainMamba(RecurrentSpatialMamba):
    """Table 4 `Mamba`: the scan starts from nothing, h1..h3 are not used."""

    def forward(self, tokens: Tensor, _states: States) -> Tensor:
        for block in self.blocks:
            tokens = block(tokens)
        return tokens


class Transformer(nn.Module):
    """Table 4 `Transformer`: pre-norm attention over all tokens, h1..h3 are not used."""

    def __init__(self, width: int, inner: int, heads: int = 4) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(AttentionBlock(width, inner, heads) for _ in range(3))

    def forward(self, tokens: Tensor, _states: States) -> Tensor:
        for block in self.blocks:
            tokens = block(tokens)
        return tokens


class AttentionBlock(nn.Module):
    """Pre-norm self-attention and MLP, both residual."""

    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project_in, self.project_out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))

    def forward(self, tokens: Tensor) -> Tensor:
        q, k, v = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in self.project_in(self.norm_attention(tokens)).chunk(3, dim=-1)
        )
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        tokens = tokens + self.project_out(attended)
        return tokens + self.mlp(self.norm_mlp(tokens))


class WithoutMixer(nn.Module):
    """Table 4 `w/o OUFR`: patches go on as they are embedded."""

    def forward(self, tokens: Tensor, _states: States) -> Tensor:
        return tokens
