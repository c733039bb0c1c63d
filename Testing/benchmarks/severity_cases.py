#!/usr/bin/env python3
"""Measure the traces of severity in whole simulated cases of patients that no fit has seen.

    unifuse simulate Testing/cases_val.csv --data DATA --output CASES
    python Testing/benchmarks/severity_cases.py CASES docs/results/severity-rows.jsonl

Rows that are in the file already are kept, so a stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path, PurePosixPath

from severity_samples import add_row, measured, read_rows

from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.simulation.case_folder import read_index


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("rows", type=Path)
    args = parser.parse_args()
    done = {row["id"] for row in read_rows(args.rows)}
    for case_id in read_index(args.cases):
        if case_id in done:
            continue
        case = read_case(args.cases, case_id)
        if case.severity is None:
            continue
        row = {
            "id": case.id,
            "split": "val",
            "patient": PurePosixPath(case.patient).name,
            "class": case.label,
            "severity": case.severity,
            "traces": measured(case.label, case.degraded, case.degraded_modality),
        }
        add_row(args.rows, row)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
