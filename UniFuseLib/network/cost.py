"""What a preset costs: parameters and floating-point operations, without computing anything.

FLOPs are 2 x multiply-adds of the forward pass at batch 1, counted by `torch.utils.flop_counter` on
tensors without memory, plus 9·N·E·S for every scan, which the counter does not see.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from UniFuseLib.network.alsn import ALSN
from UniFuseLib.network.build import NetworkConfig, build
from UniFuseLib.network.scan import scan_flops


@dataclass(frozen=True)
class NetworkCost:
    """Parameters of the whole network and of UFR&F; operations for two sizes of volume.

    `parameters_fusion_experts`: UFR&F with full experts in place of the LoRA branches.
    `gflops_256_as_fused`: of a pair as `predict.fuse` computes most: nobody asks for the field, so
    that the FA is left out, and a modality has two classes.
    """

    parameters: int
    parameters_fusion: int
    parameters_fusion_experts: int
    gflops_160: float
    gflops_256: float
    gflops_256_as_fused: float


def cost(config: NetworkConfig) -> NetworkCost:
    """Of the network that `config` describes; nothing is allocated or computed."""
    with torch.device("meta"):
        model, experts = build(config), build(replace(config, alsn="experts"))
    return NetworkCost(
        parameters=count_parameters(model),
        parameters_fusion=count_parameters(model.fusion),
        parameters_fusion_experts=count_parameters(experts.fusion),
        gflops_160=round(flops(config, 160) / 1e9, 1),
        gflops_256=round(flops(config, 256) / 1e9, 1),
        gflops_256_as_fused=round(flops(config, 256, find_field=False, classes=2) / 1e9, 1),
    )


def count_parameters(module: nn.Module) -> int:
    """All of them, trained or not."""
    return sum(parameter.numel() for parameter in module.parameters())


def flops(
    config: NetworkConfig, side: int, *, find_field: bool = True, classes: int | None = None
) -> int:
    """Of one forward pass.

    Args:
        config: of the network.
        side: both volumes have `side`³ voxels.
        find_field: whether the FA is computed.
        classes: that are possible, so that ALSN computes their branches; None: all.
    """
    with torch.device("meta"):
        model = build(config).eval()
        volume = torch.empty(1, 1, side, side, side)
    for part in model.modules():
        if isinstance(part, ALSN):
            part.branches = part.branches[:classes]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.fuse(model.register(volume, volume, find_field=find_field))
    return counter.get_total_flops() + _scans(config, side)


def _scans(config: NetworkConfig, side: int) -> int:
    """Operations of all scans.

    DAPL: one scan of the patches forward, three in its reading orders; OUFR: three over both
    sources' patches.
    """
    patches = (-(-side // config.patch)) ** 3
    once = scan_flops(patches, config.inner, config.states)
    dapl = 0 if config.dapl == "none" else 4 * once
    oufr = 0 if config.oufr in ("transformer", "none") else 3 * 2 * once
    return dapl + oufr
