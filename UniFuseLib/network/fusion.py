"""UFR&F: universal feature restoration and fusion, ALSN in the skips (Sec. 3.5, Eq. 7-10)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from UniFuseLib.network.encoder import depth_to_space, space_to_depth
from UniFuseLib.network.layers import (
    activation,
    channel_rms_norm,
    convolution,
    patches,
    separable_convolution,
    unpatch,
    zero_bias,
)
from UniFuseLib.network.prompt import PromptGuide, modulate
from UniFuseLib.spatial.mind import box_mean

if TYPE_CHECKING:
    from UniFuseLib.network.dapl import Context

CLEAN = 0  # place of the class `clean` among `degradation.CLASSES`
SMOOTHINGS = 4  # S_0 to S_3 of `smoothings`


class Fusion(NamedTuple):
    """What `UFRF` returns."""

    fused: Tensor  # I_fuse (b, 1, d, h, w)
    restored: Tensor  # clean and aligned degraded volume (b, 1, d, h, w)
    blend: Tensor  # weight of the reference in `fused` (b, 1, d, h, w), 0..1
    detail_weight: Tensor  # share of the unsmoothed input in `restored` (b, 1, d, h, w), 0..1


def smoothings(volume: Tensor) -> Tensor:
    """The volume and its means over about 3³, 5³ and 9³ voxels.

    `(b, 1, d, h, w)` → `(b, 4, d, h, w)`.
    """
    fine = box_mean(volume, 1)
    medium = box_mean(fine, 1)
    return torch.cat([volume, fine, medium, box_mean(medium, 2)], dim=1)


def need_of_restoration(clean: Tensor) -> Tensor:
    """n = min(1, 2 (1 - p_clean)): what is surely clean stays as it is, what may be degraded is
    restored in full.

    Args:
        clean: p_clean `(b,)`; restoration does not teach the classifier.

    Returns:
        `(b, 1, 1, 1, 1)` in 0..1.
    """
    return (2 * (1 - clean.detach())).clamp(max=1)[:, None, None, None, None]


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
        # Eq. 10 is a product: large features would grow with their square
        attended = channel_rms_norm(attended)
        return self.content(attended) * F.gelu(self.gate(attended))


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


class UFRF(nn.Module):
    """A U over the scales: contracting path, ALSN in every skip, expanding path, one head.

    Args:
        features: channels of each unified feature map that comes in.
        channels: per scale, finest first.
        dense: per scale, whether the expanding path mixes with a 3³ or a separable convolution.
        skips: one ALSN per scale, finest first.
        folded: the finest scale works on 2³ blocks of voxels (`space_to_depth`), so full resolution
            stays thin.
    """

    def __init__(
        self,
        features: int,
        channels: tuple[int, ...],
        dense: tuple[bool, ...],
        skips: list[ALSN],
        folded: bool,
    ) -> None:
        super().__init__()
        self.folded = folded
        blocks = 8 if folded else 1
        self.enter = nn.Sequential(
            convolution(2 * features + 2 * blocks, channels[0], 1), activation()
        )
        self.contract = nn.ModuleList(
            nn.Sequential(patches(a, b, 2), activation()) for a, b in itertools.pairwise(channels)
        )
        self.skips = nn.ModuleList(skips)
        self.expand = nn.ModuleList(unpatch(b, a, 2) for a, b in itertools.pairwise(channels))
        self.merge = nn.ModuleList(
            nn.Sequential((convolution if full else separable_convolution)(c, c), activation())
            for c, full in zip(channels[:-1], dense[:-1], strict=True)
        )
        self.head = nn.Conv3d(channels[0], (3 + SMOOTHINGS) * blocks, 1)
        self.smooth = convolution(3, 3)
        # of the volume itself over its smoothed versions, before training
        preference = torch.tensor([3.0] + [0.0] * (SMOOTHINGS - 1))
        self.preference = nn.Parameter(preference.view(1, -1, 1, 1, 1))
        self._start_as_average()

    def _start_as_average(self) -> None:
        # untrained: restored = nearly the warped input, fused = mean of both sources
        nn.init.normal_(self.head.weight, std=1e-4)
        zero_bias(self.head)
        nn.init.dirac_(self.smooth.weight)
        zero_bias(self.smooth)

    def forward(
        self,
        moved: Tensor,
        reference: Tensor,
        moved_features: Tensor,
        reference_features: Tensor,
        context: Context,
    ) -> Fusion:
        """I_fuse and the restored volume.

        Args:
            moved: W(I'_D, φ) `(b, 1, d, h, w)`.
            reference: I_R, of the same shape.
            moved_features: `(b, C, ...)` at the encoder's resolution.
            reference_features: of the same shape.
            context: of DAPL.
        """
        volumes = torch.cat([moved, reference], dim=1)
        entry = space_to_depth(volumes) if self.folded else volumes
        entry = entry.to(moved_features.dtype)
        x = self.enter(torch.cat([moved_features, reference_features, entry], dim=1))
        scales = [x]
        for contract in self.contract:
            scales.append(contract(scales[-1]))
        skips = [skip(scale, context) for skip, scale in zip(self.skips, scales, strict=True)]
        x = skips[-1]
        upwards = list(zip(skips[:-1], self.expand, self.merge, strict=True))
        for skip, expand, merge in reversed(upwards):
            x = merge(skip + expand(x))
        out = self.head(x)
        need = need_of_restoration(context.probabilities[:, CLEAN])
        return self._compose(depth_to_space(out) if self.folded else out, moved, reference, need)

    def _compose(self, out: Tensor, moved: Tensor, reference: Tensor, need: Tensor) -> Fusion:
        """restored = (1 - n) m + n (Σ_k a_k S_k(m) + r), fused = restored + w (I_R - restored) + s.

        m is W(I'_D), n the need of restoration.

        a sums to 1, w lies in 0..1. S_0 is the volume itself, the others are ever smoother: how
        much to smooth where is easier to learn than noise.
        """
        residual, weight, extra = self.smooth(out[:, :3]).float().split(1, dim=1)
        share = torch.softmax(out[:, 3:].float() + self.preference, dim=1)
        whole = (share * smoothings(moved)).sum(1, keepdim=True) + residual
        restored = torch.lerp(moved, whole, need)  # exact at both ends
        blend = torch.sigmoid(4 * weight)
        fused = restored + blend * (reference - restored) + 0.1 * torch.tanh(extra)
        detail = torch.lerp(torch.ones_like(share[:, :1]), share[:, :1], need)
        return Fusion(fused, restored, blend, detail_weight=detail)
