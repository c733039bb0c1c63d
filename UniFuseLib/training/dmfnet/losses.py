"""Losses of both stages; lower is better everywhere. Images are `(b, 1, h, w)`, 0..1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.network.dmfnet.diffusion import STEPS, add_noise

if TYPE_CHECKING:
    from UniFuseLib.network.dmfnet.unet import DenoisingUNet

WEIGHTS = {"brightness": 1.5, "contrast": 1.0, "detail": 10.0, "strength": 6.0}
_WINDOW = 7  # pixels of the windows of contrast and strength
_NOISE = 0.01  # of a gradient: below it there is nothing to keep


def noise_loss(model: DenoisingUNet, images: Tensor, step: Tensor, noise: Tensor) -> Tensor:
    """E ‖ε - ε_θ(x_t, t)‖² (Ho et al. 2020, Eq. 14), images 0..1, t `(b,)`."""
    noisy = add_noise(images * 2 - 1, noise, step)
    return (model(noisy, step).float() - noise).square().mean()


def random_steps(count: int, generator: torch.Generator) -> Tensor:
    """t `(count,)`, even over 0..T - 1."""
    return torch.randint(STEPS, (count,), generator=generator)


def fusion_losses(fused: Tensor, first: Tensor, second: Tensor) -> dict[str, Tensor]:
    """The hybrid loss's terms by name; colour has none, it is carried over (`colour.py`)."""
    return {
        "brightness": (fused - torch.maximum(first, second)).abs().mean(),
        "contrast": contrast_loss(fused, first, second),
        "detail": detail_loss(fused, first, second),
        "strength": strength_loss(fused, first, second),
    }


def total(terms: dict[str, Tensor]) -> Tensor:
    """Σ weight · term."""
    return torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum()


def contrast_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """1 - mean contrast-structure term of SSIM (Wang et al. 2004, Eq. 13 without luminance).

    Each window is compared with the source that varies more in it.
    """
    scores, variances = [], []
    for source in (first, second):
        score, variance = _contrast_structure(fused, source)
        scores.append(score)
        variances.append(variance)
    return 1 - torch.where(variances[0] >= variances[1], scores[0], scores[1]).mean()


def _contrast_structure(fused: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """(2 σ_fs + c) / (σ_f² + σ_s² + c) and σ_s² of every window."""
    c = 0.03**2
    moments = torch.cat([fused, source, fused * fused, source * source, fused * source], dim=1)
    x, y, xx, yy, xy = _window_mean(moments.float()).chunk(5, dim=1)
    variance = yy - y * y
    return (2 * (xy - x * y) + c) / (xx - x * x + variance + c), variance


def detail_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """mean |∇F - ∇S|, ∇S that of the source with the larger magnitude, sign kept, per axis."""
    f, s = gradients(fused, first, second)
    return 2 * (f - s).abs().mean()


def strength_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """mean ((‖∇S‖² - ⟨∇F, ∇S⟩) / (‖∇S‖² + c))² over windows, S as in `detail_loss`.

    Where the stronger gradients of two sources fit no image, F's come out weaker than either;
    the absolute difference takes that for its optimum, this term does not.
    """
    f, s = gradients(fused, first, second)
    along, energy = (_window_mean(v.sum(1, keepdim=True)) for v in (f * s, s * s))
    return ((energy - along) / (energy + _NOISE**2)).square().mean()


def gradients(fused: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """∇F and ∇S `(b, 2, h - 1, w - 1)`: first differences along h, then w; ∇S is the stronger."""
    f, a, b = (_gradient(image) for image in (fused, first, second))
    return f, torch.where(a.abs() >= b.abs(), a, b)


def _gradient(image: Tensor) -> Tensor:
    """`(b, 1, h, w)` → `(b, 2, h - 1, w - 1)`."""
    down = image.diff(dim=2)[..., :-1]
    right = image.diff(dim=3)[..., :-1, :]
    return torch.cat([down, right], dim=1).float()


def _window_mean(values: Tensor) -> Tensor:
    return F.avg_pool2d(values, _WINDOW, stride=1)
