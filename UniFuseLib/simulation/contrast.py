"""A label map as any contrast: one Gaussian per label → blur → bias → gamma → noise.

    x = g_γ(exp(b) · (blur(μ[L] + σ[L] · n))) + noise

Billot et al. 2023 (SynthSeg), doi 10.1016/j.media.2023.102789.

Made for whole-head maps with the labels of SynthSeg (FreeSurfer's brain, 5xx for the rest of the
head). Styles give the look and the unit of a modality (`t1`, `t2`, `flair`: arbitrary, about
0-1500; `ct`: HU; `pet`: SUV) or, `random`, any contrast at all. All volumes made from one map are
perfectly aligned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from UniFuseLib.errors import InputError
from UniFuseLib.simulation.nuisance import bias_field
from UniFuseLib.simulation.parameters import Triple, local_generator, new_seed, normal, uniform
from UniFuseLib.simulation.pet_low_dose import smooth

Style = Literal["random", "t1", "t2", "flair", "ct", "pet"]
STYLES: tuple[Style, ...] = ("random", "t1", "t2", "flair", "ct", "pet")

SOFT_TISSUE, FAT = 507, 607
LABEL_LIMIT = 1024

#: tissue: its labels, then typical T1, T2, FLAIR (arbitrary), CT (HU) and FDG-PET (SUV)
_TISSUES: dict[str, tuple[tuple[int, ...], tuple[float, float, float, float, float]]] = {
    "air": ((0,), (0, 0, 0, -1000, 0.0)),
    "white matter": ((2, 41), (850, 300, 420, 28, 3.5)),
    "cortex": ((3, 42, 17, 53, 18, 54, 137, 164), (560, 450, 560, 38, 8.0)),
    "deep grey": ((10, 49, 11, 50, 12, 51, 26, 58), (640, 380, 480, 38, 8.5)),
    "pallidum": ((13, 52), (740, 250, 380, 42, 5.0)),
    "fluid": ((4, 5, 14, 15, 24, 43, 44, 72), (160, 1100, 130, 7, 0.8)),
    "cerebellar white": ((7, 46), (800, 320, 430, 30, 4.0)),
    "cerebellar cortex": ((8, 47), (570, 460, 530, 39, 7.0)),
    "stem": ((16, 28, 60, 512), (760, 360, 460, 32, 4.0)),
    "vessel": ((30, 62, 502, 514), (220, 140, 180, 48, 1.6)),
    "choroid": ((136, 163), (600, 520, 600, 40, 4.5)),
    "nerve": ((85, 508), (620, 400, 450, 32, 2.0)),
    "lesion": ((25, 57), (480, 700, 850, 24, 3.0)),
    "eye": ((506,), (220, 1000, 350, 12, 0.8)),
    "lens": ((530,), (300, 150, 200, 60, 0.8)),
    "muscle": ((SOFT_TISSUE,), (450, 200, 300, 55, 0.9)),
    "fat": ((FAT,), (1100, 600, 550, -95, 0.3)),
    "mucosa": ((509,), (450, 800, 700, 40, 1.8)),
    "skin": ((511,), (650, 350, 400, 20, 0.8)),
    "cortical bone": ((515,), (70, 50, 60, 1150, 0.5)),
    "spongy bone": ((516,), (550, 320, 320, 480, 1.0)),
}
_COLUMN = {"t1": 0, "t2": 1, "flair": 2, "ct": 3, "pet": 4}


@dataclass(frozen=True)
class ContrastParameters:
    """Frozen parameters of one synthetic scan.

    Attributes:
        style: the unit follows from it.
        labels: every label that gets a value; others get that of the soft tissue.
        means: of each label, in the style's unit.
        deviations: of the texture within each label, which is white before the blur.
        blur_mm: full width at half maximum.
        bias: see `nuisance.bias_field`.
        bias_points: likewise.
        gamma: exponent on the picture scaled to its largest mean; 1 for CT and PET.
        noise: standard deviation, style's unit; Rician for MR and random, Gaussian else.
        seed: of texture, bias and noise.
    """

    style: Style
    labels: tuple[int, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    blur_mm: float
    bias: float
    bias_points: int
    gamma: float
    noise: float
    seed: int


def sample_contrast(generator: torch.Generator, style: str = "random") -> ContrastParameters:
    """Draw the values of all tissues in one style.

    Raises:
        InputError: a style that does not exist.
    """
    known = _known(style)
    labels: list[int] = []
    means: list[float] = []
    deviations: list[float] = []
    texture = uniform(generator, 0.2, 1.0)
    for tissue, (members, typical) in _TISSUES.items():
        mean, deviation = _draw(generator, style, tissue, typical)
        labels += members
        means += [mean] * len(members)
        deviations += [deviation * texture] * len(members)
    magnetic = style not in ("ct", "pet")
    blur = {"ct": (1.0, 2.0), "pet": (4.5, 7.0)}.get(style, (0.5, 2.0))
    noise = {"ct": (3.0, 12.0), "pet": (0.01, 0.05)}.get(style, (3.0, 20.0))
    return ContrastParameters(
        style=known,
        labels=tuple(labels),
        means=tuple(means),
        deviations=tuple(deviations),
        blur_mm=uniform(generator, *blur),
        bias=uniform(generator, 0.0, 0.2) if magnetic else 0.0,
        bias_points=4,
        gamma=math.exp(0.25 * normal(generator)) if style == "random" else 1.0,
        noise=uniform(generator, *noise),
        seed=new_seed(generator),
    )


def _known(style: str) -> Style:
    for known in STYLES:
        if style == known:
            return known
    raise InputError(f"Expected a contrast of {', '.join(STYLES)}, got {style!r}.")


def _draw(
    generator: torch.Generator,
    style: str,
    tissue: str,
    typical: tuple[float, float, float, float, float],
) -> tuple[float, float]:
    """Mean and texture deviation of one tissue."""
    if style == "random":
        if tissue == "air":
            return 0.0, 0.0
        return uniform(generator, 0.0, 1000.0), uniform(generator, 5.0, 60.0)
    value = typical[_COLUMN[style]]
    if tissue == "air":
        return value, 0.0
    if style == "ct":
        bone = abs(value) > 200
        spread, texture = (90.0, 60.0) if bone else (4.0, 6.0)
        return value + normal(generator, 0.0, spread), texture
    spread = 0.25 if style == "pet" else 0.12
    return value * math.exp(normal(generator, 0.0, spread)), 0.08 * value


def apply_contrast(labels: Tensor, spacing_mm: Triple, parameters: ContrastParameters) -> Tensor:
    """x = g_γ(exp(b) · blur(μ[L] + σ[L] n)) + noise.

    Args:
        labels: `(d, h, w)` integers in [0, 1023].
        spacing_mm: along (d, h, w).
        parameters: from `sample_contrast`.

    Returns:
        `(d, h, w)` float32 in the style's unit.
    """
    generator = local_generator(parameters.seed, labels.device)
    mean, deviation = _tables(parameters, labels.device)
    index = labels.long()
    texture = torch.randn(labels.shape, generator=generator, device=labels.device)
    picture = smooth(mean[index] + deviation[index] * texture, spacing_mm, parameters.blur_mm)
    noise = parameters.noise * torch.randn(labels.shape, generator=generator, device=labels.device)
    if parameters.style == "ct":
        return picture + noise
    if parameters.style == "pet":
        return (picture + noise * picture.clamp(min=0).sqrt()).clamp(min=0)
    top = max(parameters.means)
    picture = bias_field(
        picture.clamp(min=0), parameters.bias, parameters.bias_points, parameters.seed
    )
    picture = top * (picture / top) ** parameters.gamma
    second = parameters.noise * torch.randn(labels.shape, generator=generator, device=labels.device)
    return torch.hypot(picture + noise, second)


def split_soft_tissue(
    labels: Tensor, spacing_mm: Triple, seed: int, fat_share: float = 0.4
) -> Tensor:
    """The label map with part of its soft tissue (507) relabelled as fat (607).

    In connected patches of about 10 mm. SynthSeg has one label for muscle and fat; real heads show
    both. The same seed gives the same anatomy, so every contrast of one head has to use the map
    that came out of one call.

    Args:
        labels: `(d, h, w)` integers.
        spacing_mm: along (d, h, w).
        seed: of the patches.
        fat_share: of the soft tissue.
    """
    noise = torch.randn(
        labels.shape, generator=local_generator(seed, labels.device), device=labels.device
    )
    smoothed = smooth(noise, spacing_mm, 9.0)
    soft = labels == SOFT_TISSUE
    values = smoothed[soft]
    if values.numel() == 0:
        return labels.clone()
    level = values.kthvalue(max(1, round((1 - fat_share) * values.numel()))).values
    return torch.where(soft & (smoothed > level), torch.full_like(labels, FAT), labels)


def _tables(parameters: ContrastParameters, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and deviation by label, `(1024,)` each."""
    known = dict(zip(parameters.labels, parameters.means, strict=True))
    spread = dict(zip(parameters.labels, parameters.deviations, strict=True))
    mean = torch.full((LABEL_LIMIT,), known[SOFT_TISSUE])
    deviation = torch.full((LABEL_LIMIT,), spread[SOFT_TISSUE])
    for label, value in known.items():
        mean[label], deviation[label] = value, spread[label]
    return mean.to(device), deviation.to(device)
