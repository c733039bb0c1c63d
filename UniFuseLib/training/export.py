"""From a training state to weights that everyone can use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from UniFuseLib.checkpoint import save_model
from UniFuseLib.contract import Contract
from UniFuseLib.degradation import CLASSES
from UniFuseLib.network.build import preset
from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY
from UniFuseLib.version import __version__

if TYPE_CHECKING:
    import torch

    from UniFuseLib.training.config import TrainingConfig
    from UniFuseLib.training.state import TrainingState


def write_weights(
    state: TrainingState,
    config: TrainingConfig,
    folder: Path,
    scores: dict[str, float],
    device: torch.device,
) -> Contract:
    """Write `NAME.safetensors` and `NAME.json` of the averaged weights.

    Args:
        state: of the training.
        config: of the run; its name is that of the weights.
        folder: where both files go.
        scores: on the validation samples.
        device: that the training ran on.
    """
    files = {"data": Path(config.data).name, "validation": Path(config.validation).name}
    contract = Contract(
        name=config.name,
        preset=config.preset,
        network=preset(config.preset).to_dict(),
        classes=CLASSES,
        working_spacing_mm=min(config.spacings_mm),
        intensity=DEFAULT_INTENSITY,
        sha256="",
        license="Apache-2.0",
        training={
            "code_version": __version__,
            "device": device.type,
            "hours": round(state.hours, 3),
            "steps": state.step,
            "config": {**config.to_dict(), **files},
        },
        validation={"training_crops": scores},
    )
    return save_model(state.average, contract, folder / f"{config.name}.safetensors")
