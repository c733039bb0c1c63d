"""`unifuse evaluate` on case folders: figures of known answers, broken cases, resuming,
determinism.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from UniFuseLib.cli import COMMANDS, main, parser
from UniFuseLib.errors import InputError, MissingDependencyError, OutputError
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.evaluate import evaluate, named
from UniFuseLib.evaluation.group_table import groups_table
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.evaluation.tables import results_table
from UniFuseLib.evaluation.verdict_figures import said_of, verdict_figures, verdict_table
from UniFuseLib.io.volumes import read_displacement, read_volume, write_displacement, write_volume
from UniFuseLib.report import VerdictReport
from UniFuseLib.simulation.case_folder import read_index
from UniFuseLib.simulation.tasks import PAPER_TASKS
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path


def make_index(folder: Path, names: list[str]) -> None:
    (folder / "cases.json").write_text(json.dumps({"version": 1, "cases": names}))


JUDGED = VerdictReport("amber", 0.4, 2.0, (0.0, 1000.0))


@dataclass(frozen=True)
class Result:
    fused: Volume
    restored: Volume
    displacement: np.ndarray
    probabilities: dict[str, float]
    label: str
    report: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(warnings=("a doubt",), verdict=JUDGED)
    )


def identity(
    degraded: Volume, reference: Volume, *, degraded_modality: str, reference_modality: str
) -> Result:
    """Does nothing: shows the degraded volume where its header says it lies."""
    here = pull(degraded, None, reference.grid)
    still = np.zeros((*reference.array.shape, 3), np.float32)
    fused = Volume(np.full(reference.array.shape, 0.5, np.float32), reference.affine)
    answer = {"mr": "mr_motion", "ct": "ct_metal_noise", "pet": "clean"}[degraded_modality]
    others = {
        n: 0.1 for n in ("clean", "mr_motion", "ct_metal_noise", "pet_low_dose") if n != answer
    }
    return Result(fused, Volume(here, reference.affine), still, {answer: 0.7, **others}, answer)


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
    monkeypatch.setattr(f"{__name__}.JUDGED", VerdictReport())
    summary = evaluate(case_folder, tmp_path, identity, checksum="w").summary
    assert summary["verdict"] is None
    assert "No case was judged." in (tmp_path / "summary.md").read_text(encoding="utf-8")


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


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}))


def remove_field(case: Path) -> None:
    (case / "field.nii.gz").unlink()


def crop_body(case: Path) -> None:
    body = read_volume(case / "body.nii.gz")
    write_volume(Volume(body.array[..., :-1], body.affine), case / "body.nii.gz")


def move_clean(case: Path) -> None:
    clean = read_volume(case / "clean_aligned.nii.gz")
    affine = clean.affine.copy()
    affine[0, 3] += 1.0
    write_volume(Volume(clean.array, affine), case / "clean_aligned.nii.gz")


def flip_truth(case: Path) -> None:
    truth, grid = read_displacement(case / "field.nii.gz")
    write_displacement(-truth, grid, case / "field.nii.gz")


def lengthen(case: Path) -> None:
    rewrite(case / "case.json", mean_displacement_mm=9.0)


def rename_class(case: Path) -> None:
    rewrite(case / "case.json", **{"class": "blurry"})


def empty_body(case: Path) -> None:
    body = read_volume(case / "body.nii.gz")
    write_volume(Volume(np.zeros_like(body.array), body.affine), case / "body.nii.gz")


def truncate(case: Path) -> None:
    path = case / "degraded.nii.gz"
    path.write_bytes(path.read_bytes()[:400])


def leave(case: Path) -> None:
    text = json.loads((case / "case.json").read_text())
    text["files"]["body"] = "../b/body.nii.gz"
    (case / "case.json").write_text(json.dumps(text))


BROKEN = [
    (remove_field, "missing field.nii.gz"),
    (crop_body, "body contradicts the geometry"),
    (move_clean, "clean_aligned contradicts the geometry"),
    (flip_truth, "wrong sign"),
    (lengthen, "case.json says 9.00"),
    (rename_class, "expected class"),
    (empty_body, "body mask is empty"),
    (truncate, "degraded.nii.gz"),
    (lambda case: (case / "case.json").write_text("no json"), "case.json"),
    (leave, "lies in another folder"),
    (lambda case: (case / "case.json").unlink(), "case.json"),
]


@pytest.mark.parametrize(("spoil", "message"), BROKEN, ids=[m for _, m in BROKEN])
def test_broken_cases_are_named_skipped_and_the_run_goes_on(case_folder, tmp_path, spoil, message):
    folder = tmp_path / "cases"
    shutil.copytree(case_folder, folder)
    spoil(folder / "a")
    found = evaluate(folder, tmp_path / "out", identity, checksum="w")
    assert [s["id"] for s in found.skipped] == ["a"]
    assert message in found.skipped[0]["reason"]
    assert found.summary["ids"] == ["b", "c"]
    assert "a (" in named(found.skipped)
    assert "Skipped cases" in found.tables


def test_a_method_that_fails_on_one_case_does_not_end_the_run(case_folder, tmp_path):
    def fragile(degraded, reference, **modalities):
        if modalities["degraded_modality"] == "ct":
            raise InputError("The degraded volume is constant.")
        return identity(degraded, reference, **modalities)

    found = evaluate(case_folder, tmp_path, fragile, checksum="w")
    assert [s["id"] for s in found.skipped] == ["b"]


def test_a_failing_picture_costs_no_figures(case_folder, tmp_path):
    def failing(*args: object) -> None:
        raise ValueError("no mathematics")

    lines: list[str] = []
    found = evaluate(case_folder, tmp_path, identity, checksum="w", draw=failing, log=lines.append)
    assert not found.skipped
    assert len(found.summary["ids"]) == 3
    assert sum("overview.png was not drawn: no mathematics" in line for line in lines) == 3


def test_output_that_is_not_finite_is_a_failure_not_a_score(case_folder, tmp_path):
    def broken(degraded, reference, **modalities):
        result = identity(degraded, reference, **modalities)
        return Result(
            result.fused,
            result.restored,
            np.full_like(result.displacement, np.nan),
            result.probabilities,
            result.label,
        )

    assert len(evaluate(case_folder, tmp_path, broken, checksum="w").skipped) == 3


def test_an_output_that_is_a_file_is_refused_before_any_case_is_run(case_folder, tmp_path):
    def never(*args: object, **modalities: str) -> Result:
        raise AssertionError("a case was run")

    (tmp_path / "file").touch()
    for output in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="Cannot write"):
            evaluate(case_folder, output, never, checksum="w")


@pytest.mark.parametrize("command", ["evaluate", "bench"])
@pytest.mark.parametrize("number", ["0", "-3", "1.5", "all"])
def test_a_number_of_cases_is_a_whole_one(command, number, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args([command, "cases", "--output", "out", "--limit", number])
    assert f"expected a whole number of at least 1, got {number}" in capsys.readouterr().err
    assert parser().parse_args([command, "cases", "--output", "out", "--limit", "2"]).limit == 2


@pytest.mark.parametrize("command", ["evaluate", "bench"])
def test_missing_matplotlib_says_what_to_install(
    command, case_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert (
        main([command, str(case_folder), "--output", str(tmp_path)])
        == MissingDependencyError.exit_code
    )
    assert "pip install matplotlib" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_offers_a_device_that_is_refused(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "mps" not in capsys.readouterr().out


def test_index_must_be_there_and_of_this_version(tmp_path):
    with pytest.raises(InputError, match=r"cases\.json"):
        read_index(tmp_path)
    (tmp_path / "cases.json").write_text('{"version": 9, "cases": ["a"]}')
    with pytest.raises(InputError, match="version 1"):
        read_index(tmp_path)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "/tmp/x", "", "=1", "con", ".hidden"])
def test_case_ids_stay_in_their_folder(tmp_path, name):
    make_index(tmp_path, ["a", name])
    with pytest.raises(InputError, match="expected case ids"):
        read_index(tmp_path)


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
