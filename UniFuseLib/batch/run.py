"""A whole batch: what is left to do, an engine that does it, and the summary."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.batch.page import write_page
from UniFuseLib.batch.summary import SummaryRow, finished_row, write_csv
from UniFuseLib.batch.todo import Changed, Todo, batch_folder, todo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from UniFuseLib.batch.case import Outcome, Plan, Task
    from UniFuseLib.progress import Log

    Engine = Callable[[Sequence[Task]], Iterator[Outcome]]

# the page holds every thumbnail: with a thousand cases one of it takes about a second
_SUMMARY_EVERY_S = 60.0


class CaseEnded(NamedTuple):
    """What `progress` is called with when a case has ended."""

    outcome: Outcome
    ended: int  # cases of this run, this one included
    total: int  # cases of this run
    seconds_left: float  # at the pace up to now


def run_batch(
    plan: Plan,
    output: Path,
    weights_sha256: str,
    changed: Changed,
    engine: Engine,
    progress: Callable[[CaseEnded], None],
    log: Log,
) -> list[SummaryRow]:
    """Compute what is missing; returns one row per case of the plan.

    Args:
        plan: all cases.
        output: folder of the batch, absolute.
        weights_sha256: of the weights.
        changed: see `todo`.
        engine: yields the outcome of every task it is given.
        progress: called when a case has ended.
        log: takes sentences.

    Raises:
        OutputError: the folder cannot be used.
        InputError: see `todo`.
    """
    with batch_folder(output, log):
        work = todo(plan, output, weights_sha256, changed)
        for note in work.notes:
            log(note)
        if work.finished:
            cases = len(work.finished) + len(work.tasks)
            log(f"{len(work.finished)} of {cases} cases are finished already.")
        ended: dict[str, Outcome] = {}
        try:
            _compute(work, engine, progress, ended, lambda: _write(plan, work, output, ended))
        finally:
            rows = _write(plan, work, output, ended)
    return rows


def _compute(
    work: Todo,
    engine: Engine,
    progress: Callable[[CaseEnded], None],
    ended: dict[str, Outcome],
    summarise: Callable[[], object],
) -> None:
    if not work.tasks:
        return
    started = summarised = time.monotonic()
    for outcome in engine(work.tasks):
        ended[outcome.name] = outcome
        now = time.monotonic()
        left = (now - started) / len(ended) * (len(work.tasks) - len(ended))
        progress(CaseEnded(outcome, len(ended), len(work.tasks), left))
        if now - summarised > _SUMMARY_EVERY_S:
            summarise()
            summarised = now


def _write(plan: Plan, work: Todo, output: Path, ended: dict[str, Outcome]) -> list[SummaryRow]:
    """Both summaries; returns their rows."""
    rows = [_row(case.name, work, output, ended) for case in plan.cases]
    known = {row.name for row in rows}
    left_out = (one for one in work.left_out if one.name not in known)
    rows += [SummaryRow(one.name, "failed", one.sentence) for one in left_out]
    write_csv(rows, output / "summary.csv")
    write_page(rows, output)
    return rows


def _row(name: str, work: Todo, output: Path, ended: dict[str, Outcome]) -> SummaryRow:
    outcome = ended.get(name)
    if name in work.finished or (outcome and outcome.state == "done"):
        return finished_row(name, output / name)
    if outcome:
        return SummaryRow(name, "failed", outcome.sentence, seconds=outcome.seconds)
    occupied = dict(work.left_out).get(name)
    return SummaryRow(name, "failed", occupied) if occupied else SummaryRow(name, "open")


def counted(rows: Sequence[SummaryRow]) -> dict[str, int]:
    """State → number of cases."""
    found = Counter[str](row.state for row in rows)
    return {state: found[state] for state in ("done", "failed", "open")}
