"""`unifuse train-dmfnet`: one stage of the engine `dmfnet`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import add_device, log

if TYPE_CHECKING:
    import argparse

_DESCRIPTION = """\
Train one stage of the fusion method 'dmfnet' on slices of a training file. Continues from DIR if it
holds a checkpoint.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "train-dmfnet", help="train the fusion method 'dmfnet'", description=_DESCRIPTION
    )
    parser.add_argument("data", type=Path, metavar="FILE", help="training file of 'unifuse pack'")
    parser.add_argument(
        "--validation",
        type=Path,
        required=True,
        metavar="FILE",
        help="file of 'unifuse pack' with other patients",
    )
    parser.add_argument(
        "--output", "-o", type=Path, required=True, metavar="DIR", help="folder of the run"
    )
    parser.add_argument(
        "--stage", type=int, choices=(1, 2), required=True, help="1: U-Net, 2: fusion network"
    )
    parser.add_argument(
        "--minutes", type=float, required=True, help="duration of this run, including its start"
    )
    parser.add_argument(
        "--unet",
        type=Path,
        metavar="FILE",
        help="weights of stage 1, for stage 2; without it the U-Net stays untrained (ablation)",
    )
    parser.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="stop after N steps, even if minutes are left",
    )
    parser.add_argument("--batch", type=int, default=32, help="slices in each step (default: 32)")
    parser.add_argument(
        "--rate", type=float, default=1e-3, help="highest learning rate (default: 0.001)"
    )
    parser.add_argument(
        "--side", type=int, default=128, help="pixels along each side of a slice (default: 128)"
    )
    parser.add_argument(
        "--shelf", type=int, default=4000, help="slices kept in memory (default: 4000)"
    )
    add_device(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from UniFuseLib.device import choose_device
    from UniFuseLib.io.output_folder import sole_run
    from UniFuseLib.training.dmfnet.run import StageConfig, train_stage

    config = StageConfig(
        args.stage,
        args.data,
        args.validation,
        60 * args.minutes,
        args.unet,
        batch=args.batch,
        side=args.side,
        rate=args.rate,
        shelf=args.shelf,
        steps=args.steps,
    )
    with sole_run(args.output):
        train_stage(config, args.output, choose_device(args.device), log)
    return 0
