"""`unifuse train CONFIG --output DIR`: train, or go on where the last run stopped."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "train",
        help="train the network",
        description="Train from a TOML configuration; resumes from DIR where it holds a checkpoint.",
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="TOML file, see training/configs")
    parser.add_argument("--output", "-o", type=Path, required=True, metavar="DIR", help="checkpoint, log, weights")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    parser.add_argument(
        "--time-budget", type=float, metavar="MINUTES", help="stop cleanly, with a checkpoint, after so many minutes"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from UniFuseLib.device import choose_device
    from UniFuseLib.training.config import read_config
    from UniFuseLib.training.train import train

    budget = None if args.time_budget is None else 60 * args.time_budget
    device = choose_device(args.device)
    train(
        read_config(args.config), args.output, device, budget, lambda line: print(line, file=sys.stderr, flush=True)
    )
    return 0
