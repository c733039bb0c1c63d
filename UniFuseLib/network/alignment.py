"""FA: feature alignment (Sec. 3.4, Figure 3, Eq. 6), correlation-aware.

The paper's own, plain one is in `plain_alignment.py`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from UniFuseLib.network.layers import activation, convolution, zero_bias
from UniFuseLib.network.matching import (
    best_offset,
    confident_mean,
    local_correlation,
    structure_cost,
)
from UniFuseLib.network.prompt import PromptGuide, modulate
from UniFuseLib.network.slabs import slabs, thick_slabs, widened
from UniFuseLib.spatial.displacement import compose, resize, resize_flow, warp_rows
from UniFuseLib.spatial.mind import box_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from UniFuseLib.network.encoder import Encoded
    from UniFuseLib.network.oufr import Unified

_CORRELATED = 1  # voxels around: correlation of learned features
_FEATURE_OFFSETS = (2 * _CORRELATED + 1) ** 3
_SMOOTHED = 3  # planes that a best offset reads beyond the search: three means over 3³ voxels


class Alignment(NamedTuple):
    """φ_D→R in voxels of the input volume and its coarser predecessors, each on its own grid."""

    flow: Tensor  # (b, 3, d, h, w), voxels of the full grid
    coarse: Sequence[Tensor] = ()  # coarse to fine, voxels of each one's grid
    # features of both sources that are compared, finest first
    matched: Sequence[tuple[Tensor, Tensor]] = ()


class PyramidLevel(NamedTuple):
    """One source on one level of the pyramid."""

    features: Tensor  # (b, c, d, h, w)
    structure: Tensor  # MIND-SSC (b, 12, d, h, w)


class StructureSearch(nn.Module):
    """Distance of MIND-SSC descriptors around every voxel, and its best offset.

    It finds a direction before anything is learned.

    Args:
        radius: voxels of this level, at least 1.
    """

    def __init__(self, radius: int) -> None:
        super().__init__()
        self.radius = radius
        self.outputs = (2 * radius + 1) ** 3 + 3
        self.sharpness = nn.Parameter(torch.tensor(20.0).log())

    def forward(
        self, degraded: Tensor, reference: Tensor, flow: Tensor, rows: slice
    ) -> tuple[Tensor, Tensor]:
        """Cost `(b, offsets, rows, h, w)` and best offset `(b, 3, rows, h, w)` voxels.

        Args:
            degraded: MIND-SSC `(b, 12, d, h, w)`.
            reference: of the same shape.
            flow: so far, `(b, 3, d, h, w)` voxels.
            rows: that are wanted.
        """
        around, inner = widened(rows, self.radius + _SMOOTHED, flow.shape[2])
        with torch.no_grad():
            moved = warp_rows(degraded, flow, around)
            cost = structure_cost(moved, reference[:, :, around], self.radius)
            smooth = box_mean(box_mean(cost, 1), 1)
        best = best_offset(smooth, self.sharpness.exp())
        return cost[:, :, inner], best[:, :, inner]


class CorrelationRegBLK(nn.Module):
    """Warp the moving stream by the flow so far, compare it with the reference, add a residual.

    Learned features are compared by correlation, MIND-SSC descriptors by a search: its best offset,
    averaged where the network trusts it, is the larger part of the step.

    Args:
        channels: of both streams and of the context that this block makes.
        context: channels that come in.
        width: M of the prompt.
        radius: of the search, voxels of this level; 0 leaves the search out.
        convolutions: after the prompt.
    """

    def __init__(
        self, channels: int, context: int, width: int, radius: int, convolutions: int
    ) -> None:
        super().__init__()
        self.search = StructureSearch(radius) if radius else None
        searched = self.search.outputs if self.search else 0
        seen = 2 * channels + _FEATURE_OFFSETS + context + searched
        self.reduce = convolution(seen, channels, kernel=1)
        self.guide = PromptGuide(width, channels)
        stages = [
            nn.Sequential(convolution(channels, channels), activation())
            for _ in range(convolutions)
        ]
        self.relate = nn.Sequential(*stages)
        self.activation = activation()
        self.confidence = convolution(channels, 1, kernel=1) if radius else None
        self.head = flow_head(channels, kernel=3)

    def forward(
        self,
        degraded: PyramidLevel,
        reference: PyramidLevel,
        flow: Tensor,
        context: Tensor | None,
        prompt: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The flow `(b, 3, d, h, w)` and the context, both on this level.

        Args:
            degraded: on this level.
            reference: on this level.
            flow: so far, `(b, 3, d, h, w)` voxels of this level.
            context: of the coarser level, resized; None on the coarsest.
            prompt: P̂ `(b, classes, l, m)`.
        """
        parts = [
            self._compared(degraded, reference, flow, context, rows)
            for rows in thick_slabs(reference.features, _FEATURE_OFFSETS)
        ]
        reduced, candidate = (torch.cat(part, dim=2) for part in zip(*parts, strict=True))
        del parts, context
        made = self.relate(self.activation(modulate(reduced, self.guide(prompt))))
        residual = self.head(made)
        if self.confidence is not None:
            residual = residual + confident_mean(candidate, torch.sigmoid(self.confidence(made)))
        return compose(flow, residual), made

    def _compared(
        self,
        degraded: PyramidLevel,
        reference: PyramidLevel,
        flow: Tensor,
        context: Tensor | None,
        rows: slice,
    ) -> tuple[Tensor, Tensor]:
        """What both streams look like beside each other, `(b, channels, rows, h, w)`, and where the
        search would go, `(b, 3, rows, h, w)` voxels; nothing where there is no search.

        All that is compared of a whole map would be the largest tensors of a run.
        """
        around, inner = widened(rows, _CORRELATED, flow.shape[2])
        moved = warp_rows(degraded.features, flow, around)
        correlation = local_correlation(moved, reference.features[:, :, around], _CORRELATED)
        seen = [moved[:, :, inner], reference.features[:, :, rows], correlation[:, :, inner]]
        if context is not None:
            seen.append(context[:, :, rows])
        if self.search is None:
            return self._reduced(seen), flow[:, :0, rows]
        found = self.search(degraded.structure, reference.structure, flow, rows)
        return self._reduced([*seen, *found]), found[1]

    def _reduced(self, seen: list[Tensor]) -> Tensor:
        """Figure 3: the first convolution, thin slab by thin slab."""
        parts = (torch.cat([one[:, :, rows] for one in seen], dim=1) for rows in slabs(seen[0]))
        return torch.cat([self.reduce(part) for part in parts], dim=2)


