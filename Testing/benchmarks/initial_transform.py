#!/usr/bin/env python3
"""What an initial transform does to the registration before the network, on real volumes.

    python Testing/benchmarks/initial_transform.py DATA --output docs/results/initial-transform.json

Pairs, truth and motions are those of `affine_registration.py`. Every pair is registered without an
initial transform, with good ones (0, 1 and 2 mm off the truth) and with bad ones (30 mm and 30° off
it). `worse_mm` is how much farther from the truth a good one ends than it was, `apart_mm` how far
from each other the pair ends with a bad one and without.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from affine_registration import GROUPS, seen
from scipy.spatial.transform import Rotation

from UniFuseLib.registration.affine import register
from UniFuseLib.registration.affine_parameters import distance_mm, rigid_matrix
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from affine_registration import Group, Pair

_GOOD_MM = (0.0, 1.0, 2.0)
_BAD_MM, _BAD_DEG = 30.0, 30.0
_POINTS = 4000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=["heads", "mr", "pet"])
    parser.add_argument("--most", type=int, default=3, help="pairs of each group")
    args = parser.parse_args()
    torch.set_num_threads(1)
    content: dict[str, Any] = {}
    for key in args.groups:
        group = GROUPS[key]
        pairs = itertools.islice(group.pairs(args.data), args.most)
        rows = [measured(pair, group) for pair in pairs]
        content[key] = {"title": group.title, "cases": rows}
        for row in rows:
            sys.stdout.write(f"{group.title}: {json.dumps(row)}\n")
        sys.stdout.flush()
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return 0


def measured(pair: Pair, group: Group) -> dict[str, Any]:
    """One pair, without an initial transform and with each kind."""
    rng = np.random.default_rng(zlib.crc32(pair.name.encode()))
    reference = seen(pair.reference, pair.modalities[1])
    points = reference.points(_POINTS)
    truth = group.motion(rng, points)
    degraded = seen(Volume(pair.degraded.array, truth @ pair.degraded.affine), pair.modalities[0])
    began = time.process_time()
    without = register(degraded, reference)
    seconds = time.process_time() - began
    good, bad = [], []
    for off in _GOOD_MM:
        start = truth @ motion(rng, points, off / 2, np.rad2deg(off / 2 / 80))
        start_mm = distance_mm(start, truth, points)
        found = register(degraded, reference, given=(start,))
        end_mm = distance_mm(found.matrix, truth, points)
        good.append(
            {
                "start_mm": round(start_mm, 3),
                "end_mm": round(end_mm, 3),
                "worse_mm": round(end_mm - start_mm, 3),
                "stays": found.freedom == "given",
            }
        )
    for _ in range(2):
        start = truth @ motion(rng, points, _BAD_MM, _BAD_DEG)
        found = register(degraded, reference, given=(start,))
        bad.append(
            {
                "start_mm": round(distance_mm(start, truth, points), 1),
                "end_mm": round(distance_mm(found.matrix, truth, points), 3),
                "apart_mm": round(distance_mm(found.matrix, without.matrix, points), 3),
            }
        )
    return {
        "name": pair.name,
        "before_mm": round(distance_mm(np.eye(4), truth, points), 3),
        "without_mm": round(distance_mm(without.matrix, truth, points), 3),
        "followed": without.followed,
        "good": good,
        "bad": bad,
        "cpu_seconds": round(seconds, 2),
    }


def motion(rng: np.random.Generator, points: np.ndarray, mm: float, degrees: float) -> np.ndarray:
    """A shift and a turn about the middle of the body, in any direction."""
    centre = points.mean(axis=0)
    axis, shift = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    turn = Rotation.from_rotvec(np.deg2rad(degrees) * axis).as_matrix()
    return rigid_matrix(turn, centre, centre + mm * shift)


if __name__ == "__main__":
    raise SystemExit(main())
