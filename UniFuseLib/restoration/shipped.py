"""The shipped correction, for the network that it was fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.checkpoint import filled
from UniFuseLib.contract import read_signed
from UniFuseLib.io.plain_values import from_plain
from UniFuseLib.resources import models_folder
from UniFuseLib.restoration.correction import Correction, CorrectionConfig, CorrectionContract

if TYPE_CHECKING:
    from UniFuseLib.restoration.choice import Restoration

FILE = "restoration.safetensors"


def shipped_correction(network_sha256: str, choice: Restoration = "auto") -> Correction | None:
    """The correction, on the CPU; None where it is not wanted, not there, or another network's.

    Args:
        network_sha256: of the weights that restored.
        choice: `network` asks for none.

    Raises:
        WeightsError: damaged, or not those of the contract.
    """
    if choice == "network" or not network_sha256:
        return None
    path = models_folder() / FILE
    if not path.is_file():
        return None
    contract = read_signed(CorrectionContract, path)
    if contract.network_sha256 != network_sha256:
        return None
    config = contract.correction
    return filled(path, lambda: Correction(from_plain(CorrectionConfig, config, "correction")))
