"""Everything of a run that has to survive a kill, and how it gets to disk and back."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from UniFuseLib.checkpoint import load_model
from UniFuseLib.errors import InputError
from UniFuseLib.io.plain_values import from_plain
from UniFuseLib.network.blend import with_own_blend
from UniFuseLib.network.build import NetworkConfig, build, preset
from UniFuseLib.training.recompute import enable_gradient_checkpointing

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.network.unifuse import UniFuse
    from UniFuseLib.training.config import TrainingConfig

CHECKPOINT = "checkpoint.pt"
_SECONDS_PER_HOUR = 3600.0


@dataclass
class TrainingState:
    """The state after `step` steps.

    Attributes:
        model: the network that is trained.
        forward_model: the network that the losses call: `model`, or its parameters with gradient
            checkpointing.
        average: the EMA of its weights, which is what gets shipped.
        optimiser: of the model's parameters.
        generator: of the losses' random choices; the same in every process. (Samples need no stored
            state, their generators follow from seed, step and place in the batch: see
            `samples.generator_of`.)
        step: how many were made.
        seconds: spent on steps, over all runs.
    """

    model: UniFuse
    forward_model: UniFuse
    average: UniFuse
    optimiser: torch.optim.Optimizer
    generator: torch.Generator
    step: int = 0
    seconds: float = 0.0

    @property
    def hours(self) -> float:
        """Spent on steps, over all runs."""
        return self.seconds / _SECONDS_PER_HOUR


def initial_state(
    config: TrainingConfig, device: torch.device, weights: Path | None = None
) -> TrainingState:
    """A fresh start, from given weights or from the seed alone.

    Args:
        config: of the run.
        device: where the network is trained.
        weights: safetensors file with its contract; None for random ones.

    Raises:
        WeightsError: weights that cannot be read.
        InputError: weights of another network than the configuration's, a part that it lacks.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = build(preset(config.preset))
    if weights is not None:
        model.load_state_dict(_tensors_of(weights, config, model.state_dict()))
    # channels last halves the time of 3-D convolutions on the CPU
    model.to(device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    average = copy.deepcopy(model).eval().requires_grad_(False)
    _freeze_all_but(model, config.learn)
    forward_model = enable_gradient_checkpointing(model) if config.recompute == "stages" else model
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=config.rate, weight_decay=config.weight_decay)
    generator = torch.Generator().manual_seed(config.seed)
    return TrainingState(model, forward_model, average, optimiser, generator)


def _freeze_all_but(model: UniFuse, parts: tuple[str, ...]) -> None:
    """The other parts keep parameters and running statistics; no parts: all of them learn."""
    known = dict(model.named_modules())
    if unknown := {part for part in parts if not part or part not in known}:
        children = ", ".join(name for name, _ in model.named_children())
        raise InputError(
            f"Expected parts of the network in 'learn' of the training configuration "
            f"({children}, or a part of these as in 'fusion.blend'), got "
            f"{', '.join(sorted(unknown))}."
        )
    if parts:
        model.eval().requires_grad_(False)
    for part in parts:
        known[part].train().requires_grad_(True)


def _tensors_of(
    weights: Path, config: TrainingConfig, fresh: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The weights' tensors; what the fused volume's own head is made of from `fresh`, where the
    weights have none.
    """
    model, contract = load_model(weights, torch.device("cpu"))
    found, wanted = from_plain(NetworkConfig, contract.network), preset(config.preset)
    if found == wanted:
        return model.state_dict()
    if found != replace(wanted, blend="shared"):
        raise InputError(
            f"The weights '{weights}' are those of preset '{contract.preset}', the configuration "
            f"asks for '{config.preset}'. Set preset = \"{contract.preset}\" in the configuration, "
            "or start without them."
        )
    return with_own_blend(model.state_dict(), fresh)


def save(state: TrainingState, config: TrainingConfig, path: Path) -> None:
    """Through a temporary name: a kill leaves the old checkpoint or the new one, never a half."""
    values = {
        "config": config.to_dict(),
        "model": state.model.state_dict(),
        "average": state.average.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "generator": state.generator.get_state(),
        "step": state.step,
        "seconds": state.seconds,
    }
    partial = path.with_name(path.name + ".partial")
    torch.save(values, partial)
    partial.replace(path)


def restore(state: TrainingState, config: TrainingConfig, path: Path, device: torch.device) -> None:
    """Put `state` where the checkpoint at `path` stood.

    Raises:
        InputError: a checkpoint of another preset, of other parts that learn, or of the same preset
            before its network changed.
    """
    values = torch.load(path, map_location=device, weights_only=True)
    if values["config"]["preset"] != config.preset:
        raise InputError(
            f"The checkpoint '{path}' belongs to preset '{values['config']['preset']}', the "
            f"configuration asks for '{config.preset}'. Choose another output folder."
        )
    if tuple(values["config"].get("learn", ())) != config.learn:
        raise InputError(
            f"The checkpoint '{path}' trains other parts of the network than the configuration's "
            "'learn' names. Choose another output folder."
        )
    try:
        state.model.load_state_dict(values["model"])
        state.average.load_state_dict(values["average"])
    except RuntimeError as error:
        raise InputError(
            f"The checkpoint '{path}' is of another version of preset '{config.preset}'. Continue "
            "with the version that wrote it, or choose another output folder."
        ) from error
    state.optimiser.load_state_dict(values["optimiser"])
    state.generator.set_state(values["generator"].cpu())
    state.step, state.seconds = values["step"], values["seconds"]
