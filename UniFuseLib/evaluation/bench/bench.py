"""`unifuse bench` as a function: all cases, all methods, one JSON and one HTML file."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

from UniFuseLib.errors import UniFuseError
from UniFuseLib.evaluation.bench import rows as records
from UniFuseLib.evaluation.bench.clock import machine
from UniFuseLib.evaluation.bench.html import page
from UniFuseLib.evaluation.bench.pictures import case_pictures
from UniFuseLib.evaluation.bench.run import MODEL, Bench, Plan, Report, Start, start_process
from UniFuseLib.evaluation.bench.verdict import verdicts
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.summary import CONVENTIONS
from UniFuseLib.io.json_files import plain, write_json, write_text
from UniFuseLib.simulation.case_folder import Case, read_index

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
_PACKAGES = ("itk-elastix", "antspyx", "convexAdam", "scikit-image", "PyWavelets")
Figures = dict[str, Any]


def run_bench(
    cases: Path,
    output: Path,
    plan: Plan,
    *,
    weights: Figures | None = None,
    resume: bool = False,
    limit: int | None = None,
    report: Report = lambda _: None,
    start: Start = start_process,
) -> Figures:
    """Run every stage on every case and write `bench.json` and `report.html` into `output`; returns
    the JSON.

    Args:
        plan: rivals and weights. weights: name and checksum for the report, None without our model.
        resume: keep stages that finished on the same case with the same inputs.
        limit: only the first cases of the index.
        start: how a stage's process is started.

    Raises:
        InputError: no readable index. Broken cases and failed stages are skipped and named in the
            result.
    """
    bench = Bench(cases, output, plan, resume, report, start, failures=[])
    ids = read_index(cases)[:limit]
    answers: list[tuple[Figures, Figures]] = []
    skipped: list[dict[str, str]] = []
    for number, case_id in enumerate(ids, 1):
        report(f"[{number}/{len(ids)}] {case_id}")
        try:
            case = _headline(read_case(cases, case_id))
        except UniFuseError as error:
            skipped.append({"id": case_id, "reason": str(error)})
            report(f"  SKIPPED, {error}")
            continue
        answers.append((case, bench.case(case_id)))
    result = plain(_collect(answers, skipped, bench.failures, weights))
    write_json(result, output / "bench.json")
    tasks = sorted({case["task"] for case, _ in answers})
    pictures = {task: case_pictures(result["rows"], cases, output, task) for task in tasks}
    write_text(page(result, pictures), output / "report.html")
    return result


def _collect(
    answers: list[tuple[Figures, Figures]],
    skipped: list[dict[str, str]],
    failures: list[dict[str, str]],
    weights: Figures | None,
) -> Figures:
    by_method: dict[str, list[Figures]] = {}
    for case, stages in answers:
        for method, record in records.records(case, stages).items():
            by_method.setdefault(method, []).append(plain(record))
    rows = [records.row(method, found, len(answers)) for method, found in by_method.items()]
    rows.sort(key=lambda r: r["method"] != MODEL)
    return {
        "version": VERSION,
        "weights": weights or {},
        "machine": machine(),
        "packages": _versions(),
        "conventions": list(CONVENTIONS),
        "seeds": {case["id"]: case["seed"] for case, _ in answers},
        "ids": [case["id"] for case, _ in answers],
        "verdict": verdicts(rows),
        "restorations": records.restorations(answers),
        "rows": rows,
        "skipped": skipped,
        "failures": failures,
    }


def _headline(case: Case) -> Figures:
    return {
        "id": case.id,
        "task": case.task,
        "bin": case.bin,
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
