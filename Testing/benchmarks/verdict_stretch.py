#!/usr/bin/env python3
"""How much a stretch raises the agreement of pairs that fit: the limits of `verdict/stretch.py`.

    python Testing/benchmarks/verdict_stretch.py PACK docs/results/trust-rows.jsonl

PACK comes from `verdict_pack.py` with the options of docs/results/trust.md. Of the cases that end
within 3 mm, the first three of every kind and pair of modalities are registered again (six where
they are bent or degraded), and twelve parameters climb from there; of a CT and an MR the finest
spacing is printed as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from verdict_kinds import make
from verdict_pairs import Pack

from UniFuseLib.contract import standard_contract
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import working_pair
from UniFuseLib.verdict.ensemble import finer_stretch, other_poses
from UniFuseLib.verdict.stretch import stretch_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from UniFuseLib.verdict.stretch import Stretch

_GOOD_MM, _WORKING_MM, _VOXELS = 3.0, 2.0, 1.5e6
_FIRST, _FIRST_CHANGED = 3, 6
_PLACED_ELSEWHERE = ("unaligned", "displaced", "still", "sliver")


def chosen(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows that are looked at."""
    seen: Counter[tuple[str, str]] = Counter()
    for row in sorted(rows, key=lambda row: int(row["number"])):
        error = row["error_seen_mm"] if row["error_mm"] is not None else None
        if error is None or error > _GOOD_MM or row["kind"] in _PLACED_ELSEWHERE:
            continue
        key = row["modalities"], row["kind"]
        seen[key] += 1
        changed = row["kind"] in ("deformed", "degraded")
        if seen[key] <= (_FIRST_CHANGED if changed else _FIRST):
            yield row


def stretches(pack: Pack, number: int) -> list[Stretch]:
    """By twelve parameters, and at the finest spacing."""
    case, _ = make(pack, number)
    grid = case.reference.grid
    extent_mm = np.array(grid.shape) * grid.spacing
    spacing = max(_WORKING_MM, float((extent_mm.prod() / _VOXELS) ** (1 / 3)))
    pair = prepare_pair(
        case.degraded, case.reference, case.modalities, standard_contract(), spacing
    )
    pose = working_pair(pair, "rigid").alignment.matrix
    sides = pair.degraded.side, pair.reference.side
    most = max(other_poses(*sides, pose), key=lambda end: end.stretch_gain)
    of_two = set(case.modalities) == {"ct", "mr"}
    found = (most, finer_stretch(*sides, pose, most) if of_two else None)
    return [stretch_of(end) for end in found if end is not None]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pack", type=Path)
    parser.add_argument("rows", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    pack = Pack(args.pack)
    lines = args.rows.read_text(encoding="utf-8").splitlines()
    for row in chosen([json.loads(line) for line in lines]):
        with torch.no_grad():
            found = stretches(pack, row["number"])
        said = ", ".join(f"{one.gain:.3f} by {one.percent:.1f} %" for one in found)
        told = any(one.finest_doubts() for one in found[1:])
        sys.stdout.write(
            f"{row['modalities']}, {row['kind']}, {row['patient']}: {said}{' told' * told}\n"
        )
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
