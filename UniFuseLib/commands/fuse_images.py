"""`unifuse fuse-images A B -o OUT`: aligned 2-D pictures, or folders of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import add_device, log
from UniFuseLib.errors import InputError
from UniFuseLib.fusion.methods import METHODS

if TYPE_CHECKING:
    import argparse

_DESCRIPTION = """\
Fuse two aligned pictures of one size (PNG, JPEG, TIFF or 2-D DICOM, grey or RGB), or all pictures
of the same name in two folders. Nothing is aligned. Colour is kept (YCbCr).
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "fuse-images", help="fuse aligned 2-D pictures", description=_DESCRIPTION
    )
    parser.add_argument("first", type=Path, metavar="A", help="picture, or a folder of pictures")
    parser.add_argument("second", type=Path, metavar="B", help="the other one, aligned with A")
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        required=True,
        metavar="OUT",
        help="PNG, JPEG or TIFF file; for folders a folder, which gets PNG files",
    )
    parser.add_argument(
        "--fusion", choices=METHODS, default="maximum", help="method (default: maximum)"
    )
    add_device(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that are there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from UniFuseLib.device import choose_device
    from UniFuseLib.fusion.pictures import PictureFusion
    from UniFuseLib.io.output_folder import check_files
    from UniFuseLib.io.pictures import read_picture, write_picture

    jobs = _jobs(args)
    inputs = [path for first, second, _ in jobs for path in (first, second)]
    check_files([out for _, _, out in jobs], args.overwrite, inputs)
    fusion = PictureFusion(args.fusion, choose_device(args.device))
    for first, second, out in jobs:
        write_picture(fusion(read_picture(first), read_picture(second)), out)
        log(str(out))
    return 0


def _jobs(args: argparse.Namespace) -> list[tuple[Path, Path, Path]]:
    """(A, B, output) of every pair."""
    from UniFuseLib.evaluation.picture_bench import find_pairs

    if args.first.is_dir() != args.second.is_dir():
        raise InputError("Expected two pictures or two folders, got one of each.")
    if not args.first.is_dir():
        return [(args.first, args.second, args.output)]
    pairs = find_pairs(args.first, args.second)
    return [(p.first, p.second, args.output / f"{p.name}.png") for p in pairs]
