"""`--fusion` of `evaluate` and `bench`: other methods on what UniFuse aligned and restored."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from Testing.contracts.evaluate_standins import identity, make_index
from UniFuseLib.cli import main
from UniFuseLib.contract import standard_contract
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.bench.method import MODEL, OURS, Method
from UniFuseLib.evaluation.bench.rows import records
from UniFuseLib.evaluation.bench.run import CaseAnswers
from UniFuseLib.evaluation.bench.verdict import verdicts
from UniFuseLib.evaluation.case_evaluator import case_evaluator
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.evaluate import evaluate
from UniFuseLib.evaluation.fusion_table import fusion_means, methods_table
from UniFuseLib.evaluation.other_fusions import OtherFusions

CPU = torch.device("cpu")


def others(*names: str) -> OtherFusions:
    return OtherFusions(names, standard_contract(), CPU)


def case_with_restored(folder, name: str):
    """A case, and the answer of a model that restored and aligned it perfectly."""
    case = read_case(folder, name)
    modalities = {
        "degraded_modality": case.degraded_modality,
        "reference_modality": case.reference_modality,
    }
    result = identity(case.degraded, case.reference, **modalities)
    return case, replace(result, restored=case.clean_aligned)


def test_the_figures_are_those_of_the_two_clean_sources_fused(case_folder):
    case, result = case_with_restored(case_folder, "b")
    evaluator = case_evaluator(case)
    found = others("average", "maximum").figures(evaluator, result)
    sources = evaluator.clean, evaluator.reference
    for name, expected in (("average", sum(sources) / 2), ("maximum", np.maximum(*sources))):
        wanted = evaluator.fusion(expected)
        assert found[name]["fusion"].mse == pytest.approx(wanted.mse, rel=0.03)
        assert found[name]["fusion"].scd == pytest.approx(wanted.scd, rel=0.1)
        assert found[name]["fusion"].ssim == pytest.approx(wanted.ssim, rel=0.03)
    assert found["average"]["fusion"].mse < 0.8 * found["maximum"]["fusion"].mse
    assert all(f["cpu_seconds"] >= 0 for f in found.values())


def test_where_the_scan_has_no_data_the_reference_stands_alone(case_folder):
    case, result = case_with_restored(case_folder, "b")

    class Nowhere:
        restored = result.restored
        coverage = np.zeros_like(result.coverage)

    evaluator = case_evaluator(case)
    alone = evaluator.fusion(evaluator.reference)
    found = others("maximum").figures(evaluator, Nowhere())["maximum"]["fusion"]
    assert found.ssim == pytest.approx(alone.ssim, abs=0.03)
    assert found.cc == pytest.approx(alone.cc, abs=0.02)


def test_evaluate_writes_and_shows_every_method(case_folder, tmp_path):
    found = evaluate(case_folder, tmp_path, identity, checksum="w", fusions=others("maximum"))
    case = json.loads((tmp_path / "cases" / "b.json").read_text(encoding="utf-8"))
    row = found.summary["summary"]["ctmr"]["fusions"]["maximum"]
    assert row["cases"] == 1
    assert row["fusion"]["scd"] == case["fusions"]["maximum"]["fusion"]["scd"]
    shown = found.tables.split("## Fusion methods on the same aligned volumes")[1]
    assert "| CT on MR (1) | unifuse |" in shown
    assert "| CT on MR (1) | maximum |" in shown
    assert "Fusion methods" not in evaluate(case_folder, tmp_path, identity, checksum="w").tables


def test_resume_runs_again_where_a_method_is_missing(case_folder, tmp_path):
    calls: list[str] = []

    def counting(degraded, reference, **modalities):
        calls.append(modalities["degraded_modality"])
        return identity(degraded, reference, **modalities)

    only = tmp_path / "cases"
    shutil.copytree(case_folder / "a", only / "a")
    make_index(only, ["a"])
    for names in ((), ("average",), ("average",), ()):
        fusions = others(*names) if names else None
        evaluate(only, tmp_path, counting, checksum="w", fusions=fusions, resume=True)
    assert calls == ["mr"] * 2


def test_an_unknown_method_is_refused(case_folder, tmp_path, capsys):
    for command in ("evaluate", "bench"):
        arguments = [command, str(case_folder), "--output", str(tmp_path / "out")]
        assert main([*arguments, "--fusion", "average,magic"]) == InputError.exit_code
        assert "Unknown fusion method 'magic'" in capsys.readouterr().err


def figures(mse: float, others_mse: dict[str, float]) -> dict:
    fusion = {key: mse for key in ("mse", "cc", "psnr", "scd", "vif", "ssim", "vif_unit")}
    kept = {"retention": 0.7, "soft_tissue_contrast": None}
    own = {"fusion": fusion, **kept, "cases": 1}
    case = {
        "fusions": {
            name: {
                "fusion": dict.fromkeys(fusion, value),
                "retention": kept,
                "cpu_seconds": 2.0,
            }
            for name, value in others_mse.items()
        }
    }
    return {**own, "fusions": fusion_means([case])}


def test_the_best_is_bold_and_the_lowest_mse_is_best():
    lines = methods_table([("heads", figures(0.5, {"average": 0.25}))]).splitlines()
    unifuse, average = (line.split(" | ") for line in lines[2:])
    assert unifuse[2:4] == ["0.5000", "**0.500**"]
    assert average[2:4] == ["**0.2500**", "0.250"]
    assert methods_table([("heads", {**figures(0.5, {}), "fusions": {}})]) == ""


def test_bench_shows_them_beside_the_model_and_not_as_its_rivals():
    tre = {"mean": 1.0, "median": 1.0, "p95": 1.0}
    fused = figures(0.5, {})["fusion"]
    own = {
        "before": {"tre_mm": tre, "dice": None},
        "registration": {"tre_mm": tre},
        "restoration": {"psnr_db": 20.0},
        "fusion": fused,
        "cost": {"cpu_seconds": 8.0, "wall_seconds": 9.0, "peak_mb": 100.0},
        "fusions": {"maximum": {"fusion": fused, "cpu_seconds": 2.0, "wall_seconds": 3.0}},
        "class_found": "clean",
        "confidence": 0.9,
    }
    found = records({"id": "x", "class": "clean"}, CaseAnswers(ours=own))
    other = Method(MODEL, MODEL, "maximum")
    assert other.title == "UniFuse, fused by maximum"
    assert (found[OURS]["cpu_seconds"], found[other]["cpu_seconds"]) == (8.0, 10.0)
    summary = {"ctmr": {"class_accuracy": 1.0, "fusion": fused}}
    rows = [{**m._asdict(), "summary": summary} for m in (OURS, other)]
    assert [line["criterion"] for line in verdicts(rows)["ctmr"]] == ["classification ≥ 98 %"]
