"""The fusion methods by name, what each costs, and which can be used here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import torch

    Fusion = Callable[[np.ndarray, np.ndarray], np.ndarray]

UNIFUSE, DMFNET = "unifuse", "dmfnet"
METHODS = (UNIFUSE, DMFNET, "average", "maximum", "laplacian", "wavelet")
_SIDE = 256  # of the volume and of the slice that costs are counted for


@dataclass(frozen=True)
class FusionMethod:
    """Attributes:
    name: on the command line.
    available: whether it can be used in this installation.
    parameters: of its network; 0 for a rule.
    gflops_slice_256: floating-point operations of a slice of 256², 1e9; a 256th of a volume of
        256³ for `unifuse`, 0 for a rule.
    """

    name: str
    available: bool
    parameters: int
    gflops_slice_256: float


def fusion_methods() -> list[FusionMethod]:
    """All of `METHODS`, in their order."""
    return [_describe(name) for name in METHODS]


def check_method(name: str) -> None:
    """Refuse what is not a method, or cannot be used here.

    Raises:
        InputError: no such method.
        WeightsError: `dmfnet` without its weights.
        MissingDependencyError: `wavelet` without PyWavelets.
    """
    if name not in METHODS:
        raise InputError(f"Unknown fusion method '{name}'. Expected one of {', '.join(METHODS)}.")
    if name == DMFNET:
        from UniFuseLib.fusion.dmfnet_weights import weights_file

        weights_file()
    if name == "wavelet":
        from UniFuseLib.fusion.rules import wavelets

        wavelets()


def volume_fusion(name: str, device: torch.device) -> Fusion:
    """(a, b) → fused, aligned network intensities `(d, h, w)`; every method but `unifuse`.

    Raises:
        InputError, WeightsError, MissingDependencyError: see `check_method`.
    """
    check_method(name)
    if name == DMFNET:
        from UniFuseLib.fusion.dmfnet import fuse_slices
        from UniFuseLib.fusion.dmfnet_weights import load_dmfnet

        model = load_dmfnet(device)
        return lambda a, b: fuse_slices(model, a, b)
    from UniFuseLib.fusion.rules import RULES

    return RULES[name]


def _describe(name: str) -> FusionMethod:
    from UniFuseLib.errors import UniFuseError
    from UniFuseLib.network.build import PRESETS
    from UniFuseLib.network.cost import cost
    from UniFuseLib.network.dmfnet.cost import slice_cost
    from UniFuseLib.network.dmfnet.model import DmfNetConfig

    try:
        check_method(name)
        available = True
    except UniFuseError:
        available = False
    if name == UNIFUSE:
        whole = cost(PRESETS["default"])
        return FusionMethod(name, available, whole.parameters, round(whole.gflops_256 / _SIDE, 2))
    if name == DMFNET:
        parameters, flops = slice_cost(DmfNetConfig(), _SIDE)
        return FusionMethod(name, available, parameters, round(flops / 1e9, 2))
    return FusionMethod(name, available, 0, 0.0)
