"""`unifuse pack DATA --output FILE`: a data set as one compact file for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import log
from UniFuseLib.errors import InputError
from UniFuseLib.io.output_folder import is_taken
from UniFuseLib.process import in_bytes

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    from UniFuseLib.training.layouts import LAYOUTS
    from UniFuseLib.training.splits import SPLITS

    parser = subparsers.add_parser(
        "pack",
        help="make a training file from a data set",
        description="Crop, quantise and compress every volume under DATA. Training needs only this "
        "file.",
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="root folder of the data set")
    parser.add_argument("--output", "-o", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--layout",
        choices=sorted(LAYOUTS),
        default="unifuse",
        help="how the data set is organised (default: unifuse)",
    )
    parser.add_argument(
        "--split", choices=SPLITS, help="one side of the paper's split (default: all subjects)"
    )
    parser.add_argument(
        "--split-file",
        type=Path,
        metavar="JSON",
        help="names of the subjects of both sides; read if the file exists, else written",
    )
    parser.add_argument(
        "--held-out", type=int, metavar="N", help="number of subjects in val (default: the paper's)"
    )
    parser.add_argument(
        "--shape",
        type=int,
        metavar="N",
        help="resize to N³ voxels; the paper has 160 (default: every volume's own grid)",
    )
    parser.add_argument(
        "--spacing",
        type=float,
        metavar="MM",
        help="merge finer voxels to about this size",
    )
    parser.add_argument(
        "--levels",
        type=int,
        default=256,
        metavar="N",
        help="greys that a volume keeps; fewer make a smaller file (default: 256)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from UniFuseLib.training.pack import pack

    if is_taken(args.output) and not args.overwrite:
        raise InputError(f"'{args.output}' exists. Choose another file, or add --overwrite.")
    if args.split is None and (args.split_file is not None or args.held_out is not None):
        raise InputError("--split-file and --held-out need --split train or --split val.")
    if args.spacing is not None and not args.spacing > 0:
        raise InputError(f"Expected --spacing above 0 mm, got {args.spacing:g}.")
    if args.spacing is not None and args.shape is not None:
        raise InputError("--shape and --spacing both set the voxels' size. Give one of them.")
    if not 2 <= args.levels <= 256:
        raise InputError(f"Expected --levels between 2 and 256, got {args.levels}.")
    pack(
        args.data,
        args.layout,
        args.output,
        log,
        split=args.split,
        split_file=args.split_file,
        held_out=args.held_out,
        shape=args.shape,
        spacing_mm=args.spacing,
        levels=args.levels,
    )
    print(f"{args.output}: {in_bytes(args.output.stat().st_size)}")
    return 0
