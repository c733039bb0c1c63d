"""UFR&F: universal feature restoration and fusion, ALSN in the skips (Sec. 3.5)."""

from __future__ import annotations

import itertools
from functools import partial
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
from UniFuseLib.network.slabs import by_slabs
from UniFuseLib.network.thin import ThinConvolution
from UniFuseLib.spatial.mind import box_mean

if TYPE_CHECKING:
    from UniFuseLib.network.alsn import ALSN
    from UniFuseLib.network.blend import Base
    from UniFuseLib.network.dapl import Context

CLEAN = 0  # place of the class `clean` among `degradation.CLASSES`
SMOOTHINGS = 4  # S_0 to S_3 of `smoothings`
_SMOOTHED = 4  # planes that they read to either side
_MERGED = 1  # planes of the coarser scale: a 3³ convolution on the finer one


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
        entered = self._entered(moved, reference, moved_features, reference_features)
        skips = self._skipped([entered], context)
        del entered  # what has been read is freed before the next step
        restored = self._restored(self._expanded(skips), moved, need)
        return self._fused(restored, reference, base)

    def _entered(
        self,
        moved: Tensor,
        reference: Tensor,
        moved_features: Tensor,
        reference_features: Tensor,
    ) -> Tensor:
        """The finest scale, `(b, channels, ...)`."""

        def entered(first: Tensor, second: Tensor, *volumes: Tensor) -> Tensor:
            both = torch.cat(volumes, dim=1)
            entry = space_to_depth(both) if self.folded else both
            entering: Tensor = self.enter(torch.cat([first, second, entry.to(first.dtype)], dim=1))
            return entering

        maps = moved_features, reference_features, moved, reference
        return by_slabs(entered, maps, reach=0)

    def _skipped(self, scales: list[Tensor], context: Context) -> list[Tensor]:
        """The contracting path through ALSN, per scale, finest first.

        Args:
            scales: the finest scale alone; empty afterwards.
            context: of DAPL.
        """
        for contract in self.contract:
            scales.append(contract(scales[-1]))
        return [skip(scales.pop(0), context) for skip in self.skips]

    def _expanded(self, skips: list[Tensor]) -> Tensor:
        """The expanding path, back to the finest scale; `skips` is empty afterwards."""
        x = skips.pop()
        for expand, merge in reversed(list(zip(self.expand, self.merge, strict=True))):
            x = by_slabs(partial(_merged, expand, merge), (x, skips.pop()), _MERGED, scale=2)
        return x

    def _fused(self, restored: Restored, reference: Tensor, base: Base) -> Fusion:
        """fused = restored + w (I_R - restored) + s; w lies in 0..1."""
        volume, detail, shared = restored
        source = volume if self.blend is None else volume.detach()
        blend = blend_of(shared) if self.blend is None else self.blend(volume, reference, base)
        fused = source + blend.weight * (reference - source) + blend.extra
        return Fusion(fused, volume, blend.weight, detail_weight=detail)

    def _restored(self, found: Tensor, moved: Tensor, need: Tensor) -> Restored:
        """restored = (1 - n) m + n (Σ_k a_k S_k(m) + r).

        m is W(I'_D), n the need of restoration. a sums to 1. S_0 is the volume itself, the others
        are ever smoother: how much to smooth where is easier to learn than noise.

        Args:
            found: what the U found, `(b, channels, ...)` on its finest scale.
            moved: m `(b, 1, d, h, w)`.
            need: n `(b, 1, 1, 1, 1)`.
        """
        scale = 2 if self.folded else 1
        # at full resolution all that is made on the way would be the largest tensors of a run
        made = by_slabs(partial(self._mixed, need), (found, moved), _SMOOTHED // scale, scale=scale)
        return Restored(made[:, :1], made[:, 1:2], made[:, 2:])

    def _mixed(self, need: Tensor, found: Tensor, moved: Tensor) -> Tensor:
        """(1 - n) m + n (Σ_k a_k S_k(m) + r), 1 - n + n a_0, and what the fused volume shares.

        Args:
            need: n `(b, 1, 1, 1, 1)`.
            found: `(b, channels, ...)`.
            moved: m `(b, 1, d, h, w)`.

        Returns:
            `(b, 2 or 4, d, h, w)`.
        """
        out = self.head(found)
        out = depth_to_space(out) if self.folded else out
        smooth = self.smooth(out[:, :3]).float()  # r, and w and s where the head is shared
        share = torch.softmax(out[:, 3:].float() + self.preference, dim=1)  # a
        levels = smoothings(moved)
        whole = (share * levels).sum(1, keepdim=True) + smooth[:, :1]
        restored = torch.lerp(levels[:, :1], whole, need)  # exact at both ends
        detail = torch.lerp(torch.ones_like(share[:, :1]), share[:, :1], need)
        return torch.cat([restored, detail, smooth[:, 1:]], dim=1)


def _merged(expand: nn.Module, merge: nn.Module, coarse: Tensor, skip: Tensor) -> Tensor:
    """One step of the expanding path."""
    merged: Tensor = merge(skip + expand(coarse))
    return merged
