"""Cases that are broken, methods that fail, wrong calls: named, and nothing else is lost."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from Testing.contracts.evaluate_standins import Result, identity, make_index, remove_field, rewrite
from UniFuseLib.cli import COMMANDS, main, parser
from UniFuseLib.errors import InputError, MissingDependencyError, OutputError
from UniFuseLib.evaluation.evaluate import evaluate, named
from UniFuseLib.io.volumes import read_displacement, read_volume, write_displacement, write_volume
from UniFuseLib.simulation.case_folder import read_index
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path


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
