"""`unifuse bench` as a function: all cases, all methods, one JSON and one HTML file."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from UniFuseLib.errors import UniFuseError
from UniFuseLib.evaluation.bench.clock import machine
from UniFuseLib.evaluation.bench.html import page
from UniFuseLib.evaluation.bench.method import OURS, Method
from UniFuseLib.evaluation.bench.pictures import case_pictures
from UniFuseLib.evaluation.bench.rows import records, restorations, row
from UniFuseLib.evaluation.bench.run import Bench, BenchPlan, CaseAnswers, Start, start_process
from UniFuseLib.evaluation.bench.verdict import verdicts
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.summary import CONVENTIONS, Figures
from UniFuseLib.io.json_files import plain, write_json, write_text
from UniFuseLib.progress import Log, silent
from UniFuseLib.simulation.case_folder import Case, read_index
from UniFuseLib.simulation.groups import STRESS

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 2
_PACKAGES = ("itk-elastix", "antspyx", "convexAdam", "scikit-image", "PyWavelets")


def run_bench(
    cases: Path,
    output: Path,
    plan: BenchPlan,
    *,
    weights: Figures | None = None,
    resume: bool = False,
    limit: int | None = None,
    log: Log = silent,
    start: Start = start_process,
) -> Figures:
    """Run every stage on every case and write `bench.json` and `report.html` into `output`.

    Args:
        cases: folder that `unifuse simulate` made.
        output: folder of everything that is written.
        plan: which methods run.
        weights: name, preset and checksum for the report; None without the model.
        resume: keep stages that finished on the same case with the same inputs.
        limit: only the first cases of the index.
        log: a line per stage.
        start: how a stage's process is started.

    Returns:
        The content of `bench.json`; broken cases are in `skipped`, failed stages in `failures`.

    Raises:
        InputError: no readable index.
    """
    bench = Bench(cases, output, plan, resume, log, start, failures=[])
    ids = read_index(cases)[:limit]
    answers: list[tuple[Figures, CaseAnswers]] = []
    skipped: list[dict[str, str]] = []
    for number, case_id in enumerate(ids, 1):
        log(f"[{number}/{len(ids)}] {case_id}")
        try:
            case = _headline(read_case(cases, case_id))
        except UniFuseError as error:
            skipped.append({"id": case_id, "reason": str(error)})
            log(f"  SKIPPED, {error}")
            continue
        answers.append((case, bench.case(case_id)))
    result = plain(_collect(answers, skipped, bench.failures, weights))
    write_json(result, output / "bench.json")
    tasks = sorted({case["task"] for case, _ in answers if case["group"] == STRESS})
    pictures = {task: _pictures(result["rows"], cases, output, task, log) for task in tasks}
    write_text(page(result, pictures), output / "report.html")
    return result


def _pictures(
    rows: list[Figures], cases: Path, output: Path, task: str, log: Log
) -> list[tuple[str, str]]:
    """See `case_pictures`; none where they cannot be drawn, which never costs the report."""
    try:
        return case_pictures(rows, cases, output, task)
    except Exception as error:
        log(f"The pictures of {task} were not drawn: {error}")
        return []


def _collect(
    answers: list[tuple[Figures, CaseAnswers]],
    skipped: list[dict[str, str]],
    failures: list[dict[str, str]],
    weights: Figures | None,
) -> Figures:
    rows = _rows(answers)
    return {
        "version": VERSION,
        "weights": weights or {},
        "machine": machine(),
        "packages": _versions(),
        "conventions": list(CONVENTIONS),
        "seeds": {case["id"]: case["seed"] for case, _ in answers},
        "ids": [case["id"] for case, _ in answers],
        "verdict": verdicts(rows),
        "restorations": restorations(answers),
        "rows": rows,
        "skipped": skipped,
        "failures": failures,
    }


def _rows(answers: list[tuple[Figures, CaseAnswers]]) -> list[Figures]:
    """The model's row first."""
    by_method: dict[Method, list[Figures]] = {}
    for case, stages in answers:
        for method, record in records(case, stages).items():
            by_method.setdefault(method, []).append(plain(record))
    ordered = sorted(by_method, key=lambda method: method != OURS)
    return [row(method, by_method[method], len(answers)) for method in ordered]


def _headline(case: Case) -> Figures:
    return {
        "id": case.id,
        "task": case.task,
        "bin": case.bin,
        "group": case.group,
        "class": case.label,
        "seed": case.seed,
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
