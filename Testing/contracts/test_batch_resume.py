"""A batch that goes on: what is finished stays, what is half-done is not taken for finished."""

from __future__ import annotations

import csv
import io
import json
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from UniFuseLib.batch import processes
from UniFuseLib.batch.case import STATE_FOLDER
from UniFuseLib.cli import main
from UniFuseLib.commands.progress import stopped_by
from UniFuseLib.errors import CasesFailedError, InputError, OutputError
from UniFuseLib.io.file_lock import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKER = (sys.executable, str(Path(__file__).with_name("batch_worker.py")))


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONLY_PRETEND", raising=False)
    quick = partial(processes.run_in_processes, command=WORKER)
    monkeypatch.setattr(processes, "run_in_processes", quick)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in ("a.nii", "b.nii"):
        (tmp_path / name).write_bytes(b"volume")
    return tmp_path / "table.csv"


def batch(table: Path, names: list[str], *more: str) -> int:
    rows = [f"a.nii,b.nii,{name}" for name in names]
    table.write_text("\n".join(["degraded,reference,name", *rows]), encoding="utf-8")
    output = str(table.parent / "out")
    return main(["batch", str(table), "-o", output, "--jobs", "1", *more])


def computed(table: Path) -> list[str]:
    """Names in the order in which their computation began, of all runs."""
    lines = (table.parent / "out" / "started").read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines]


def summary(table: Path) -> dict[str, dict[str, str]]:
    text = (table.parent / "out" / "summary.csv").read_text(encoding="utf-8")
    return {row["name"]: row for row in csv.DictReader(io.StringIO(text))}


def test_finished_cases_are_not_computed_again_and_failed_ones_are(table: Path) -> None:
    assert batch(table, ["one", "fails", "two"]) == CasesFailedError.exit_code
    assert [row["state"] for row in summary(table).values()] == ["done", "failed", "done"]
    assert summary(table)["fails"]["sentence"] == "It is broken."
    assert batch(table, ["one", "fails", "two", "three"]) == CasesFailedError.exit_code
    assert computed(table) == ["one", "fails", "two", "fails", "three"]


def test_all_done_is_exit_code_zero(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch(table, ["one"], "--json", "--quiet") == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "done"
    assert batch(table, ["one"]) == 0
    assert "1 of 1 cases are finished already" in capsys.readouterr().err
    assert computed(table) == ["one"]


def test_other_options_are_noticed_and_said(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch(table, ["one"])
    assert batch(table, ["one"], "--align", "rigid") == InputError.exit_code
    said = capsys.readouterr().err
    assert "one (align was deformable, now rigid)" in said
    assert "--redo-changed" in said
    assert batch(table, ["one"], "--align", "rigid", "--keep-changed") == 0
    assert "1 finished case stay as they are" in capsys.readouterr().err
    assert computed(table) == ["one"]


def test_a_switch_that_an_older_record_does_not_know_was_off(table: Path) -> None:
    assert batch(table, ["one"]) == 0
    path = next(table.parent.rglob("case.json"))
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["settings"].pop("uncertainty") is False
    path.write_text(json.dumps(record), encoding="utf-8")
    assert batch(table, ["one"]) == 0
    assert batch(table, ["one"], "--uncertainty") == InputError.exit_code
    assert computed(table) == ["one"]


def test_a_changed_input_is_noticed_and_an_archived_one_is_no_change(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch(table, ["one"])
    (table.parent / "a.nii").write_bytes(b"another volume")
    assert batch(table, ["one"]) == InputError.exit_code
    assert "the degraded file is another one" in capsys.readouterr().err
    (table.parent / "a.nii").unlink()
    assert batch(table, ["one"]) == 0


def test_a_changed_mask_is_noticed(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = table.parent / "mask.nii"
    mask.write_bytes(b"one")
    batch(table, ["one"], "--reference-mask", str(mask))
    mask.write_bytes(b"another")
    code = batch(table, ["one"], "--reference-mask", str(mask))
    assert code == InputError.exit_code
    assert "the file of reference-mask was changed" in capsys.readouterr().err


def test_body_is_no_file(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (table.parent / "body").write_bytes(b"a file of that name")
    assert batch(table, ["one"], "--reference-mask", "body") == 0
    (table.parent / "body").write_bytes(b"changed")
    assert batch(table, ["one"], "--reference-mask", "body") == 0
    assert batch(table, ["one"]) == InputError.exit_code
    assert "reference-mask was body, now not given" in capsys.readouterr().err


def test_the_device_is_no_part_of_the_result(table: Path) -> None:
    batch(table, ["one"])
    assert batch(table, ["one"], "--device", "cpu") == 0


def test_a_folder_that_no_batch_finished_is_neither_taken_nor_replaced(table: Path) -> None:
    folder = table.parent / "out" / "one"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text("{}", encoding="utf-8")
    assert batch(table, ["one", "two"]) == CasesFailedError.exit_code
    assert "no batch has finished it" in summary(table)["one"]["sentence"]
    assert summary(table)["two"]["state"] == "done"
    assert (folder / "report.json").read_text(encoding="utf-8") == "{}"


def test_a_link_never_leads_results_out_of_the_folder(table: Path) -> None:
    outside = table.parent / "outside"
    outside.mkdir()
    (table.parent / "out").mkdir()
    (table.parent / "out" / "one").symlink_to(outside, target_is_directory=True)
    assert batch(table, ["one"]) == CasesFailedError.exit_code
    assert "is a link" in summary(table)["one"]["sentence"]
    assert not any(outside.iterdir())


def test_a_second_batch_into_the_same_folder_is_refused(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch(table, ["one"])
    lock = try_lock(table.parent / "out" / STATE_FOLDER / "batch.lock")
    assert lock is not None
    with lock:
        assert batch(table, ["one"]) == OutputError.exit_code
    assert "Another batch is writing" in capsys.readouterr().err


def test_progress_is_one_object_a_line_with_the_time_left(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch(table, ["one", "fails"], "--progress", "json")
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in capsys.readouterr().out.split("\n")[:-1]
    ]
    assert [line.get("fraction") for line in lines] == [0.5, 1.0, None]
    assert lines[0]["case"]["name"] == "one"
    assert lines[0]["seconds_left"] >= 0
    assert lines[-1]["cases"] == {"done": 1, "failed": 1, "open": 0}
    assert [row["name"] for row in lines[-1]["rows"]] == ["one", "fails"]


def test_an_error_ends_the_json_lines_too(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch(table, [], "--progress", "json")
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["done"] is True
    assert "No case found" in last["error"]


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["heard", "ignored"])
def on_interrupt(request: pytest.FixtureRequest) -> Iterator[object]:
    """What Ctrl-C does: shells start jobs with `&` that ignore it."""
    before = signal.signal(signal.SIGINT, request.param)
    yield request.param
    signal.signal(signal.SIGINT, before)


def test_stopping_leaves_a_summary_with_open_cases(table: Path, on_interrupt: object) -> None:
    stop = table.parent / "stop"
    stop.touch()
    code = batch(table, ["waits_30", "one"], "--cancel-file", str(stop))
    assert code == 130
    assert signal.getsignal(signal.SIGINT) is on_interrupt
    assert {row["state"] for row in summary(table).values()} == {"open"}


def test_ctrl_c_stays_ignored_where_it_was(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopped_by(tmp_path / "stop"):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
