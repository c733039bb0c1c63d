"""The shipped weights of `dmfnet` and their contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from UniFuseLib.checkpoint import filled
from UniFuseLib.contract import read_signed
from UniFuseLib.errors import WeightsError
from UniFuseLib.io.plain_values import from_plain
from UniFuseLib.resources import models_folder

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from UniFuseLib.network.dmfnet.model import DmfNet

FILE = "dmfnet.safetensors"


@dataclass(frozen=True)
class DmfNetContract:
    """What the weights promise.

    Attributes:
        name: of the weights.
        network: `DmfNetConfig` as a dict.
        sha256: of the safetensors file.
        license: SPDX name.
        training: how they were trained.
        validation: what they scored.
        version: of this file format.
    """

    name: str
    network: dict[str, Any]
    sha256: str
    license: str
    training: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, Any] = field(default_factory=dict)
    version: int = 1


def weights_file() -> Path:
    """The shipped file.

    Raises:
        WeightsError: there is none: the method is not offered untrained.
    """
    path = models_folder() / FILE
    if not path.is_file() or not path.with_suffix(".json").is_file():
        raise WeightsError(
            f"The fusion method 'dmfnet' needs its trained weights '{FILE}' with their JSON "
            "contract in Resources/Models, found none; untrained it would give a meaningless "
            "image. Train it with 'unifuse train-dmfnet' and put both files there, or choose "
            "another method."
        )
    return path


def load_dmfnet(device: torch.device, path: Path | None = None) -> DmfNet:
    """The network in evaluation mode; None takes the shipped weights.

    Raises:
        WeightsError: missing, damaged, or not those of the contract.
    """
    from UniFuseLib.network.dmfnet.model import DmfNet, DmfNetConfig

    path = weights_file() if path is None else path
    contract = read_signed(DmfNetContract, path)
    model = filled(path, lambda: DmfNet(from_plain(DmfNetConfig, contract.network, "network")))
    return model.to(device)
