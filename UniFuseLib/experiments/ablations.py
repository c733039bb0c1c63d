"""Tables 4 and 5 of the paper: every variant trained and measured alike, for one small budget.

The budget is a number of optimiser steps, equal for all variants, with the same seeds, crops and
learning rates. It is far below a full training: the tables rank the variants under this budget,
they do not show what each could reach.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from UniFuseLib.checkpoint import load_model
from UniFuseLib.evaluation.evaluate import Evaluation, evaluate
from UniFuseLib.evaluation.markdown import markdown, number, percent
from UniFuseLib.evaluation.tables import FUSION_TITLES
from UniFuseLib.io.json_files import plain, write_json, write_text
from UniFuseLib.predict import fuse
from UniFuseLib.progress import Log, silent
from UniFuseLib.training.train import train
from UniFuseLib.training.validation import validate, validation_samples

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from UniFuseLib.evaluation.fuse_call import Fuse
    from UniFuseLib.evaluation.summary import Figures
    from UniFuseLib.network.unifuse import UniFuse
    from UniFuseLib.training.config import TrainingConfig
    from UniFuseLib.training.samples import Sample

Train = Callable[..., Any]  # `training.train.train`

OURS = "ours"
# row of the paper's table → ablation of `network.build`
TABLE_4 = {
    "Setting A": "setting_a",
    "Setting B": "setting_b",
    "Setting C": "setting_c",
    "Transformer": "transformer",
    "Mamba": "mamba",
    "w/o OUFR": "without_oufr",
    "w/o LoRA": "without_lora",
    "Multi-Experts": "multi_experts",
    "Ours": OURS,
}
# rows: J, the number of RegBLKs; ours has 4
TABLE_5 = {"0": "j0", "2": "j2", "3": "j3", "4": OURS, "5": "j5"}
VARIANTS = tuple(dict.fromkeys([*TABLE_4.values(), *TABLE_5.values()]))
COLUMNS = ("mse", "cc", "psnr", "vif", "ssim")  # the paper's, without Q_scd


@dataclass(frozen=True)
class Budget:
    """What every variant gets.

    Attributes:
        steps: of the optimiser.
        device: where training and evaluation run.
        seeds: every variant is trained once with each.
        variants: which are trained, of `VARIANTS`.
    """

    steps: int
    device: torch.device
    seeds: tuple[int, ...] = (0,)
    variants: tuple[str, ...] = VARIANTS


class Trained(NamedTuple):
    """What weights are measured with."""

    fuse: Fuse
    checksum: str
    model: UniFuse | None = None  # None: no samples are measured


Load = Callable[["Path"], Trained]


def run_ablations(
    cases: Path,
    output: Path,
    config: TrainingConfig,
    budget: Budget,
    *,
    log: Log = silent,
    train_variant: Train = train,
    load: Load | None = None,
) -> Figures:
    """Train and evaluate variants, write `ablations.json` and `ablations.md` into `output`.

    Resumes: a variant that is trained goes on from its checkpoint, measured cases are kept.

    Args:
        cases: folder made by `unifuse simulate`.
        output: folder of everything that is written.
        config: what all variants share; its preset is the base that each variant changes in one
            place. With a validation file, the network alone is measured on its samples as well.
        budget: of every variant.
        log: a line per step and case.
        train_variant: another training, for tests.
        load: another way from weights to `fuse`, for tests.

    Returns:
        The content of `ablations.json`.
    """
    load = load or functools.partial(_trained, device=budget.device)
    samples = validation_samples(config, budget.device)
    runs = [(variant, seed) for seed in budget.seeds for variant in budget.variants]
    found: dict[str, list[Figures]] = {variant: [] for variant in budget.variants}
    for place, (variant, seed) in enumerate(runs, 1):
        log(f"[{place}/{len(runs)}] {variant}, seed {seed}")
        started = time.process_time()
        chosen = variant_config(replace(config, seed=seed), variant, budget.steps)
        folder = output / "ablations" / f"{variant}-{seed}"
        train_variant(chosen, folder, budget.device, None, log)
        trained = load(folder / f"{chosen.name}.safetensors")
        measured = evaluate(
            cases, folder / "evaluation", trained.fuse, checksum=trained.checksum, resume=True
        )
        found[variant].append(
            {
                "seed": seed,
                "weights_sha256": trained.checksum,
                **_measured(measured),
                "network": _network_alone(trained, samples),
                "cpu_seconds": time.process_time() - started,
            }
        )
    result = plain(_result(config, budget, len(samples), found))
    write_json(result, output / "ablations.json")
    write_text(ablation_tables(result), output / "ablations.md")
    return result


def _measured(evaluation: Evaluation) -> Figures:
    overall = evaluation.summary["overall"]
    return {
        "cases": overall["cases"],
        "fusion": overall.get("fusion"),
        "tre_mm": overall.get("tre_mm"),
        "class_accuracy": overall.get("class_accuracy"),
        "skipped": evaluation.skipped,
    }


def _network_alone(trained: Trained, samples: list[Sample]) -> Figures | None:
    """Its field, class and restoration, without the pose before it and the refinement after it."""
    return validate(trained.model, samples) if trained.model and samples else None


def variant_config(config: TrainingConfig, variant: str, steps: int) -> TrainingConfig:
    """The shared configuration with one part of the network replaced, for `steps` steps."""
    base = config.preset.partition("+")[0]
    return replace(
        config,
        name=variant,
        preset=base if variant == OURS else f"{base}+{variant}",
        steps=steps,
        validation="",
        validate_every=steps,
        # the usual average would still be close to the first, random weights
        average=min(config.average, max(0.0, 1 - 10 / steps)),
    )


def ablation_tables(result: Figures) -> str:
    """The paper's tables, and one of the network alone, with the budget above them."""
    budget = result["budget"]
    seeds = budget["seeds"]
    several = ", mean (lowest to highest)" if len(seeds) > 1 else ""
    parts = [
        f"Every variant: {budget['steps']} steps, preset {budget['preset']}, "
        f"{'seeds' if len(seeds) > 1 else 'seed'} {', '.join(map(str, seeds))}{several}, "
        f"{budget['cases']} cases. "
        "A small, equal budget: the order of the rows counts, not their height.",
        "### Table 4: DAPL, OUFR and UFR&F",
        _table("Setting", TABLE_4, result, _PAPERS).rstrip(),
        "### Table 5: number of RegBLKs J",
        _table("N-J", TABLE_5, result, _PAPERS).rstrip(),
    ]
    if budget["samples"]:
        rows = {**TABLE_4, **{f"J = {j}": name for j, name in TABLE_5.items() if name != OURS}}
        parts += [
            f"### The network alone, {budget['samples']} crops of the validation file",
            _table("Variant", rows, result, _NETWORKS).rstrip(),
        ]
    return "\n\n".join(parts) + "\n"


