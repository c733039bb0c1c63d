"""How the prompt P̂ speaks to a module: an MLP that ends in one number per channel."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class PromptGuide(nn.Module):
    """g = 1 + linear(Σ_{class, l} gelu(linear(P̂))): `(b, classes, l, m)` → `(b, channels)`.

    Every module has its own (Sec. 3.5: "an MLP with parameters different from those used in FA").
    """

    def __init__(self, width: int, channels: int, hidden: int = 32) -> None:
        super().__init__()
        self.read = nn.Linear(width, hidden)
        self.say = nn.Linear(hidden, channels)
        nn.init.normal_(self.say.weight, std=0.02)
        nn.init.zeros_(self.say.bias)

    def forward(self, prompt: Tensor) -> Tensor:
        return 1 + self.say(F.gelu(self.read(prompt)).mean(dim=(1, 2)))


def modulate(features: Tensor, guide: Tensor) -> Tensor:
    """Every channel of `(b, c, d, h, w)` times its number in `(b, c)`."""
    return features * guide[:, :, None, None, None].to(features.dtype)
