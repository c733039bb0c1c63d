"""What survives a kill: settings, weights, their average, the optimiser, how far a run has come."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch

from UniFuseLib.errors import InputError
from UniFuseLib.training.descriptors.network import DescriptorNetwork

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT = "checkpoint.pt"
#: settings that a resumed run may change: how long it goes on, how often it tells and saves
_FREE = {"steps", "log_every", "validate_every", "save_every"}


@dataclass(frozen=True)
class Settings:
    """Of a run.

    Attributes:
        pairs: of a batch.
        crop: voxels along each axis, a multiple of 8.
        points: places of each pair.
        steps: of the whole schedule; a time budget shortens it.
        rate: the highest of the schedule.
        weight_decay: of AdamW.
        seed: of weights and samples.
        log_every: steps.
        validate_every: steps.
        save_every: seconds between checkpoints.
    """

    pairs: int = 16
    crop: int = 64
    points: int = 512
    steps: int = 20000
    rate: float = 2e-3
    weight_decay: float = 1e-4
    seed: int = 0
    log_every: int = 100
    validate_every: int = 1000
    save_every: float = 60.0


@dataclass
class State:
    """Of a run after `step` steps.

    Attributes:
        model: what learns.
        average: moving average of its weights, which is what is exported.
        optimiser: of the model.
        step: that were made.
        seconds: that they took, all calls together.
    """

    model: DescriptorNetwork
    average: DescriptorNetwork
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0


def initial_state(settings: Settings, device: torch.device) -> State:
    """From the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = DescriptorNetwork()
    model.to(device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    average = copy.deepcopy(model).eval().requires_grad_(False)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.rate, weight_decay=settings.weight_decay
    )
    return State(model, average, optimiser)


def save(state: State, settings: Settings, path: Path) -> None:
    """Through a temporary name: a kill leaves the old checkpoint or the new one."""
    partial = path.with_name(path.name + ".partial")
    torch.save(
        {
            "settings": asdict(settings),
            "model": state.model.state_dict(),
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "step": state.step,
            "seconds": state.seconds,
        },
        partial,
    )
    partial.replace(path)


def restore(state: State, settings: Settings, path: Path, device: torch.device) -> None:
    """Put `state` where the checkpoint stood.

    Args:
        state: of `initial_state`.
        settings: of this run.
        path: of the checkpoint.
        device: of the state.

    Raises:
        InputError: settings differ that decide what is learnt.
    """
    values = torch.load(path, map_location=device, weights_only=True)
    _check_same(values["settings"], asdict(settings), path)
    state.model.load_state_dict(values["model"])
    state.average.load_state_dict(values["average"])
    state.optimiser.load_state_dict(values["optimiser"])
    state.step, state.seconds = values["step"], values["seconds"]


def _check_same(saved: dict[str, float], given: dict[str, float], path: Path) -> None:
    other = [n for n in given if n not in _FREE and saved.get(n) != given[n]]
    if other:
        was, now = (", ".join(f"{n} {v.get(n)}" for n in other) for v in (saved, given))
        raise InputError(
            f"The run in '{path.parent}' was started with {was}, this call asks for {now}. Give "
            "the same options to go on, or choose another output folder."
        )
