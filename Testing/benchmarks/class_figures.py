#!/usr/bin/env python3
"""How often the class is right, from what `unifuse evaluate` kept of every case.

    python Testing/benchmarks/class_figures.py OUT [OUT …] --output docs/results/classes.json

Over all cases, and over clean inputs and severities of 0.15 and more; the calibration error is of
the latter.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from UniFuseLib.evaluation.metrics.classification import calibration_error

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

Case = dict[str, "Any"]
_SEEN = 0.15  # severity from which on a degradation can be seen


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
        "wrong": [wrong(case) for case in cases if not _right(case)],
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
    seen = [case for case in cases if is_seen(case)]
    return {
        "cases": len(cases),
        "right": sum(map(_right, cases)),
        "seen": len(seen),
        "right_of_seen": sum(map(_right, seen)),
        "accuracy_of_seen": _share(map(_right, seen)),
        "calibration_error_of_seen": _calibration(seen),
    }


def is_seen(case: Case) -> bool:
    """Clean, or degraded strongly enough to be seen."""
    severity = case["severity_true"]
    return case["class"] == "clean" or (severity is not None and severity >= _SEEN)


def wrong(case: Case) -> dict[str, Any]:
    """What was found instead."""
    names = ("id", "class", "severity_true", "class_found", "confidence")
    return {name: case[name] for name in names}


def _right(case: Case) -> bool:
    return bool(case["class_found"] == case["class"])


def _share(found: Iterable[bool]) -> float | None:
    values = list(found)
    return round(sum(values) / len(values), 4) if values else None


def _calibration(cases: list[Case]) -> float | None:
    if not cases:
        return None
    pairs = [(case["confidence"], _right(case)) for case in cases]
    return round(calibration_error(*map(list, zip(*pairs, strict=True))), 4)


if __name__ == "__main__":
    raise SystemExit(main())
