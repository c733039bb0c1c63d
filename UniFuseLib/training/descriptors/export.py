"""A run's averaged weights → a weights file, with what is known about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from UniFuseLib.errors import InputError
from UniFuseLib.training.descriptors.network import STRIDE, DescriptorNetwork
from UniFuseLib.training.descriptors.samples import SPACINGS_MM
from UniFuseLib.training.descriptors.state import CHECKPOINT
from UniFuseLib.training.descriptors.validation import HELD_OUT
from UniFuseLib.training.descriptors.weights import DescriptorContract, save_descriptors
from UniFuseLib.training.journal import LOG, read_log

if TYPE_CHECKING:
    from pathlib import Path

_LICENSE = "Apache-2.0"


def export(folder: Path, weights: Path) -> DescriptorContract:
    """Write `weights` and its contract from the checkpoint and the log in `folder`.

    Args:
        folder: of a run of `train`.
        weights: `.safetensors`; the contract goes beside it.

    Raises:
        InputError: no checkpoint there.
        OutputError: no permission, or the disk is full.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise InputError(f"Expected a checkpoint at '{path}', found none. Train first.")
    values = torch.load(path, map_location="cpu", weights_only=True)
    network = DescriptorNetwork()
    network.load_state_dict(values["average"])
    contract = DescriptorContract(
        name=weights.stem,
        network={},
        spacing_mm=(SPACINGS_MM[0] * STRIDE, SPACINGS_MM[1] * STRIDE),
        sha256="",
        license=_LICENSE,
        training={
            "steps": values["step"],
            "minutes": round(values["seconds"] / 60, 1),
            "settings": values["settings"],
            "held_out": list(HELD_OUT),
        },
        validation=_last_validation(folder / LOG),
    )
    return save_descriptors(network, contract, weights)


def _last_validation(log: Path) -> dict[str, Any]:
    """Group → figures of the last validation, empty where there was none."""
    found = [record["groups"] for record in read_log(log) if "groups" in record]
    return found[-1] if found else {}
