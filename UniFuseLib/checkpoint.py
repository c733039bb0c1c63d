"""Weights travel with their contract: `NAME.safetensors` beside `NAME.json`.

The contract says what network the tensors fill, what preprocessing they expect, how they were
trained and what they score; whoever uses the weights reads it, nobody repeats it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.errors import WeightsError
from UniFuseLib.io.output_folder import disk_advice, make_folder

if TYPE_CHECKING:
    import torch

    from UniFuseLib.network.unifuse import UniFuse

DEFAULT_WEIGHTS = "unifuse.safetensors"


@dataclass(frozen=True)
class Contract:
    """What a set of weights promises.

    Attributes:
        name, preset: of the weights; the preset its network was built from.
        network: `NetworkConfig` as a dict.
        classes: degradation classes in the order of the logits.
        working_spacing_mm: isotropic spacing of the grid the network works on.
        intensity: modality → intensity rule, see `preprocess.py`.
        sha256: of the safetensors file.
        training, validation: how it was trained, what it scored.
        sure_from: probability from which on `degradation.SURE` of the answers on held-out patients
            were right; 0: not measured.
    """

    name: str
    preset: str
    network: dict[str, Any]
    classes: tuple[str, ...]
    working_spacing_mm: float
    intensity: dict[str, dict[str, Any]]
    sha256: str
    license: str
    training: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, Any] = field(default_factory=dict)
    sure_from: float = 0.0
    version: int = 1


def models_folder() -> Path:
    """`Resources/Models`, beside the package in a source tree or Slicer, inside it in a wheel.

    Raises:
        WeightsError: neither is there.
    """
    package = Path(__file__).resolve().parent
    for root in (package, package.parent):
        if (root / "Resources" / "Models").is_dir():
            return root / "Resources" / "Models"
    raise WeightsError(
        f"Expected the shipped weights in 'Resources/Models' beside {package}, found none. "
        "Reinstall the extension or name a file with --weights."
    )


def read_contract(weights: Path) -> Contract:
    """The contract beside a weights file; the checksum of the weights is compared.

    Raises:
        WeightsError: a file is missing, not readable, or not the one the contract was written for.
    """
    sidecar = weights.with_suffix(".json")
    if not weights.is_file():
        raise WeightsError(
            f"Expected a weights file at '{weights}', found none. Check the path given to --weights."
        )
    if not sidecar.is_file():
        raise WeightsError(
            f"Expected the contract '{sidecar.name}' beside '{weights}', found none. Copy both files."
        )
    try:
        values = json.loads(sidecar.read_text(encoding="utf-8"))
        contract = Contract(**{**values, "classes": tuple(values["classes"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(
            f"The contract '{sidecar}' is not readable ({error}). Copy it again."
        ) from error
    found = sha256_of(weights)
    if found != contract.sha256:
        raise WeightsError(
            f"The weights '{weights}' are damaged or not those of their contract: expected SHA-256 "
            f"{contract.sha256[:16]}…, got {found[:16]}…. Copy both files again."
        )
    return contract


def load_model(weights: Path | None, device: torch.device) -> tuple[UniFuse, Contract]:
    """The network of a weights file in evaluation mode on `device`; None takes the shipped weights.

    Raises:
        WeightsError: see `read_contract`; also tensors that do not fit the network of the contract.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from UniFuseLib.network.build import NetworkConfig, build

    path = models_folder() / DEFAULT_WEIGHTS if weights is None else Path(weights)
    contract = read_contract(path)
    try:
        model = build(NetworkConfig.from_dict(contract.network))
        tensors = load_file(path)
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (SafetensorError, RuntimeError, TypeError, KeyError) as error:
        raise WeightsError(
            f"The weights '{path}' do not fit the network that their contract describes ({error})."
        ) from error
    return model.to(device).eval(), contract


def save_model(model: UniFuse, contract: Contract, weights: Path) -> Contract:
    """Write weights (parameters as float16) and contract atomically; returns the contract with its
    checksum.

    Raises:
        OutputError: no permission, or the disk is full; nothing is left behind.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    halved = {
        name for name, _ in model.named_parameters()
    }  # statistics need more digits than weights
    tensors = {
        name: (tensor.half() if name in halved else tensor.float()).detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }
    make_folder(weights.parent)
    with (
        disk_advice(weights),
        tempfile.TemporaryDirectory(prefix=".unifuse-", dir=weights.parent) as working,
    ):
        partial = Path(working) / weights.name
        try:
            save_file(tensors, partial)
        except SafetensorError as error:  # its name for a full disk
            raise OSError(str(error)) from error
        signed = Contract(**{**asdict(contract), "sha256": sha256_of(partial)})
        sidecar = partial.with_suffix(".json")
        sidecar.write_text(
            json.dumps(asdict(signed), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        partial.chmod(0o644)
        partial.replace(weights)
        sidecar.replace(weights.with_suffix(".json"))
    return signed


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()
