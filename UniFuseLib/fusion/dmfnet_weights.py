"""The shipped weights of `dmfnet` and their contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from UniFuseLib.contract import sha256_of
from UniFuseLib.errors import WeightsError
from UniFuseLib.io.typed import read_json_as
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
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from UniFuseLib.network.dmfnet.model import DmfNet, DmfNetConfig

    path = weights_file() if path is None else path
    contract = read_json_as(DmfNetContract, path.with_suffix(".json"), WeightsError)
    if sha256_of(path) != contract.sha256:
        raise WeightsError(
            f"The weights '{path}' are damaged or do not belong to their contract. Copy both files "
            "again."
        )
    try:
        model = DmfNet(DmfNetConfig.from_dict(contract.network))
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        model.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, LookupError, TypeError, ValueError) as error:
        raise WeightsError(
            f"The weights '{path}' do not fit the network of their contract ({error}). Copy both "
            "files again."
        ) from error
    return model.to(device).eval()
