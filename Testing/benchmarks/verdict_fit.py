#!/usr/bin/env python3
"""Fit the verdict's model to the rows of `verdict_cases.py`, and judge it on held-out patients.

    python Testing/benchmarks/verdict_fit.py rows.jsonl --model Resources/Models/verdict.json \\
        --results docs/results/trust.json

Every judged case is judged by a verdict that was fitted, its thresholds and penalty chosen, on rows
of other patients alone, neither the reference's nor the degraded volume's among them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from verdict_figures import Said, figures
from verdict_fitted import fitted
from verdict_model import held_out, read

from UniFuseLib.verdict.judge import Judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from verdict_model import Rows


def judge_of(rows: Rows) -> Callable[[dict[str, float]], Said]:
    """The verdict fitted to these rows."""
    judge = Judge.from_json(fitted(rows))
    return lambda evidence: Said(judge.odds(evidence), judge(evidence))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="divides the patients into folds")
    args = parser.parse_args()
    rows = read(args.rows)
    found = figures(rows, held_out(rows, judge_of, args.seed))
    for path, value in ((args.model, fitted(rows)), (args.results, found)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
