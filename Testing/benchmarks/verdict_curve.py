#!/usr/bin/env python3
"""How the verdict's figures grow with the patients it is fitted to, and what limbs take from them.

    python Testing/benchmarks/verdict_curve.py docs/results/trust-rows.jsonl \\
        --output docs/results/trust-curve.json

Cases are judged as in `verdict_fit.py`, by fits to cases of other patients; of those patients a
part, drawn at random, is used. Every figure is there twice: over all cases, and without pairs of CT
and T1 of one limb, whose pose in the files is no truth of 3 mm (`limb_truth.py`).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from verdict_figures import auc
from verdict_fit import judge_of
from verdict_model import held_out, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from verdict_figures import Said
    from verdict_model import Rows

_PARTS = (0.25, 0.5, 0.75, 1.0)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=6, help="divisions of the patients into folds")
    args = parser.parse_args()
    rows = read(args.rows)
    table = []
    for part in _PARTS:
        runs = [figures(rows, part, seed) for seed in range(args.seeds)]
        table.append({"patients": part} | {key: spread(runs, key) for key in runs[0]})
        sys.stdout.write(f"{json.dumps(table[-1])}\n")
        sys.stdout.flush()
    args.output.write_text(json.dumps(table, indent=1) + "\n")
    return 0


def spread(runs: list[dict[str, float]], key: str) -> list[float]:
    """Mean, least and most over the divisions."""
    values = [run[key] for run in runs]
    return [round(float(f(values)), 4) for f in (np.mean, np.min, np.max)]


def figures(rows: Rows, part: float, seed: int) -> dict[str, float]:
    """Of fits to a part of the patients.

    Args:
        rows: all cases.
        part: of the patients, 0 to 1.
        seed: of the division into folds and of the draw.
    """
    said = held_out(rows, fit_to(part, seed), seed)
    limb = (rows.group == "limb") & np.isfinite(rows.error)
    return _of(rows, said, np.full(len(said), True), "") | _of(rows, said, ~limb, "_without_limbs")


def fit_to(part: float, seed: int) -> Callable[[Rows], Callable[[dict[str, float]], Said]]:
    """A fit that looks at the cases of some of the patients alone."""

    def fit(rows: Rows) -> Callable[[dict[str, float]], Said]:
        names = sorted(set().union(*rows.patients))
        drawn = np.random.default_rng([seed, 1]).permutation(names)[: round(part * len(names))]
        return judge_of(rows.take(np.array([p <= set(drawn) for p in rows.patients])))

    return fit


def _of(rows: Rows, said: list[Said], these: np.ndarray, suffix: str) -> dict[str, Any]:
    odds = np.array([one.odds for one in said])
    green = np.array([one.verdict.trust == "green" for one in said])
    return {
        f"auc{suffix}": auc(odds[these], rows.off[these]),
        f"good_green{suffix}": float(green[these & rows.good].mean()),
        f"green_off{suffix}": int((green & rows.off & these).sum()),
        f"never_green_but_green{suffix}": int((green & rows.far & these).sum()),
    }


if __name__ == "__main__":
    raise SystemExit(main())
