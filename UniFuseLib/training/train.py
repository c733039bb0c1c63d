"""The training loop: plain torch, resumable at any step, stopped cleanly by a time budget. START
HERE.

A step is in `step.py`, a sample in `samples.py`, the loss in `objective.py`, what survives a kill
in `state.py`.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from UniFuseLib.io.output_folder import make_folder
from UniFuseLib.progress import Log, silent
from UniFuseLib.training.data import load_pack
from UniFuseLib.training.export import write_weights
from UniFuseLib.training.journal import Journal
from UniFuseLib.training.parallel import Ranks, first_decides, joined, local_device
from UniFuseLib.training.pictures import draw_progress
from UniFuseLib.training.samples import generator_of
from UniFuseLib.training.shelf import Shelf
from UniFuseLib.training.state import CHECKPOINT, TrainingState, initial_state, restore, save
from UniFuseLib.training.step import draw, gradients, learning_rate, settings_of, update
from UniFuseLib.training.validation import validate, validation_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from UniFuseLib.training.config import TrainingConfig
    from UniFuseLib.training.samples import Sample

_SECONDS_PER_MINUTE = 60.0
_CUTS = 2**31 - 1  # place of the generator that cuts; no sample of a batch has it


def train(
    config: TrainingConfig,
    folder: Path,
    device: torch.device,
    time_budget: float | None = None,
    log: Log = silent,
    weights: Path | None = None,
) -> TrainingState:
    """Train until the schedule or the time budget (seconds) ends; resumes from `folder` where it
    holds a checkpoint.

    Writes `checkpoint.pt`, `log.jsonl` and, at every validation, `NAME.safetensors` + `NAME.json`
    and pictures. Under `torchrun` every process draws a batch of its own and only the first one
    writes.

    Args:
        config: the recipe.
        folder: of the run, made if need be.
        device: what trains; under `torchrun` the local one of its kind.
        time_budget: seconds; None trains until the schedule ends.
        log: takes a line now and then.
        weights: start from these (safetensors with contract); not looked at when there is a
            checkpoint.

    Raises:
        InputError: data that cannot be read, a checkpoint or weights of another network.
        OutputError: `folder` cannot be made or written to.
    """
    deadline = None if time_budget is None else time.monotonic() + time_budget
    make_folder(folder)
    device = local_device(device)
    with joined(device) as ranks:
        state = initial_state(config, device, weights)
        _tune(device)
        if (folder / CHECKPOINT).exists():
            restore(state, config, folder / CHECKPOINT, device)
        with _batches(state, config, device, ranks) as batches:
            recorder = None
            if ranks.is_first:
                log(f"{ranks.count} × {device}, from step {state.step} to {_end(config)}")
                recorder = _Recorder(config, folder, device, state, log)
            batches.wait()
            while not _is_over(state, config):
                record = _advance(state, batches, config, ranks)
                out_of_time = deadline is not None and time.monotonic() > deadline
                out_of_time = first_decides(out_of_time, ranks, device)
                if recorder is not None:
                    recorder.after_step(state, record, out_of_time or _is_over(state, config))
                if out_of_time:
                    break
            if recorder is not None:
                recorder.journal.close()
    return state


def _is_over(state: TrainingState, config: TrainingConfig) -> bool:
    return state.step >= config.steps or config.progress(state.step, state.seconds) >= 1


def _end(config: TrainingConfig) -> str:
    return f"{config.minutes:.3g} minutes" if config.minutes else str(config.steps)


class _Batches(NamedTuple):
    """Where the batches of this process come from."""

    draw: Callable[[], Sample]
    wait: Callable[[], None]  # until the first one can be drawn


@contextmanager
def _batches(
    state: TrainingState, config: TrainingConfig, device: torch.device, ranks: Ranks
) -> Iterator[_Batches]:
    """Batches drawn when they are asked for, or cut from what workers have made."""
    if not config.workers:
        subjects = load_pack(Path(config.data), device)
        yield _Batches(
            lambda: draw(subjects, config, state.step, ranks, state.seconds), lambda: None
        )
        return
    stream = state.step * ranks.count + ranks.index  # a resumed run meets other samples
    generator = generator_of(config.seed, stream, _CUTS)
    with Shelf(config, settings_of(config, config.shelf_crop), device, stream) as shelf:

        def cut_batch() -> Sample:
            phase = config.phase_at(config.progress(state.step, state.seconds))
            return shelf.draw(phase.batch, phase.crop, generator)

        yield _Batches(cut_batch, lambda: shelf.wait(config.phases[0].batch))


def _tune(device: torch.device) -> None:
    """Crops come in few sizes: let cuDNN look for its fastest convolution of each."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")


def _advance(
    state: TrainingState, batches: _Batches, config: TrainingConfig, ranks: Ranks
) -> dict[str, Any]:
    """One optimiser step; returns what goes into the log."""
    started = time.monotonic()
    rate = learning_rate(config, state.step, state.seconds)
    sample = batches.draw()
    drawn = time.monotonic()
    terms = gradients(state, sample, config, ranks)
    norm = update(state, config)
    ended = time.monotonic()
    state.seconds += ended - started
    return {
        "step": state.step,
        "loss": terms.pop("loss"),
        "terms": terms,
        "gradient_norm": norm,
        "rate": rate,
        "seconds_sampling": drawn - started,
        "seconds_step": ended - started,
        "hours": state.hours,
    }


class _Recorder:
    """What the first process does beside training: validate, log, draw, save.

    The checkpoint comes last: whatever it says has been done has been done.
    """

    def __init__(
        self,
        config: TrainingConfig,
        folder: Path,
        device: torch.device,
        state: TrainingState,
        log: Log,
    ) -> None:
        self.config, self.folder, self.device, self.log = config, folder, device, log
        self.samples: list[Sample] = validation_samples(config, device)
        self.journal = Journal(folder, state.step)
        self._recorded = state.seconds
        if config.record_minutes and self.samples and not state.step:
            log(json.dumps({"step": 0, "validation": validate(state.average, self.samples)}))

    def after_step(self, state: TrainingState, record: dict[str, Any], last: bool) -> None:
        validated, saved = (last or due for due in self._due(state))
        started = time.monotonic() if validated and self.config.minutes else 0.0
        if validated and self.samples:
            record["validation"] = validate(state.average, self.samples)
        self.journal.write(record)
        if validated:
            write_weights(
                state, self.config, self.folder, record.get("validation", {}), self.device
            )
            draw_progress(state.average, self.samples, self.folder)
        if (
            validated and self.config.minutes
        ):  # a schedule in minutes ends in time whatever else takes time
            state.seconds += time.monotonic() - started
        if saved:
            save(state, self.config, self.folder / CHECKPOINT)
            self.log(json.dumps(record))

    def _due(self, state: TrainingState) -> tuple[bool, bool]:
        """Whether to validate, and whether to save."""
        config = self.config
        if not config.record_minutes:
            return (
                state.step % config.validate_every == 0,
                state.step % config.checkpoint_every == 0,
            )
        due = state.seconds - self._recorded >= _SECONDS_PER_MINUTE * config.record_minutes
        if due:
            self._recorded = state.seconds
        return due, due
