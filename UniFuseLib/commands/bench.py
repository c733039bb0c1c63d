"""`unifuse bench CASES --output DIR`: staged pipelines and the model on the same cases."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import add_fusions, count, log, other_fusions, refinement
from UniFuseLib.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    import argparse

_DESCRIPTION = (
    "Run restoration (none, nlm), registration (identity, rigid, bspline, elastix, syn, "
    "convexadam) and fusion (average, maximum, laplacian, wavelet) in every combination, and the "
    "model, on every case. Each stage runs in a process of its own; its CPU seconds and peak "
    "memory are measured. Writes bench.json and a self-contained report.html."
)


def add_parser(subparsers: Any) -> None:
    """Register the command; `run` is set as its default."""
    parser = subparsers.add_parser(
        "bench",
        help="compare the model with staged pipelines on simulated cases (extra 'bench')",
        description=_DESCRIPTION,
    )
    parser.add_argument(
        "cases", type=Path, metavar="CASES", help="folder made by 'unifuse simulate'"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder for all results"
    )
    parser.add_argument(
        "--baselines",
        metavar="NAMES",
        help="comma-separated names; if none of a kind (restoration, registration, fusion) is "
        "named, all of that kind run",
    )
    parser.add_argument("--limit", type=count, metavar="N", help="only the first N cases")
    parser.add_argument("--resume", action="store_true", help="keep stages that are finished")
    parser.add_argument("--json", action="store_true", help="print bench.json instead of the table")
    parser.add_argument(
        "--write-table", type=Path, metavar="PATH", help="also write a short results table here"
    )
    _add_model(parser.add_argument_group("model"))
    _add_ablations(parser.add_argument_group("ablations (Tables 4 and 5 of the paper)"))
    parser.set_defaults(run=run)


def _add_model(group: Any) -> None:
    group.add_argument(
        "--weights", type=Path, help="safetensors file (default: the shipped weights)"
    )
    group.add_argument("--device", default="cpu", help="cpu (default) compares CPU seconds fairly")
    group.add_argument(
        "--refine",
        type=refinement,
        default="auto",
        metavar="off|auto|N",
        help="test-time optimisation, as in 'fuse' (default: auto)",
    )
    add_fusions(group)
    group.add_argument("--no-model", action="store_true", help="baselines only")


def _add_ablations(group: Any) -> None:
    group.add_argument(
        "--ablations",
        action="store_true",
        help="train and measure variants of the network instead of running baselines",
    )
    group.add_argument(
        "--training",
        type=Path,
        default=Path("ablations"),
        metavar="CONFIG",
        help="TOML configuration as for 'train' (default: ablations, a small budget)",
    )
    group.add_argument("--data", type=Path, metavar="FILE", help="training file of 'unifuse pack'")
    group.add_argument(
        "--steps",
        type=count,
        metavar="N",
        help="training steps of every variant (default: those of CONFIG)",
    )
    group.add_argument(
        "--validation",
        type=Path,
        metavar="FILE",
        help="file of 'unifuse pack' on which the network alone is measured as well",
    )
    group.add_argument(
        "--variants",
        nargs="+",
        metavar="NAME",
        help="which variants, 'ours' for the network itself (default: all of both tables)",
    )
    group.add_argument(
        "--seeds",
        nargs="+",
        type=int,
        metavar="N",
        help="train every variant once with each seed (default: that of CONFIG)",
    )


def run(args: argparse.Namespace) -> int:
    """Compare, print the verdict, return 0, or raise when cases were skipped.

    Raises:
        UniFuseError: unknown or missing baselines, no index, no weights, output not writable, cases
            skipped.
    """
    return _ablations(args) if args.ablations else _baselines(args)


def _ablations(args: argparse.Namespace) -> int:
    from UniFuseLib.device import choose_device
    from UniFuseLib.experiments.ablations import Budget, ablation_tables, run_ablations
    from UniFuseLib.training.config import read_config

    files = {"data": args.data, "validation": args.validation}
    given = {key: str(file.resolve()) for key, file in files.items() if file is not None}
    config = read_config(args.training, **given)
    budget = Budget(
        steps=args.steps or config.steps,
        device=choose_device(args.device),
        seeds=tuple(dict.fromkeys(args.seeds or [config.seed])),
        variants=_variants(args.variants),
    )
    result = run_ablations(args.cases, args.output, config, budget, log=log)
    _show(args, result, ablation_tables(result))
    return 0


def _variants(names: list[str] | None) -> tuple[str, ...]:
    """The variants that are asked for.

    Raises:
        UniFuseError: one that there is not.
    """
    from UniFuseLib.experiments.ablations import VARIANTS

    if unknown := sorted(set(names or ()) - set(VARIANTS)):
        raise InputError(
            f"There is no variant {', '.join(unknown)}. Choose from: {', '.join(VARIANTS)}."
        )
    return tuple(dict.fromkeys(names or VARIANTS))


def _baselines(args: argparse.Namespace) -> int:
    from UniFuseLib.evaluation.bench.bench import run_bench
    from UniFuseLib.evaluation.bench.tables import bench_table
    from UniFuseLib.evaluation.evaluate import named
    from UniFuseLib.io.output_folder import sole_run
    from UniFuseLib.simulation.case_folder import read_index

    fusions = other_fusions(args.fusion)  # a wrong name is said before a missing package
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingDependencyError("The report needs matplotlib: pip install matplotlib.")
    weights = None if args.no_model else _weights(args.weights)
    read_index(args.cases)  # before a folder is made
    with sole_run(args.output):
        result = run_bench(
            args.cases.resolve(),
            args.output.resolve(),
            _plan(args, fusions, weights["sha256"] if weights else None),
            weights=weights,
            resume=args.resume,
            limit=args.limit,
            log=log,
        )
    _show(args, result, bench_table(result))
    log(f"{args.output / 'report.html'}")
    if skipped := result["skipped"]:
        raise InputError(f"{len(skipped)} case(s) could not be compared. {named(skipped)}")
    return 0


def _plan(args: argparse.Namespace, fusions: tuple[str, ...], checksum: str | None) -> Any:
    from UniFuseLib.evaluation.baselines import choose
    from UniFuseLib.evaluation.bench.run import BenchPlan

    names = None
    if args.baselines:
        names = [name.strip() for name in args.baselines.split(",") if name.strip()]
    return BenchPlan(
        *choose(names),
        weights=args.weights.resolve() if args.weights else None,
        checksum=checksum,
        device=args.device,
        refine=args.refine,
        model_fusions=fusions,
    )


def _show(args: argparse.Namespace, result: dict[str, Any], table: str) -> None:
    print(json.dumps(result, indent=1) if args.json else table)
    if args.write_table:
        from UniFuseLib.io.json_files import write_text

        write_text(table, args.write_table)


def _weights(path: Path | None) -> dict[str, Any]:
    from UniFuseLib.contract import read_contract
    from UniFuseLib.resources import DEFAULT_WEIGHTS, models_folder

    contract = read_contract(path or models_folder() / DEFAULT_WEIGHTS)
    return {"name": contract.name, "preset": contract.preset, "sha256": contract.sha256}
