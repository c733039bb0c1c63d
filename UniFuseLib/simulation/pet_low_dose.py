"""PET with few counts: projection with PSF and attenuation, Poisson counts with background, OSEM.

    y ~ Poisson(c · a · A B x + r)
    x ← x / (B Aᵀ_s a_s c) · B Aᵀ_s (a_s c · y_s / (c a_s A_s B x + r))

A: Joseph projector, slice by slice; B: point spread function; a: attenuation of the body; r:
scattered and random coincidences; s: subsets of views (Hudson & Larkin 1994, doi
10.1109/42.363108). The input is itself a reconstruction with all the counts, so what is added is
the *difference* between the reconstructions with and without noise: the resolution of the clean
scan stays, its mean activity is kept, and nothing moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from UniFuseLib.degradation import dose_fraction
from UniFuseLib.simulation.parameters import Triple, local_generator, new_seed, shape_of, uniform
from UniFuseLib.simulation.projector import BeamGeometry, Projector, half_turn
from UniFuseLib.spatial.displacement import resize

#: μ of water at 511 keV, 1/mm
MU_WATER_511_KEV = 0.0096
SUBSETS = 8


@dataclass(frozen=True)
class DoseParameters:
    """Frozen parameters of one low-dose scan.

    Attributes:
        severity: [0, 1], for the record.
        dose_fraction: of the usual activity times scan time.
        counts_per_suv_ml: true coincidences from one millilitre at SUV 1 with the full dose.
        background: scattered and random coincidences per true one.
        psf_mm: full width at half maximum of the scanner's point spread function.
        filter_mm: full width at half maximum of the filter after the reconstruction.
        iterations: of OSEM, with 8 subsets each.
        pixel_mm: pixels of the scanner's picture; finer arrays are simulated at this size.
        slice_mm: distance of the scanner's slices; likewise.
        seed: of the counts.
    """

    severity: float
    dose_fraction: float
    counts_per_suv_ml: float
    background: float
    psf_mm: float
    filter_mm: float
    iterations: int
    pixel_mm: float
    slice_mm: float
    seed: int


def sample_low_dose(generator: torch.Generator, severity: float | None = None) -> DoseParameters:
    """Draw a dose between 1/4 (`severity` 0) and 1/30 (1) of the usual one, and a scanner.

    Full dose means 600 to 1500 true coincidences per millilitre at SUV 1: 3.6 kBq/ml an hour after
    370 MBq in 70 kg, 8 cps/kBq, 3 minutes per bed, a tenth of it after attenuation are 500; time of
    flight counts for up to three times as many.
    """
    severity = uniform(generator, 0.0, 1.0) if severity is None else severity
    return DoseParameters(
        severity=severity,
        dose_fraction=dose_fraction(severity),
        counts_per_suv_ml=uniform(generator, 600.0, 1500.0),
        background=uniform(generator, 0.3, 0.8),
        psf_mm=uniform(generator, 4.0, 6.0),
        filter_mm=uniform(generator, 4.0, 7.0),
        iterations=2 if uniform(generator, 0, 1) < 0.7 else 3,
        pixel_mm=uniform(generator, 3.6, 5.5),
        slice_mm=uniform(generator, 2.5, 4.0),
        seed=new_seed(generator),
    )


def apply_low_dose(volume: Tensor, spacing_mm: Triple, parameters: DoseParameters) -> Tensor:
    """out = m · max(0, volume + OSEM(noisy counts) − OSEM(expected counts)), m keeps the mean.

    Args:
        volume: `(d, h, w)` SUV, not negative, transaxial slices along d.
        spacing_mm: along (d, h, w).
        parameters: from `sample_low_dose`.

    Returns:
        `(d, h, w)` SUV.
    """
    wanted = (parameters.slice_mm, parameters.pixel_mm, parameters.pixel_mm)
    fine = shape_of(volume)
    shape = [
        min(n, max(8, round(n * s / max(s, w))))
        for n, s, w in zip(fine, spacing_mm, wanted, strict=True)
    ]
    spacing = [s * old / n for s, old, n in zip(spacing_mm, fine, shape, strict=True)]
    coarse = resize(volume[None, None], torch.Size(shape))[0, 0].clamp(min=0)
    change = low_dose_difference(coarse, (spacing[0], spacing[1], spacing[2]), parameters)
    noisy = (volume + resize(change[None, None], volume.shape)[0, 0]).clamp(min=0)
    return noisy * (volume.sum() / noisy.sum().clamp(min=1e-9))


def low_dose_difference(volume: Tensor, spacing_mm: Triple, parameters: DoseParameters) -> Tensor:
    """OSEM(noisy counts) − OSEM(expected counts), filtered, SUV on the scanner's own grid.

    Args:
        volume: `(d, h, w)` SUV, the scanner's voxels.
        spacing_mm: along (d, h, w).
        parameters: from `sample_low_dose`.
    """
    pixel_mm = (spacing_mm[1], spacing_mm[2])
    scanner = Scanner(shape_of(volume)[1:], pixel_mm, parameters.psf_mm, volume.device)
    attenuation = scanner.attenuation(volume)
    expected = scanner.project(volume, attenuation)
    millilitres = math.prod(spacing_mm) / 1000
    trues = volume.sum() * millilitres * parameters.counts_per_suv_ml * parameters.dose_fraction
    scale = trues / torch.stack([e.sum() for e in expected]).sum().clamp(min=1e-9)
    background = parameters.background * trues.clamp(min=1e-9) / sum(e.numel() for e in expected)
    generator = local_generator(parameters.seed, volume.device)
    means = [scale * e + background for e in expected]
    # noisy and expected counts side by side: one reconstruction makes both
    counts = [torch.cat([torch.poisson(mean, generator=generator), mean]) for mean in means]
    factors = [torch.cat([a, a]) * scale for a in attenuation]
    level = float(volume.mean().clamp(min=1e-6))
    start = torch.full((2 * volume.shape[0], *volume.shape[1:]), level).to(volume.device)
    both = scanner.osem(counts, factors, background, start, parameters.iterations)
    noisy, clean = both.chunk(2)
    return smooth(noisy - clean, spacing_mm, parameters.filter_mm)


class Scanner:
    """Parallel-beam PET of transaxial slices, views split into interleaved subsets.

    Args:
        shape: pixels (h, w) of a slice.
        pixel_mm: their size.
        psf_mm: full width at half maximum.
        device: of slices and counts.
        views: over 180°; None is enough for the slice's width.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        pixel_mm: tuple[float, float],
        psf_mm: float,
        device: torch.device | str,
        views: int | None = None,
    ) -> None:
        # a multiple of the subsets, about 2 views per pixel of the longer side
        count = views or SUBSETS * max(6, math.ceil(2 * max(shape) / SUBSETS))
        whole = half_turn(shape, pixel_mm, count)
        subsets = [
            BeamGeometry(
                shape, whole.pixel_mm, whole.angles[s::SUBSETS], whole.bins, whole.pitch_mm
            )
            for s in range(SUBSETS)
        ]
        self.subsets = [_subset_projector(geometry, str(device)) for geometry in subsets]
        self.psf = [
            gaussian_matrix(n, psf_mm / p).to(device)
            for n, p in zip(shape, whole.pixel_mm, strict=True)
        ]

    def blur(self, slices: Tensor) -> Tensor:
        """B x: Gaussian point spread function as two banded matrix products, `(n, h, w)`."""
        return self.psf[0] @ slices @ self.psf[1].T

    def attenuation(self, volume: Tensor) -> list[Tensor]:
        """exp(−μ · path through the body) for each subset `(n, views, bins)`.

        The body is where activity is.
        """
        body = (volume > 0.1 * volume.clamp(max=2).mean().clamp(min=1e-6)).to(volume.dtype)
        return [torch.exp(-MU_WATER_511_KEV * p.forward(body)) for p in self.subsets]

    def project(self, slices: Tensor, factors: list[Tensor]) -> list[Tensor]:
        """f · A B x for each subset, `(n, views, bins)`."""
        blurred = self.blur(slices)
        return [f * p.forward(blurred) for p, f in zip(self.subsets, factors, strict=True)]

    def osem(
        self,
        counts: list[Tensor],
        factors: list[Tensor],
        background: Tensor | float,
        start: Tensor,
        iterations: int,
    ) -> Tensor:
        """x ← x / (B Aᵀ f) · B Aᵀ (f · y / (f A B x + r)), subset after subset.

        Args:
            counts: y per subset, `(n, views, bins)`.
            factors: f per subset, same shape: attenuation times counts per unit of activity.
            background: r, expected background per bin.
            start: `(n, h, w)`, positive.
            iterations: over all subsets.

        Returns:
            `(n, h, w)` activity.
        """
        sensitivity = [
            self.blur(p.backward(f)).clamp(min=1e-9)
            for p, f in zip(self.subsets, factors, strict=True)
        ]
        activity = start
        for _ in range(iterations):
            for beam, y, f, s in zip(self.subsets, counts, factors, sensitivity, strict=True):
                expected = f * beam.forward(self.blur(activity)) + background
                ratio = f * y / expected.clamp(min=1e-9)
                activity = activity / s * self.blur(beam.backward(ratio))
        return activity


@lru_cache(maxsize=96)
def _subset_projector(geometry: BeamGeometry, device: str) -> Projector:
    """A few MB each; kept apart from CT's, which are few and large and would be pushed out."""
    return Projector(geometry, device)


def gaussian_matrix(count: int, fwhm: float) -> Tensor:
    """G[i, j] ∝ exp(−(i − j)² / 2σ²), `(count, count)`, rows sum to 1: blur by `G @ x`.

    σ = fwhm / 2.355, in samples.
    """
    sigma = max(fwhm / 2.355, 1e-3)
    distance = torch.arange(count)[:, None] - torch.arange(count)[None]
    matrix = torch.exp(-0.5 * (distance / sigma) ** 2)
    return matrix / matrix.sum(dim=1, keepdim=True)


def smooth(volume: Tensor, spacing_mm: Triple, fwhm_mm: float) -> Tensor:
    """Gaussian filter in all three axes of `(d, h, w)`, width in mm."""
    for axis, (n, s) in enumerate(zip(volume.shape, spacing_mm, strict=True)):
        matrix = gaussian_matrix(n, fwhm_mm / s).to(volume.device, volume.dtype)
        volume = torch.tensordot(matrix, volume, dims=([1], [axis])).movedim(0, axis)
    return volume
