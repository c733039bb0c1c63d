"""Rigid movement during an MR acquisition, in k-space.

Shaw et al. 2020, doi 10.1109/TMI.2020.2972547.

Every line along the phase-encode axis is read while the head has one of a few poses:

    K[k] = (F (volume ∘ P_s(k)))[k]        out = |F⁻¹ K|

Since the pose depends on the phase-encode index alone, only one-dimensional transforms along that
axis are needed. The clean label must stay where it is, therefore the poses are centred with the
energy of their lines as weight, and the shift that is left is measured by phase correlation and
taken out as a phase ramp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.simulation.parameters import Triple, choice, integer, shape_of, uniform
from UniFuseLib.spatial.displacement import affine_index, sample_at
from UniFuseLib.spatial.linear import cross_matrix

Ordering = Literal["linear", "interleaved"]


@dataclass(frozen=True)
class MotionParameters:
    """Frozen parameters of one movement.

    Attributes:
        severity: [0, 1], for the record.
        axis: phase-encode axis of the array, 0, 1 or 2.
        ordering: lines acquired one after the other (blur and ringing), or in interleaved shots
            (ghosts).
        shots: number of interleaves; 1 for linear.
        starts: fraction of the acquisition at which each pose begins; the first is 0.
        rotations_deg: rotation vector of each pose about the volume's centre, along the array axes
            (d, h, w).
        translations_mm: translation of each pose along the array axes (d, h, w).
    """

    severity: float
    axis: int
    ordering: Ordering
    shots: int
    starts: tuple[float, ...]
    rotations_deg: tuple[Triple, ...]
    translations_mm: tuple[Triple, ...]


def sample_motion(
    generator: torch.Generator, severity: float | None = None, axes: tuple[int, ...] = (1, 2)
) -> MotionParameters:
    """Draw a movement: poses that are larger and more frequent with `severity`.

    Args:
        generator: of all draws.
        severity: [0, 1]; None draws one. 0 is just visible, 1 is hardly readable.
        axes: array axes that may be the phase-encode axis (in the slice plane of a 2-D
            acquisition).
    """
    severity = uniform(generator, 0.0, 1.0) if severity is None else severity
    poses = 3 + integer(generator, 0, 3) + round(3 * severity)
    ordering: Ordering = choice(generator, ("linear", "interleaved"))
    # interleaved shots put every pose into the centre of k-space: the same movement harms them more
    harm = 1.0 if ordering == "linear" else 0.6
    angle, distance = harm * (1.0 + 5.0 * severity), harm * (0.7 + 4.3 * severity)
    # one movement near the centre of a linear acquisition, or the picture would look unharmed
    starts = sorted(
        [uniform(generator, 0.44, 0.56), *(uniform(generator, 0.0, 1.0) for _ in range(poses - 2))]
    )
    return MotionParameters(
        severity=severity,
        axis=choice(generator, axes),
        ordering=ordering,
        shots=1 if ordering == "linear" else choice(generator, (2, 3, 4, 6, 8)),
        starts=(0.0, *starts),
        rotations_deg=tuple(_pose(generator, angle) for _ in range(poses)),
        translations_mm=tuple(_pose(generator, distance) for _ in range(poses)),
    )


def _pose(generator: torch.Generator, reach: float) -> Triple:
    a, b, c = (uniform(generator, -reach, reach) for _ in range(3))
    return (a, b, c)


def apply_motion(volume: Tensor, spacing_mm: Triple, parameters: MotionParameters) -> Tensor:
    """out = |F⁻¹ Σ_s mask_s · F (volume ∘ P_s)|, with poses P_s centred and the remaining shift
    removed.

    Args:
        volume: `(d, h, w)`, any unit, not negative (a magnitude picture).
        spacing_mm: along (d, h, w); rotations are rigid in mm.
        parameters: from `sample_motion`.

    Returns:
        `(d, h, w)`, same unit.
    """
    axis = parameters.axis
    lines = shape_of(volume)[axis]
    spectrum = torch.fft.fft(volume, dim=axis)
    pose = line_poses(lines, parameters).to(volume.device)
    rotations, translations = _centred_poses(spectrum, pose, parameters)
    mixed = torch.zeros_like(spectrum)
    for index in pose.unique().tolist():
        moved = move_rigidly(volume, spacing_mm, rotations[index], translations[index])
        mask = (pose == index).view([-1 if k == axis else 1 for k in range(3)])
        mixed += torch.fft.fft(moved, dim=axis) * mask
    complex_image = torch.fft.ifft(mixed, dim=axis)
    shift = estimate_shift(complex_image.abs(), volume)
    return shift_volume(complex_image, shift).abs().to(volume.dtype)


def line_poses(lines: int, parameters: MotionParameters) -> Tensor:
    """Pose index of each line, `(lines,)` int64 in FFT order (line 0 is the centre of k-space)."""
    position = torch.fft.fftshift(torch.arange(lines))  # k-space line by line, as FFT indices
    time = torch.empty(lines, dtype=torch.float64)
    order = torch.cat([torch.arange(s, lines, parameters.shots) for s in range(parameters.shots)])
    time[position[order]] = torch.arange(lines, dtype=torch.float64) / lines
    starts = torch.tensor(parameters.starts, dtype=torch.float64)
    return torch.bucketize(time, starts, right=True) - 1


def _centred_poses(
    spectrum: Tensor, pose: Tensor, parameters: MotionParameters
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (deg) and translations (mm) `(s, 3)` minus their mean.

    The mean is weighted with the energy of their lines. The zero frequency stays out: it does not
    depend on position.
    """
    rotations = np.array(parameters.rotations_deg)
    translations = np.array(parameters.translations_mm)
    others = [k for k in range(3) if k != parameters.axis]
    energy = spectrum.abs().square().sum(dim=others).double()
    middle = spectrum.select(parameters.axis, 0).abs()
    energy[0] = middle.sub(middle.mean()).square().sum()
    weight = torch.zeros(len(rotations), dtype=torch.float64, device=energy.device)
    weight.index_add_(0, pose, energy)
    share = (weight / weight.sum().clamp(min=1e-30)).cpu().numpy()[:, None]
    return rotations - (share * rotations).sum(0), translations - (share * translations).sum(0)


