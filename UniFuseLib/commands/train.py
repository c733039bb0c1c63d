"""`unifuse train CONFIG --output DIR`: train, or continue where the last run stopped."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import add_device, log
from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    import argparse

    from UniFuseLib.training.config import TrainingConfig

_DESCRIPTION = """\
Train from a TOML configuration; continues from DIR if it holds a checkpoint. Several GPUs:
torchrun --nproc-per-node N -m UniFuseLib train CONFIG --output DIR
"""


def shipped_configs() -> list[str]:
    """Names that `train` takes instead of a file."""
    folder = Path(__file__).parents[1] / "training" / "configs"
    return sorted(path.stem for path in folder.glob("*.toml"))


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("train", help="train the network", description=_DESCRIPTION)
    parser.add_argument(
        "config",
        type=Path,
        nargs="?",
        metavar="CONFIG",
        help=f"TOML file, or the name of a shipped one: {', '.join(shipped_configs())}",
    )
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        metavar="DIR",
        help="folder for checkpoint, log, weights and pictures",
    )
    parser.add_argument("--data", type=Path, metavar="FILE", help="training file of 'unifuse pack'")
    parser.add_argument(
        "--validation", type=Path, metavar="FILE", help="validation file of 'unifuse pack'"
    )
    add_device(parser)
    parser.add_argument(
        "--time-budget",
        type=float,
        metavar="MINUTES",
        help="stop cleanly, with a checkpoint, after this many minutes",
    )
    parser.add_argument(
        "--weights-from",
        type=Path,
        metavar="FILE",
        help="start from these weights (safetensors file with its JSON contract beside it)",
    )
    parser.add_argument(
        "--profile", type=int, metavar="N", help="print how the time of N steps is spent, and stop"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="DIR", help="draw the learning curves of a run, and stop"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.plot is not None:
        from UniFuseLib.training.pictures import plot_curves

        print(plot_curves(args.plot))
        return 0
    from UniFuseLib.device import choose_device

    config, device = _config(args), choose_device(args.device)
    if args.profile is not None:
        from UniFuseLib.training.profile import profile

        print(profile(config, device, args.profile))
        return 0
    if args.output is None:
        raise InputError("Expected --output DIR, the folder for checkpoint, log and weights.")
    from UniFuseLib.io.output_folder import sole_run
    from UniFuseLib.training.parallel import is_first_process
    from UniFuseLib.training.train import train

    budget = None if args.time_budget is None else 60 * args.time_budget
    with sole_run(args.output) if is_first_process() else nullcontext():
        train(config, args.output, device, budget, log, args.weights_from)
    return 0


def _config(args: argparse.Namespace) -> TrainingConfig:
    from UniFuseLib.training.config import read_config

    if args.config is None:
        raise InputError(
            f"Expected a configuration: a TOML file, or one of {', '.join(shipped_configs())}."
        )
    given = {"data": args.data, "validation": args.validation}
    return read_config(
        args.config,
        **{name: str(path.resolve()) for name, path in given.items() if path is not None},
    )
