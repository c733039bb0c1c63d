"""`unifuse simulate CASES.csv --output DIR`: cases with known truth."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from UniFuseLib.commands.options import add_reading, log
from UniFuseLib.degradation import title
from UniFuseLib.errors import InputError, UniFuseError

DEMO_SEED, DEMO_BIN, DEMO_SEVERITY = 7, "3-8", 0.6
_DESCRIPTION = """\
Make cases for 'unifuse evaluate' and 'unifuse bench' from aligned pairs of scans, or from label
maps of heads.
"""
_EPILOG = """\
columns of CASES.csv:
  id                    of the case
  degraded, reference   paths
  task                  mr: MR on MR, ctmr: CT on MR, petct: PET on CT, mrct: MR on CT,
                        petmr: PET on MR
  seed                  a whole number
  bin                   mean displacement in mm: 0-3, 3-8, 8-15 or >15

optional columns:
  class                 'clean' for no degradation (default: the degradation of the task)
  severity              0 to 1
  degraded_contrast, reference_contrast
                        t1, t2, flair, ct, pet or random: the file is a label map of a head, and the
                        scan is made from it
  labels                a label map aligned with both scans
  misalignment          head: rigid and up to 2 mm elastic, body: rigid and up to 10 mm,
                        turned: by 30 to 180 degrees, apart: no overlap,
                        stress: 12 parameters and up to 10 mm (default)
  acquisition           stripped, slab or thick
  group                 row of the tables that counts the case

Rows that cannot be made are listed at the end; the others are made.
"""


def add_parser(subparsers: Any) -> None:
    """Register the command; `run` is set as its default."""
    parser = subparsers.add_parser(
        "simulate",
        help="make misaligned, degraded cases with known truth",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("cases", type=Path, nargs="?", metavar="CASES.csv", help="table of cases")
    source.add_argument(
        "--demo", action="store_true", help="make one case per task from the shipped sample"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder for the cases"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="ROOT",
        help="folder that paths are relative to (default: that of the table)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace cases of the same id")
    add_reading(parser)
    parser.add_argument(
        "--allow-different-patient",
        action="store_true",
        help="make a case also of DICOM scans with different PatientID",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make all cases that can be made; returns 0.

    Raises:
        UniFuseError: the table or the output folder cannot be used, or at least one row failed (the
            others are made).
    """
    from UniFuseLib.simulation.case_list import read_case_list
    from UniFuseLib.simulation.tasks import TASKS

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
            case = _make(row, root, args)
        except UniFuseError as error:
            faults.append(f"{row.id}: {error}")
            log(f"{row.id}: {error}")
            continue
        made += 1
        about = f"{TASKS[row.task].title}, {title(row.label)}"
        print(f"{row.id}: {about}, mean displacement {case.mean_mm:.1f} mm", flush=True)
        for warning in case.warnings:
            log(f"{row.id}: warning: {warning}")
    if faults:
        sentence = f"{made} case(s) made in '{args.output}', {len(faults)} could not be made:"
        raise InputError("\n  ".join([sentence, *faults]))
    return 0


def _make(row: Any, root: Path, args: argparse.Namespace) -> Any:
    """One case, complete or not at all; `cases.json` names it afterwards."""
    from UniFuseLib.io.file_header import ReadOptions
    from UniFuseLib.io.output_folder import result_folder
    from UniFuseLib.simulation.case_folder import (
        DESCRIPTION,
        FILES,
        LABEL_FILES,
        add_to_index,
        file_of,
    )
    from UniFuseLib.simulation.cases import make_case
    from UniFuseLib.simulation.clean_pair import PairReading

    names = (*(file_of(name) for name in (*FILES, *LABEL_FILES)), DESCRIPTION)
    inputs = tuple(root / path for path in (row.degraded, row.reference, row.labels) if path)
    options = ReadOptions(args.header, args.assume_orientation)
    reading = PairReading(options, args.allow_different_patient)
    with result_folder(args.output / row.id, names, args.overwrite, inputs) as folder:
        case = make_case(row, root, folder.working, reading)
        folder.publish()
    add_to_index(args.output, row.id)
    return case


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
