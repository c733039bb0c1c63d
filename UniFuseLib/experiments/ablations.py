"""Tables 4 and 5 of the paper: every variant trained and measured alike, for one small budget.

The budget is a number of optimiser steps, equal for all variants, with the same seed, crops and
learning rates. It is far below a full training: the tables rank the variants under this budget,
they do not show what each could reach.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from UniFuseLib.checkpoint import load_model
from UniFuseLib.evaluation.evaluate import Evaluation, Fuse, evaluate
from UniFuseLib.evaluation.markdown import markdown, number
from UniFuseLib.evaluation.tables import FUSION_TITLES
from UniFuseLib.io.json_files import plain, write_json, write_text
from UniFuseLib.predict import fuse
from UniFuseLib.progress import Log, silent
from UniFuseLib.training.train import train

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from UniFuseLib.evaluation.summary import Figures
    from UniFuseLib.training.config import TrainingConfig

Train = Callable[..., Any]  # `training.train.train`
Load = Callable[["Path"], tuple[Fuse, str]]  # weights → (fuse, checksum)

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
COLUMNS = ("mse", "cc", "psnr", "vif", "ssim")  # the paper's, without Q_scd


@dataclass(frozen=True)
class Budget:
    """What every variant gets.

    Attributes:
        steps: of the optimiser.
        device: where training and evaluation run.
    """

    steps: int
    device: torch.device


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
    """Train and evaluate all variants, write `ablations.json` and `ablations.md` into `output`.

    Resumes: a variant that is trained goes on from its checkpoint, measured cases are kept.

    Args:
        cases: folder made by `unifuse simulate`.
        output: folder of everything that is written.
        config: what all variants share; its preset is the base that each variant changes in one
            place.
        budget: of every variant.
        log: a line per step and case.
        train_variant: another training, for tests.
        load: another way from weights to `fuse`, for tests.

    Returns:
        The content of `ablations.json`.
    """
    load = load or functools.partial(_fuse_with, device=budget.device)
    variants = list(dict.fromkeys([*TABLE_4.values(), *TABLE_5.values()]))
    found: dict[str, Figures] = {}
    for place, variant in enumerate(variants, 1):
        log(f"[{place}/{len(variants)}] {variant}")
        started = time.process_time()
        chosen = variant_config(config, variant, budget.steps)
        folder = output / "ablations" / variant
        train_variant(chosen, folder, budget.device, None, log)
        fuse_pair, checksum = load(folder / f"{chosen.name}.safetensors")
        measured = evaluate(cases, folder / "evaluation", fuse_pair, checksum=checksum, resume=True)
        found[variant] = {
            "preset": chosen.preset,
            "weights_sha256": checksum,
            **_measured(measured),
            "cpu_seconds": time.process_time() - started,
        }
    result = plain(_result(config, budget, found))
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
    """Both tables in the paper's shape, with the budget above them."""
    budget = result["budget"]
    parts = [
        f"Every variant: {budget['steps']} steps, preset {budget['preset']}, "
        f"seed {budget['seed']}, {budget['cases']} cases. "
        "A small, equal budget: the order of the rows counts, not their height.",
        "### Table 4: DAPL, OUFR and UFR&F",
        _table("Setting", TABLE_4, result).rstrip(),
        "### Table 5: number of RegBLKs J",
        _table("N-J", TABLE_5, result),
    ]
    return "\n\n".join(parts)


def _table(title: str, rows: dict[str, str], result: Figures) -> str:
    header = (title, *(FUSION_TITLES[key] for key in COLUMNS), "TRE mm ↓")
    variants = result["variants"]
    cells = [(name, *_cells(variants[variant])) for name, variant in rows.items()]
    return markdown(header, cells)


def _cells(variant: Figures) -> list[str]:
    if not variant["cases"]:
        return ["–"] * (len(COLUMNS) + 1)
    fusion = [number(variant["fusion"][key], 4) for key in COLUMNS]
    return [*fusion, number(variant["tre_mm"]["mean"])]


def _result(config: TrainingConfig, budget: Budget, found: dict[str, Figures]) -> Figures:
    return {
        "version": 1,
        "budget": {
            "steps": budget.steps,
            "device": budget.device.type,
            "preset": config.preset,
            "seed": config.seed,
            "cases": max(variant["cases"] for variant in found.values()),
            "cpu_seconds": sum(variant["cpu_seconds"] for variant in found.values()),
        },
        "variants": found,
    }


def _fuse_with(weights: Path, device: torch.device) -> tuple[Fuse, str]:
    model, contract = load_model(weights, device)
    # the network's own field: refinement would hide what a variant's alignment is worth
    fuse_pair = functools.partial(
        fuse, model=model, contract=contract, device=str(device), refine="off"
    )
    return fuse_pair, contract.sha256
