"""`unifuse evaluate CASES --output DIR`: our model on simulated cases, measured against their
truth.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import count, refinement
from UniFuseLib.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    """Register the command; `run` is set as its default."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure the model on simulated cases with known truth",
        description="Run the model on every case of a folder made by 'unifuse simulate' and measure registration, "
        "restoration, classification and fusion per task and per misalignment bin. Broken cases are skipped, named "
        "at the end, and make the exit code non-zero.",
    )
    parser.add_argument(
        "cases", type=Path, metavar="CASES", help="folder made by 'unifuse simulate'"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="where figures and pictures go"
    )
    parser.add_argument(
        "--json", action="store_true", help="print summary.json instead of the table"
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep cases finished with the same weights"
    )
    parser.add_argument(
        "--cases", type=count, dest="limit", metavar="N", help="only the first N cases"
    )
    parser.add_argument("--weights", type=Path, help="safetensors file; default: the shipped model")
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)"
    )
    parser.add_argument(
        "--refine",
        type=refinement,
        default="auto",
        metavar="off|auto|N",
        help="test-time optimisation, as in 'fuse'",
    )
    parser.add_argument(
        "--no-overview", action="store_true", help="draw no pictures (needs no matplotlib)"
    )
    parser.add_argument(
        "--write-table", type=Path, metavar="PATH", help="also write a short results table here"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate, print, return 0, or 3 when cases were skipped.

    Raises:
        UniFuseError: no index, no weights, no such device, output not writable.
    """
    from UniFuseLib.checkpoint import load_model
    from UniFuseLib.device import choose_device
    from UniFuseLib.evaluation.evaluate import evaluate, named
    from UniFuseLib.evaluation.tables import results_table
    from UniFuseLib.overview import draw_overview
    from UniFuseLib.predict import fuse

    if not args.no_overview and importlib.util.find_spec("matplotlib") is None:
        raise MissingDependencyError(
            "The pictures need matplotlib: pip install matplotlib, or give --no-overview."
        )
    model, contract = load_model(args.weights, choose_device(args.device))
    evaluation = evaluate(
        args.cases,
        args.output,
        functools.partial(
            fuse, model=model, contract=contract, device=args.device, refine=args.refine
        ),
        checksum=contract.sha256
        if args.refine == "off"
        else f"{contract.sha256}+refine={args.refine}",
        resume=args.resume,
        limit=args.limit,
        draw=None if args.no_overview else draw_overview,
        weights={"name": contract.name, "preset": contract.preset, "sha256": contract.sha256},
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(json.dumps(evaluation.summary, indent=1) if args.json else evaluation.tables)
    if args.write_table:
        from UniFuseLib.io.json_files import write_text

        write_text(results_table(evaluation.summary), args.write_table)
    if evaluation.skipped:
        raise InputError(
            f"{len(evaluation.skipped)} case(s) could not be evaluated. {named(evaluation.skipped)}"
        )
    return 0
