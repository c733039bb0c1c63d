#!/usr/bin/env python3
"""Read a report and decide whether to look closer: python examples/read_the_report.py RESULT

RESULT is the folder of `unifuse fuse`, or its report.json.
Exit code 0: nothing to remark. Exit code 1: at least one remark was printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

MOST_FOLDS_PERCENT = 0.1  # of the body; the limit of UniFuseSlicer/README.md


def remarks(report: dict[str, Any]) -> list[str]:
    """Reasons to inspect the volumes before the result is used, warnings of the tool first."""
    found = list(report["warnings"])
    verdict = report["verdict"]
    if verdict["trust"] in ("amber", "red"):
        found.append(f"The verdict is {verdict['trust']}.")
        found += verdict["reasons"]
    if report["folds_percent"] > MOST_FOLDS_PERCENT:
        found.append(f"The deformation folds in {report['folds_percent']:.2f} % of the body.")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path)
    args = parser.parse_args()

    path = args.result / "report.json" if args.result.is_dir() else args.result
    report = json.loads(path.read_text(encoding="utf-8"))
    label, moved = report["class"], report["displacement_mm"]
    stated = report["class_calibrated"]
    print(f"{label}: {report['probabilities'][label]:.0%}" if stated else "Degradation not stated")
    print(f"Displacement in the body: mean {moved['mean']:.1f} mm, largest {moved['max']:.1f} mm")
    found = remarks(report)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
