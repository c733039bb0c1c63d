#!/usr/bin/env python3
"""Fit the severity of every class to its traces, and judge the fit on unseen patients.

    python Testing/benchmarks/severity_fit.py docs/results/severity-rows.jsonl \\
        --contract Resources/Models/unifuse.json --results docs/results/severity.json

Rows come from `severity_samples.py` and `severity_cases.py`. Fitted is the severity that a scan can
show (`shown`), judged the one that was drawn. A ridge regression for each class; how much it is
held back is chosen on training patients, each held out in turn. The heads are fitted to training
patients alone and written into the contract; validation patients only judge them.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.evaluation.severity_figures import rank_correlation
from UniFuseLib.severity.head import LIMIT, TraceHead
from UniFuseLib.severity.motion import ABOVE_NOISE  # of masked air it is no number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

Row = dict[str, "Any"]
Heads = dict[str, TraceHead]  # class → its fit
SYNTHETIC = "labels"  # patient of the heads that are made from label maps
LEAST_DEVIATION = 0.01  # a trace that hardly varies says nothing of other scans
HELD_BACK = (0.1, 0.3, 1.0, 3.0, 10.0)  # λ of the ridge regression


def main() -> int:
    def written(content: dict[str, Any], heads: Heads, _: dict[str, Any]) -> None:
        content["severity"] = {label: asdict(head) for label, head in heads.items()}

    return fit_from_rows(str(__doc__), fit_all, written)


def fit_from_rows(
    about: str,
    fit: Callable[[list[Row]], tuple[Heads, dict[str, Any]]],
    written: Callable[[dict[str, Any], Heads, dict[str, Any]], None],
) -> int:
    """The command of a fit to traces.

    Args:
        about: for its help.
        fit: rows → heads and figures.
        written: puts heads into the content of a contract; also sees the figures.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--contract", type=Path, help="gets the heads; none: only figures")
    parser.add_argument("--results", type=Path, help="JSON file of the figures")
    args = parser.parse_args()
    lines = [line for file in args.rows for line in file.read_text(encoding="utf-8").splitlines()]
    rows = [json.loads(line) for line in lines]
    heads, figures = fit(rows)
    if args.contract:
        content = json.loads(args.contract.read_text(encoding="utf-8"))
        written(content, heads, figures)
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        args.contract.write_text(text, encoding="utf-8")
    text = json.dumps(figures, indent=1) + "\n"
    if args.results:
        args.results.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def fit_all(rows: Sequence[Row]) -> tuple[Heads, dict[str, Any]]:
    """A head for each class, and its figures: (true, found) pairs of unseen patients."""
    degraded = [row for row in rows if "severity" in row]
    train = [row for row in degraded if row["split"] == "train"]
    judged = [row for row in degraded if row["split"] == "val"]
    heads: Heads = {}
    figures: dict[str, Any] = {}
    pairs: dict[str, list[tuple[float, float]]] = {"held_out": [], "validation": []}
    for label in sorted({row["class"] for row in train}):
        own = [row for row in train if row["class"] == label]
        held_back, held_out = _best(own)
        heads[label] = fit(own, held_back)
        unseen = [row for row in judged if row["class"] == label]
        real = [row for row in unseen if row["patient"] != SYNTHETIC]
        validation = found_by(heads[label], unseen)
        figures[label] = {
            "held_back": held_back,
            "held_out": _figures(held_out, own),
            "validation": _figures(validation, unseen),
            "validation_real": _figures(found_by(heads[label], real), real),
        }
        pairs["held_out"] += held_out
        pairs["validation"] += validation
    figures["overall"] = {name: _correlation(of_all) for name, of_all in pairs.items()}
    return heads, figures


def fit(rows: Sequence[Row], held_back: float) -> TraceHead:
    """w = (ZᵀZ + λ I)⁻¹ Zᵀ (y − ȳ), Z the traces scaled to mean 0 and deviation 1."""
    names = tuple(sorted(set(rows[0]["traces"]) - {ABOVE_NOISE}))
    values = np.array([[row["traces"][name] for name in names] for row in rows])
    severity = np.array([row["shown"] for row in rows])
    mean, deviation = values.mean(0), values.std(0) + LEAST_DEVIATION
    scaled = np.clip((values - mean) / deviation, -LIMIT, LIMIT)
    centred = scaled - scaled.mean(0)
    squared = centred.T @ centred + held_back * np.eye(len(names))
    weight = np.linalg.solve(squared, centred.T @ (severity - severity.mean()))
    constant = float(severity.mean() - scaled.mean(0) @ weight)
    return TraceHead(names, rounded(mean), rounded(deviation), rounded(weight), round(constant, 5))


def rounded(values: np.ndarray) -> tuple[float, ...]:
    """As the contract stores them."""
    return tuple(round(float(value), 5) for value in values)


def found_by(head: TraceHead, rows: Sequence[Row]) -> list[tuple[float, float]]:
    """(true, found) severities."""
    return [(row["severity"], min(max(head(row["traces"]), 0.0), 1.0)) for row in rows]


def _best(rows: Sequence[Row]) -> tuple[float, list[tuple[float, float]]]:
    """The λ with the smallest squared error of held-out patients, and their pairs in row order."""
    of_each = {held_back: _held_out(rows, held_back) for held_back in HELD_BACK}
    best = min(of_each, key=lambda value: sum((t - f) ** 2 for t, f in of_each[value]))
    return best, of_each[best]


def _held_out(rows: Sequence[Row], held_back: float) -> list[tuple[float, float]]:
    heads = {
        patient: fit([row for row in rows if row["patient"] != patient], held_back)
        for patient in {row["patient"] for row in rows}
    }
    return [found_by(heads[row["patient"]], [row])[0] for row in rows]


def _figures(pairs: Sequence[tuple[float, float]], rows: Sequence[Row]) -> dict[str, Any]:
    errors = [abs(true - found) for true, found in pairs]
    return {
        **_correlation(pairs),
        "patients": len({row["patient"] for row in rows}),
        "mean_error": round(float(np.mean(errors)), 3) if errors else None,
    }


def _correlation(pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    value = rank_correlation(pairs)
    return {
        "scans": len(pairs),
        "rank_correlation": None if value is None else round(value, 3),
    }


if __name__ == "__main__":
    raise SystemExit(main())
