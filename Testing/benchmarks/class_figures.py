#!/usr/bin/env python3
"""How often the class is right, from what `class_found.py` or `unifuse evaluate` kept of cases.

    python Testing/benchmarks/class_figures.py OUT [OUT …] --output docs/results/classes.json

Over all cases of which a class was stated, and over clean inputs and severities of 0.15 and more
among them (`seen`); the calibration error is of the latter.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.evaluation.severity_figures import is_visible
from UniFuseLib.evaluation.summary import classification

if TYPE_CHECKING:
    from typing import Any

Case = dict[str, "Any"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("evaluations", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    cases = [
        json.loads(path.read_text(encoding="utf-8"))
        for folder in args.evaluations
        for path in sorted((folder / "cases").glob("*.json"))
    ]
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(group_of(case), []).append(case)
    report = {
        "overall": figures(cases),
        "groups": {name: figures(found) for name, found in sorted(groups.items())},
        "wrong": [wrong(case) for case in cases if is_wrong(case)],
    }
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    args.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def group_of(case: Case) -> str:
    """Modality of the degraded scan, and what truly happened to it."""
    return f"{case['degraded_modality']}, {'clean' if case['class'] == 'clean' else 'degraded'}"


def figures(cases: list[Case]) -> dict[str, Any]:
    """Of one group."""
    every, seen = classification(cases), classification([c for c in cases if is_visible(c)])
    return {
        "cases": every["cases"],
        "right": _right(every),
        "seen": seen["cases"],
        "right_of_seen": _right(seen),
        "accuracy_of_seen": _rounded(seen.get("accuracy")),
        "calibration_error_of_seen": _rounded(seen.get("calibration_error")),
    }


def _right(found: Case) -> int:
    """Cases on the diagonal of the confusion matrix."""
    return int(np.trace(found["confusion"])) if found["cases"] else 0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def is_wrong(case: Case) -> bool:
    """Another class was stated."""
    return case["class_found"] not in (None, case["class"])


def wrong(case: Case) -> dict[str, Any]:
    """What was found instead."""
    names = ("id", "class", "severity_true", "class_found", "confidence")
    return {name: case[name] for name in names}


if __name__ == "__main__":
    raise SystemExit(main())
