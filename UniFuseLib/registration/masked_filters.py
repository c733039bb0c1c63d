"""Smoothing and gradients of volumes that are known in places only: what is unknown has no say."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
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
    kernel = _gaussian(deviation, volume.device)
    reach = len(kernel) // 2
    masked = volume * known
    weighted = torch.cat([masked, known])
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = len(kernel)
        along_axis = kernel.view(shape)
        padding = [0, 0, 0]
        padding[axis] = reach
        weighted = F.conv3d(weighted, along_axis, padding=padding)
    total, weight = weighted.split(1)
    return total / weight.clamp(min=1e-3)


def _gaussian(deviation: float, device: torch.device) -> Tensor:
    """Weights out to three standard deviations, sum 1."""
    reach = math.ceil(3 * deviation)
    steps = torch.arange(-reach, reach + 1, device=device)
    distance = steps / deviation
    weights = torch.exp(-0.5 * distance**2)
    return weights / weights.sum()


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
