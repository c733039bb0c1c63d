"""Worker processes: one death costs one case one more try, and nobody outlives the command."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from UniFuseLib.batch.case import Outcome, Task
from UniFuseLib.batch.processes import run_in_processes

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("batch_worker.py")
COMMAND = (sys.executable, str(WORKER))


@pytest.fixture(autouse=True)
def _pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONLY_PRETEND", "1")


def task(folder: Path, name: str) -> Task:
    return Task(str(folder), name, "/a.nii", "/b.nii", {"align": "none"}, {"name": name})


def outcomes(folder: Path, names: list[str], jobs: int = 1) -> dict[str, Outcome]:
    tasks = [task(folder, name) for name in names]
    return {one.name: one for one in run_in_processes(tasks, jobs, 1, COMMAND)}


def started(folder: Path) -> list[list[str]]:
    lines = (folder / "started").read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines]


def test_every_task_has_its_outcome_and_a_process_serves_many(tmp_path: Path) -> None:
    names = ["one", "fails", "prints", "two"]
    found = outcomes(tmp_path, names)
    assert {name: one.state for name, one in found.items()} == {
        "one": "done",
        "fails": "failed",
        "prints": "done",
        "two": "done",
    }
    assert found["fails"].sentence == "It is broken."
    assert len({process for *_, process in started(tmp_path)}) == 1


def test_two_jobs_work_side_by_side(tmp_path: Path) -> None:
    outcomes(tmp_path, ["waits_0.5", "waits_0.6", "one"], jobs=2)
    assert {slot for _, slot, _ in started(tmp_path)} == {"0", "1"}


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_killed_worker_costs_one_retry_and_then_only_its_own_case(tmp_path: Path) -> None:
    found = outcomes(tmp_path, ["dies", "stumbles", "exits", "one"])
    assert [found[name].state for name in ("dies", "stumbles", "exits", "one")] == [
        "failed",
        "done",
        "failed",
        "done",
    ]
    assert "signal 9" in found["dies"].sentence
    assert "memory" in found["dies"].sentence
    assert "exit code 3" in found["exits"].sentence
    tries = Counter(name for name, *_ in started(tmp_path))
    assert tries == {"dies": 2, "stumbles": 2, "exits": 2, "one": 1}


def test_stopping_ends_the_workers(tmp_path: Path) -> None:
    names = ["one", *(f"waits_{n}" for n in range(60, 64))]
    tasks = [task(tmp_path, name) for name in names]
    running = run_in_processes(tasks, 2, 1, COMMAND)
    assert next(running).state == "done"
    running.close()  # type: ignore[attr-defined]
    before = started(tmp_path)
    assert all(not alive(int(process)) for *_, process in before)
    time.sleep(0.3)
    assert started(tmp_path) == before  # nobody was started again


def test_a_command_that_cannot_be_started_is_a_sentence(tmp_path: Path) -> None:
    found = list(run_in_processes([task(tmp_path, "one")], 1, 1, ("/no/such/program",)))
    assert "could not be started" not in found[0].sentence
    assert "No worker process" in found[0].sentence


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_workers_end_with_a_command_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from UniFuseLib.batch.case import Task\n"
        "from UniFuseLib.batch.processes import run_in_processes\n"
        f"task = Task({str(tmp_path)!r}, 'waits_60', '/a', '/b', {{}}, {{}})\n"
        f"list(run_in_processes([task], 1, 1, {COMMAND!r}))\n"
    )
    command = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    wait_until((tmp_path / "started").exists)
    worker = int(started(tmp_path)[0][-1])
    assert alive(worker)
    command.send_signal(signal.SIGKILL)
    command.wait()
    wait_until(lambda: not alive(worker))


def test_the_worker_of_the_package_can_be_found() -> None:
    assert importlib.util.find_spec("UniFuseLib.batch.worker") is not None


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
    except OSError:
        return False
    return state.split()[0] not in ("Z", "X")


def wait_until(true: object, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)
