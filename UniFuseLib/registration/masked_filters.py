"""Smoothing and gradients of volumes that are known in places only: what is unknown has no say."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def normalised_smoothing(volume: Tensor, known: Tensor, deviation: float) -> Tensor:
    """Gaussian mean over known voxels alone: (G * (m v)) / (G * m).

    Normalised convolution, Knutsson and Westin 1993, doi 10.1109/CVPR.1993.341081.

    Args:
        volume: v `(1, 1, d, h, w)`.
        known: m of the same shape, 1 or 0.
        deviation: standard deviation, voxels; 0 leaves the volume as it is.
    """
    if deviation == 0:
        return volume
    kernel = _gaussian(deviation)
    masked = volume * known
    weighted = torch.cat([masked, known])
    for axis in (2, 3, 4):
        weighted = _along(axis, weighted, kernel)
    total, weight = weighted.split(1)
    return total / weight.clamp(min=1e-3)


def _along(axis: int, volume: Tensor, kernel: list[float]) -> Tensor:
    """Σ kernel[|k|] volume[x + k] along one axis, 0 beyond the border.

    Sums of shifted volumes: ten times as fast on a CPU as a convolution of one channel.
    """
    total = volume * kernel[0]
    length = volume.shape[axis]
    for shift, weight in enumerate(kernel[1:length], start=1):
        kept = length - shift
        total.narrow(axis, 0, kept).add_(volume.narrow(axis, shift, kept), alpha=weight)
        total.narrow(axis, shift, kept).add_(volume.narrow(axis, 0, kept), alpha=weight)
    return total


def _gaussian(deviation: float) -> list[float]:
    """Weights from the middle out to three standard deviations; the whole kernel has sum 1."""
    reach = math.ceil(3 * deviation)
    half = [math.exp(-0.5 * (step / deviation) ** 2) for step in range(reach + 1)]
    total = half[0] + 2 * sum(half[1:])
    return [weight / total for weight in half]


def masked_gradient(channel: Tensor, known: Tensor, spacing: float) -> Tensor:
    """Central differences per mm where both neighbours and the voxel are known, else 0.

    Args:
        channel: `(1, 1, d, h, w)`.
        known: of the same shape, 1 or 0.
        spacing: mm.

    Returns:
        `(1, 3, d, h, w)`, along d, h, w.
    """
    shape = channel.shape[2:]
    slopes = torch.zeros(1, 3, *shape, device=channel.device)
    for axis in (2, 3, 4):
        inner = channel.shape[axis] - 2
        if inner < 1:
            continue
        before = channel.narrow(axis, 0, inner)
        after = channel.narrow(axis, 2, inner)
        known_before = known.narrow(axis, 0, inner)
        known_after = known.narrow(axis, 2, inner)
        along_axis = slopes[:, axis - 2 : axis - 1]
        inside = along_axis.narrow(axis, 1, inner)
        difference = after - before
        difference = difference * known_before * known_after
        inside.copy_(difference / (2 * spacing))
    return slopes * known
