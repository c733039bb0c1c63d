"""UFR&F: universal feature restoration and fusion, ALSN in the skips (Sec. 3.5)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from UniFuseLib.network.blend import BlendHead, blend_of
from UniFuseLib.network.encoder import depth_to_space, space_to_depth
from UniFuseLib.network.layers import (
    activation,
    convolution,
    patches,
    separable_convolution,
    unpatch,
    zero_bias,
)
from UniFuseLib.network.slabs import slabs
from UniFuseLib.network.thin import ThinConvolution
from UniFuseLib.spatial.joined import joined
from UniFuseLib.spatial.mind import box_mean

if TYPE_CHECKING:
    from UniFuseLib.network.alsn import ALSN
    from UniFuseLib.network.blend import Base
    from UniFuseLib.network.dapl import Context

CLEAN = 0  # place of the class `clean` among `degradation.CLASSES`
SMOOTHINGS = 4  # S_0 to S_3 of `smoothings`


class Fusion(NamedTuple):
    """What `UFRF` returns."""

    fused: Tensor  # I_fuse (b, 1, d, h, w)
    restored: Tensor  # clean and aligned degraded volume (b, 1, d, h, w)
    blend: Tensor  # weight of the reference in `fused` (b, 1, d, h, w), 0..1
    detail_weight: Tensor  # share of the unsmoothed input in `restored` (b, 1, d, h, w), 0..1


class Restored(NamedTuple):
    """The clean and aligned degraded volume, and what comes with it, all `(b, 1 or 2, d, h, w)`."""

    volume: Tensor
    detail_weight: Tensor  # share of the unsmoothed input, 0..1
    shared: Tensor  # w and s of the fused volume, before their limits, where the head is shared


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


class UFRF(nn.Module):
    """A U over the scales: contracting path, ALSN in every skip, expanding path, one head.

    Args:
        features: channels of each unified feature map that comes in.
        channels: per scale, finest first.
        dense: per scale, whether the expanding path mixes with a 3³ or a separable convolution.
        skips: one ALSN per scale, finest first.
        folded: the finest scale works on 2³ blocks of voxels (`space_to_depth`), so full resolution
            stays thin.
        own_blend: the fused volume has a head of its own (`blend.py`); otherwise it shares the
            restored volume's.
    """

    def __init__(
        self,
        features: int,
        channels: tuple[int, ...],
        dense: tuple[bool, ...],
        skips: list[ALSN],
        folded: bool,
        own_blend: bool,
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
        self.blend = BlendHead() if own_blend else None
        self.smooth = ThinConvolution(3) if own_blend else convolution(3, 3)
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
        base: Base = "reference",
    ) -> Fusion:
        """I_fuse and the restored volume.

        Args:
            moved: W(I'_D, φ) `(b, 1, d, h, w)`.
            reference: I_R, of the same shape.
            moved_features: `(b, C, ...)` at the encoder's resolution.
            reference_features: of the same shape.
            context: of DAPL.
            base: whose soft tissue I_fuse shows, where it has a head of its own.
        """
        need = need_of_restoration(context.probabilities[:, CLEAN])
        features = moved_features, reference_features
        # what was found is freed before the fused volume is made
        restored = self._restored(self._found(moved, reference, *features, context), moved, need)
        return self._fused(restored, reference, base)

    def _found(
        self,
        moved: Tensor,
        reference: Tensor,
        moved_features: Tensor,
        reference_features: Tensor,
        context: Context,
    ) -> Tensor:
        """What the U finds for every voxel, `(b, 3 + SMOOTHINGS, d, h, w)`."""
        # every step is a function: what it has read is freed before the next one
        entered = self._entered(moved, reference, moved_features, reference_features)
        found = self._expanded(self._skipped(entered, context))
        if not self.folded:
            headed: Tensor = self.head(found)
            return headed
        blocks = (depth_to_space(self.head(found[:, :, rows])) for rows in slabs(found))
        return joined(blocks, dim=2, length=2 * found.shape[2])

    def _entered(
        self,
        moved: Tensor,
        reference: Tensor,
        moved_features: Tensor,
        reference_features: Tensor,
    ) -> Tensor:
        """The finest scale, `(b, channels, ...)`."""
        volumes = torch.cat([moved, reference], dim=1)
        entry = space_to_depth(volumes) if self.folded else volumes
        entry = entry.to(moved_features.dtype)
        entered: Tensor = self.enter(torch.cat([moved_features, reference_features, entry], dim=1))
        return entered

    def _skipped(self, entered: Tensor, context: Context) -> list[Tensor]:
        """The contracting path through ALSN, per scale, finest first."""
        scales = [entered]
        for contract in self.contract:
            scales.append(contract(scales[-1]))
        return [skip(scale, context) for skip, scale in zip(self.skips, scales, strict=True)]

    def _expanded(self, skips: list[Tensor]) -> Tensor:
        """The expanding path, back to the finest scale; `skips` is empty afterwards."""
        x = skips.pop()
        for expand, merge in reversed(list(zip(self.expand, self.merge, strict=True))):
            x = merge(skips.pop() + expand(x))
        return x

    def _fused(self, restored: Restored, reference: Tensor, base: Base) -> Fusion:
        """fused = restored + w (I_R - restored) + s; w lies in 0..1."""
        volume, detail, shared = restored
        source = volume if self.blend is None else volume.detach()
        blend = blend_of(shared) if self.blend is None else self.blend(volume, reference, base)
        fused = source + blend.weight * (reference - source) + blend.extra
        return Fusion(fused, volume, blend.weight, detail_weight=detail)

    def _restored(self, out: Tensor, moved: Tensor, need: Tensor) -> Restored:
        """restored = (1 - n) m + n (Σ_k a_k S_k(m) + r).

        m is W(I'_D), n the need of restoration.

        a sums to 1. S_0 is the volume itself, the others are ever smoother: how much to smooth
        where is easier to learn than noise.
        """
        smooth = self.smooth(out[:, :3]).float()  # r, and w and s where the head is shared
        levels = smoothings(moved)
        # the shares of a whole volume and what they weight would be the largest tensors of a run
        mixed = [
            self._mixed(out[:, 3:, rows], levels[:, :, rows], smooth[:, :1, rows], need)
            for rows in slabs(out)
        ]
        restored, detail = (torch.cat(parts, dim=2) for parts in zip(*mixed, strict=True))
        return Restored(restored, detail, smooth[:, 1:])

    def _mixed(
        self, preferred: Tensor, levels: Tensor, residual: Tensor, need: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(1 - n) m + n (Σ_k a_k S_k(m) + r), and 1 - n + n a_0, both `(b, 1, d, h, w)`.

        Args:
            preferred: a before the softmax, less what is preferred everywhere, `(b, 4, d, h, w)`.
            levels: S_k(m), of the same shape; S_0 is m.
            residual: r `(b, 1, d, h, w)`.
            need: n `(b, 1, 1, 1, 1)`.
        """
        share = torch.softmax(preferred.float() + self.preference, dim=1)
        whole = (share * levels).sum(1, keepdim=True) + residual
        restored = torch.lerp(levels[:, :1], whole, need)  # exact at both ends
        return restored, torch.lerp(torch.ones_like(share[:, :1]), share[:, :1], need)
