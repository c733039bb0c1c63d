"""The training loop of the descriptors. START HERE: `samples.py` makes pairs, `loss.py` compares
them, `validation.py` measures.
"""

from __future__ import annotations

import json
import math
import time
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from UniFuseLib.io.output_folder import make_folder
from UniFuseLib.training.data import load_pack
from UniFuseLib.training.descriptors.ahead import batches
from UniFuseLib.training.descriptors.anatomy import anatomies_of
from UniFuseLib.training.descriptors.loss import contrastive_loss
from UniFuseLib.training.descriptors.samples import Batch, generators_of
from UniFuseLib.training.descriptors.state import (
    CHECKPOINT,
    Settings,
    State,
    initial_state,
    restore,
    save,
)
from UniFuseLib.training.descriptors.validation import (
    mean_of,
    mind,
    split,
    validate,
    validation_batches,
)
from UniFuseLib.training.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from UniFuseLib.progress import Log

_AVERAGE = 0.999  # decay of the average of the weights
_WARM_UP = 200  # steps
_CLIP = 1.0  # norm of the gradient
_LOWEST_RATE = 0.01  # part of the highest one


def train(
    data: Path,
    folder: Path,
    device: torch.device,
    settings: Settings,
    time_budget: float | None,
    log: Log,
) -> State:
    """Train until the schedule or the time budget ends; goes on from `folder`'s checkpoint.

    The rate follows whichever of the two has come further, so that either ends in a cool-down.

    Args:
        data: file of `unifuse pack --layout anatomy`.
        folder: of the checkpoint and the log.
        device: where samples are made and learnt from.
        settings: of the run.
        time_budget: seconds of the whole run, all calls together; None: the schedule alone.
        log: takes every line of the log.

    Raises:
        InputError: not a training file, or a checkpoint of other settings.
    """
    begun = time.monotonic()  # what loading takes counts as well: a budget is a budget
    make_folder(folder)
    trained, held_out = split(load_pack(data, device))
    anatomies = anatomies_of(trained)
    held = validation_batches(anatomies_of(held_out), settings.crop, device) if held_out else []
    state = initial_state(settings, device)
    if (folder / CHECKPOINT).exists():
        restore(state, settings, folder / CHECKPOINT, device)
        log(f"goes on after step {state.step}")
    elif held:
        log(json.dumps({"mind": validate(mind, held)}))
    if _progress(state, settings, time_budget) >= 1:
        log("This run has ended. To train longer, give more --steps or a longer --time-budget.")
        return state
    run = _Run(state, settings, folder, held, log)
    spent = state.seconds
    with closing(batches(anatomies, settings, state.step, device)) as drawn:
        while (progress := _progress(state, settings, time_budget)) < 1:
            losses = learn(state, run.wait_for(drawn), settings, progress)
            state.step += 1
            state.seconds = spent + time.monotonic() - begun
            run.after_step(losses)
    run.finish()
    return state


class _Run:
    """Log and checkpoint of a run.

    Args:
        state: that `learn` changes.
        settings: of the run.
        folder: of log and checkpoint.
        held_out: group and batch of every validation.
        log: takes every line of the log.
    """

    def __init__(
        self,
        state: State,
        settings: Settings,
        folder: Path,
        held_out: list[tuple[str, Batch]],
        log: Log,
    ) -> None:
        self._state, self._settings, self._log = state, settings, log
        self._held_out, self._path = held_out, folder / CHECKPOINT
        self._journal = Journal(folder, state.step)
        self._saved, self._waited = time.monotonic(), 0.0

    def wait_for(self, drawn: Iterator[Batch]) -> Batch:
        asked = time.monotonic()
        batch = next(drawn)
        self._waited += time.monotonic() - asked
        return batch

    def after_step(self, losses: Tensor) -> None:
        """A line of the log and a checkpoint, where they are due.

        Args:
            losses: of places and of regions, `(2,)`.

        Raises:
            ValueError: the loss is not finite; the checkpoint from before stays.
        """
        step, settings = self._state.step, self._settings
        validation_is_due = step % settings.validate_every == 0
        if validation_is_due or step % settings.log_every == 0:
            places, regions = self._finite(losses)
            record: dict[str, Any] = {"step": step, "places": places, "regions": regions}
            self._write(record | self._validation() if validation_is_due else record)
        if time.monotonic() - self._saved >= self._settings.save_every:
            self._finite(losses)
            save(self._state, self._settings, self._path)
            self._saved = time.monotonic()

    def finish(self) -> None:
        """The last validation and the last checkpoint."""
        if self._state.step % self._settings.validate_every:
            self._write({"step": self._state.step, **self._validation()})
        self._journal.close()
        save(self._state, self._settings, self._path)

    def _finite(self, losses: Tensor) -> list[float]:
        values = [round(float(loss), 5) for loss in losses]
        if not all(math.isfinite(value) for value in values):
            raise ValueError(
                f"The loss is {values} at step {self._state.step}. Go on from the last checkpoint."
            )
        return values

    def _validation(self) -> dict[str, Any]:
        if not self._held_out:
            return {}
        figures = validate(self._state.average.eval(), self._held_out)
        return {"validation": mean_of(figures), "groups": figures}

    def _write(self, record: dict[str, Any]) -> None:
        """To the log; how long it took is only reported: the log of a resumed run is the same."""
        self._journal.write(record)
        times = {"seconds": round(self._state.seconds, 1), "waited": round(self._waited, 1)}
        self._log(json.dumps({**record, **times}))


def learn(state: State, batch: Batch, settings: Settings, progress: float) -> Tensor:
    """One step.

    Args:
        state: is changed, apart from its counters.
        batch: on the state's device.
        settings: of the run.
        progress: in [0, 1), of the schedule.

    Returns:
        The losses of places and of regions, `(2,)`, still on the device.
    """
    _, noise = generators_of(settings.seed + 1, state.step, batch.fixed.device)
    device = batch.fixed.device.type
    both = torch.cat([batch.fixed, batch.moving])
    with torch.autocast(device, dtype=torch.bfloat16) if device == "cuda" else nullcontext():
        features = state.model(both.contiguous(memory_format=torch.channels_last_3d))
    fixed, moving = features.float().chunk(2)
    places, regions = contrastive_loss(fixed, moving, batch, noise)
    state.optimiser.zero_grad(set_to_none=True)
    (places + regions).backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), _CLIP)
    for group in state.optimiser.param_groups:
        group["lr"] = settings.rate * _rate(state.step, progress)
    state.optimiser.step()
    _update_average(state)
    return torch.stack([places, regions]).detach()


@torch.no_grad()
def _update_average(state: State) -> None:
    decay = min(_AVERAGE, (1 + state.step) / (10 + state.step))
    for mean, value in zip(state.average.parameters(), state.model.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)


def _progress(state: State, settings: Settings, time_budget: float | None) -> float:
    """Of the schedule: by steps or by time, whichever has come further."""
    by_time = 0.0 if time_budget is None else state.seconds / time_budget
    return max(state.step / settings.steps, by_time)


def _rate(step: int, progress: float) -> float:
    """Warm-up, then half a cosine down to the lowest one; part of the highest one."""
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return min(1.0, (step + 1) / _WARM_UP) * (_LOWEST_RATE + (1 - _LOWEST_RATE) * cosine)
