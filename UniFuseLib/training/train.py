"""The training loop: plain torch, resumable at any step, stopped cleanly by a time budget. START
HERE.

A step is in `step.py`, a sample in `samples.py`, the loss in `objective.py`, what survives a kill
in `state.py`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from UniFuseLib.io.output_folder import make_folder
from UniFuseLib.training.data import PackedSubject, load_pack
from UniFuseLib.training.export import write_weights
from UniFuseLib.training.journal import Journal
from UniFuseLib.training.parallel import Ranks, first_decides, joined, local_device
from UniFuseLib.training.pictures import draw_progress
from UniFuseLib.training.state import CHECKPOINT, TrainingState, initial_state, restore, save
from UniFuseLib.training.step import draw, gradients, learning_rate, update
from UniFuseLib.training.validation import validate, validation_samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.training.config import TrainingConfig
    from UniFuseLib.training.samples import Sample


def train(
    config: TrainingConfig,
    folder: Path,
    device: torch.device,
    time_budget: float | None = None,
    report: Callable[[str], None] = lambda line: None,
    weights: Path | None = None,
) -> TrainingState:
    """Train until the schedule or the time budget (seconds) ends; resumes from `folder` where it
    holds a checkpoint.

    Writes `checkpoint.pt`, `log.jsonl` and, at every validation, `NAME.safetensors` + `NAME.json`
    and pictures. Under `torchrun` every process draws a batch of its own and only the first one
    writes.

    Args:
        weights: start from these (safetensors with contract); not looked at when there is a
            checkpoint.

    Raises:
        InputError: data that cannot be read, a checkpoint or weights of another network.
        OutputError: `folder` cannot be made or written to.
    """
    make_folder(folder)
    device = local_device(device)
    with joined(device) as ranks:
        subjects = load_pack(Path(config.data), device)
        state = initial_state(config, device, weights)
        _tune(device)
        if (folder / CHECKPOINT).exists():
            restore(state, config, folder / CHECKPOINT, device)
        if ranks.is_first:
            report(f"{ranks.count} × {device}, from step {state.step} to {config.steps}")
            recorder = _Recorder(config, folder, device, state.step, report)
        deadline = None if time_budget is None else time.monotonic() + time_budget
        while state.step < config.steps:
            record = _advance(state, subjects, config, ranks)
            out_of_time = first_decides(
                deadline is not None and time.monotonic() > deadline, ranks, device
            )
            if ranks.is_first:
                recorder.after_step(state, record, last=out_of_time or state.step == config.steps)
            if out_of_time:
                break
        if ranks.is_first:
            recorder.journal.close()
    return state


def _tune(device: torch.device) -> None:
    """Crops come in few sizes: let cuDNN look for its fastest convolution of each."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")


def _advance(
    state: TrainingState, subjects: list[PackedSubject], config: TrainingConfig, ranks: Ranks
) -> dict[str, Any]:
    """One optimiser step; returns what goes into the log."""
    started = time.monotonic()
    rate = learning_rate(config, state.step)
    sample = draw(subjects, config, state.step, ranks)
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
        step: int,
        report: Callable[[str], None],
    ) -> None:
        self.config, self.folder, self.device, self.report = config, folder, device, report
        self.samples: list[Sample] = validation_samples(config, device)
        self.journal = Journal(folder, step)

    def after_step(self, state: TrainingState, record: dict[str, Any], last: bool) -> None:
        validated = last or state.step % self.config.validate_every == 0
        if validated and self.samples:
            record["validation"] = validate(state.average, self.samples)
        self.journal.write(record)
        if validated:
            write_weights(
                state, self.config, self.folder, record.get("validation", {}), self.device
            )
            draw_progress(state.average, self.samples, self.folder)
        if last or state.step % self.config.checkpoint_every == 0:
            save(state, self.config, self.folder / CHECKPOINT)
            self.report(json.dumps(record))
