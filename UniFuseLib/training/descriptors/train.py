"""The training loop of the descriptors. START HERE: `samples.py` makes pairs, `loss.py` compares
them.

Samples are made on the device, a few steps ahead, in threads with streams of their own.
"""

from __future__ import annotations

import copy
import json
import math
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from UniFuseLib.errors import InputError
from UniFuseLib.io.output_folder import make_folder
from UniFuseLib.registration.descriptor_network import DescriptorNetwork
from UniFuseLib.training.data import load_pack
from UniFuseLib.training.descriptors.anatomy import Anatomy, anatomies_of
from UniFuseLib.training.descriptors.loss import contrastive_loss
from UniFuseLib.training.descriptors.samples import Batch, draw_batch, generators_of
from UniFuseLib.training.descriptors.validation import (
    mean_of,
    mind,
    split,
    validate,
    validation_batches,
)
from UniFuseLib.training.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

CHECKPOINT = "checkpoint.pt"
_AHEAD = 3  # batches made while one is learnt from
_AVERAGE = 0.999  # decay of the average of the weights, which is what is shipped
_WARM_UP = 200  # steps
_CLIP = 1.0


@dataclass(frozen=True)
class Settings:
    """Of a run; a resumed one must have the same.

    Attributes:
        pairs: of a batch. crop: voxels along each axis, a multiple of 8. points: places of each
            pair.
        steps: of the whole schedule; a time budget shortens it.
        log_every, validate_every: steps. save_every: seconds between checkpoints, written after a
            log line.
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
    """Everything that has to survive a kill."""

    model: DescriptorNetwork
    average: DescriptorNetwork
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0


def train(
    data: Path,
    folder: Path,
    device: torch.device,
    settings: Settings,
    time_budget: float | None,
    report: Callable[[str], None],
) -> State:
    """Train until the schedule or the time budget ends; goes on from `folder`'s checkpoint.

    The rate follows whichever of the two has come further, so that either ends in a cool-down.

    Args:
        data: file of `unifuse pack --layout anatomy`.
        folder: of the checkpoint and the log.
        device: where samples are made and learnt from.
        settings: of the run.
        time_budget: seconds of the whole run, all calls together; None: the schedule alone.
        report: hears every line of the log.

    Raises:
        InputError: not a training file, or a checkpoint of other settings.
    """
    begun = time.monotonic()
    make_folder(folder)
    trained, held_out = split(load_pack(data, device))
    anatomies = anatomies_of(trained)
    batches = validation_batches(anatomies_of(held_out), settings.crop, device) if held_out else []
    state = initial_state(settings, device)
    if (folder / CHECKPOINT).exists():
        restore(state, settings, folder / CHECKPOINT, device)
        report(f"goes on after step {state.step}")
    elif batches:
        report(json.dumps({"mind": validate(mind, batches)}))
    run = _Run(state, settings, folder, batches, report)
    spent_before, last_save, waited = state.seconds, time.monotonic(), 0.0
    drawn = _batches(anatomies, settings, state.step, device)
    while True:
        progress = state.step / settings.steps
        if time_budget is not None:
            progress = max(progress, state.seconds / time_budget)
        if progress >= 1:
            break
        asked = time.monotonic()
        batch = next(drawn)
        waited += time.monotonic() - asked
        losses = learn(state, batch, settings, progress)
        state.step += 1
        if state.step % settings.log_every == 0:
            run.log(losses.tolist(), waited)
            if time.monotonic() - last_save >= settings.save_every:
                save(state, settings, folder / CHECKPOINT)
                last_save = time.monotonic()
        # what loading took counts as well: a budget is a budget
        state.seconds = spent_before + time.monotonic() - begun
    drawn.close()
    run.finish()
    save(state, settings, folder / CHECKPOINT)
    return state


class _Run:
    """The log of a run."""

    def __init__(
        self,
        state: State,
        settings: Settings,
        folder: Path,
        batches: list[tuple[str, Batch]],
        report: Callable[[str], None],
    ) -> None:
        self._state, self._settings, self._batches, self._report = state, settings, batches, report
        self._journal = Journal(folder, state.step)

    def log(self, losses: list[float], waited: float) -> None:
        """A line with the losses, of places and of regions.

        Args:
            losses: of the last step.
            waited: seconds that samples were waited for, which the log file does not hold.

        Raises:
            ValueError: the loss is no number; the checkpoint from before stays.
        """
        if not math.isfinite(sum(losses)):
            raise ValueError(
                f"The loss is {losses} at step {self._state.step}. Go on from the last checkpoint."
            )
        record: dict[str, Any] = {
            "step": self._state.step,
            "places": round(losses[0], 5),
            "regions": round(losses[1], 5),
        }
        if self._state.step % self._settings.validate_every == 0:
            record |= self._validation()
        self._write(record, waited)

    def finish(self) -> None:
        if self._state.step % self._settings.validate_every:
            self._write({"step": self._state.step, **self._validation()})
        self._journal.close()

    def _validation(self) -> dict[str, Any]:
        if not self._batches:
            return {}
        figures = validate(self._state.average.eval(), self._batches)
        return {"validation": mean_of(figures), "groups": figures}

    def _write(self, record: dict[str, Any], waited: float = 0.0) -> None:
        self._journal.write(record)
        times = {"seconds": round(self._state.seconds, 1), "waited": round(waited, 1)}
        self._report(json.dumps({**record, **times}))


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


def learn(state: State, batch: Batch, settings: Settings, progress: float) -> Tensor:
    """One step; the losses of places and of regions, still on the device."""
    _, noise = generators_of(settings.seed + 1, state.step, batch.fixed.device)
    device = batch.fixed.device.type
    with torch.autocast(device, dtype=torch.bfloat16) if device == "cuda" else nullcontext():
        both = state.model(
            torch.cat([batch.fixed, batch.moving]).contiguous(memory_format=torch.channels_last_3d)
        )
    fixed, moving = both.float().chunk(2)
    places, regions = contrastive_loss(fixed, moving, batch, noise)
    loss = places + regions
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), _CLIP)
    for group in state.optimiser.param_groups:
        group["lr"] = settings.rate * _rate(state.step, progress)
    state.optimiser.step()
    decay = min(_AVERAGE, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        for mean, value in zip(state.average.parameters(), state.model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
    return torch.stack([places, regions]).detach()


def _rate(step: int, progress: float) -> float:
    """Warm-up, then half a cosine down to a hundredth."""
    return min(1.0, (step + 1) / _WARM_UP) * (
        0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
    )


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

    Raises:
        InputError: other settings than those of this run.
    """
    values = torch.load(path, map_location=device, weights_only=True)
    if values["settings"] != asdict(settings):
        raise InputError(
            f"The checkpoint '{path}' was made with {values['settings']}, this run has "
            f"{asdict(settings)}. Choose another output folder."
        )
    state.model.load_state_dict(values["model"])
    state.average.load_state_dict(values["average"])
    state.optimiser.load_state_dict(values["optimiser"])
    state.step, state.seconds = values["step"], values["seconds"]


