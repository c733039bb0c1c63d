"""Stage answers → one case record per method → one row per method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from UniFuseLib.evaluation.bench.run import MODEL
from UniFuseLib.evaluation.summary import aggregate
from UniFuseLib.simulation.case_folder import BINS, TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable

Figures = dict[str, Any]


def records(case: Figures, answers: Figures) -> dict[str, Figures]:
    """Method → the same record that `unifuse evaluate` writes for a case.

    Args:
        case: `id`, `task`, `bin`, `class`, `seed`.
        answers: stage label → answer, from `Bench.case`.
    """
    found = {}
    for label, answer in answers.items():
        if not label.startswith("fuse/"):
            continue
        for pair, chain in answer["chains"].items():
            restored = answers[f"restore/{pair.split('+')[0]}"]
            registered = answers[f"register/{pair}"]
            costs = [restored["cost"], registered["cost"], chain["cost"]]
            found[f"{pair}+{answer['name']}"] = _record(case, registered, chain["fusion"], costs)
    if MODEL in answers:
        own = answers[MODEL]
        found[MODEL] = _record(case, own, own["fusion"], [own["cost"]]) | {
            "class_found": own["class_found"],
            "confidence": own["confidence"],
        }
    return found


def _record(case: Figures, aligned: Figures, fusion: Figures, costs: list[Figures]) -> Figures:
    before, after = aligned["before"], aligned["registration"]
    peaks = [c["peak_mb"] for c in costs if c["peak_mb"] is not None]
    return {
        **case,
        "tre_before_mm": before["tre_mm"],
        "dice_before": before["dice"],
        **after,
        "restoration": aligned["restoration"],
        "fusion": fusion,
        "class_found": None,
        "cpu_seconds": sum(c["cpu_seconds"] for c in costs),
        "wall_seconds": sum(c["wall_seconds"] for c in costs),
        "peak_mb": max(peaks) if peaks else None,
    }


def row(method: str, cases: list[Figures], expected: int) -> Figures:
    """A method over all its cases: overall, per task, per bin; `missing` counts cases on which a
    stage failed.
    """
    return {
        "method": method,
        **stages_of(method),
        "missing": expected - len(cases),
        "overall": _with_peak(cases),
        "summary": {t: _with_peak(c) for t in TASKS if (c := [x for x in cases if x["task"] == t])},
        "bins": {
            b: {
                t: _with_peak(c)
                for t in TASKS
                if (c := [x for x in cases if x["task"] == t and x["bin"] == b])
            }
            for b in BINS
        },
        "cases": {c["id"]: _short(c) for c in cases},
    }


def stages_of(method: str) -> dict[str, str]:
    """`{"restoration", "registration", "fusion"}` of a chain's name; our model is one in all
    three.
    """
    if method == MODEL:
        return dict.fromkeys(("restoration", "registration", "fusion"), MODEL)
    restoration, registration, fusion = method.split("+")
    return {"restoration": restoration, "registration": registration, "fusion": fusion}


def restorations(answers: Iterable[tuple[Figures, Figures]]) -> dict[str, Figures]:
    """Restoration → task → mean figures when aligned by the true field, over degraded inputs; and
    its cost.
    """
    found: dict[str, dict[str, list[Figures]]] = {}
    for case, stages in answers:
        for label, answer in stages.items():
            if label.startswith("restore/") and case["class"] != "clean":
                entry = {**answer["true_field"], "cpu_seconds": answer["cost"]["cpu_seconds"]}
                found.setdefault(answer["name"], {}).setdefault(case["task"], []).append(entry)
    return {
        name: {
            task: {key: sum(r[key] for r in rows) / len(rows) for key in rows[0]}
            for task, rows in tasks.items()
        }
        for name, tasks in found.items()
    }


def _with_peak(cases: list[Figures]) -> Figures:
    peaks = [c["peak_mb"] for c in cases if c["peak_mb"] is not None]
    return {**aggregate(cases), "peak_mb": max(peaks) if peaks else None}


def _short(case: Figures) -> Figures:
    """What box plots and pictures need of one case."""
    return {
        "task": case["task"],
        "bin": case["bin"],
        "tre_mm": case["tre_mm"]["mean"],
        "tre_before_mm": case["tre_before_mm"]["mean"],
        "psnr_db": case["restoration"]["psnr_db"],
        "fusion": case["fusion"],
        "cpu_seconds": case["cpu_seconds"],
    }
