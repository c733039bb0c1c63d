"""`unifuse train-descriptors DATA --output DIR`: train learned descriptors, or go on where the last
run stopped; `--export FILE` writes their weights.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import add_device
from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    import argparse

_DESCRIPTION = """\
For research on registration; 'unifuse fuse' does not use the result. Trains a small network whose
features of one place agree in every modality, from a file of 'unifuse pack --layout anatomy'. Run
the same command again to go on after an interruption.
"""
_SETTINGS = ("steps", "pairs", "points", "validate_every", "log_every")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "train-descriptors",
        help="train features for registration that agree between modalities (research)",
        description=_DESCRIPTION,
    )
    parser.add_argument(
        "data",
        type=Path,
        nargs="?",
        metavar="DATA",
        help="training file of 'unifuse pack --layout anatomy'",
    )
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the run: checkpoint and log",
    )
    add_device(parser)
    parser.add_argument(
        "--time-budget",
        type=float,
        metavar="MINUTES",
        help="end after this many minutes, all calls together; the learning rate falls to suit",
    )
    _add_settings(parser)
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="write the weights of the run in DIR to FILE (.safetensors, its contract beside it), "
        "and stop",
    )
    parser.set_defaults(run=run)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Those of `Settings` that are worth a choice."""
    for option, text in (
        ("--steps", "length of the training (default: 20000)"),
        ("--pairs", "pairs of crops in one step (default: 16)"),
        ("--points", "places compared in each pair (default: 512)"),
        ("--validate-every", "steps between validations (default: 1000)"),
        ("--log-every", "steps between lines of the log (default: 100)"),
    ):
        parser.add_argument(option, type=int, metavar="N", help=text)


def run(args: argparse.Namespace) -> int:
    if args.export is not None:
        from UniFuseLib.training.descriptors.export import export

        export(args.output, args.export)
        return 0
    if args.data is None:
        raise InputError("Expected DATA, a training file of 'unifuse pack --layout anatomy'.")
    from UniFuseLib.device import choose_device
    from UniFuseLib.training.descriptors.state import Settings
    from UniFuseLib.training.descriptors.train import train

    given = {name: getattr(args, name) for name in _SETTINGS if getattr(args, name) is not None}
    for name, value in given.items():
        if value < 1:
            raise InputError(f"Expected --{name.replace('_', '-')} of at least 1, got {value}.")
    budget = None if args.time_budget is None else 60 * args.time_budget
    train(args.data, args.output, choose_device(args.device), Settings(**given), budget, _report)
    return 0


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
