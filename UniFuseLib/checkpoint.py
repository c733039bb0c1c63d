"""Tensors ↔ `NAME.safetensors`, with the contract beside it (`contract.py`)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from UniFuseLib.contract import Contract, read_contract
from UniFuseLib.errors import WeightsError
from UniFuseLib.io.output_folder import disk_advice, make_folder
from UniFuseLib.io.plain_values import FieldError, from_plain
from UniFuseLib.resources import DEFAULT_WEIGHTS, models_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from UniFuseLib.network.unifuse import UniFuse

Network = TypeVar("Network", bound="torch.nn.Module")


def load_model(weights: Path | None, device: torch.device) -> tuple[UniFuse, Contract]:
    """The network of a weights file in evaluation mode, and its contract.

    Args:
        weights: safetensors file with its JSON beside it; None takes the shipped weights.
        device: where the network shall live.

    Raises:
        WeightsError: see `read_contract`; also tensors that do not fit the network of the contract.
    """
    from UniFuseLib.network.build import NetworkConfig, build

    path = models_folder() / DEFAULT_WEIGHTS if weights is None else Path(weights)
    contract = read_contract(path)
    model = filled(path, lambda: build(from_plain(NetworkConfig, contract.network, "network")))
    return model.to(device), contract


def filled(weights: Path, make: Callable[[], Network]) -> Network:
    """A network with the tensors of its weights as float32, in evaluation mode, on the CPU.

    Args:
        weights: safetensors file whose contract was read.
        make: builds the network that the contract describes.

    Raises:
        WeightsError: the network cannot be built, or the tensors do not fit it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        model = make()
        tensors = load_file(weights)
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (SafetensorError, RuntimeError, FieldError, LookupError, ArithmeticError) as error:
        raise _does_not_fit(weights, error) from error
    except (TypeError, ValueError, MemoryError) as error:  # a network that nobody can build
        raise _does_not_fit(weights, error) from error
    return model.eval()


def _does_not_fit(path: Path, error: Exception) -> WeightsError:
    return WeightsError(
        f"The weights '{path}' do not fit the network that their contract describes ({error}). "
        "Copy both files again, or use the version of UniFuse that they were made with."
    )


def save_model(model: UniFuse, contract: Contract, weights: Path) -> Contract:
    """Write weights and contract atomically; returns the contract with its checksum.

    Args:
        model: parameters are stored as float16.
        contract: of these weights; its checksum is filled in.
        weights: the safetensors file.

    Raises:
        OutputError: no permission, or the disk is full; nothing is left behind.
    """
    make_folder(weights.parent)
    with (
        disk_advice(weights),
        tempfile.TemporaryDirectory(prefix=".unifuse-", dir=weights.parent) as working,
    ):
        partial = Path(working) / weights.name
        _save_tensors(_stored_tensors(model), partial)
        signed = contract.signed(partial)
        sidecar = partial.with_suffix(".json")
        sidecar.write_text(signed.to_text(), encoding="utf-8")
        partial.chmod(0o644)
        partial.replace(weights)
        sidecar.replace(weights.with_suffix(".json"))
    return signed


def _stored_tensors(model: UniFuse) -> dict[str, torch.Tensor]:
    """Parameters as float16; statistics need more digits and stay float32."""
    parameters = {name for name, _ in model.named_parameters()}
    stored = {}
    for name, tensor in model.state_dict().items():
        value = tensor.half() if name in parameters else tensor.float()
        stored[name] = value.detach().cpu().contiguous()
    return stored


def _save_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(tensors, path)
    except SafetensorError as error:  # its name for a full disk
        raise OSError(str(error)) from error
