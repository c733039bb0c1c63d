"""Weights of a run on disk: half precision, their contract beside them, the U-Net out of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from UniFuseLib.contract import sha256_of
from UniFuseLib.errors import InputError
from UniFuseLib.fusion.dmfnet_weights import DmfNetContract
from UniFuseLib.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from UniFuseLib.network.dmfnet.model import DmfNetConfig

_UNET = "unet."


def save_weights(tensors: dict[str, Tensor], path: Path) -> None:
    """As float16, through a temporary name."""
    plain = {name: v.detach().half().cpu().contiguous() for name, v in tensors.items()}
    partial = path.with_name(f"partial-{path.name}")
    save_file(plain, str(partial))
    partial.chmod(0o644)
    partial.replace(path)


def save_contract(
    weights: Path, config: DmfNetConfig, training: dict[str, Any], validation: dict[str, float]
) -> None:
    """`NAME.json` beside the weights."""
    contract = DmfNetContract(
        name=weights.stem,
        network=config.to_dict(),
        sha256=sha256_of(weights),
        license="Apache-2.0",
        training={"code_version": __version__, **training},
        validation=validation,
    )
    text = json.dumps(asdict(contract), indent=2) + "\n"
    weights.with_suffix(".json").write_text(text, encoding="utf-8")


def last_record(log: Path) -> dict[str, Any] | None:
    """Steps, seconds and validation of the run that wrote this log; None without one."""
    if not log.is_file():
        return None
    record = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    return {key: record[key] for key in ("step", "seconds", "validation")}


def unet_tensors(path: Path) -> dict[str, Tensor]:
    """The U-Net's part of a weights file, float32.

    Raises:
        InputError: not such a file.
    """
    try:
        tensors = load_file(str(path))
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(
            f"Expected weights of stage 1 at '{path}' ({error}). Train it first, or check the path."
        ) from error
    return {k.removeprefix(_UNET): v.float() for k, v in tensors.items() if k.startswith(_UNET)}
