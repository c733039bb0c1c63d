"""Stage answers → one record per method and case → one row per method."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from UniFuseLib.evaluation.bench.method import MODEL, OURS, Method
from UniFuseLib.evaluation.summary import Figures, aggregate, group_of, in_group
from UniFuseLib.simulation.groups import GROUPS, STRESS
from UniFuseLib.simulation.tasks import BINS, TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from UniFuseLib.evaluation.bench.run import CaseAnswers


def records(case: Figures, answers: CaseAnswers) -> dict[Method, Figures]:
    """Method → the same record that `unifuse evaluate` writes for a case.

    Args:
        case: `id`, `task`, `bin`, `group`, `class`, `seed`.
        answers: from `Bench.case`.
    """
    found: dict[Method, Figures] = {}
    for method, fused in answers.fused.items():
        restored = answers.restored[method.restoration]
        registered = answers.registered[method.alignment]
        costs = [restored["cost"], registered["cost"], fused["cost"]]
        found[method] = _record(case, registered, fused["fusion"], costs)
    if (own := answers.ours) is not None:
        found[OURS] = {
            **_record(case, own, own["fusion"], [own["cost"]]),
            "class_found": own["class_found"],
            "confidence": own["confidence"],
        }
        for name, fused in own["fusions"].items():
            costs = [own["cost"], {**fused, "peak_mb": None}]
            found[Method(MODEL, MODEL, name)] = _record(case, own, fused["fusion"], costs)
    return found


def _record(case: Figures, aligned: Figures, fusion: Figures, costs: list[Figures]) -> Figures:
    before, after = aligned["before"], aligned["registration"]
    return {
        **case,
        "tre_before_mm": before["tre_mm"],
        "dice_before": before["dice"],
        **after,
        "restoration": aligned["restoration"],
        "fusion": fusion,
        "own_frame": None,  # of `unifuse evaluate` alone: staged methods restore elsewhere
        "retention": None,
        "class_found": None,
        "cpu_seconds": sum(cost["cpu_seconds"] for cost in costs),
        "wall_seconds": sum(cost["wall_seconds"] for cost in costs),
        "peak_mb": _peak(costs),
    }


def row(method: Method, cases: list[Figures], expected: int) -> Figures:
    """A method over all its cases, per group; of the stress test overall, per task, per bin.

    Args:
        method: whose row it is.
        cases: its records.
        expected: number of cases; the row's `missing` counts those on which a stage failed.
    """
    stress = in_group(cases, STRESS)
    in_bin = {name: [case for case in stress if case["bin"] == name] for name in BINS}
    return {
        "method": method.label,
        **method._asdict(),
        "missing": expected - len(cases),
        "groups": _by_group(cases),
        "overall": _with_peak(stress) if stress else {"cases": 0},
        "summary": _by_task(stress),
        "bins": {name: _by_task(inside) for name, inside in in_bin.items()},
        "cases": {case["id"]: _short(case) for case in cases},
    }


def restorations(answers: Iterable[tuple[Figures, CaseAnswers]]) -> dict[str, Figures]:
    """Restoration → task → mean figures when aligned by the true field, and its cost.

    Degraded inputs of the stress test only.
    """
    found: dict[str, dict[str, list[Figures]]] = {}
    for case, stages in answers:
        if case["class"] == "clean" or group_of(case) != STRESS:
            continue
        for name, answer in stages.restored.items():
            entry = {**answer["true_field"], "cpu_seconds": answer["cost"]["cpu_seconds"]}
            found.setdefault(name, {}).setdefault(case["task"], []).append(entry)
    return {
        name: {task: _means(entries) for task, entries in tasks.items()}
        for name, tasks in found.items()
    }


def _means(entries: list[Figures]) -> Figures:
    return {key: fmean(entry[key] for entry in entries) for key in entries[0]}


def _by_group(cases: list[Figures]) -> dict[str, Figures]:
    groups = {name: in_group(cases, name) for name in GROUPS}
    return {name: _with_peak(inside) for name, inside in groups.items() if inside}


def _by_task(cases: list[Figures]) -> Figures:
    groups = {task: [case for case in cases if case["task"] == task] for task in TASKS}
    return {task: _with_peak(group) for task, group in groups.items() if group}


def _with_peak(cases: list[Figures]) -> Figures:
    return {**aggregate(cases), "peak_mb": _peak(cases)}


def _peak(costs: list[Figures]) -> float | None:
    peaks = [cost["peak_mb"] for cost in costs if cost["peak_mb"] is not None]
    return max(peaks) if peaks else None


def _short(case: Figures) -> Figures:
    """What box plots and pictures need of one case."""
    return {
        "task": case["task"],
        "bin": case["bin"],
        "group": group_of(case),
        "tre_mm": case["tre_mm"]["mean"],
        "tre_before_mm": case["tre_before_mm"]["mean"],
        "psnr_db": case["restoration"]["psnr_db"],
        "fusion": case["fusion"],
        "cpu_seconds": case["cpu_seconds"],
    }
