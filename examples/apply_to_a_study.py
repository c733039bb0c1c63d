#!/usr/bin/env python3
"""Move what belongs to the degraded scan onto the reference.

    python examples/apply_to_a_study.py RESULT LABELS MOVED [--point R A S]

RESULT is the folder of `unifuse fuse`; LABELS was drawn on the degraded volume; MOVED is the same
label map on the grid of the reference. The point is a place of the degraded volume in RAS mm; the
script prints where the same anatomy lies in the reference, and the way back.

The command does the same for whole folders: unifuse apply RESULT FILE... --output FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from UniFuseLib import Result, read_result, read_volume, write_volume


def print_point(result: Result, point: np.ndarray) -> None:
    """One point of the degraded volume in the reference, and back again."""
    there = result.apply_to_points(point[None], to="reference")
    back = result.apply_to_points(there, to="degraded")
    for name, place in (("reference", there), ("degraded", back)):
        print(name, *(f"{value:.2f}" for value in place[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Apply a deformation in both directions.")
    parser.add_argument("result", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("moved", type=Path)
    parser.add_argument("--point", type=float, nargs=3, metavar=("R", "A", "S"))
    args = parser.parse_args()

    result = read_result(args.result)
    labels = read_volume(args.labels)
    write_volume(result.apply(labels, to="reference", interpolation="label"), args.moved)
    if args.point is not None:
        print_point(result, np.array(args.point))


if __name__ == "__main__":
    main()