def move_rigidly(
    volume: Tensor, spacing_mm: Triple, rotation_deg: np.ndarray, translation_mm: np.ndarray
) -> Tensor:
    """out(p) = volume(c + Rᵀ(p − c − t)), positions p in mm about the volume's centre c.

    Args:
        volume: `(d, h, w)`.
        spacing_mm: along (d, h, w).
        rotation_deg: rotation vector along (d, h, w), degrees.
        translation_mm: along (d, h, w).
    """
    generator = cross_matrix(np.deg2rad(rotation_deg))
    rotation = torch.linalg.matrix_exp(torch.from_numpy(generator)).numpy()
    spacing = np.array(spacing_mm, dtype=np.float64)
    centre = (np.array(volume.shape) - 1) / 2 * spacing
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.T * spacing / spacing[:, None]
    matrix[:3, 3] = (centre - rotation.T @ (centre + translation_mm)) / spacing
    return sample_at(volume[None, None], affine_index(matrix, shape_of(volume), volume))[0, 0]


def estimate_shift(moved: Tensor, fixed: Tensor) -> tuple[float, float, float]:
    """argmax_t Σ_k M[k] conj(F[k]) exp(2πi k·t): by how many voxels `moved` lies beyond `fixed`.

    Peak of the circular cross-correlation, then of the same sum on ever finer points around it
    (matrix products instead of a padded transform: Guizar-Sicairos et al. 2008,
    doi 10.1364/OL.33.000156).

    Args:
        moved: `(d, h, w)`.
        fixed: same shape.

    Returns:
        Voxels along (d, h, w).
    """
    product = torch.fft.fftn(moved) * torch.fft.fftn(fixed).conj()
    correlation = torch.fft.ifftn(product).real
    peak = np.unravel_index(int(correlation.argmax()), correlation.shape)
    shift = [
        float(p - n if p > n // 2 else p) for p, n in zip(peak, correlation.shape, strict=True)
    ]
    for step in (0.25, 0.05, 0.01):
        points = [s + step * np.arange(-5, 6) for s in shift]
        refined = product
        for n, at in zip(product.shape, points, strict=True):
            k = np.fft.fftfreq(n)[:, None]
            wave = np.exp(2j * np.pi * k * at)
            kernel = torch.as_tensor(wave, dtype=product.dtype, device=product.device)
            refined = torch.tensordot(refined, kernel, dims=([0], [0]))
        best = np.unravel_index(int(refined.real.argmax()), refined.shape)
        shift = [float(at[b]) for at, b in zip(points, best, strict=True)]
    return (shift[0], shift[1], shift[2])


def shift_volume(volume: Tensor, shift: tuple[float, float, float]) -> Tensor:
    """out[x] = volume[x + shift], band-limited and circular: a phase ramp in k-space.

    Args:
        volume: `(d, h, w)`, complex or real.
        shift: voxels along (d, h, w).
    """
    if max(abs(s) for s in shift) < 1e-6:
        return volume
    spectrum = torch.fft.fftn(volume)
    for axis, (n, s) in enumerate(zip(volume.shape, shift, strict=True)):
        ramp = torch.exp(2j * math.pi * torch.fft.fftfreq(n, device=volume.device) * s)
        spectrum = spectrum * ramp.view([-1 if k == axis else 1 for k in range(3)])
    return torch.fft.ifftn(spectrum)
