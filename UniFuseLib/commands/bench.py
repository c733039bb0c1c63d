"""`unifuse bench CASES --output DIR`: staged rivals and our model on the same cases, side by side
in one run.
"""

from __future__ import annotations

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
        "bench",
        help="compare the model with staged pipelines on simulated cases (extra 'bench')",
        description="Run restoration (none, nlm), registration (identity, rigid, bspline, elastix, syn, convexadam) "
        "and fusion (average, maximum, laplacian, wavelet) in every combination, and our model, on every case. Each "
        "stage runs in a process of its own with CPU seconds and peak memory measured. Writes bench.json and one "
        "self-contained report.html.",
    )
    parser.add_argument(
        "cases", type=Path, metavar="CASES", help="folder made by 'unifuse simulate'"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="where everything goes"
    )
    parser.add_argument(
        "--rivals",
        metavar="NAMES",
        help="comma-separated names; a kind (restoration, registration, fusion) of which none is named comes whole",
    )
    parser.add_argument(
        "--cases", type=count, dest="limit", metavar="N", help="only the first N cases"
    )
    parser.add_argument("--resume", action="store_true", help="keep stages that are finished")
    parser.add_argument("--weights", type=Path, help="safetensors file; default: the shipped model")
    parser.add_argument(
        "--device", default="cpu", help="of our model; cpu (default) compares CPU seconds fairly"
    )
    parser.add_argument(
        "--refine",
        type=refinement,
        default="auto",
        metavar="off|auto|N",
        help="of our model, as in 'fuse'",
    )
    parser.add_argument("--no-model", action="store_true", help="rivals only")
    parser.add_argument("--json", action="store_true", help="print bench.json instead of the table")
    parser.add_argument(
        "--write-table", type=Path, metavar="PATH", help="also write a short results table here"
    )
    ablations = parser.add_argument_group("ablations (Tables 4 and 5)")
    ablations.add_argument(
        "--ablations", action="store_true", help="train and measure the variants instead"
    )
    ablations.add_argument(
        "--training",
        type=Path,
        default=Path("ablations"),
        metavar="CONFIG",
        help="TOML of 'train' (default: ablations, a small budget)",
    )
    ablations.add_argument(
        "--data", type=Path, metavar="FILE", help="training file of 'unifuse pack'"
    )
    ablations.add_argument(
        "--steps", type=count, help="of every variant (default: those of CONFIG)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare, print the verdict, return 0, or raise when cases were skipped.

    Raises:
        UniFuseError: unknown or missing rivals, no index, no weights, output not writable, cases
            skipped.
    """
    return _ablations(args) if args.ablations else _rivals(args)


def _ablations(args: argparse.Namespace) -> int:
    from UniFuseLib.device import choose_device
    from UniFuseLib.experiments.ablations import Budget, ablation_tables, run_ablations
    from UniFuseLib.training.config import read_config

    data = {} if args.data is None else {"data": str(args.data.resolve())}
    config = read_config(args.training, **data)
    result = run_ablations(
        args.cases,
        args.output,
        config,
        Budget(args.steps or config.steps, choose_device(args.device)),
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
    text = ablation_tables(result)
    print(json.dumps(result, indent=1) if args.json else text)
    if args.write_table:
        from UniFuseLib.io.json_files import write_text

        write_text(text, args.write_table)
    return 0


def _rivals(args: argparse.Namespace) -> int:
    from UniFuseLib.evaluation.baselines import choose
    from UniFuseLib.evaluation.bench.bench import run_bench
    from UniFuseLib.evaluation.bench.run import Plan
    from UniFuseLib.evaluation.bench.tables import bench_table
    from UniFuseLib.evaluation.evaluate import named
    from UniFuseLib.io.json_files import write_text

    if importlib.util.find_spec("matplotlib") is None:
        raise MissingDependencyError("The report needs matplotlib: pip install matplotlib.")
    names = [n.strip() for n in args.rivals.split(",") if n.strip()] if args.rivals else None
    restorations, registrations, fusions = choose(names)
    weights = None if args.no_model else _weights(args.weights)
    result = run_bench(
        args.cases.resolve(),
        args.output.resolve(),
        Plan(
            restorations,
            registrations,
            fusions,
            weights=args.weights.resolve() if args.weights else None,
            checksum=weights["sha256"] if weights else None,
            device=args.device,
            refine=args.refine,
        ),
        weights=weights,
        resume=args.resume,
        limit=args.limit,
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
    text = bench_table(result)
    print(json.dumps(result, indent=1) if args.json else text)
    if args.write_table:
        write_text(text, args.write_table)
    print(f"{args.output / 'report.html'}", file=sys.stderr)
    if result["skipped"]:
        raise InputError(
            f"{len(result['skipped'])} case(s) could not be compared. {named(result['skipped'])}"
        )
    return 0


def _weights(path: Path | None) -> dict[str, Any]:
    from UniFuseLib.contract import read_contract
    from UniFuseLib.resources import DEFAULT_WEIGHTS, models_folder

    contract = read_contract(path or models_folder() / DEFAULT_WEIGHTS)
    return {"name": contract.name, "preset": contract.preset, "sha256": contract.sha256}
