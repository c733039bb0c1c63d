"""UniFuse: the forward pass of the paper's Figure 2, top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor, nn

from UniFuseLib.network.layers import crop_to, pad_to_multiple
from UniFuseLib.spatial.displacement import resize_flow, warp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from UniFuseLib.network.encoder import Encoded
    from UniFuseLib.network.oufr import Unified


class UniFuseOutput(NamedTuple):
    fused: Tensor  # I_fuse (b, 1, d, h, w), normalised intensities
    restored: Tensor  # clean and aligned degraded volume (b, 1, d, h, w)
    blend: Tensor  # weight of the reference in `fused` (b, 1, d, h, w)
    kept: Tensor  # share of the unsmoothed degraded volume in `restored` (b, 1, d, h, w)
    flow: Tensor  # φ_D→R (b, 3, d, h, w), voxels, pull
    logits: Tensor  # (b, classes), before the softmax of Eq. 1
    unified: Unified  # F̄'_D, F̄_R per patch, for L_moda; of the padded volume
    coarse_flows: Sequence[
        Tensor
    ]  # of the FA's coarser levels, each in voxels of its own grid; of the padded volume
    matched: Sequence[
        tuple[Tensor, Tensor]
    ] = ()  # features that the FA compares, finest level first; likewise


class UniFuse(nn.Module):
    """Takes built parts; `build.py` is the place where numbers meet classes.

    Args:
        encoder: `(b, 1, d, h, w)` → F, with `.stride`. dapl, oufr, alignment, fusion: see their
            files.
        restore_patches: patch vectors back to the encoder's resolution.
        multiple: sides are padded to a multiple of this (and cropped again).
    """

    def __init__(
        self,
        encoder: nn.Module,
        dapl: nn.Module,
        oufr: nn.Module,
        restore_patches: nn.Module,
        alignment: nn.Module,
        fusion: nn.Module,
        multiple: int,
    ) -> None:
        super().__init__()
        self.encoder, self.dapl, self.oufr = encoder, dapl, oufr
        self.restore_patches, self.alignment, self.fusion = restore_patches, alignment, fusion
        self.multiple = multiple

    def forward(
        self, degraded: Tensor, reference: Tensor, improve: Callable[[Tensor], Tensor] | None = None
    ) -> UniFuseOutput:
        """I'_D and I_R `(b, 1, d, h, w)`, normalised, on one grid of any shape.

        Args:
            improve: φ `(b, 3, d, h, w)` voxels → the field that restoration and fusion use, of the
                same shape.
        """
        if degraded.shape != reference.shape or degraded.ndim != 5 or degraded.shape[1] != 1:
            raise ValueError(
                f"Expected two volumes (b, 1, d, h, w) of one shape, got {tuple(degraded.shape)} "
                f"and {tuple(reference.shape)}."
            )
        shape = (degraded.shape[2], degraded.shape[3], degraded.shape[4])
        degraded, reference = (pad_to_multiple(v, self.multiple) for v in (degraded, reference))

        f_degraded, f_reference = self.encoder(degraded), self.encoder(reference)  # F'_D, F_R
        context = self.dapl(f_degraded, f_reference)  # h1..h3, p, P̂
        unified = self.oufr(f_degraded.features, f_reference.features, context.states)  # F̄'_D, F̄_R
        u_degraded, u_reference = (
            self._enrich(f_degraded, unified.degraded),
            self._enrich(f_reference, unified.reference),
        )
        aligned = self.alignment(unified, (u_degraded, u_reference), context.prompt)  # φ_D→R
        flow = aligned.flow
        if improve is not None:
            flow = pad_to_multiple(improve(crop_to(flow, shape)), self.multiple)
        moved = warp(degraded, flow)
        moved_features = warp(u_degraded.features, resize_flow(flow, u_degraded.features.shape[2:]))
        fused = self.fusion(
            moved, reference, moved_features, u_reference.features, context
        )  # I_fuse

        i_fuse, restored, blend, kept, flow = (crop_to(v, shape).float() for v in (*fused, flow))
        findings = (i_fuse, restored, blend, kept, flow, context.logits.float())
        return UniFuseOutput(*findings, unified, aligned.coarse, aligned.matched)

    def _enrich(self, encoded: Encoded, patches: Tensor) -> Encoded:
        """Encoder features plus what their patch has become in OUFR, at the encoder's
        resolution.
        """
        return encoded._replace(features=encoded.features + self.restore_patches(patches))

    def unify(self, first: Tensor, second: Tensor) -> Unified:
        """F̄ of a pair without aligning it: the second pair {I_D, I'_R} of Eq. 4 needs no more than
        this.
        """
        first, second = (pad_to_multiple(v, self.multiple) for v in (first, second))
        f_first, f_second = self.encoder(first), self.encoder(second)
        return self.oufr(f_first.features, f_second.features, self.dapl(f_first, f_second).states)
