"""`unifuse simulate CASES.csv --output DIR`: cases with known truth, from aligned pairs or label
maps of heads.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.errors import InputError, UniFuseError

if TYPE_CHECKING:
    import argparse

DEMO_SEED, DEMO_BIN, DEMO_SEVERITY = 7, "3-8", 0.6


def add_parser(subparsers: Any) -> None:
    """Register the command; `run` is set as its default."""
    parser = subparsers.add_parser(
        "simulate",
        help="make misaligned, degraded cases with known truth",
        description="Make cases for 'unifuse evaluate' and 'unifuse bench' from aligned pairs. CASES.csv has the "
        "columns id,degraded,reference,task,seed,bin and, if needed, class ('clean' for no degradation), severity "
        "(0 to 1), degraded_contrast and reference_contrast (t1, t2, flair, ct, pet, random: the file is a label map "
        "of a head and the scan is made from it), labels (a label map aligned with both). Tasks: mr, ctmr, petct. "
        "Bins of the mean displacement in mm: 0-3, 3-8, 8-15. Rows that cannot be made are named, the others go on.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("cases", type=Path, nargs="?", metavar="CASES.csv", help="table of cases")
    source.add_argument(
        "--demo", action="store_true", help="one case per task from the shipped sample"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder of the cases"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="ROOT",
        help="what paths start from; default: the table's folder",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace cases of the same id")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make all cases that can be made; returns 0.

    Raises:
        UniFuseError: the table or the output folder cannot be used, or at least one row failed (the
            others are made).
    """
    from UniFuseLib.simulation.case_list import read_case_list

    if args.demo:
        from UniFuseLib.resources import sample_folder

        root, faults = sample_folder(), list[str]()
        rows = demo_rows(root)
    else:
        rows, faults = read_case_list(args.cases)
        root = args.data or args.cases.parent
    if not root.is_dir():
        raise InputError(f"Expected the data folder '{root}', found none. Give it with --data.")
    made = 0
    for row in rows:
        try:
            mean = _make(row, root, args.output, args.overwrite)
        except UniFuseError as error:
            faults.append(f"{row.id}: {error}")
            print(f"{row.id}: {error}", file=sys.stderr, flush=True)
            continue
        made += 1
        print(f"{row.id}: {row.task}, {row.label}, {mean:.1f} mm on average", flush=True)
    if faults:
        sentence = f"{made} case(s) made in '{args.output}', {len(faults)} could not be made:"
        raise InputError("\n  ".join([sentence, *faults]))
    return 0


def _make(row: Any, root: Path, output: Path, overwrite: bool) -> float:
    """One case, complete or not at all; `cases.json` names it afterwards."""
    from UniFuseLib.io.output_folder import result_folder
    from UniFuseLib.simulation.case_folder import (
        DESCRIPTION,
        FILES,
        LABEL_FILES,
        add_to_index,
        file_of,
    )
    from UniFuseLib.simulation.cases import make_case

    names = (*(file_of(name) for name in (*FILES, *LABEL_FILES)), DESCRIPTION)
    inputs = tuple(root / path for path in (row.degraded, row.reference, row.labels) if path)
    with result_folder(output / row.id, names, overwrite, inputs) as folder:
        mean = make_case(row, root, folder.working)
        folder.publish()
    add_to_index(output, row.id)
    return mean


def demo_rows(folder: Path) -> list[Any]:
    """One row per task of `sample.json`."""
    from UniFuseLib.simulation.case_list import Row
    from UniFuseLib.simulation.tasks import TASKS

    sample = json.loads((folder / "sample.json").read_text(encoding="utf-8"))
    file_of = {name: entry["file"] for name, entry in sample["files"].items()}
    return [
        Row(
            id=f"demo_{task}",
            degraded=file_of[pair["degraded"]],
            reference=file_of[pair["reference"]],
            task=task,
            seed=DEMO_SEED + number,
            bin=DEMO_BIN,
            label=TASKS[task].degradation,
            severity=DEMO_SEVERITY,
        )
        for number, (task, pair) in enumerate(sample["tasks"].items())
    ]