def _batches(
    anatomies: list[Anatomy], settings: Settings, first: int, device: torch.device
) -> Generator[Batch, None, None]:
    """The batches of steps `first`, `first` + 1, ... without end."""

    local = threading.local()

    def make(step: int) -> Batch:
        random, noise = generators_of(settings.seed, step, device)
        if device.type != "cuda":
            return draw_batch(
                anatomies, settings.pairs, settings.crop, settings.points, random, noise
            )
        if not hasattr(local, "stream"):
            local.stream = torch.cuda.Stream(device)  # one a thread: memory is kept for each stream
        stream = local.stream
        with torch.cuda.stream(stream):
            batch = draw_batch(
                anatomies, settings.pairs, settings.crop, settings.points, random, noise
            )
        stream.synchronize()
        return batch

    with ThreadPoolExecutor(_AHEAD if device.type == "cuda" else 1) as pool:
        waiting: list[Future[Batch]] = [pool.submit(make, first + k) for k in range(_AHEAD)]
        step = first + _AHEAD
        try:
            while True:
                batch = waiting.pop(0).result()
                waiting.append(pool.submit(make, step))
                step += 1
                if device.type == "cuda":
                    for part in batch:
                        if isinstance(part, Tensor):
                            part.record_stream(torch.cuda.current_stream(device))
                yield batch
        finally:
            for future in waiting:
                future.cancel()
