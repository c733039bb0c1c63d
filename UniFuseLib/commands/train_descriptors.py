"""`unifuse train_descriptors DATA --output DIR`: train the learned descriptors, or go on where the
last run stopped.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

_DESCRIPTION = """\
Train descriptors that agree whatever the contrast, from a file of 'unifuse pack --layout anatomy'.
Resumes from DIR where it holds a checkpoint.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "train_descriptors",
        help="train the contrast-invariant descriptors of the registration",
        description=_DESCRIPTION,
    )
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="training file of 'unifuse pack --layout anatomy'"
    )
    parser.add_argument(
        "--output", "-o", type=Path, required=True, metavar="DIR", help="checkpoint and log"
    )
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)"
    )
    parser.add_argument(
        "--time-budget", type=float, metavar="MINUTES", help="length of the schedule, if shorter"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="length of the schedule")
    parser.add_argument("--pairs", type=int, metavar="N", help="pairs of a batch")
    parser.add_argument("--points", type=int, metavar="N", help="places compared in each pair")
    parser.add_argument("--validate-every", type=int, metavar="N", help="steps between validations")
    parser.add_argument("--log-every", type=int, metavar="N", help="steps between lines of the log")
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="write the weights of DIR's checkpoint (.safetensors, contract beside it), and stop",
    )
    parser.add_argument(
        "--helps",
        nargs="*",
        default=[],
        metavar="CT:MR",
        help="with --export: pairs of modalities, degraded:reference, that were measured to gain",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.export is not None:
        from UniFuseLib.training.descriptors.export import export

        export(args.output, args.export, tuple(_pair(text) for text in args.helps))
        return 0
    from UniFuseLib.device import choose_device
    from UniFuseLib.training.descriptors.train import Settings, train

    given = {
        name: getattr(args, name)
        for name in ("steps", "pairs", "points", "validate_every", "log_every")
    }
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    budget = None if args.time_budget is None else 60 * args.time_budget
    train(args.data, args.output, choose_device(args.device), settings, budget, _report)
    return 0


def _pair(text: str) -> tuple[str, str]:
    """`ct:mr` → ("ct", "mr")."""
    from UniFuseLib.errors import InputError
    from UniFuseLib.preprocessing.intensity import MODALITIES

    degraded, _, reference = text.partition(":")
    if degraded not in MODALITIES or reference not in MODALITIES:
        raise InputError(f"Expected degraded:reference of {', '.join(MODALITIES)}, got '{text}'.")
    return degraded, reference


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
