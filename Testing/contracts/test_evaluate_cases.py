"""`unifuse evaluate` on case folders: figures of known answers, broken cases, resuming,
determinism.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from Testing.contracts.evaluate_standins import Result, identity, make_index, reported
from UniFuseLib.cli import main
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.evaluate import evaluate
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.evaluation.tables import results_table
from UniFuseLib.simulation.tasks import PAPER_TASKS
from UniFuseLib.spatial.volume import Volume


def shifted(shift: np.ndarray):
    def fuse(degraded: Volume, reference: Volume, **modalities: str) -> Result:
        moved = np.zeros((*reference.array.shape, 3)) + shift
        restored = Volume(pull(degraded, moved, reference.grid), reference.affine)
        result = identity(degraded, reference, **modalities)
        return Result(result.fused, restored, moved, result.probabilities, result.label)

    return fuse


def without_seconds(content):
    if isinstance(content, dict):
        return {k: without_seconds(v) for k, v in content.items() if "seconds" not in k}
    return [without_seconds(v) for v in content] if isinstance(content, list) else content


def test_identity_scores_exactly_the_simulated_displacement(case_folder, shifts, tmp_path):
    found = evaluate(case_folder, tmp_path, identity, checksum="w").summary
    for name, task in zip("abc", PAPER_TASKS, strict=True):
        length = np.linalg.norm(shifts[name])
        row = found["summary"][task]
        for key in ("mean", "median", "p95", "worst"):
            assert row["tre_mm"][key] == pytest.approx(length, abs=1e-5)
            assert row["tre_mm"][key] == row["tre_before_mm"][key]
        assert row["folds_percent"] == 0.0
    assert found["summary"]["mr"]["class_accuracy"] == 1.0
    assert found["summary"]["petct"]["class_accuracy"] == 0.0
    assert found["classification"]["accuracy"] == pytest.approx(2 / 3)


def test_a_class_that_is_not_stated_counts_neither_way(case_folder, tmp_path):
    """The answers are those of `identity`: right, right, wrong; none is stated of the CT."""
    lines: list[str] = []

    def silent_of_ct(degraded, reference, **modalities):
        stated = reported(class_calibrated=modalities["degraded_modality"] != "ct")
        return replace(identity(degraded, reference, **modalities), report=stated)

    found = evaluate(case_folder, tmp_path, silent_of_ct, checksum="w", log=lines.append).summary
    case = json.loads((tmp_path / "cases" / "b.json").read_text(encoding="utf-8"))
    assert case["class_found"] is None
    assert case["confidence"] is None
    assert "no class stated (truth: CT metal and noise)" in lines[1]
    assert found["classification"]["cases"] == 2
    assert found["classification"]["accuracy"] == pytest.approx(1 / 2)
    assert found["summary"]["ctmr"]["class_accuracy"] is None


def test_the_true_field_scores_zero_and_the_flipped_one_twice_the_shift(
    case_folder, shifts, tmp_path
):
    only = tmp_path / "cases"
    shutil.copytree(case_folder / "a", only / "a")
    make_index(only, ["a"])
    right = evaluate(only, tmp_path / "r", shifted(shifts["a"]), checksum="w").summary["summary"][
        "mr"
    ]
    assert right["tre_mm"]["worst"] == pytest.approx(0.0, abs=1e-5)
    assert right["alignment"]["cc"] > 0.9
    assert right["restoration_gain_db"] == pytest.approx(
        0.0, abs=1e-3
    )  # the untreated scan, aligned by the truth
    flipped = evaluate(only, tmp_path / "f", shifted(-shifts["a"]), checksum="w").summary[
        "summary"
    ]["mr"]
    assert flipped["tre_mm"]["mean"] == pytest.approx(14.0, abs=1e-4)
    assert flipped["alignment"]["cc"] < right["alignment"]["cc"] - 0.2
    swapped = evaluate(only, tmp_path / "s", shifted(shifts["a"][::-1]), checksum="w").summary[
        "summary"
    ]["mr"]
    assert swapped["tre_mm"]["mean"] == pytest.approx(
        np.linalg.norm(shifts["a"] - shifts["a"][::-1]), abs=1e-4
    )


def test_json_has_the_promised_keys(case_folder, tmp_path):
    found = evaluate(case_folder, tmp_path, identity, checksum="w").summary
    on_disk = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert on_disk == found
    assert set(found["summary"]) == set(PAPER_TASKS)
    assert found["bins"]["3-8"].keys() == {"mr", "petct"}
    for row in (found["summary"]["ctmr"], found["bins"]["0-3"]["ctmr"]):
        assert row["cases"] == 1
        assert {"mean", "median", "p95"} <= row["tre_before_mm"].keys() & row["tre_mm"].keys()
        assert {"mse", "cc", "psnr", "scd", "vif", "ssim"} <= row["fusion"].keys()
        for key in ("folds_percent", "class_accuracy", "calibration_error", "restoration_psnr_db",
                    "restoration_gain_db", "cpu_seconds"):  # fmt: skip
            assert isinstance(row[key], float), key


def test_two_runs_give_identical_figures(case_folder, tmp_path):
    first = evaluate(case_folder, tmp_path / "1", identity, checksum="w").summary
    second = evaluate(case_folder, tmp_path / "2", identity, checksum="w").summary
    assert without_seconds(first) == without_seconds(second)


def test_resume_runs_only_what_is_missing_or_of_other_weights(case_folder, tmp_path):
    calls: list[str] = []

    def counting(degraded, reference, **modalities):
        calls.append(modalities["degraded_modality"])
        return identity(degraded, reference, **modalities)

    first = evaluate(case_folder, tmp_path, counting, checksum="w").summary
    (tmp_path / "cases" / "b.json").write_text("{ cut off")
    again = evaluate(case_folder, tmp_path, counting, checksum="w", resume=True).summary
    assert calls == ["mr", "ct", "pet", "ct"]
    assert without_seconds(again) == without_seconds(first)
    evaluate(case_folder, tmp_path, counting, checksum="other", resume=True)
    assert len(calls) == 7


def test_baselines_run_on_the_same_cases_and_stand_beside_the_model(
    case_folder, shifts, tmp_path, monkeypatch
):
    def right(moving: Volume, fixed: Volume) -> np.ndarray:
        return np.zeros((*fixed.array.shape, 3)) + shifts["a"]

    def lost(moving: Volume, fixed: Volume) -> np.ndarray:
        raise RuntimeError("first line\nAll samples map outside moving image buffer.")

    registrations = {"rigid": right, "bspline": lost}
    monkeypatch.setattr(
        "UniFuseLib.evaluation.baseline_figures.registration", registrations.__getitem__
    )
    only = tmp_path / "cases"
    shutil.copytree(case_folder / "a", only / "a")
    make_index(only, ["a"])
    found = evaluate(only, tmp_path / "1", identity, checksum="w", baselines=["rigid", "bspline"])
    baselines = found.summary["groups"]["stress"]["baselines"]
    assert baselines["rigid"]["tre_mm"]["worst"] == pytest.approx(0.0, abs=1e-5)
    assert baselines["bspline"]["tre_mm"]["worst"] == pytest.approx(7.0, abs=1e-5)
    assert (baselines["rigid"]["failed"], baselines["bspline"]["failed"]) == (0, 1)
    assert "7.00 / 7.00 / 7.00 (1 failed)" in found.tables
    assert "MI rigid" in found.tables
    case = json.loads((tmp_path / "1" / "cases" / "a.json").read_text(encoding="utf-8"))
    assert case["baselines"]["bspline"]["failed"] == "All samples map outside moving image buffer."
    assert case["warnings"] == ["a doubt"]


def test_resume_runs_again_where_a_baseline_is_missing(case_folder, tmp_path, monkeypatch):
    def still(moving: Volume, fixed: Volume) -> np.ndarray:
        return np.zeros((*fixed.array.shape, 3))

    monkeypatch.setattr("UniFuseLib.evaluation.baseline_figures.registration", lambda name: still)
    calls: list[str] = []

    def counting(degraded, reference, **modalities):
        calls.append(modalities["degraded_modality"])
        return identity(degraded, reference, **modalities)

    for baselines in ((), ("rigid",), ("rigid",), ()):
        evaluate(case_folder, tmp_path, counting, checksum="w", baselines=baselines, resume=True)
    assert calls == ["mr", "ct", "pet"] * 2


def test_unknown_baselines_are_refused(case_folder, tmp_path, capsys):
    arguments = ["evaluate", str(case_folder), "--output", str(tmp_path), "--no-overview"]
    assert main([*arguments, "--baselines", "rigid,magic"]) == InputError.exit_code
    assert "Unknown registrations magic" in capsys.readouterr().err


def test_case_reads_the_truth_as_ras(case_folder, shifts):
    case = read_case(case_folder, "a")
    np.testing.assert_allclose(case.truth, np.zeros_like(case.truth) + shifts["a"], atol=1e-5)
    assert case.body.dtype == bool


def test_results_table_has_a_row_per_task_and_one_for_all(case_folder, tmp_path):
    table = results_table(evaluate(case_folder, tmp_path, identity, checksum="w").summary)
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:]] == [
        "MR on MR",
        "CT on MR",
        "PET on CT",
        "all tasks",
    ]
    assert "7.00 → 7.00" in table
