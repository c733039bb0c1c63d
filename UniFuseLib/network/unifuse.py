"""UniFuse: the forward pass of the paper's Figure 2, top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor, nn

from UniFuseLib.network.alignment import Alignment
from UniFuseLib.network.layers import crop_to, pad_to_multiple
from UniFuseLib.spatial.displacement import no_flow, resize_flow, warp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from UniFuseLib.network.blend import Base
    from UniFuseLib.network.dapl import Context
    from UniFuseLib.network.encoder import Encoded
    from UniFuseLib.network.oufr import Unified


class FusionInput(NamedTuple):
    """What `fuse` goes on with, all of the padded volumes."""

    degraded: Tensor  # I'_D (b, 1, d', h', w')
    reference: Tensor  # I_R (b, 1, d', h', w')
    degraded_features: Tensor  # (b, C, ...) at the encoder's resolution
    reference_features: Tensor  # (b, C, ...) at the encoder's resolution
    context: Context
    flow: Tensor  # φ_D→R (b, 3, d', h', w'), voxels, pull


class Registered(NamedTuple):
    """What `register` finds."""

    flow: Tensor  # φ_D→R (b, 3, d, h, w), voxels, pull
    logits: Tensor  # (b, classes), before the softmax of Eq. 1
    unified: Unified  # F̄'_D, F̄_R per patch, for L_moda; of the padded volume
    coarse_flows: Sequence[Tensor]  # of the FA, each in voxels of its own grid; padded volume
    matched: Sequence[tuple[Tensor, Tensor]]  # features the FA compares, finest first; padded
    fusion_input: FusionInput


class UniFuseOutput(NamedTuple):
    """What the whole forward pass finds."""

    fused: Tensor  # I_fuse (b, 1, d, h, w), network intensities
    moved: Tensor  # W(I'_D, φ) (b, 1, d, h, w), not restored
    restored: Tensor  # clean and aligned degraded volume (b, 1, d, h, w)
    blend: Tensor  # weight of the reference in `fused` (b, 1, d, h, w), 0..1
    detail_weight: Tensor  # share of the unsmoothed volume in `restored` (b, 1, d, h, w), 0..1
    flow: Tensor  # φ_D→R (b, 3, d, h, w), voxels, pull: the one that was followed
    logits: Tensor  # (b, classes), before the softmax of Eq. 1
    unified: Unified  # see `Registered`
    coarse_flows: Sequence[Tensor]  # see `Registered`
    matched: Sequence[tuple[Tensor, Tensor]] = ()  # see `Registered`


class UniFuse(nn.Module):
    """The paper's network: `register` finds φ, `fuse` restores and fuses along it.

    Takes built parts; `build.py` is the place where numbers meet classes.

    Args:
        encoder: `(b, 1, d, h, w)` → F, with `.stride`.
        dapl: F'_D, F_R → states h1..h3, prompt P̂ and class logits (`dapl.py`).
        oufr: F'_D, F_R and the states → F̄'_D, F̄_R (`oufr.py`).
        restore_patches: patch vectors back to the encoder's resolution.
        alignment: F̄'_D, F̄_R and both feature maps → φ_D→R (`alignment.py`).
        fusion: the moved volume and its features, the reference and its features → I_fuse.
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
        self.encoder = encoder
        self.dapl = dapl
        self.oufr = oufr
        self.restore_patches = restore_patches
        self.alignment = alignment
        self.fusion = fusion
        self.multiple = multiple

    def forward(self, degraded: Tensor, reference: Tensor) -> UniFuseOutput:
        """I'_D and I_R `(b, 1, d, h, w)`, network intensities, on one grid of any shape."""
        return self.fuse(self.register(degraded, reference))

    def register(
        self, degraded: Tensor, reference: Tensor, *, find_field: bool = True
    ) -> Registered:
        """φ_D→R and the class of I'_D.

        Args:
            degraded: I'_D `(b, 1, d, h, w)`, network intensities.
            reference: I_R, of the same shape.
            find_field: False leaves the FA out, a quarter of the operations: φ is at rest.

        Raises:
            ValueError: two shapes, or not one channel.
        """
        shape = _common_shape(degraded, reference)
        degraded, reference = (pad_to_multiple(v, self.multiple) for v in (degraded, reference))

        f_degraded, f_reference = self.encoder(degraded), self.encoder(reference)  # F'_D, F_R
        context = self.dapl(f_degraded, f_reference)  # h1..h3, p, P̂
        unified = self.oufr(f_degraded.features, f_reference.features, context.states)  # F̄'_D, F̄_R
        # the plain features are not needed any more
        f_degraded = self._enrich(f_degraded, unified.degraded)
        f_reference = self._enrich(f_reference, unified.reference)
        streams = (f_degraded, f_reference)
        if find_field:
            aligned = self.alignment(unified, streams, context.prompt)  # φ_D→R
        else:
            aligned = Alignment(no_flow(degraded))
        return Registered(
            flow=crop_to(aligned.flow, shape).float(),
            logits=context.logits.float(),
            unified=unified,
            coarse_flows=aligned.coarse,
            matched=aligned.matched,
            fusion_input=FusionInput(
                degraded=degraded,
                reference=reference,
                degraded_features=f_degraded.features,
                reference_features=f_reference.features,
                context=context,
                flow=aligned.flow,
            ),
        )

    def fuse(
        self,
        registered: Registered,
        flow: Tensor | None = None,
        base: Base = "reference",
        probabilities: Tensor | None = None,
    ) -> UniFuseOutput:
        """I_fuse and the restored volume, along the field of `register` or a better one.

        Args:
            registered: what `register` found for the pair.
            flow: φ `(b, 3, d, h, w)` voxels in place of `registered.flow`; None keeps that one.
            base: whose soft tissue I_fuse shows, where it has a head of its own.
            probabilities: p `(b, classes)` in place of Eq. 1's, where more is known of I'_D.
        """
        given = registered.fusion_input
        context = given.context if probabilities is None else given.context.knowing(probabilities)
        padded = given.flow if flow is None else pad_to_multiple(flow, self.multiple)
        moved, moved_features = _moved(given, padded)
        del padded  # as large as three volumes
        fused = self.fusion(  # I_fuse
            moved, given.reference, moved_features, given.reference_features, context, base
        )
        shape = _shape_of(registered.flow)
        return UniFuseOutput(
            fused=crop_to(fused.fused, shape).float(),
            moved=crop_to(moved, shape).float(),
            restored=crop_to(fused.restored, shape).float(),
            blend=crop_to(fused.blend, shape).float(),
            detail_weight=crop_to(fused.detail_weight, shape).float(),
            flow=registered.flow if flow is None else flow.float(),
            logits=registered.logits,
            unified=registered.unified,
            coarse_flows=registered.coarse_flows,
            matched=registered.matched,
        )

    def classify(self, degraded: Tensor, reference: Tensor) -> Tensor:
        """The class logits of I'_D alone, `(b, classes)`: the beginning of `register`.

        Args:
            degraded: I'_D `(b, 1, d, h, w)`, network intensities.
            reference: I_R, of the same shape.
        """
        encoded = (self.encoder(pad_to_multiple(v, self.multiple)) for v in (degraded, reference))
        return self.dapl(*encoded).logits.float()

    def unify(self, first: Tensor, second: Tensor) -> Unified:
        """F̄ of a pair without aligning it.

        The second pair {I_D, I'_R} of Eq. 4 needs no more than this.
        """
        first, second = (pad_to_multiple(v, self.multiple) for v in (first, second))
        f_first, f_second = self.encoder(first), self.encoder(second)
        return self.oufr(f_first.features, f_second.features, self.dapl(f_first, f_second).states)

    def _enrich(self, encoded: Encoded, patches: Tensor) -> Encoded:
        """Encoder features plus what OUFR has made of their patch, at the encoder's resolution."""
        return encoded._replace(features=encoded.features + self.restore_patches(patches))


def _moved(given: FusionInput, flow: Tensor) -> tuple[Tensor, Tensor]:
    """I'_D and its features along the flow."""
    features = given.degraded_features
    of_features = resize_flow(flow, features.shape[2:])
    return warp(given.degraded, flow), warp(features, of_features)


def _common_shape(degraded: Tensor, reference: Tensor) -> tuple[int, int, int]:
    if degraded.shape != reference.shape or degraded.ndim != 5 or degraded.shape[1] != 1:
        raise ValueError(
            f"Expected two volumes (b, 1, d, h, w) of one shape, got {tuple(degraded.shape)} "
            f"and {tuple(reference.shape)}."
        )
    return _shape_of(degraded)


def _shape_of(volume: Tensor) -> tuple[int, int, int]:
    return volume.shape[2], volume.shape[3], volume.shape[4]
