"""Eq. 15 on one batch: the weighted sum of the losses, and each term's value for the log."""

from __future__ import annotations

import torch
from torch import Tensor

from UniFuseLib.geometry import resize, resize_flow, warp
from UniFuseLib.network.unifuse import UniFuse, UniFuseOutput
from UniFuseLib.training import losses
from UniFuseLib.training.config import LossWeights, TrainingConfig
from UniFuseLib.training.samples import Sample


def total_loss(
    model: UniFuse, sample: Sample, config: TrainingConfig, with_modality: bool, generator: torch.Generator
) -> tuple[Tensor, dict[str, float]]:
    """L = Σ weight · term. `with_modality` adds L_moda, which needs a second pass of encoder, DAPL and OUFR."""
    output = model(sample.degraded, sample.reference)
    terms = _terms(output, sample)
    if with_modality:
        # {I_D, I'_R}: both clean, aligned crosswise with {I'_D, I_R} (Sec. 3.3)
        other = model.unify(sample.clean, sample.reference_moved)
        terms["modality"] = losses.modality_loss(
            (other.degraded, output.unified.reference),
            (output.unified.degraded, other.reference),
            config.negatives,
            generator,
        )
    total = sum((_weight(config.weights, name) * value for name, value in terms.items()), sample.degraded.new_zeros(()))
    return total, {name: float(value.detach()) for name, value in terms.items()}


def _terms(output: UniFuseOutput, sample: Sample) -> dict[str, Tensor]:
    # the target is where the network sees the clean volume, it must not pull on the field
    aligned = warp(sample.fine, output.flow.detach())
    return {
        "classification": losses.classification_loss(output.logits, sample.label),
        "registration": losses.registration_loss(output.flow, sample.flow, sample.weight),
        "coarse": _coarse_loss(output.coarse_flows, sample),
        "structure": losses.structure_loss(output.fused, aligned, sample.reference),
        "intensity": losses.intensity_loss(output.fused, aligned, sample.reference),
        "gradient": losses.gradient_loss(output.fused, aligned, sample.reference),
        "restore": losses.restoration_loss(output.restored, aligned),
    }


def _coarse_loss(flows: list[Tensor], sample: Sample) -> Tensor:
    """L_reg of every coarser flow, in voxels of the full grid; only where padding added nothing."""
    total = sample.flow.new_zeros(())
    for flow in flows:
        shape = flow.shape[2:]
        ratio = sample.flow.shape[2] / shape[0]
        truth, weight = resize_flow(sample.flow, shape) * ratio, resize(sample.weight, shape)
        total = total + losses.registration_loss(flow * ratio, truth, weight)
    return total / max(len(flows), 1)


def _weight(weights: LossWeights, name: str) -> float:
    return float(getattr(weights, name))
