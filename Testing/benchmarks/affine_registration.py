#!/usr/bin/env python3
"""How far from the truth the registration before the network ends, on real volumes.

    python Testing/benchmarks/affine_registration.py DATA \\
        --output docs/results/affine-registration.json

DATA holds `heads_real/*/{ct,mr}.nii.gz`, `ct_pet_mr/*/{ct,mr_t1,pet_suv}.nii.gz` and
`mr_multi/*/{t1w,t2w,flair}.nii.gz`, each patient's volumes in one frame. The truth is a rigid
motion that is put into the header of the degraded volume; nothing is resampled. The error is the
mean distance inside the reference's body between where the found and the true motion send a point;
the repeatability is the largest such distance between two starts of one pair.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from affine_cases import GROUPS, still

from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.intensity import fit
from UniFuseLib.registration.affine import AffineResult, register
from UniFuseLib.registration.affine_parameters import distance_mm
from UniFuseLib.registration.alignment_volume import alignment_volume
from UniFuseLib.spatial.axes import canonical
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from affine_cases import Group, Pair

    from UniFuseLib.registration.alignment_volume import AlignmentVolume

_POINTS = 4000  # of the body, for errors


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--starts", type=int, default=5, help="motions of each pair")
    parser.add_argument("--most", type=int, default=99, help="pairs of each group")
    args = parser.parse_args()
    torch.set_num_threads(1)
    content = json.loads(args.output.read_text()) if args.output.exists() else {}
    for key in args.groups:
        group = GROUPS[key]
        pairs = itertools.islice(group.pairs(args.data), args.most)
        starts = args.starts if group.motion is not still else 1
        rows = [row for pair in pairs for row in measured(pair, group, starts)]
        content[key] = {"title": group.title, "summary": summary(rows, group), "cases": rows}
        sys.stdout.write(f"{group.title}: {json.dumps(content[key]['summary'])}\n")
        sys.stdout.flush()
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return 0


def measured(pair: Pair, group: Group, starts: int) -> list[dict[str, Any]]:
    """One row for each start."""
    reference = seen(pair.reference, pair.modalities[1])
    points = reference.points(_POINTS)
    rows, ends = [], []
    for start in range(starts):
        rng = np.random.default_rng([start, *map(ord, pair.name)])
        truth = group.motion(rng, points)
        moved = Volume(pair.degraded.array, truth @ pair.degraded.affine)
        began = time.process_time()
        result = register(seen(moved, pair.modalities[0]), reference)
        seconds = time.process_time() - began
        ends.append(np.linalg.inv(truth) @ result.matrix)
        apart_mm = max(distance_mm(ends[-1], end, points) for end in ends)
        rows.append(
            row(pair.name, truth, result, points, seconds) | {"apart_mm": round(apart_mm, 3)}
        )
    return rows


def seen(volume: Volume, modality: str) -> AlignmentVolume:
    """As `preprocessing.prepare` hands it to the registration."""
    stored = canonical(volume)
    body = body_mask(stored.array, stored.grid.spacing, modality)
    return alignment_volume(stored, body, modality, fit(stored.array, body, modality))


def row(
    name: str, truth: np.ndarray, result: AffineResult, points: np.ndarray, seconds: float
) -> dict[str, Any]:
    """What is kept of one registration."""
    evidence = result.evidence
    return {
        "name": name,
        "before_mm": round(distance_mm(np.eye(4), truth, points), 3),
        "after_mm": round(distance_mm(result.matrix, truth, points), 3),
        "followed": result.followed,
        "sigmas": evidence and round(evidence.chance.sigmas(evidence.score), 2),
        "ratio": evidence and round(evidence.score / evidence.chance.best, 2),
        "cpu_seconds": round(seconds, 2),
    }


def summary(rows: list[dict[str, Any]], group: Group) -> dict[str, Any]:
    """The row of the table."""
    before, after, apart_mm, above, ratio = (
        np.array([row[key] for row in rows])
        for key in ("before_mm", "after_mm", "apart_mm", "sigmas", "ratio")
    )
    kept = sum(not row["followed"] for row in rows)
    common = {
        "cases": len(rows),
        "kept_as_the_files_place_them": kept,
        "sigmas_least": round(float(above.min()), 1),
        "sigmas_most": round(float(above.max()), 1),
        "ratio_least": round(float(ratio.min()), 2),
        "ratio_most": round(float(ratio.max()), 2),
        "cpu_seconds": round(float(np.mean([row["cpu_seconds"] for row in rows])), 2),
    }
    if not group.related:
        return common
    return {
        "before_mm": round(float(before.mean()), 2),
        "median_mm": round(float(np.median(after)), 2),
        "mean_mm": round(float(after.mean()), 2),
        "worst_mm": round(float(after.max()), 2),
        "worse": int((after > before + 0.3).sum()),
        "apart_mm_worst": round(float(apart_mm.max()), 2),
        **common,
    }


if __name__ == "__main__":
    raise SystemExit(main())
