"""The model against its targets, one criterion a line; those missed are shown like those met."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

from UniFuseLib.evaluation.bench.method import OURS, Method, method_of

if TYPE_CHECKING:
    from UniFuseLib.evaluation.summary import Figures

METRICS = ("mse", "cc", "psnr", "scd", "vif", "ssim")
LEAST_ACCURACY = 0.98
LARGEST_COST = 0.1  # of the most accurate baseline's CPU seconds
LEAST_METRICS = 5  # at or above the best pipeline, of the six
Compare = Callable[[float, float], bool]


def verdicts(rows: list[Figures]) -> dict[str, list[Figures]]:
    """Task → criteria, each `{"criterion", "ours", "target", "target_of", "met"}`.

    - TRE: lower than the best baseline's mean.
    - fusion: at or above the best staged pipeline (the best mean rank over the six metrics) on at
      least five of six.
    - restoration: PSNR above that of every pipeline with non-local means.
    - classification: at least 98 %.
    - cost: at most a tenth of the CPU seconds of the most accurate baseline that registers
      (identity costs nothing).

    Args:
        rows: of `bench.json`.

    Returns:
        Nothing without a row of the model.
    """
    summaries = {method_of(row): row["summary"] for row in rows}
    own = summaries.get(OURS, {})
    staged = {m: summary for m, summary in summaries.items() if not m.ours}
    return {
        task: _judge(figures, {m: s[task] for m, s in staged.items() if task in s})
        for task, figures in own.items()
    }


def _judge(own: Figures, baselines: dict[Method, Figures]) -> list[Figures]:
    accuracy = own["class_accuracy"]
    found = [_line("classification ≥ 98 %", accuracy, LEAST_ACCURACY, "", operator.ge)]
    if baselines:
        found += _registration(own, baselines)
        found += _cost(own, baselines)
        found += _restoration(own, baselines)
        found += _fusion(own, baselines)
    return found


def _registration(own: Figures, baselines: dict[Method, Figures]) -> list[Figures]:
    best = _most_accurate(baselines)
    target = baselines[best]["tre_mm"]["mean"]
    title = best.alignment.title
    return [_line("TRE mean, mm", own["tre_mm"]["mean"], target, title, operator.lt)]


def _cost(own: Figures, baselines: dict[Method, Figures]) -> list[Figures]:
    moving = {m: f for m, f in baselines.items() if m.registration != "identity"}
    if not moving:
        return []
    best = _most_accurate(moving)
    target = LARGEST_COST * moving[best]["cpu_seconds"]
    name = "CPU s, a tenth of the most accurate"
    return [_line(name, own["cpu_seconds"], target, best.alignment.title, operator.le)]


def _restoration(own: Figures, baselines: dict[Method, Figures]) -> list[Figures]:
    reached = {
        method: figures["restoration_psnr_db"]
        for method, figures in baselines.items()
        if method.restoration == "nlm" and figures["restoration_psnr_db"] is not None
    }
    if not reached or own["restoration_psnr_db"] is None:
        return []
    best = max(reached, key=lambda method: reached[method])
    name, ours = "restoration PSNR, dB", own["restoration_psnr_db"]
    return [_line(name, ours, reached[best], best.alignment.title, operator.gt)]


def _fusion(own: Figures, baselines: dict[Method, Figures]) -> list[Figures]:
    best = best_pipeline(baselines)
    theirs = baselines[best]["fusion"]
    found = []
    for key in METRICS:
        compare = operator.le if key == "mse" else operator.ge
        found.append(_line(f"Q_{key}", own["fusion"][key], theirs[key], best.title, compare))
    met = sum(line["met"] for line in found)
    name = "fusion metrics at or above the best pipeline, of 6"
    return [*found, _line(name, met, LEAST_METRICS, best.title, operator.ge)]


def best_pipeline(baselines: dict[Method, Figures]) -> Method:
    """The staged pipeline with the best mean rank over the six fusion metrics."""
    ranks = dict.fromkeys(baselines, 0)
    for key in METRICS:
        values = {method: figures["fusion"][key] for method, figures in baselines.items()}
        ordered = sorted(values, key=values.__getitem__, reverse=key != "mse")
        for rank, method in enumerate(ordered):
            ranks[method] += rank
    return min(ranks, key=ranks.__getitem__)


def _most_accurate(baselines: dict[Method, Figures]) -> Method:
    """The smallest error; of equal ones the cheapest."""
    return min(
        baselines, key=lambda m: (baselines[m]["tre_mm"]["mean"], baselines[m]["cpu_seconds"])
    )


def _line(
    criterion: str, ours: float | None, target: float, target_of: str, compare: Compare
) -> Figures:
    return {
        "criterion": criterion,
        "ours": ours,
        "target": target,
        "target_of": target_of,
        "met": ours is not None and bool(compare(ours, target)),
    }
