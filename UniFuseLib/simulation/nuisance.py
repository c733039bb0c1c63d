"""Small faults that every scanner has, as augmentation: none is a class of its own, none moves the
picture.

Each is a few lines of `(d, h, w)` → `(d, h, w)`; `sample_nuisance` draws a handful,
`apply_nuisance` applies them in
the order in which they arise: anatomy and coil (bias), acquisition (thick slices, Gibbs, ghost,
spikes), noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from UniFuseLib.simulation.parameters import choice, integer, local_generator, new_seed, uniform
from UniFuseLib.simulation.pet_low_dose import smooth
from UniFuseLib.spatial.displacement import interpolate_nodes, resize

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class NuisanceParameters:
    """Frozen parameters; a fault that was not drawn has the value that does nothing.

    Attributes:
        bias: standard deviation of the logarithm of the coil's sensitivity; 0 is flat.
        bias_points: control points per axis of the sensitivity.
        blur_mm: full width at half maximum of a Gaussian; 0 is none.
        slice_mm: slice thickness along `slice_axis`; 0 keeps the slices.
        slice_axis: array axis across the slices.
        gibbs: share of k-space that was measured along `axis`; 1 is all.
        ghost: intensity of the ghosts, share of the picture; 0 is none.
        ghosts: number of ghosts over the field of view.
        spike: one bad k-space point; stripes of 30 times this share of the mean; 0 is none.
        spike_at: its position along (d, h, w), share of each axis in [−½, ½].
        axis: phase-encode axis.
        noise: standard deviation of Rician noise, share of the 99th percentile.
        seed: of bias and noise.
    """

    bias: float
    bias_points: int
    blur_mm: float
    slice_mm: float
    slice_axis: int
    gibbs: float
    ghost: float
    ghosts: int
    spike: float
    spike_at: Triple
    axis: int
    noise: float
    seed: int


def sample_nuisance(generator: torch.Generator, share: float = 0.25) -> NuisanceParameters:
    """Draw faults, each present with probability `share`, mild enough for a diagnostic picture."""

    def maybe(low: float, high: float, nothing: float) -> float:
        value = uniform(generator, low, high)
        return value if uniform(generator, 0, 1) < share else nothing

    return NuisanceParameters(
        bias=maybe(0.05, 0.25, 0.0),
        bias_points=3 + integer(generator, 0, 3),
        blur_mm=maybe(1.0, 3.0, 0.0),
        slice_mm=maybe(2.5, 5.0, 0.0),
        slice_axis=choice(generator, (0, 0, 1, 2)),
        gibbs=maybe(0.6, 0.85, 1.0),
        ghost=maybe(0.02, 0.08, 0.0),
        ghosts=2 + integer(generator, 0, 4),
        spike=maybe(0.002, 0.01, 0.0),
        spike_at=(
            uniform(generator, -0.3, 0.3),
            uniform(generator, -0.3, 0.3),
            uniform(generator, 0.1, 0.4),
        ),
        axis=choice(generator, (1, 2)),
        noise=maybe(0.005, 0.03, 0.0),
        seed=new_seed(generator),
    )


def apply_nuisance(volume: Tensor, spacing_mm: Triple, parameters: NuisanceParameters) -> Tensor:
    """All faults of `parameters`, one after the other. `(d, h, w)`, not negative (MR magnitude),
    spacing in mm.
    """
    p = parameters
    out = bias_field(volume, p.bias, p.bias_points, p.seed)
    out = smooth(out, spacing_mm, p.blur_mm) if p.blur_mm > 0 else out
    out = thick_slices(out, spacing_mm, p.slice_mm, p.slice_axis)
    out = gibbs_ringing(out, p.gibbs, p.axis)
    out = ghosting(out, p.ghost, p.ghosts, p.axis)
    out = spike(out, p.spike, p.spike_at)
    return rician_noise(out, p.noise, p.seed)


def bias_field(volume: Tensor, deviation: float, points: int, seed: int) -> Tensor:
    """out = volume · exp(deviation · smooth noise), mean logarithm zero: coil sensitivity."""
    if deviation == 0:
        return volume
    generator = local_generator(seed)
    coarse = torch.randn(1, 1, points, points, points, generator=generator).to(volume.device)
    field = interpolate_nodes(coarse, volume.shape)[0, 0]
    return volume * torch.exp(deviation * (field - field.mean()))


def thick_slices(volume: Tensor, spacing_mm: Triple, slice_mm: float, axis: int) -> Tensor:
    """Means over slices of `slice_mm` along `axis`, interpolated back to the same grid (faces
    coincide).
    """
    count = (
        round(volume.shape[axis] * spacing_mm[axis] / slice_mm)
        if slice_mm > 0
        else volume.shape[axis]
    )
    if count >= volume.shape[axis] or count < 2:
        return volume
    shape = torch.Size([count if k == axis else n for k, n in enumerate(volume.shape)])
    thick = torch.nn.functional.adaptive_avg_pool3d(
        volume[None, None], (shape[0], shape[1], shape[2])
    )
    return resize(thick, volume.shape)[0, 0]


def gibbs_ringing(volume: Tensor, share: float, axis: int) -> Tensor:
    """out = |F⁻¹ (rect · F volume)|: only the central `share` of k-space along `axis` was
    measured.
    """
    if share >= 1:
        return volume
    frequency = torch.fft.fftfreq(volume.shape[axis], device=volume.device).abs()
    mask = (
        (frequency <= share / 2).to(volume.dtype).view([-1 if k == axis else 1 for k in range(3)])
    )
    return torch.fft.ifft(torch.fft.fft(volume, dim=axis) * mask, dim=axis).abs()


def ghosting(volume: Tensor, strength: float, count: int, axis: int) -> Tensor:
    """Every `count`-th line of k-space along `axis` is weaker by `strength · count`: faint
    equidistant copies.
    """
    if strength == 0:
        return volume
    n = volume.shape[axis]
    line = torch.fft.fftfreq(n, 1 / n, device=volume.device).round().long()
    weight = torch.where((line % count == 0) & (line != 0), 1 - min(strength * count, 1.0), 1.0)
    shape = [-1 if k == axis else 1 for k in range(3)]
    return torch.fft.ifft(torch.fft.fft(volume, dim=axis) * weight.view(shape), dim=axis).abs()


def spike(volume: Tensor, strength: float, at: Triple) -> Tensor:
    """out = |volume + A cos(2π k·x)|: one bad k-space point; stripes all over."""
    if strength == 0:
        return volume
    phase = torch.zeros_like(volume)
    for axis, (n, share) in enumerate(zip(volume.shape, at, strict=True)):
        ramp = torch.arange(n, device=volume.device, dtype=volume.dtype) * (round(share * n) / n)
        phase = phase + ramp.view([-1 if k == axis else 1 for k in range(3)])
    amplitude = 30 * strength * volume.mean()
    return (volume + amplitude * torch.cos(2 * math.pi * phase)).abs()


def rician_noise(volume: Tensor, deviation: float, seed: int) -> Tensor:
    """out = |volume + σ (n₁ + i n₂)|, σ = deviation · 99th percentile (Gudbjartsson & Patz
    1995).
    """
    if deviation == 0:
        return volume
    generator = local_generator(seed + 1, volume.device)
    rank = max(1, int(0.99 * volume.numel()))
    sigma = deviation * volume.flatten().kthvalue(rank).values
    real, imaginary = (
        torch.randn(volume.shape, generator=generator, device=volume.device) for _ in range(2)
    )
    return torch.hypot(volume + sigma * real, sigma * imaginary)