class _Column(NamedTuple):
    title: str
    value: Callable[[Figures], float | None]  # of a run
    text: Callable[[float | None], str]


def _digits(count: int) -> Callable[[float | None], str]:
    return functools.partial(number, digits=count)


def _fusion(run: Figures, key: str) -> float | None:
    return run["fusion"][key] if run["cases"] else None


def _of_network(title: str, key: str, text: Callable[[float | None], str]) -> _Column:
    return _Column(title, lambda run: (run["network"] or {}).get(key), text)


_PAPERS = (
    *(
        _Column(FUSION_TITLES[key], functools.partial(_fusion, key=key), _digits(4))
        for key in COLUMNS
    ),
    _Column("TRE mm ↓", lambda run: run["tre_mm"]["mean"] if run["cases"] else None, _digits(2)),
)
_NETWORKS = (
    _of_network("before, mm", "tre_before_mm", _digits(2)),
    _of_network("its field, mm ↓", "tre_mm", _digits(2)),
    _of_network("own frame, dB ↑", "own_frame_gain_db", _digits(2)),
    _of_network("clean, dB ↑", "own_frame_clean_psnr_db", _digits(1)),
    _of_network("class right ↑", "accuracy", percent),
)


def _table(title: str, rows: dict[str, str], result: Figures, columns: tuple[_Column, ...]) -> str:
    """The rows that were run."""
    runs = {
        name: result["variants"][variant]["runs"]
        for name, variant in rows.items()
        if variant in result["variants"]
    }
    cells = [
        (name, *(_cell(of_row, column) for column in columns)) for name, of_row in runs.items()
    ]
    return markdown((title, *(column.title for column in columns)), cells)


def _cell(runs: list[Figures], column: _Column) -> str:
    """The mean of all runs, and how far they lie apart."""
    values = [value for value in map(column.value, runs) if value is not None]
    if not values:
        return column.text(None)
    mean = column.text(sum(values) / len(values))
    if len(runs) == 1:
        return mean
    return f"{mean} ({column.text(min(values))} to {column.text(max(values))})"


def _result(
    config: TrainingConfig, budget: Budget, samples: int, found: dict[str, list[Figures]]
) -> Figures:
    runs = [run for of_variant in found.values() for run in of_variant]
    return {
        "version": 2,
        "budget": {
            "steps": budget.steps,
            "device": budget.device.type,
            "preset": config.preset,
            "seeds": list(budget.seeds),
            "cases": max(run["cases"] for run in runs),
            "samples": samples,
            "cpu_seconds": sum(run["cpu_seconds"] for run in runs),
        },
        "variants": {
            variant: {
                "preset": variant_config(config, variant, budget.steps).preset,
                "runs": of_variant,
            }
            for variant, of_variant in found.items()
        },
    }


def _trained(weights: Path, device: torch.device) -> Trained:
    model, contract = load_model(weights, device)
    # the network's own field: refinement would hide what a variant's alignment is worth
    fuse_pair = functools.partial(
        fuse, model=model, contract=contract, device=str(device), refine="off"
    )
    return Trained(fuse_pair, contract.sha256, model)
