"""Metal implants and dose-limited noise in CT: a polychromatic parallel-beam chain, slice by slice.

    I(ray) = Σ_E w(E) exp(−μ_water(E) p_water − μ_bone(E) p_bone − μ_metal(E) p_metal)
    N ~ Poisson(I₀ I) + electronic noise        q = g(−ln(N / I₀))
    Δμ = FBP(q − g(−ln I_without_metal))

g is the water precorrection every scanner has; what it cannot correct (bone, metal) becomes dark
bands and streaks. Only the *difference* to the same chain without metal and noise is reconstructed
and added, so that the blur of the reconstruction is not a degradation of its own and nothing moves.
Slices without metal go through the same noise chain with tissue as water of equivalent length.
Causes of streaks: De Man et al. 1999, doi 10.1109/23.775600.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from UniFuseLib.simulation.beam_hardening import log_signal, precorrect, water_log_signal
from UniFuseLib.simulation.implants import Implant, metal_fraction, sample_implants
from UniFuseLib.simulation.parameters import Triple, local_generator, new_seed, shape_of, uniform
from UniFuseLib.simulation.projector import BeamGeometry, Projector, half_turn, projector
from UniFuseLib.simulation.spectrum import MEAN_MU_WATER, Metal
from UniFuseLib.spatial.displacement import resize

#: HU of solid cortical bone in this spectrum after 200 mm of water, about what scanners show
BONE_HU = 1850.0
#: above this, tissue is modelled as water and cortical bone; below, as water of another density
BONE_FROM_HU = 100.0
#: expected photons below which a ray is mixed with its neighbours
STARVED_BELOW = 60.0
HU_RANGE = (-1024.0, 3071.0)


@dataclass(frozen=True)
class MetalParameters:
    """Frozen parameters of one degraded CT.

    Attributes:
        severity: [0, 1], for the record.
        implants: what was put in, in mm from the centre of voxel (0, 0, 0) along (d, h, w).
        metal: their material.
        noise_hu: standard deviation of the added noise inside the body; I₀ follows from it.
        electronic: standard deviation of the detector's own noise, in photons.
        cutoff: of the reconstruction's Hann window, in units of Nyquist; lower is smoother.
        slice_mm: thickness of the acquired slices; thinner slices of the array share their noise
            and streaks.
        seed: of the noise.
    """

    severity: float
    implants: tuple[Implant, ...]
    metal: Metal
    noise_hu: float
    electronic: float
    cutoff: float
    slice_mm: float
    seed: int


def sample_metal(
    generator: torch.Generator, volume: Tensor, spacing_mm: Triple, severity: float | None = None
) -> MetalParameters:
    """Draw implants inside the bone (or, without bone, the body) of `volume`, and a dose.

    Args:
        generator: of all draws.
        volume: `(d, h, w)` HU, axial slices along d.
        spacing_mm: along (d, h, w).
        severity: [0, 1]; None draws one. More and denser metal, more noise.
    """
    severity = uniform(generator, 0.0, 1.0) if severity is None else severity
    metal, implants = sample_implants(generator, volume, spacing_mm, severity)
    return MetalParameters(
        severity=severity,
        implants=implants,
        metal=metal,
        noise_hu=18.0 + 50.0 * severity * uniform(generator, 0.6, 1.0),
        electronic=uniform(generator, 0.0, 4.0),
        cutoff=uniform(generator, 0.7, 1.1),
        slice_mm=uniform(generator, 1.0, 4.0),
        seed=new_seed(generator),
    )


def apply_metal(volume: Tensor, spacing_mm: Triple, parameters: MetalParameters) -> Tensor:
    """out = clip(volume + (chain with metal and noise) − (chain without)).

    Args:
        volume: `(d, h, w)` HU, axial slices along d.
        spacing_mm: along (d, h, w).
        parameters: from `sample_metal`.

    Returns:
        `(d, h, w)` HU in [−1024, 3071], the range of 12-bit scanners.
    """
    count, _, _ = shape_of(volume)
    thick = max(1, round(count * spacing_mm[0] / max(parameters.slice_mm, spacing_mm[0])))
    coarse = resize(volume[None, None], (thick, *volume.shape[1:]))[0, 0]
    spacing = (count * spacing_mm[0] / thick, spacing_mm[1], spacing_mm[2])
    start_mm = (spacing[0] - spacing_mm[0]) / 2  # faces of the first slices coincide
    metal = metal_fraction(parameters.implants, shape_of(coarse), spacing, start_mm)
    difference = metal_difference(coarse, metal.to(volume.device), spacing[1:], parameters)
    change = resize(difference[None, None], volume.shape)[0, 0]
    return (volume + change).clamp(*HU_RANGE)


def metal_difference(
    volume: Tensor, metal: Tensor, pixel_mm: tuple[float, float], parameters: MetalParameters
) -> Tensor:
    """Reconstructed change in HU, `(n, h, w)`.

    Args:
        volume: slices `(n, h, w)`, HU.
        metal: fraction in [0, 1], same shape.
        pixel_mm: along (h, w).
        parameters: from `sample_metal`.
    """
    beam = _beam(shape_of(volume)[1:], pixel_mm, str(volume.device))
    water, bone = tissue(volume)
    equivalent = beam.forward(water + bone * (BONE_HU / 1000 + 1))
    clean = water_log_signal(equivalent)
    photons = photons_for_noise(clean, parameters, beam.geometry)
    with_metal, without_metal = clean.clone(), clean
    hit = metal.flatten(1).amax(1) > 0
    if hit.any():
        w, b, m = water[hit], bone[hit], metal[hit]
        lines = beam.forward(torch.cat([w, b, w * m, b * m, m]))
        w, b, w_lost, b_lost, m = lines.chunk(5)
        without_metal = clean.clone()
        without_metal[hit] = band_limited(log_signal(w, b, torch.zeros_like(m), parameters.metal))
        with_metal[hit] = band_limited(log_signal(w - w_lost, b - b_lost, m, parameters.metal))
    noisy = detect(with_metal, photons, parameters)
    change = precorrect(noisy) - precorrect(without_metal)
    return beam.filtered_backward(change, parameters.cutoff) * (1000 / MEAN_MU_WATER)


def tissue(hu: Tensor) -> tuple[Tensor, Tensor]:
    """HU → (water, bone), shares of their density.

    water + bone·(1 + BONE_HU/1000) = 1 + HU/1000
    """
    relative = (1 + hu / 1000).clamp(min=0)
    threshold, solid = 1 + BONE_FROM_HU / 1000, 1 + BONE_HU / 1000
    bone = ((relative - threshold) / (solid - threshold)).clamp(0, 1)
    water = torch.where(relative > threshold, threshold * (1 - bone), relative)
    return water, torch.where(relative > solid, relative / solid, bone)


def band_limited(log_signal: Tensor) -> Tensor:
    """k * p, k = (1, 4, 6, 4, 1) / 16 along the bins.

    Scanners sample metal's edges finer than our pixels do. On lines, not on intensities: averaging
    intensities over bins of 2 mm would exaggerate the edge gradient effect.
    """
    for _ in range(2):
        padded = torch.nn.functional.pad(log_signal, (1, 1), mode="replicate")
        log_signal = (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]) / 4
    return log_signal


def detect(log_signal: Tensor, photons: Tensor, parameters: MetalParameters) -> Tensor:
    """−ln(N / I₀), N ~ Poisson(I₀ exp(−p)) + N(0, electronic²), never below one photon.

    Starved rays are smoothed.
    """
    generator = local_generator(parameters.seed, log_signal.device)
    expected = photons * torch.exp(-log_signal)
    counts = torch.poisson(expected, generator=generator)
    electronic = torch.randn(counts.shape, generator=generator, device=counts.device)
    counts += parameters.electronic * electronic
    noisy = torch.log(photons) - torch.log(counts.clamp(min=1))
    # scanners filter the rays that hardly any photon passed
    # (Kachelrieß et al. 2001, doi 10.1118/1.1358303)
    starved = (1 - expected / STARVED_BELOW).clamp(0, 1)
    smooth = torch.nn.functional.avg_pool2d(noisy, (3, 5), 1, (1, 2), count_include_pad=False)
    return torch.lerp(noisy, smooth, starved)


def photons_for_noise(clean: Tensor, parameters: MetalParameters, geometry: BeamGeometry) -> Tensor:
    """I₀ for σ = `noise_hu`: σ² = (1000 gain / μ_water)² · mean(exp p) / I₀.

    The mean is over rays through tissue.
    """
    gain = noise_gain(geometry, parameters.cutoff)
    weight = clean.clamp(min=0)
    mean_variance = (weight * weight.exp()).sum() / weight.sum().clamp(min=1e-6)
    return mean_variance.clamp(min=1) * (1000 * gain / MEAN_MU_WATER / parameters.noise_hu) ** 2


@lru_cache(maxsize=64)
def noise_gain(geometry: BeamGeometry, cutoff: float) -> float:
    """Standard deviation (1/mm) in the middle of a slice reconstructed from white noise.

    The noise of the sinogram has deviation 1.
    """
    generator = local_generator(0)
    noise = torch.randn(1, len(geometry.angles), geometry.bins, generator=generator)
    middle = projector(geometry).filtered_backward(noise, cutoff)[0]
    h, w = middle.shape
    return float(middle[h // 4 : h - h // 4, w // 4 : w - w // 4].std())


def _beam(shape: tuple[int, int], pixel_mm: tuple[float, float], device: str) -> Projector:
    """Views enough that sampling streaks stay below the noise (1.5 per pixel), at most 360."""
    views = min(360, max(90, round(1.5 * max(shape))))
    return projector(half_turn(shape, pixel_mm, views), device)
