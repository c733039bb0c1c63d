"""DM-FNet as one module: two aligned images in, their fused image out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from UniFuseLib.network.dmfnet.diffusion import signal_share
from UniFuseLib.network.dmfnet.fusion import FusionNetwork
from UniFuseLib.network.dmfnet.unet import DenoisingUNet


@dataclass(frozen=True)
class DmfNetConfig:
    """Attributes:
    channels: of each scale, finest first.
    noise_steps: t at which Stage II reads features, out of `diffusion.STEPS`.
    """

    channels: tuple[int, ...] = (32, 48, 96)
    noise_steps: tuple[int, ...] = (50, 250)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class DmfNet(nn.Module):
    """The frozen U-Net of Stage I and the fusion network of Stage II."""

    def __init__(self, config: DmfNetConfig) -> None:
        super().__init__()
        self.config = config
        self.unet = DenoisingUNet(config.channels)
        self.fusion = FusionNetwork(config.channels, len(config.noise_steps))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Both `(b, 1, h, w)`, 0..1, sides multiples of `unet.MULTIPLE` → the fused image."""
        with torch.no_grad():
            features = self._features(first, second)
        fused: Tensor = self.fusion(first, second, features)
        return fused

    def _features(self, first: Tensor, second: Tensor) -> list[tuple[list[Tensor], list[Tensor]]]:
        """Of the mean of q(x_t | x_0), √ᾱ_t x_0: noise would make the fused image random."""
        images = torch.cat([first, second]) * 2 - 1
        by_step = []
        for step in self.config.noise_steps:
            t = torch.full((len(images),), float(step), device=images.device)
            faded = signal_share(t)[:, None, None, None].sqrt() * images
            by_step.append([f.chunk(2) for f in self.unet.features(faded, t)])
        return [
            ([f[0] for f in scale], [f[1] for f in scale]) for scale in zip(*by_step, strict=True)
        ]
