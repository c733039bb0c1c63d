"""Groups of cases, and what the verdict said of them: rows of their own, who counts where."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from Testing.contracts.evaluate_standins import identity, make_index, remove_field, rewrite
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.evaluate import evaluate
from UniFuseLib.evaluation.group_table import groups_table
from UniFuseLib.evaluation.verdict_figures import said_of, verdict_figures, verdict_table
from UniFuseLib.report.report import VerdictReport

if TYPE_CHECKING:
    from pathlib import Path


def in_groups(case_folder: Path, folder: Path) -> Path:
    """`a` and `b` in groups of their own, `c` in the stress test."""
    shutil.copytree(case_folder, folder)
    rewrite(folder / "a" / "case.json", group="slab")
    rewrite(folder / "b" / "case.json", group="limb-ctmr")
    return folder


def test_groups_have_rows_of_their_own_and_leave_the_stress_test_alone(
    case_folder, shifts, tmp_path
):
    folder = in_groups(case_folder, tmp_path / "cases")
    evaluation = evaluate(folder, tmp_path / "out", identity, checksum="w")
    found = evaluation.summary
    assert list(found["groups"]) == ["stress", "limb-ctmr", "slab"]
    for name, group in (("a", "slab"), ("b", "limb-ctmr"), ("c", "stress")):
        length = np.linalg.norm(shifts[name])
        assert found["groups"][group]["tre_mm"]["worst"] == pytest.approx(length, abs=1e-5)
    assert set(found["summary"]) == {"petct"}
    assert found["overall"]["cases"] == 1
    assert found["classification"]["cases"] == 3
    assert "| slab of 8 slices on whole head | 1 | 7.00 / 7.00 / 7.00 |" in evaluation.tables
    assert "3 cases" in evaluation.tables


def test_groups_without_a_stress_test_make_a_summary(case_folder, tmp_path):
    folder = in_groups(case_folder, tmp_path / "cases")
    make_index(folder, ["a", "b"])
    evaluation = evaluate(folder, tmp_path / "out", identity, checksum="w")
    assert evaluation.summary["overall"] == {"cases": 0}
    assert evaluation.summary["summary"] == {}
    assert "| limbs, CT on MR |" in evaluation.tables


def test_mean_median_and_worst_of_a_group_are_those_of_its_cases(case_folder, shifts, tmp_path):
    table = groups_table(evaluate(case_folder, tmp_path, identity, checksum="w").summary)
    lengths = [np.linalg.norm(shift) for shift in shifts.values()]
    three = f"{np.mean(lengths):.2f} / {np.median(lengths):.2f} / {max(lengths):.2f}"
    assert f"| stress test: 12-parameter misalignment | 3 | {three} | {three} | 0 | 0 |" in table


def test_a_refused_case_is_counted_in_its_group(case_folder, tmp_path):
    def refusing(degraded, reference, **modalities):
        if modalities["degraded_modality"] == "mr":
            raise InputError("The volumes share no place.")
        return identity(degraded, reference, **modalities)

    folder = in_groups(case_folder, tmp_path / "cases")
    rewrite(folder / "b" / "case.json", group="slab")
    evaluation = evaluate(folder, tmp_path / "out", refusing, checksum="w")
    assert evaluation.skipped == [
        {"id": "a", "reason": "The volumes share no place.", "group": "slab"}
    ]
    row = next(line for line in groups_table(evaluation.summary).splitlines() if "slab" in line)
    assert [cell.strip() for cell in row.split("|")][-4:-1] == ["0", "1", "0 / 1 / 0"]


def test_a_group_that_was_refused_as_a_whole_has_a_row(case_folder, tmp_path):
    folder = in_groups(case_folder, tmp_path / "cases")
    remove_field(folder / "a")
    table = groups_table(evaluate(folder, tmp_path / "out", identity, checksum="w").summary)
    assert "| slab of 8 slices on whole head | 0 | – | – | – | 1 | – |" in table


@pytest.mark.parametrize(
    ("trust", "error", "row"),
    [
        ("green", 2.0, "| 2 mm and less | 1 | 0 | 0 |"),
        ("amber", 2.5, "| 2 to 3 mm | 0 | 1 | 0 |"),
        ("red", 8.0, "| 3 to 8 mm | 0 | 0 | 1 |"),
        ("green", 8.1, "| over 8 mm | 1 | 0 | 0 |"),
    ],
)
def test_a_verdict_is_counted_at_the_error_that_was_made(trust, error, row):
    said = said_of(VerdictReport(trust, 0.1, 3.0, (1.0, 8.0)))
    figures = verdict_figures([{"tre_mm": {"mean": error}, "verdict": said}, {"verdict": None}])
    assert row in verdict_table(figures)
    assert figures is not None
    assert figures["interval_holds"] == (error <= 8)


def test_without_a_verdict_nothing_is_counted(case_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("Testing.contracts.evaluate_standins.JUDGED", VerdictReport())
    summary = evaluate(case_folder, tmp_path, identity, checksum="w").summary
    assert summary["verdict"] is None
    assert "No case was judged." in (tmp_path / "summary.md").read_text(encoding="utf-8")
