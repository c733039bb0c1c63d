#!/usr/bin/env python3
"""Fit how strong MR motion is to what a scan and its reference show together.

    python Testing/benchmarks/severity_beside_fit.py SAMPLES \\
        --contract Resources/Models/unifuse.json --results docs/results/severity-beside.json

SAMPLES are those of `restoration_samples.py`. Fitted is the harm that was done: the logarithm of
the root mean squared error inside the body, on the scale of the severity that was drawn. Judged by
rank correlation with the harm and with the drawn severity, every patient held out; beside them
stands how well the harm itself would tell the drawn severity.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from restoration_fit import read
from severity_fit import fit

from UniFuseLib.evaluation.severity_figures import rank_correlation
from UniFuseLib.restoration.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from UniFuseLib.severity.head import TraceHead

Row = dict[str, "Any"]
LABEL = "mr_motion"
HELD_BACK = (10.0, 30.0, 100.0, 300.0, 1000.0)  # λ of the ridge regression


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--contract", type=Path, help="gets the head; none: only figures")
    parser.add_argument("--results", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = on_the_drawn_scale(rows_of(args.samples))
    of_each = {held_back: held_out(rows, held_back) for held_back in HELD_BACK}
    shown = np.array([row["shown"] for row in rows])
    best = min(of_each, key=lambda value: float(np.square(of_each[value] - shown).sum()))
    report = {"held_back": best, **figures(rows, of_each[best])}
    if args.contract:
        content = json.loads(args.contract.read_text(encoding="utf-8"))
        content["severity_beside"] = {LABEL: asdict(fit(rows, best))}
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        args.contract.write_text(text, encoding="utf-8")
    text = json.dumps(report, indent=1) + "\n"
    args.results.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def rows_of(folder: Path) -> list[Row]:
    """Every degraded scan: its traces, its severity, its harm."""
    samples = read(folder, LABEL)
    rows = []
    for scan in np.flatnonzero(~samples.clean):
        profile = Profile()
        profile.see(samples.of(np.array([scan])).known)
        rows.append(
            {
                "patient": str(samples.patient[scan]),
                "traces": profile.traces(),
                "severity": float(samples.severity[scan]),
                "harm": float(np.log(samples.squares[scan, 0]) / 2),
            }
        )
    return rows


def on_the_drawn_scale(rows: list[Row]) -> list[Row]:
    """The harm as a severity: with the mean and the deviation of those that were drawn.

    Not the regression line, which would draw all severities to the middle.
    """
    harm, drawn = (np.array([row[name] for row in rows]) for name in ("harm", "severity"))
    shown = drawn.mean() + (harm - harm.mean()) * drawn.std() / harm.std()
    return [{**row, "shown": float(value)} for row, value in zip(rows, shown, strict=True)]


def held_out(rows: Sequence[Row], held_back: float) -> np.ndarray:
    """Each scan by a fit to other patients, `(scans,)`."""
    heads: dict[str, TraceHead] = {
        patient: fit([row for row in rows if row["patient"] != patient], held_back)
        for patient in {row["patient"] for row in rows}
    }
    return np.array([heads[row["patient"]](row["traces"]) for row in rows])


def figures(rows: Sequence[Row], found: np.ndarray) -> dict[str, Any]:
    """Rank correlations of the severity found."""
    harm, drawn = ([row[name] for row in rows] for name in ("harm", "severity"))
    own = found.tolist()
    pairs = {"with_harm": (harm, own), "with_drawn": (drawn, own), "harm_drawn": (drawn, harm)}
    return {
        "scans": len(rows),
        "patients": len({row["patient"] for row in rows}),
        **{
            name: round(rank_correlation(list(zip(both[0], both[1], strict=True))) or 0.0, 3)
            for name, both in pairs.items()
        },
    }


if __name__ == "__main__":
    raise SystemExit(main())
