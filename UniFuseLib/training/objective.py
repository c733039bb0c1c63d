"""Eq. 15 on one batch: the weighted sum of the losses, and each term's value for the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.device import autocast
from UniFuseLib.network.layers import pad_to_multiple
from UniFuseLib.spatial.displacement import resize, resize_flow, warp
from UniFuseLib.training import losses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from UniFuseLib.network.unifuse import UniFuse, UniFuseOutput
    from UniFuseLib.training.config import Precision, TrainingConfig
    from UniFuseLib.training.samples import Sample


def total_loss(
    model: UniFuse,
    sample: Sample,
    config: TrainingConfig,
    with_modality: bool,
    generator: torch.Generator,
) -> tuple[Tensor, dict[str, Tensor]]:
    """L = Σ weight · term (Eq. 15). `with_modality` adds L_moda: a second pass of encoder, DAPL and
    OUFR.

    Args:
        model: in training mode.
        sample: a batch.
        config: weights of the terms, shares of the batch in its own frame and along the true field.
        with_modality: see above.
        generator: draws those shares and the negatives of L_moda.

    Returns:
        L and every term, unweighted; scalars.
    """
    if config.own_frame:
        sample = in_own_frame(sample, _drawn(sample, config.own_frame, generator))
    known = _drawn(sample, config.true_field, generator)[:, None, None, None, None]
    with precision(config.precision, sample.degraded.device):
        registered = model.register(sample.degraded, sample.reference)
        used = torch.where(known, sample.flow, registered.flow)
        output = model.fuse(registered, used)
        # {I_D, I'_R}: both clean, aligned crosswise with {I'_D, I_R} (Sec. 3.3)
        other = model.unify(sample.clean, sample.reference_moved) if with_modality else None
    padded = padded_sample(sample, model.multiple)
    terms = _terms(output, registered.flow, sample, padded)
    if config.weights.matching:  # 27 correlations a level: not for the log alone
        terms["matching"] = levels_matching_loss(output.matched, padded)
    if other is not None:
        terms["modality"] = losses.modality_loss(
            (other.degraded, output.unified.reference),
            (output.unified.degraded, other.reference),
            config.negatives,
            generator,
        )
    total = torch.stack(
        [getattr(config.weights, name) * value for name, value in terms.items()]
    ).sum()
    return total, terms


def precision(name: Precision, device: torch.device) -> AbstractContextManager[object]:
    """The context of the forward pass; `auto` is bfloat16 on CUDA and float32 elsewhere. Losses are
    float32.
    """
    return autocast("bfloat16" if name == "auto" and device.type == "cuda" else name, device)


def in_own_frame(sample: Sample, chosen: Tensor) -> Sample:
    """The `chosen` `(b,)` samples with the reference brought to the degraded scan's frame: nothing
    is left to align.
    """
    here = chosen[:, None, None, None, None]
    return sample._replace(
        reference=torch.where(here, sample.reference_moved, sample.reference),
        clean=torch.where(here, sample.fine, sample.clean),
        flow=torch.where(here, 0.0, sample.flow),
    )


def _drawn(sample: Sample, share: float, generator: torch.Generator) -> Tensor:
    """Which samples of the batch belong to a share of all samples: bool `(b,)`; a share of 0 draws
    nothing.
    """
    count = sample.degraded.shape[0]
    drawn = (
        torch.rand(count, generator=generator) < share
        if share
        else torch.zeros(count, dtype=torch.bool)
    )
    return drawn.to(sample.degraded.device)


def _terms(
    output: UniFuseOutput, predicted: Tensor, sample: Sample, padded: Sample
) -> dict[str, Tensor]:
    """Every term but those of features; `predicted` is the FA's φ, `output.flow` the one used."""
    # the target is where the network sees the clean volume, it must not pull on the field
    aligned = warp(sample.fine, output.flow.detach())
    return {
        "classification": losses.classification_loss(output.logits, sample.label),
        "registration": losses.registration_loss(predicted, sample.flow, sample.weight),
        "endpoint": losses.endpoint_loss(predicted, sample.flow, sample.weight),
        "coarse": coarse_loss(output.coarse_flows, padded),
        "structure": losses.structure_loss(output.fused, aligned, sample.reference),
        "intensity": losses.intensity_loss(output.fused, aligned, sample.reference),
        "fidelity": losses.fidelity_loss(output.fused, aligned, sample.reference),
        "retention": losses.retention_loss(output.fused, aligned, sample.reference),
        "squared_retention": losses.squared_retention_loss(output.fused, aligned, sample.reference),
        "gradient": losses.gradient_loss(output.fused, aligned, sample.reference),
        "restore": losses.restoration_loss(output.restored, aligned),
    }


def padded_sample(sample: Sample, multiple: int) -> Sample:
    """Field and weight on the grid that the network's levels belong to (`pad_to_multiple`); padding
    weighs nothing.
    """
    flow = pad_to_multiple(sample.flow, multiple)
    d, h, w = (n - m for n, m in zip(flow.shape[2:], sample.flow.shape[2:], strict=True))
    return sample._replace(flow=flow, weight=F.pad(sample.weight, (0, w, 0, h, 0, d)))


def coarse_loss(flows: Sequence[Tensor], sample: Sample) -> Tensor:
    """Length of the error of every coarser flow, in voxels of the full grid; mean over the
    levels.
    """
    total = sample.flow.new_zeros(())
    for flow in flows:
        shape = flow.shape[2:]
        ratio = sample.flow.shape[2] / shape[0]
        truth, weight = resize_flow(sample.flow, shape) * ratio, resize(sample.weight, shape)
        total = total + losses.endpoint_loss(flow * ratio, truth, weight)
    return total / max(len(flows), 1)


def levels_matching_loss(levels: Sequence[tuple[Tensor, Tensor]], sample: Sample) -> Tensor:
    """Features of every level of the FA, the degraded ones pulled through the true field; mean over
    the levels.
    """
    total = sample.flow.new_zeros(())
    for degraded, reference in levels:
        shape = degraded.shape[2:]
        moved = warp(degraded.float(), resize_flow(sample.flow, shape))
        total = total + losses.matching_loss(moved, reference.float(), resize(sample.weight, shape))
    return total / max(len(levels), 1)
