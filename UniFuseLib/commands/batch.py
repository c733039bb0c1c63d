"""`unifuse batch TABLE --output DIR`: many pairs, one folder each, and a summary."""

from __future__ import annotations

import functools
import json
import sys
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands import batch_options, progress
from UniFuseLib.commands.options import log
from UniFuseLib.errors import (
    CasesFailedError,
    InputError,
)
from UniFuseLib.progress import silent

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from UniFuseLib.batch.case import Outcome, Plan, Task
    from UniFuseLib.batch.run import CaseEnded
    from UniFuseLib.batch.summary import SummaryRow
    from UniFuseLib.batch.todo import Changed


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    batch_options.add_parser(subparsers).set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; `--progress json` ends with a line about its outcome, whatever happens."""
    if args.progress == "json":
        with progress.failures_emitted("Stopped; finished cases stay."):
            rows = _run(args)
            _emit_end(args, rows)  # names the failed cases as well
    else:
        rows = _run(args)
    _check_all_done(rows, args)
    return 0


def _run(args: argparse.Namespace) -> list[SummaryRow]:
    from UniFuseLib.batch.run import run_batch
    from UniFuseLib.io.output_folder import real_place

    plan = plan_of(args)
    say = silent if args.quiet else lambda text: log(f"unifuse: {text}")
    with progress.stopped_by(args.cancel_file):
        rows = run_batch(
            plan=plan,
            output=real_place(args.output),
            weights_sha256=_weights_sha256(args),
            changed=_changed(args),
            engine=_engine(args, say),
            progress=_reporter(args),
            log=say,
        )
    if args.json and args.progress != "json":
        print(json.dumps([row.to_json() for row in rows], indent=2, ensure_ascii=False))
    return rows


def _changed(args: argparse.Namespace) -> Changed:
    if args.redo_changed:
        return "redo"
    return "keep" if args.keep_changed else "refuse"


def plan_of(args: argparse.Namespace) -> Plan:
    """All cases that the command line asks for.

    Raises:
        InputError: no source or two, nothing in it, or names that collide.
    """
    from UniFuseLib.batch.names import refuse_collisions

    plan = _source(args)
    if not plan.cases and not plan.left_out:
        raise InputError(
            "No case found. Expected a table with the columns degraded and reference, or a folder "
            "with one folder per case that holds degraded.* and reference.*."
        )
    refuse_collisions(plan)
    return plan


def _source(args: argparse.Namespace) -> Plan:
    from UniFuseLib.batch.bids import bids_plan
    from UniFuseLib.batch.globs import glob_plan
    from UniFuseLib.batch.sources import folder_plan, table_plan
    from UniFuseLib.io.paths import readable_path

    settings = batch_options.settings_of(args)
    patterns = (args.degraded, args.reference)
    if args.table is not None and args.bids is None and patterns == (None, None):
        path = readable_path(args.table).absolute()
        if path.is_dir():
            return folder_plan(path, settings)
        parse = functools.partial(batch_options.with_cells, settings, path.parent)
        return table_plan(path, batch_options.option_columns(), parse)
    if args.table is not None or None in patterns:
        raise InputError(
            "Expected either TABLE, or --degraded and --reference (with or without --bids)."
        )
    if args.bids is not None:
        return bids_plan(readable_path(args.bids), *patterns, settings)
    return glob_plan(*patterns, settings)


def _weights_sha256(args: argparse.Namespace) -> str:
    from UniFuseLib.contract import read_contract
    from UniFuseLib.resources import DEFAULT_WEIGHTS, models_folder

    return read_contract(args.weights or models_folder() / DEFAULT_WEIGHTS).sha256


def _engine(
    args: argparse.Namespace, say: Callable[[str], None]
) -> Callable[[Sequence[Task]], Iterator[Outcome]]:
    """Processes of this machine, or a cluster."""
    if args.slurm is not None and args.jobs is None:
        raise InputError("--slurm needs --jobs, the number of jobs to submit.")
    if args.slurm is not None:
        from UniFuseLib.batch.slurm import run_on_slurm

        return lambda tasks: run_on_slurm(tasks, args.slurm, args.jobs)
    if args.scheduler is not None:
        from UniFuseLib.batch.cluster import run_on_scheduler

        return lambda tasks: run_on_scheduler(tasks, args.scheduler)

    def here(tasks: Sequence[Task]) -> Iterator[Outcome]:
        from UniFuseLib.batch.jobs import jobs_for, threads_for
        from UniFuseLib.batch.processes import run_in_processes

        jobs = args.jobs or jobs_for(tasks, args.device)
        say(f"{len(tasks)} cases, {min(jobs, len(tasks))} at a time.")
        return run_in_processes(tasks, jobs, threads_for(jobs))

    return here


def _reporter(args: argparse.Namespace) -> Callable[[CaseEnded], None]:
    """How the end of a case is shown."""
    if args.progress == "json":
        return _emit_case
    if args.quiet or args.progress == "none":
        return lambda _: None
    return _print_case


def _print_case(ended: CaseEnded) -> None:
    outcome = ended.outcome
    what = f"{outcome.seconds:.0f} s" if outcome.state == "done" else f"failed: {outcome.sentence}"
    left = f", {_duration(ended.seconds_left)} left" if ended.ended < ended.total else ""
    print(f"{ended.ended} of {ended.total}{left}  {outcome.name}: {what}", file=sys.stderr)
    sys.stderr.flush()


def _emit_case(ended: CaseEnded) -> None:
    progress.emit(
        {
            "fraction": round(ended.ended / ended.total, 4),
            "stage": ended.outcome.name,
            "case": ended.outcome.to_json(),
            "seconds_left": round(ended.seconds_left),
        }
    )


def _emit_end(args: argparse.Namespace, rows: list[SummaryRow]) -> None:
    from UniFuseLib.batch.run import counted

    content = {"done": True, "output": str(args.output), "cases": counted(rows)}
    progress.emit({**content, "rows": [row.to_json() for row in rows]})


def _check_all_done(rows: list[SummaryRow], args: argparse.Namespace) -> None:
    from UniFuseLib.batch.run import counted

    counts = counted(rows)
    if counts["done"] == len(rows):
        if not args.quiet:
            log(f"unifuse: {len(rows)} cases done: {args.output / 'summary.html'}")
        return
    raise CasesFailedError(
        f"{len(rows) - counts['done']} of {len(rows)} cases failed. The reasons are in "
        f"{args.output / 'summary.html'}; run the same command again to retry them."
    )


def _duration(seconds: float) -> str:
    """`50 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
