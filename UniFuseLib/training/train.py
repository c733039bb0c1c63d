"""The training loop: plain torch, resumable at any step, stopped cleanly by a time budget."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from UniFuseLib.checkpoint import Contract, save_model
from UniFuseLib.errors import InputError
from UniFuseLib.geometry import jacobian_determinant
from UniFuseLib.intensity import DEFAULT_INTENSITY
from UniFuseLib.network.build import CLASSES, build, preset
from UniFuseLib.network.unifuse import UniFuse
from UniFuseLib.training.config import TrainingConfig
from UniFuseLib.training.data import PackedSubject, load_pack
from UniFuseLib.training.objective import total_loss
from UniFuseLib.training.samples import Sample, SampleSettings, draw_batch
from UniFuseLib.version import __version__

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
_SECONDS_PER_HOUR = 3600.0


@dataclass
class TrainingState:
    """Everything that has to survive a kill."""

    model: UniFuse
    average: UniFuse
    optimiser: torch.optim.Optimizer
    generator: torch.Generator
    step: int = 0
    seconds: float = 0.0


def train(
    config: TrainingConfig,
    folder: Path,
    device: torch.device,
    time_budget: float | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> TrainingState:
    """Train until the schedule or the time budget (seconds) ends; resumes from `folder` where it holds a checkpoint.

    Writes `checkpoint.pt`, `log.jsonl` and, at every validation, `NAME.safetensors` + `NAME.json` to `folder`.

    Raises:
        InputError: data that cannot be read, or a checkpoint of another configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subjects = load_pack(Path(config.data), device)
    validation = _validation_samples(config, device)
    state = _initial_state(config, device)
    if (folder / CHECKPOINT).exists():
        _restore(state, config, folder / CHECKPOINT, device)
        report(f"resumed at step {state.step}")
    started = time.monotonic()
    while state.step < config.steps:
        record = _advance(state, subjects, config)
        if state.step % config.validate_every == 0 and validation:
            record["validation"] = validate(state.average, validation)
            _write_weights(state, config, folder, record["validation"], device)
        _log(folder / LOG, record)
        out_of_time = time_budget is not None and time.monotonic() - started > time_budget
        if state.step % config.checkpoint_every == 0 or out_of_time or state.step == config.steps:
            _save(state, config, folder / CHECKPOINT)
            report(json.dumps(record))
        if out_of_time:
            break
    return state


