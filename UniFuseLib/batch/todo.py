"""What is left to do: finished cases stay, unless they were made from something else."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from UniFuseLib.batch.case import STATE_FOLDER, Case, LeftOut, Plan, Task
from UniFuseLib.batch.record import differences, read_record, record_of
from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io.file_lock import LocksUnsupportedError, try_lock
from UniFuseLib.io.output_folder import disk_advice, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from UniFuseLib.progress import Log

Changed = Literal["refuse", "keep", "redo"]
_SHOWN = 5  # cases named in one sentence


class Todo(NamedTuple):
    """A plan, compared with what lies in the output folder."""

    tasks: tuple[Task, ...]
    finished: tuple[str, ...]  # names
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


@contextmanager
def batch_folder(output: Path, log: Log) -> Iterator[None]:
    """The output folder, for one batch at a time.

    Raises:
        OutputError: another batch is at work there, or the folder cannot be made.
    """
    state = output / STATE_FOLDER
    make_folder(state)
    try:
        with disk_advice(state):
            lock = try_lock(state / "batch.lock")
    except LocksUnsupportedError:
        log(f"This drive cannot lock files: do not start a second batch into {output} meanwhile.")
        yield
        return
    if lock is None:
        raise OutputError(
            f"Another batch is writing into {output}. Wait until it has ended, or choose another "
            "folder."
        )
    with contextlib.closing(lock):
        yield


def todo(plan: Plan, output: Path, weights_sha256: str, changed: Changed) -> Todo:
    """Tasks for every case that has no finished result.

    Args:
        plan: all cases.
        output: folder of the batch.
        weights_sha256: of the weights that new results are made with.
        changed: what happens to finished cases that were made from other files or options.

    Raises:
        InputError: there are such cases, and `changed` is `refuse`.
    """
    tasks: list[Task] = []
    finished: list[str] = []
    left_out = list(plan.left_out)
    others: dict[str, list[str]] = {}
    versions: set[str] = set()
    for case in plan.cases:
        task = _task(case, output, weights_sha256)
        found = read_record(task.target)
        if found is None:
            reason = _occupied(task.target)
            if reason:
                left_out.append(LeftOut(case.name, reason))
            else:
                tasks.append(task)
            continue
        apart = differences(found, task.record)
        if apart:
            others[case.name] = apart
        if apart and changed == "redo":
            tasks.append(_replacing(task))
            continue
        finished.append(case.name)
        versions.add(str(found.get("unifuse")))
    if others and changed == "refuse":
        raise InputError(_refusal(output, others))
    notes = (*plan.notes, *_notes(others, changed, versions))
    return Todo(tuple(tasks), tuple(finished), tuple(left_out), notes)


def _task(case: Case, output: Path, weights_sha256: str) -> Task:
    record = record_of(case, weights_sha256)
    files = str(case.degraded), str(case.reference)
    return Task(str(output), case.name, *files, record["settings"], record)


def _replacing(task: Task) -> Task:
    return Task(**{**task.to_json(), "replace": True})


def _occupied(target: Path) -> str:
    """Why a case cannot come to its place; empty: it can."""
    if target.is_symlink():
        return f"{target} is a link, and results never leave the output folder. Remove it."
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return ""
    return f"{target} exists, but no batch has finished it. Move it away, or rename the case."


def _refusal(output: Path, others: dict[str, list[str]]) -> str:
    return (
        f"{_counted(others)} in {output} would come out differently now: {_listed(others)}. Add "
        "--redo-changed to compute them again, --keep-changed to leave them as they are, or choose "
        "another output folder."
    )


def _notes(others: dict[str, list[str]], changed: Changed, versions: set[str]) -> Iterator[str]:
    from UniFuseLib.version import __version__

    if others:
        done = "are computed again" if changed == "redo" else "stay as they are"
        yield f"{_counted(others)} {done}: {_listed(others)}."
    older = sorted(versions - {__version__})
    if older:
        yield f"Some finished cases were made by UniFuse {', '.join(older)}; this is {__version__}."


def _counted(others: dict[str, list[str]]) -> str:
    return f"{len(others)} finished case{'s' if len(others) > 1 else ''}"


def _listed(others: dict[str, list[str]]) -> str:
    named = [f"{name} ({', '.join(apart)})" for name, apart in list(others.items())[:_SHOWN]]
    more = len(others) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")
