"""What fusing a slice costs, without computing anything."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from UniFuseLib.network.cost import count_parameters
from UniFuseLib.network.dmfnet.model import DmfNet, DmfNetConfig


def slice_cost(config: DmfNetConfig, side: int) -> tuple[int, int]:
    """Parameters, and floating-point operations (2 x multiply-adds) of a slice of `side`²."""
    with torch.device("meta"):
        model = DmfNet(config).eval()
        image = torch.empty(1, 1, side, side)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image, image)
    return count_parameters(model), counter.get_total_flops()
