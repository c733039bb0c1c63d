"""One anatomy in many contrasts: label maps, CT values and random shapes → network intensities.

Label maps take the looks of `simulation/contrast.py`. A CT becomes MR-like tissue by tissue: a
random curve over its intensity, flat within a tissue. All contrasts of one anatomy are aligned
without doubt.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.preprocessing.intensity import fit
from UniFuseLib.simulation.contrast import FAT, SOFT_TISSUE, sample_contrast
from UniFuseLib.simulation.pet_low_dose import smooth
from UniFuseLib.spatial.displacement import resize

# (first, second) look of a pair made from a label map; CT beside MR is the hardest and the most
# frequent
_LOOKS = (
    *(("ct", "t1"),) * 3,
    *(("ct", "t2"),) * 2,
    *(("ct", "flair"),) * 2,
    *(("ct", "random"),) * 2,
    *(("random", "random"),) * 2,
    ("t1", "t2"),
    ("t1", "flair"),
    ("pet", "ct"),
    ("pet", "t1"),
)
_FIRST_OUTSIDE_BRAIN = 500  # SynthSeg: labels from here on are not brain
_FAT_LEVEL = 0.25  # standard deviations: 40 % of the soft tissue lies above
_PATCH_MM = 10.0  # of fat
_STRIPPED = 0.12  # share of label-map scans with the skull taken off
# CT network intensity (intensity.py) → tissue: -1024, -300 | -140, -80 | 0, 12 | 30, 60 | 110 |
# 190, 230 | 500, 1600 HU
_KNOTS = (0.0, 0.126, 0.18, 0.27, 0.39, 0.408, 0.435, 0.48, 0.555, 0.675, 0.735, 0.80, 1.0)
_TISSUE_OF_KNOT = (0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)
_MR_RANGES = (  # air, fat, water, soft tissue, dense (vessels, calcium), spongy bone, cortical bone
    (0.0, 0.03),
    (0.3, 1.1),
    (0.1, 1.1),
    (0.25, 0.7),
    (0.1, 0.9),
    (0.15, 0.8),
    (0.0, 0.15),
)
_CURVE_POINTS = 256
_CT_UNITS = fit(np.zeros(0), None, "ct")  # HU → network intensities


class Curve(NamedTuple):
    """A map of intensities: piecewise linear over [0, top]."""

    values: np.ndarray  # (_CURVE_POINTS,)
    top: float

    def __call__(self, intensities: Tensor) -> Tensor:
        table = torch.as_tensor(self.values, dtype=torch.float32, device=intensities.device)
        place = (intensities * ((_CURVE_POINTS - 1) / self.top)).clamp(0, _CURVE_POINTS - 1.001)
        low = place.floor()
        index, part = low.long(), place - low
        return table[index] * (1 - part) + table[index + 1] * part


def mr_like(random: np.random.Generator) -> Curve:
    """CT network intensities → those of an MR-like contrast; one in four is no MR anybody has
    seen.
    """
    ranges = [(0.0, 1.0)] * len(_MR_RANGES) if random.random() < 0.25 else list(_MR_RANGES)
    ranges[0] = _MR_RANGES[0]
    tissue = np.array([random.uniform(low, high) for low, high in ranges])
    values = tissue[list(_TISSUE_OF_KNOT)] + random.normal(0, 0.03, len(_KNOTS)) * (
        np.array(_KNOTS) > 0.15
    )
    return Curve(np.interp(np.linspace(0, 1, _CURVE_POINTS), _KNOTS, values.clip(0)), 1.0)


def ct_window(random: np.random.Generator) -> Curve:
    """What CT loses on its way: nothing, bone saturated from 500 HU, or all but a brain window and
    the scalp.
    """
    x = np.linspace(0, 1, _CURVE_POINTS)
    kind = random.random()
    if kind < 0.35:
        return Curve(x, 1.0)
    if kind < 0.7:
        return Curve(np.minimum(x, random.uniform(0.78, 0.9)), 1.0)
    bone = np.where(x > random.uniform(0.51, 0.56), random.uniform(0.78, 0.85), x)
    fat = random.uniform(0.24, 0.31)
    return Curve(np.where(x < 0.14, 0.0, np.where(x < 0.36, fat, bone)), 1.0)


def any_curve(random: np.random.Generator, top: float) -> Curve:
    """A smooth random map that need not be monotone; 0 stays 0."""
    knots = np.linspace(0, top, 6)
    values = np.concatenate([[0.0], random.uniform(0.1, 1.0, 5)])
    return Curve(np.interp(np.linspace(0, top, _CURVE_POINTS), knots, values), top)


def looks_of_labels(
    codes: Tensor,
    names: Tensor,
    spacing_mm: float,
    random: np.random.Generator,
    noise: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Two contrasts of a label map, `(d, h, w)` network intensities each.

    Args:
        codes: int64 `(d, h, w)`, index into `names`.
        names: SynthSeg's label of each code.
        spacing_mm: of the map, the mean of its axes.
        random: draws the looks.
        noise: draws texture and patches; on the device of `codes`.
    """
    labels = _with_fat(names[codes], spacing_mm, noise)
    first, second = _LOOKS[random.integers(len(_LOOKS))]
    if random.random() < 0.5:
        first, second = second, first
    looks = [_look(labels, look, spacing_mm, random, noise) for look in (first, second)]
    if random.random() < _STRIPPED:
        looks[1] = looks[1] * (labels < _FIRST_OUTSIDE_BRAIN)
    return looks[0], looks[1]


