"""`unifuse bench-images FOLDER`: the literature's nine figures for fusion methods on pictures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from UniFuseLib.commands.options import add_device, log
from UniFuseLib.errors import InputError
from UniFuseLib.fusion.methods import METHODS

_DESCRIPTION = """\
Fuse all pairs of aligned pictures in the two folders of FOLDER (as CT-MRI/CT and CT-MRI/MRI) with
several methods and print EN, SD, SF, AG, MI, SCD, VIF, Q_abf and SSIM, means over the pairs; and
what they keep: of what the first picture alone shows (retention), and of the second's contrast.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "bench-images", help="compare fusion methods on 2-D pictures", description=_DESCRIPTION
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="two folders of pictures")
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=["average", "maximum", "laplacian"],
        metavar="NAME",
        help=f"some of {', '.join(METHODS)} (default: average maximum laplacian)",
    )
    parser.add_argument(
        "--also",
        type=_folder_and_name,
        action="append",
        default=[],
        metavar="DIR=NAME",
        help="fused pictures of others; they are matched to the pairs by correlation, and only "
        "unambiguous matches count, for every method",
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")
    add_device(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from UniFuseLib.device import choose_device
    from UniFuseLib.evaluation.picture_bench import (
        bench_pictures,
        find_pairs,
        match,
        pair_folders,
        table,
    )

    if not args.folder.is_dir():
        raise InputError(f"Expected a folder at '{args.folder}', found none.")
    pairs = find_pairs(*pair_folders(args.folder))
    others = {name: match(pairs, folder) for folder, name in args.also}
    for name, found in others.items():
        log(f"{name}: {len(found)} pictures matched to {len(pairs)} pairs")
    rows = bench_pictures(pairs, args.methods, others, choose_device(args.device), log)
    if args.json:
        values = [
            {"method": r.method, "pairs": r.pairs, **r.mean._asdict(), **r.kept._asdict()}
            for r in rows
        ]
        print(json.dumps(values, indent=2))
    else:
        print(table(rows))
    return 0


def _folder_and_name(text: str) -> tuple[Path, str]:
    folder, _, name = text.rpartition("=")
    if not folder or not name:
        raise argparse.ArgumentTypeError(f"expected DIR=NAME, got {text}")
    return Path(folder), name