class CorrelationFA(nn.Module):
    """J RegBLKs, coarse to fine over a pyramid of the unified features.

    Each doubles the resolution. The pyramid starts at the encoder's features and takes the unified
    patches in where it has their size.

    Args:
        channels: per level, finest first; as many levels as RegBLKs.
        radii: of the search, per level, finest first.
        width: M.
        token_level: level that has the size of the patches.
        stride: voxels of the input volume per voxel of the finest level.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        radii: tuple[int, ...],
        width: int,
        token_level: int,
        stride: int,
    ) -> None:
        super().__init__()
        self.token_level, self.stride = token_level, stride
        self.down = nn.ModuleList(
            nn.Sequential(convolution(a, b, stride=2), activation())
            for a, b in itertools.pairwise(channels)
        )
        self.take_in = convolution(width, channels[token_level], kernel=1)
        contexts = [*channels[1:], 0]
        self.blocks = nn.ModuleList(
            CorrelationRegBLK(c, before, width, radius, convolutions=1 if level == 0 else 2)
            for level, (c, before, radius) in enumerate(zip(channels, contexts, radii, strict=True))
        )

    def forward(
        self, unified: Unified, streams: tuple[Encoded, Encoded], prompt: Tensor
    ) -> Alignment:
        """φ, coarse to fine.

        Args:
            unified: F̄'_D, F̄_R per patch.
            streams: both sources at the encoder's resolution.
            prompt: P̂ `(b, classes, l, m)`.
        """
        degraded = self._pyramid(streams[0], unified.degraded)
        reference = self._pyramid(streams[1], unified.reference)
        coarsest = degraded[-1].features
        # under autocast features have half precision; the flow must not
        dtype = torch.promote_types(coarsest.dtype, torch.float32)
        flow = torch.zeros_like(coarsest[:, :1], dtype=dtype).repeat(1, 3, 1, 1, 1)
        context, coarse = None, []
        for d, r, block in reversed(list(zip(degraded, reference, self.blocks, strict=True))):
            shape = d.features.shape[2:]
            flow = resize_flow(flow, shape)
            context = resize(context, shape) if context is not None else None
            flow, context = block(d, r, flow, context, prompt)
            coarse.append(flow)
        matched = [(d.features, r.features) for d, r in zip(degraded, reference, strict=True)]
        return Alignment(full_flow(flow, streams[0].features, self.stride), coarse, matched)

    def _pyramid(self, stream: Encoded, patches: Tensor) -> list[PyramidLevel]:
        features, structure = stream.features, stream.structure
        if structure is None:
            raise ValueError(
                "Expected an encoder that makes MIND-SSC descriptors; build with "
                "encoder='descriptor'."
            )
        levels = [PyramidLevel(features, structure)]
        for level, down in enumerate(self.down, start=1):
            features, structure = down(features), F.avg_pool3d(structure, 2)
            if level == self.token_level:
                features = features + resize(self.take_in(patches), features.shape[2:])
            levels.append(PyramidLevel(features, structure))
        return levels


def full_flow(flow: Tensor, features: Tensor, stride: int) -> Tensor:
    """The flow on the grid of the input volume, of which `features` has every `stride`-th voxel."""
    return resize_flow(flow, torch.Size(n * stride for n in features.shape[2:]))


def flow_head(channels: int, kernel: int) -> nn.Conv3d:
    """Starts next to the identity, so that an untrained network leaves the volume where it is."""
    head = convolution(channels, 3, kernel)
    nn.init.normal_(head.weight, std=1e-4)
    zero_bias(head)
    return head
