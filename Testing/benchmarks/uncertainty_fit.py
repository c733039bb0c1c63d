#!/usr/bin/env python3
"""Fit the level and the shape of the map of the uncertainty, and judge it on held-out patients.

    python Testing/benchmarks/uncertainty_fit.py docs/results/uncertainty-rows.jsonl \\
        --trust-rows docs/results/trust-rows.jsonl \\
        --model Resources/Models/uncertainty.json --results docs/results/uncertainty.json

Rows come from `uncertainty_cases.py` and from `verdict_cases.py --places`. A judged case is judged
by numbers that were fitted to other patients; the expected error of its verdict too is that of a
model which saw none of its patients.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from uncertainty_figures import figures
from uncertainty_model import EXACT, fitted, held_out_maps, read_cases

if TYPE_CHECKING:
    from typing import Any


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path)
    parser.add_argument("--trust-rows", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="divides the patients into folds")
    args = parser.parse_args()
    cases = read_cases(args.rows, args.trust_rows)
    model: dict[str, Any] = {"version": 1, **fitted(cases.with_truth, EXACT).to_json()}
    model["fitted_to"] = {
        "cases": len(cases.with_truth),
        "patients": len(set().union(*(case.patients for case in cases.with_truth))),
    }
    found = figures(cases, held_out_maps(cases.with_truth, args.seed))
    for path, value in ((args.model, model), (args.results, found)):
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