def looks_of_shapes(
    size: int, random: np.random.Generator, noise: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Two random contrasts of random shapes in a cube of `size` voxels: labels are the largest of
    smooth noises.
    """
    shapes = int(random.integers(4, 12))
    lattice = int(random.integers(4, 14))
    shape = (1, shapes, lattice, lattice, lattice)
    coarse = torch.randn(shape, generator=noise, device=noise.device)
    fields = resize(coarse, (size,) * 3)
    labels = fields.argmax(dim=1)[0]
    looks = []
    for _ in range(2):
        values = torch.as_tensor(
            random.uniform(0, 1, shapes), dtype=torch.float32, device=noise.device
        )
        values[0] = 0.0
        looks.append(values[labels])
    return looks[0], looks[1]


def softened(volume: Tensor) -> Tensor:
    """[1 2 1] / 4 along each axis of `(d, h, w)`: a curve over CT would turn its noise into
    speckle.
    """
    values = volume[None, None]
    for axis in range(3):
        pad = [0] * 6
        pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = 1
        wide = F.pad(values, pad, mode="replicate")
        n = values.shape[2 + axis]
        low, middle, high = (wide.narrow(2 + axis, start, n) for start in range(3))
        values = (low + 2 * middle + high) / 4
    return values[0, 0]


def _with_fat(labels: Tensor, spacing_mm: float, noise: torch.Generator) -> Tensor:
    """Part of the soft tissue relabelled as fat, in patches of about 10 mm."""
    points = [max(2, round(n * spacing_mm / _PATCH_MM)) for n in labels.shape]
    coarse = torch.randn((1, 1, *points), generator=noise, device=noise.device)
    field = resize(coarse, labels.shape)[0, 0]
    # interpolation between lattice points takes about half of the variance
    return torch.where(
        (labels == SOFT_TISSUE) & (field > 0.6 * _FAT_LEVEL), torch.full_like(labels, FAT), labels
    )


def _look(
    labels: Tensor,
    look: str,
    spacing_mm: float,
    random: np.random.Generator,
    noise: torch.Generator,
) -> Tensor:
    """One contrast as network intensities, texture and blur included."""
    seed = int(random.integers(2**31))
    parameters = sample_contrast(torch.Generator().manual_seed(seed), look)
    mean, deviation = (torch.zeros(1024) for _ in range(2))
    mean[:] = parameters.means[parameters.labels.index(SOFT_TISSUE)]
    index = torch.tensor(parameters.labels)
    mean[index], deviation[index] = (
        torch.tensor(parameters.means),
        torch.tensor(parameters.deviations),
    )
    mean, deviation = mean.to(labels.device), deviation.to(labels.device)
    texture = torch.randn(labels.shape, generator=noise, device=noise.device)
    picture = mean[labels] + deviation[labels] * texture
    if look == "pet":
        picture = smooth(picture, (spacing_mm,) * 3, parameters.blur_mm)
        return (picture.clamp(min=0) / (0.7 * max(parameters.means))).sqrt()
    picture = (
        softened(picture) if random.random() < 0.7 else picture
    )  # voxels hold more than one tissue
    if look == "ct":
        return ct_window(random)(_CT_UNITS.forward(picture))
    scale = max(parameters.means) * random.uniform(0.6, 1.1)
    return (picture.clamp(min=0) / scale) ** parameters.gamma
