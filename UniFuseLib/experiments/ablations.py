"""Tables 4 and 5 of the paper: every variant trained alike for one small budget, then measured on
the same cases.

The budget is a number of optimiser steps, equal for all variants, with the same seed, crops and
learning rates. It is
far below a full training: the tables rank the variants under this budget, they do not show what
each could reach.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from UniFuseLib.checkpoint import load_model
from UniFuseLib.evaluation.evaluate import Fuse, evaluate
from UniFuseLib.evaluation.tables import markdown, number
from UniFuseLib.io.json_files import plain, write_json, write_text
from UniFuseLib.predict import fuse
from UniFuseLib.training.train import train

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from UniFuseLib.training.config import TrainingConfig

Figures = dict[str, Any]
Report = Callable[[str], None]
Train = Callable[..., Any]

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
TABLE_5 = {
    "0": "j0",
    "2": "j2",
    "3": "j3",
    "4": OURS,
    "5": "j5",
}  # rows: J, the number of RegBLKs; ours has 4
COLUMNS = ("mse", "cc", "psnr", "vif", "ssim")  # the paper's, without Q_scd


@dataclass(frozen=True)
class Budget:
    """Attributes: steps: of the optimiser, per variant. device: where training and evaluation
    run.
    """

    steps: int
    device: torch.device


def run_ablations(
    cases: Path,
    output: Path,
    config: TrainingConfig,
    budget: Budget,
    *,
    report: Report = lambda _: None,
    train_variant: Train = train,
    fuse_with: Callable[[Path], tuple[Fuse, str]] | None = None,
) -> Figures:
    """Train and evaluate all variants, write `ablations.json` and `ablations.md` into `output`;
    returns the JSON.

    Resumes: a variant that is trained goes on from its checkpoint, measured cases are kept.

    Args:
        cases: made by `unifuse simulate`.
        config: what all variants share; its preset is the base that each variant changes in one
            place.
        train_variant: `training.train.train`. fuse_with: weights → (fuse, checksum); both replaced
            in tests.
    """
    load = fuse_with or functools.partial(_fuse_with, device=budget.device)
    variants = list(dict.fromkeys([*TABLE_4.values(), *TABLE_5.values()]))
    found: dict[str, Figures] = {}
    for number_, variant in enumerate(variants, 1):
        report(f"[{number_}/{len(variants)}] {variant}")
        started = time.process_time()
        chosen = variant_config(config, variant, budget.steps)
        folder = output / "ablations" / variant
        train_variant(chosen, folder, budget.device, None, report)
        with_weights, checksum = load(folder / f"{chosen.name}.safetensors")
        measured = evaluate(
            cases, folder / "evaluation", with_weights, checksum=checksum, resume=True
        )
        overall = measured.summary["overall"]
        found[variant] = {
            "preset": chosen.preset,
            "weights_sha256": checksum,
            "cases": overall["cases"],
            "fusion": overall.get("fusion"),
            "tre_mm": overall.get("tre_mm"),
            "class_accuracy": overall.get("class_accuracy"),
            "skipped": measured.skipped,
            "cpu_seconds": time.process_time() - started,
        }
    result = plain(_result(config, budget, found))
    write_json(result, output / "ablations.json")
    write_text(ablation_tables(result), output / "ablations.md")
    return result


def variant_config(config: TrainingConfig, variant: str, steps: int) -> TrainingConfig:
    """The shared configuration with one part of the network replaced and the schedule cut to
    `steps`.
    """
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
    b = result["budget"]
    return (
        f"Every variant: {b['steps']} steps, preset {b['preset']}, seed {b['seed']}, {b['cases']} cases. "
        "A small, equal budget: the order of the rows counts, not their height.\n\n"
        f"### Table 4: DAPL, OUFR and UFR&F\n\n{_table('Setting', TABLE_4, result)}\n"
        f"### Table 5: number of RegBLKs J\n\n{_table('N-J', TABLE_5, result)}"
    )


def _table(title: str, rows: dict[str, str], result: Figures) -> str:
    header = (title, "Q_mse ↓", "Q_cc ↑", "Q_psnr ↑", "Q_vif ↑", "Q_ssim ↑", "TRE mm ↓")
    return markdown(
        header, [(name, *_cells(result["variants"][variant])) for name, variant in rows.items()]
    )


def _cells(variant: Figures) -> list[str]:
    if not variant["cases"]:
        return ["–"] * (len(COLUMNS) + 1)
    return [*(number(variant["fusion"][k], 4) for k in COLUMNS), number(variant["tre_mm"]["mean"])]


def _result(config: TrainingConfig, budget: Budget, found: dict[str, Figures]) -> Figures:
    return {
        "version": 1,
        "budget": {
            "steps": budget.steps,
            "device": budget.device.type,
            "preset": config.preset,
            "seed": config.seed,
            "cases": max(v["cases"] for v in found.values()),
            "cpu_seconds": sum(v["cpu_seconds"] for v in found.values()),
        },
        "variants": found,
    }


def _fuse_with(weights: Path, device: torch.device) -> tuple[Fuse, str]:
    model, contract = load_model(weights, device)
    # the network's own field: refinement would hide what a variant's alignment is worth
    measured = functools.partial(
        fuse, model=model, contract=contract, device=str(device), refine="off"
    )
    return measured, contract.sha256
