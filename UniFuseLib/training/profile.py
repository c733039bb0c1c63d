"""Where the seconds of a training step go."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from UniFuseLib.degradation import CLASSES
from UniFuseLib.training.data import PackedSubject, load_pack
from UniFuseLib.training.objective import total_loss
from UniFuseLib.training.samples import Sample, draw_sample, generator_of
from UniFuseLib.training.state import TrainingState, initial_state
from UniFuseLib.training.step import settings_of, update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from UniFuseLib.training.config import Phase, TrainingConfig

_WARM_UP = 2  # steps that build projectors and fill caches


@dataclass
class Stopwatch:
    """Seconds by name; waits for the device, so that work is booked where it was asked for."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        started = self._now()
        yield
        self.add(name, self._now() - started)

    def add(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.calls[name] = self.calls.get(name, 0) + 1

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def profile(config: TrainingConfig, device: torch.device, steps: int) -> str:
    """One table a phase: mean seconds per step by part, and per sample by class."""
    subjects = load_pack(Path(config.data), device)
    state = initial_state(config, device)
    tables = []
    for phase in config.phases:
        watch = Stopwatch(device)
        for step in range(-_WARM_UP, steps):
            if step == 0:
                watch = Stopwatch(device)
            _one_step(state, subjects, config, phase, step + _WARM_UP, watch)
        tables.append(_table(watch, config, phase, steps))
    return "\n\n".join(tables)


def _one_step(
    state: TrainingState,
    subjects: list[PackedSubject],
    config: TrainingConfig,
    phase: Phase,
    step: int,
    watch: Stopwatch,
) -> None:
    samples = []
    with watch.measure("sampling"):
        for place in range(phase.batch):
            started = time.perf_counter()
            generator = generator_of(config.seed, step, place)
            samples.append(draw_sample(subjects, settings_of(config, phase.crop), generator))
            watch.add(f"sample {CLASSES[int(samples[-1].label)]}", time.perf_counter() - started)
    sample = Sample(*(torch.cat(values) for values in zip(*samples, strict=True)))
    with watch.measure("forward and losses"):
        loss, _ = total_loss(
            state.forward_model, sample, config, step % config.modality_every == 0, state.generator
        )
    with watch.measure("backward"):
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()
    with watch.measure("update"):
        update(state, config)


def _table(watch: Stopwatch, config: TrainingConfig, phase: Phase, steps: int) -> str:
    parts = {
        name: value / steps
        for name, value in watch.seconds.items()
        if not name.startswith("sample ")
    }
    total = sum(parts.values())
    lines = [
        f"preset {config.preset}, crop {phase.crop}, batch {phase.batch}, {steps} steps, "
        f"{watch.device}, {torch.get_num_threads()} threads",
        "",
        "| part | s/step | share |",
        "|---|---|---|",
        *(
            f"| {name} | {value:.3f} | {100 * value / total:.0f} % |"
            for name, value in parts.items()
        ),
        f"| whole step | {total:.3f} | |",
        "",
        "| one sample of class | s | drawn |",
        "|---|---|---|",
    ]
    for name in CLASSES:
        if count := watch.calls.get(f"sample {name}"):
            lines.append(f"| {name} | {watch.seconds[f'sample {name}'] / count:.3f} | {count} |")
    if watch.device.type == "cuda":
        lines += [
            "",
            f"peak memory {torch.cuda.max_memory_allocated(watch.device) / 2**30:.2f} GiB",
        ]
    return "\n".join(lines)
