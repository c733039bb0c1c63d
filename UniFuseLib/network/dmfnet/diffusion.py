"""The diffusion process that Stage I learns to undo: cosine schedule, noise prediction."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from UniFuseLib.network.dmfnet.unet import DenoisingUNet

STEPS = 1000  # T
_OFFSET = 0.008  # s of the cosine schedule
_LEAST = 1e-5  # ᾱ_T is not 0: x_0 is estimated by dividing by its root


def signal_share(step: Tensor) -> Tensor:
    """ᾱ_t = f(t) / f(0), f(t) = cos²((t/T + s) / (1 + s) · π/2): Nichol & Dhariwal 2021, Eq. 17.

    Args:
        step: t, 0..T, any shape.
    """
    angle = (step.float() / STEPS + _OFFSET) / (1 + _OFFSET) * (math.pi / 2)
    start = math.cos(_OFFSET / (1 + _OFFSET) * (math.pi / 2)) ** 2
    return (angle.cos().square() / start).clamp(min=_LEAST, max=1.0)


def add_noise(image: Tensor, noise: Tensor, step: Tensor) -> Tensor:
    """x_t = √ᾱ_t x_0 + √(1 - ᾱ_t) ε (Ho et al. 2020, Eq. 4).

    Args:
        image: x_0 `(b, 1, h, w)`, -1..1.
        noise: ε, of the same shape.
        step: t `(b,)`.
    """
    share = signal_share(step)[:, None, None, None]
    return share.sqrt() * image + (1 - share).sqrt() * noise


@torch.no_grad()
def sample(model: DenoisingUNet, noise: Tensor, steps: int = 50) -> Tensor:
    """Images out of noise, deterministic (DDIM, η = 0: Song et al. 2021, Eq. 12).

    Args:
        model: predicts ε.
        noise: x_T `(b, 1, h, w)`, h and w multiples of `unet.MULTIPLE`.
        steps: of the way from T to 0.

    Returns:
        x_0 `(b, 1, h, w)`, -1..1.
    """
    times = torch.linspace(STEPS - 1, 0, steps + 1, device=noise.device)
    image = noise
    for now, after in itertools.pairwise(times):
        predicted = model(image, now.expand(len(image))).float()
        share, next_share = signal_share(now), signal_share(after)
        clean = ((image - (1 - share).sqrt() * predicted) / share.sqrt()).clamp(-1, 1)
        left = (image - share.sqrt() * clean) / (1 - share).sqrt()
        image = next_share.sqrt() * clean + (1 - next_share).sqrt() * left
    return image.clamp(-1, 1)
