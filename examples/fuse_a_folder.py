#!/usr/bin/env python3
"""Fuse many pairs: python examples/fuse_a_folder.py CASES FOLDER

CASES holds one folder per patient with `degraded.nii.gz` and `reference.nii.gz`. The weights are
loaded once. A pair that cannot be fused gets a line with the reason and does not stop the others.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from UniFuseLib import fuse, load_model, read_volume, write_volume
from UniFuseLib.device import choose_device
from UniFuseLib.errors import UniFuseError
from UniFuseLib.io.table_text import csv_cell

COLUMNS = ("case", "degradation", "probability", "error")


def fuse_case(case: Path, folder: Path, **options: Any) -> dict[str, Any]:
    """Fuse one pair, write its fused volume, return its line of the table."""
    try:
        degraded = read_volume(case / "degraded.nii.gz")
        reference = read_volume(case / "reference.nii.gz")
        result = fuse(degraded, reference, **options)
        write_volume(result.fused, folder / f"{case.name}_fused.nii.gz")
    except UniFuseError as error:
        return {"case": case.name, "error": str(error)}
    return {
        "case": case.name,
        "degradation": result.label,
        "probability": round(result.probabilities[result.label], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--working-spacing", type=float, help="mm; larger is faster")
    args = parser.parse_args()

    args.folder.mkdir(parents=True, exist_ok=True)
    model, contract = load_model(None, choose_device("auto"))  # None: the shipped weights
    with (args.folder / "cases.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, COLUMNS)
        table.writeheader()
        for case in sorted(path for path in args.cases.iterdir() if path.is_dir()):
            row = fuse_case(
                case,
                args.folder,
                model=model,
                contract=contract,
                working_spacing=args.working_spacing,
            )
            table.writerow({title: csv_cell(value) for title, value in row.items()})
            print(*row.values(), flush=True)


if __name__ == "__main__":
    main()
