"""`unifuse bench --ablations`: every variant gets the same budget and differs in one place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from Testing.contracts.evaluate_standins import Result
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.experiments.ablations import (
    OURS,
    TABLE_4,
    TABLE_5,
    Budget,
    Trained,
    ablation_tables,
    run_ablations,
    variant_config,
)
from UniFuseLib.network.build import preset
from UniFuseLib.spatial.volume import Volume
from UniFuseLib.training.config import TrainingConfig

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.evaluation.summary import Figures

# as the paper prints them
PAPER_ROWS = [
    *("Setting", "---", "Setting A", "Setting B", "Setting C", "Transformer", "Mamba"),
    *("w/o OUFR", "w/o LoRA", "Multi-Experts", "Ours", "N-J", "---", "0", "2", "3", "4", "5"),
]
CONFIG = TrainingConfig(
    name="base", data="train.pack", validation="val.pack", preset="small", seed=3
)


def fuse_with(weights: Path):
    """The farther a variant's name is in the alphabet, the larger its error."""
    error = float(ord(weights.stem[0]) - ord("a"))

    def fuse(degraded: Volume, reference: Volume, **_: str) -> Result:
        moved = np.zeros((*reference.array.shape, 3), np.float32)
        moved[..., 0] = error
        here = Volume(pull(degraded, moved, reference.grid), reference.affine)
        fused = Volume(np.full(reference.array.shape, 0.5, np.float32), reference.affine)
        return Result(fused, here, moved, {"clean": 1.0}, "clean")

    return Trained(fuse, weights.stem)


def test_variants_differ_from_ours_in_one_field_of_the_network_and_in_nothing_of_the_budget():
    ours = variant_config(CONFIG, OURS, 50)
    assert preset(ours.preset) == preset("small")
    for variant in {*TABLE_4.values(), *TABLE_5.values()} - {OURS}:
        chosen = variant_config(CONFIG, variant, 50)
        own, base = preset(chosen.preset).to_dict(), preset("small").to_dict()
        assert sum(own[k] != base[k] for k in base) == 1, variant
        assert replace(chosen, name=ours.name, preset=ours.preset) == ours


def test_tables_have_the_papers_rows_and_the_result_is_written(case_folder, tmp_path):
    trained: list[tuple[str, int]] = []

    def train(config: TrainingConfig, folder: Path, *_: object) -> None:
        trained.append((config.name, config.steps))

    result = run_ablations(
        case_folder,
        tmp_path,
        replace(CONFIG, validation=""),
        Budget(7, torch.device("cpu")),
        train_variant=train,
        load=fuse_with,
    )
    assert {steps for _, steps in trained} == {7}
    assert len(trained) == len({name for name, _ in trained}) == len(TABLE_4) + len(TABLE_5) - 1
    assert json.loads((tmp_path / "ablations.json").read_text(encoding="utf-8")) == result
    table = (tmp_path / "ablations.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert rows == PAPER_ROWS
    assert "7 steps" in table
    assert _error(result, "setting_a") != pytest.approx(_error(result, "j5"))


def test_every_seed_has_a_folder_and_the_tables_say_how_far_they_lie_apart(case_folder, tmp_path):
    trained: list[tuple[str, int, str]] = []

    def train(config: TrainingConfig, folder: Path, *_: object) -> None:
        trained.append((config.name, config.seed, folder.name))

    result = run_ablations(
        case_folder,
        tmp_path,
        replace(CONFIG, validation=""),
        Budget(7, torch.device("cpu"), seeds=(2, 5), variants=("j0", OURS)),
        train_variant=train,
        load=fuse_with,
    )
    assert trained == [
        ("j0", 2, "j0-2"),
        (OURS, 2, "ours-2"),
        ("j0", 5, "j0-5"),
        (OURS, 5, "ours-5"),
    ]
    assert [run["seed"] for run in result["variants"]["j0"]["runs"]] == [2, 5]
    rows = [line for line in ablation_tables(result).splitlines() if line.startswith("| ")]
    assert [row.split("|")[1].strip() for row in rows if "---" not in row] == [
        *("Setting", "Ours"),
        *("N-J", "0", "4"),
    ]
    for run, error in zip(result["variants"][OURS]["runs"], (1.0, 2.0), strict=True):
        run["tre_mm"]["mean"] = error
        run["network"] = {"tre_mm": 3 * error, "accuracy": error / 4}
    result["budget"]["samples"] = 12
    table = ablation_tables(result)
    assert "1.50 (1.00 to 2.00) |" in table
    assert "| 4.50 (3.00 to 6.00) |" in table
    assert "37.5 % (25.0 % to 50.0 %) |" in table
    assert "12 crops" in table


def _error(result: Figures, variant: str) -> float:
    error: float = result["variants"][variant]["runs"][0]["tre_mm"]["mean"]
    return error