def _advance(state: TrainingState, subjects: list[PackedSubject], config: TrainingConfig) -> dict[str, Any]:
    """One optimiser step; returns what goes into the log."""
    started = time.monotonic()
    phase = config.phase_at(state.step)
    settings = SampleSettings(crop=phase.crop, synthetic=config.synthetic, clean=config.clean)
    sample = draw_batch(subjects, phase.batch, settings, state.generator)
    drawn = time.monotonic()
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(config, state.step)
    with_modality = state.step % config.modality_every == 0
    loss, terms = total_loss(state.model, sample, config, with_modality, state.generator)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
    if torch.isfinite(norm):
        state.optimiser.step()
        _average(state, config)
    state.step += 1
    ended = time.monotonic()
    state.seconds += ended - started
    return {
        "step": state.step,
        "loss": float(loss.detach()),
        "terms": terms,
        "gradient_norm": float(norm),
        "seconds_sampling": drawn - started,
        "seconds_step": ended - started,
        "hours": state.seconds / _SECONDS_PER_HOUR,
    }


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up, then a cosine from `rate` to `final_rate` over the whole schedule."""
    if step < config.warm_up:
        return config.rate * (step + 1) / config.warm_up
    progress = (step - config.warm_up) / max(config.steps - config.warm_up, 1)
    return config.final_rate + (config.rate - config.final_rate) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


@torch.no_grad()
def _average(state: TrainingState, config: TrainingConfig) -> None:
    """EMA of the weights; its memory grows with the steps so that the start is forgotten."""
    decay = min(config.average, (1 + state.step) / (10 + state.step))
    for mean, value in zip(state.average.parameters(), state.model.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)


@torch.no_grad()
def validate(model: UniFuse, samples: list[Sample]) -> dict[str, float]:
    """Means over fixed samples: error of the field in mm before and after, folds, class accuracy, restoration in dB."""
    scores: dict[str, list[float]] = {}
    for sample in samples:
        output = model(sample.degraded, sample.reference)
        body = (sample.weight > 0.5)[:, 0]
        spacing = float(sample.spacing_mm[0])
        values = {
            "tre_before_mm": _inside(sample.flow.norm(dim=1), body) * spacing,
            "tre_mm": _inside((output.flow - sample.flow).norm(dim=1), body) * spacing,
            "folds_percent": 100 * _inside((jacobian_determinant(output.flow) <= 0).float(), body),
            "accuracy": float((output.logits.argmax(1) == sample.label).float().mean()),
            "restored_db": _psnr(output.restored, sample.clean, body),
        }
        for name, value in values.items():
            scores.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in scores.items()}


def _inside(values: Tensor, body: Tensor) -> float:
    return float(values[body].mean())


def _psnr(first: Tensor, second: Tensor, body: Tensor) -> float:
    error = (first.clamp(0, 1) - second.clamp(0, 1)).square()[:, 0][body].mean()
    return float(-10 * torch.log10(error.clamp(min=1e-10)))


def _validation_samples(config: TrainingConfig, device: torch.device) -> list[Sample]:
    """The same samples at every validation: their generator has a seed of its own."""
    if not config.validation:
        return []
    subjects = load_pack(Path(config.validation), device)
    settings = SampleSettings(crop=config.phases[-1].crop, synthetic=config.synthetic, clean=config.clean)
    generator = torch.Generator().manual_seed(20_000 + config.seed)
    return [draw_batch(subjects, 1, settings, generator) for _ in range(config.validation_samples)]


def _initial_state(config: TrainingConfig, device: torch.device) -> TrainingState:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = build(preset(config.preset))
    # channels last halves the time of 3-D convolutions on the CPU
    model = model.to(device=device).to(memory_format=torch.channels_last_3d)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    return TrainingState(model, average, optimiser, torch.Generator().manual_seed(config.seed))


def _save(state: TrainingState, config: TrainingConfig, path: Path) -> None:
    """Through a temporary name: a kill leaves the old checkpoint or the new one, never half of one."""
    partial = path.with_name(path.name + ".partial")
    torch.save(
        {
            "config": config.to_dict(),
            "model": state.model.state_dict(),
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "generator": state.generator.get_state(),
            "step": state.step,
            "seconds": state.seconds,
        },
        partial,
    )
    partial.replace(path)


def _restore(state: TrainingState, config: TrainingConfig, path: Path, device: torch.device) -> None:
    values = torch.load(path, map_location=device, weights_only=True)
    if values["config"]["preset"] != config.preset:
        raise InputError(
            f"The checkpoint '{path}' belongs to preset '{values['config']['preset']}', the configuration asks for "
            f"'{config.preset}'. Choose another output folder."
        )
    state.model.load_state_dict(values["model"])
    state.average.load_state_dict(values["average"])
    state.optimiser.load_state_dict(values["optimiser"])
    state.generator.set_state(values["generator"].cpu())
    state.step, state.seconds = values["step"], values["seconds"]


def _log(path: Path, record: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(record) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _write_weights(
    state: TrainingState, config: TrainingConfig, folder: Path, scores: dict[str, float], device: torch.device
) -> None:
    contract = Contract(
        name=config.name,
        preset=config.preset,
        network=preset(config.preset).to_dict(),
        classes=CLASSES,
        working_spacing_mm=1.5,
        intensity=DEFAULT_INTENSITY,
        sha256="",
        license="Apache-2.0",
        training={
            "code_version": __version__,
            "device": device.type,
            "hours": round(state.seconds / _SECONDS_PER_HOUR, 3),
            "steps": state.step,
            "config": {
                **config.to_dict(),
                "data": Path(config.data).name,
                "validation": Path(config.validation).name,
            },
        },
        validation={"training_crops": scores},
    )
    save_model(state.average, contract, folder / f"{config.name}.safetensors")
