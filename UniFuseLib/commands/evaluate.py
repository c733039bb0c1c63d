"""`unifuse evaluate CASES --output DIR`: the model on simulated cases with known truth."""

from __future__ import annotations

import functools
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import (
    add_device,
    add_fusions,
    count,
    log,
    other_fusions,
    refinement,
)
from UniFuseLib.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    import argparse

    from UniFuseLib.evaluation.evaluate import Evaluation

_DESCRIPTION = (
    "Run the model on every case of a folder made by 'unifuse simulate' and measure registration, "
    "restoration, classification and fusion per group, and of the stress test per task and per "
    "misalignment bin. Cases that are broken or refused are skipped and listed at the end; the "
    "exit code is then not 0."
)


def add_parser(subparsers: Any) -> None:
    """Register the command; `run` is set as its default."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure the model on simulated cases with known truth",
        description=_DESCRIPTION,
    )
    parser.add_argument(
        "cases", type=Path, metavar="CASES", help="folder made by 'unifuse simulate'"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder for figures and pictures"
    )
    parser.add_argument(
        "--json", action="store_true", help="print summary.json instead of the table"
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep cases that are finished with the same weights"
    )
    parser.add_argument("--limit", type=count, metavar="N", help="only the first N cases")
    parser.add_argument(
        "--weights", type=Path, help="safetensors file (default: the shipped weights)"
    )
    add_device(parser)
    parser.add_argument(
        "--refine",
        type=refinement,
        default="auto",
        metavar="off|auto|N",
        help="test-time optimisation, as in 'fuse' (default: auto)",
    )
    parser.add_argument(
        "--baselines",
        default="",
        metavar="NAMES",
        help="comma-separated registrations to run on the same cases: rigid (mutual information, "
        "SimpleITK), bspline, elastix, syn, convexadam (default: none)",
    )
    add_fusions(parser)
    parser.add_argument(
        "--no-overview", action="store_true", help="draw no pictures; matplotlib is not needed then"
    )
    parser.add_argument(
        "--write-table", type=Path, metavar="PATH", help="also write a short results table here"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate, print, return 0, or 3 when cases were skipped.

    Raises:
        UniFuseError: no index, no weights, no such device or baseline, output not writable.
    """
    from UniFuseLib.evaluation.evaluate import named
    from UniFuseLib.evaluation.tables import results_table
    from UniFuseLib.io.json_files import write_text

    if not args.no_overview and importlib.util.find_spec("matplotlib") is None:
        raise MissingDependencyError(
            "The pictures need matplotlib: pip install matplotlib, or give --no-overview."
        )
    evaluation = _evaluation(args)
    print(json.dumps(evaluation.summary, indent=1) if args.json else evaluation.tables)
    if args.write_table:
        write_text(results_table(evaluation.summary), args.write_table)
    if skipped := evaluation.skipped:
        raise InputError(f"{len(skipped)} case(s) could not be evaluated. {named(skipped)}")
    return 0


def _evaluation(args: argparse.Namespace) -> Evaluation:
    from UniFuseLib.checkpoint import load_model
    from UniFuseLib.device import choose_device
    from UniFuseLib.evaluation.baselines import chosen_registrations
    from UniFuseLib.evaluation.evaluate import evaluate
    from UniFuseLib.evaluation.other_fusions import OtherFusions
    from UniFuseLib.evaluation.own_frame import restore_in_place
    from UniFuseLib.fusion.greys import WIDE
    from UniFuseLib.io.output_folder import sole_run
    from UniFuseLib.overview import draw_overview
    from UniFuseLib.predict import fuse
    from UniFuseLib.simulation.case_folder import read_index

    names = [name.strip() for name in args.baselines.split(",") if name.strip()]
    baselines = chosen_registrations(names)
    fusions = other_fusions(args.fusion)
    device = choose_device(args.device)
    model, contract = load_model(args.weights, device)
    refined = "" if args.refine == "off" else f"+refine={args.refine}"
    fuse_pair = functools.partial(
        fuse,
        model=model,
        contract=contract,
        device=args.device,
        refine=args.refine,
        ct_window=WIDE,  # the greys that the metrics are taken on
    )
    restore = functools.partial(restore_in_place, model=model, contract=contract, device=device)
    read_index(args.cases)  # before a folder is made
    with sole_run(args.output):
        return evaluate(
            args.cases,
            args.output,
            fuse_pair,
            checksum=contract.sha256 + refined,
            restore=restore,
            resume=args.resume,
            limit=args.limit,
            draw=None if args.no_overview else draw_overview,
            baselines=baselines,
            fusions=OtherFusions(fusions, contract, device) if fusions else None,
            weights={"name": contract.name, "preset": contract.preset, "sha256": contract.sha256},
            log=log,
        )
