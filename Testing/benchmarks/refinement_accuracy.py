#!/usr/bin/env python3
"""How near the refinement alone brings real pairs that a known deformation parts.

    python Testing/benchmarks/refinement_accuracy.py DATA --output docs/results/refinement.json

DATA holds `{train,val}/mr_multi/openms_patient*/{t1w,t2w,flair}.nii.gz`,
`val/heads_real/*/{ct,mr}.nii.gz` and `{train,val}/ct_pet_mr/*/{ct,mr_t1}.nii.gz`, each patient's
volumes in one frame. The degraded volume is pulled through what an affine leaves over (0.8°,
0.9 mm) and a smooth deformation (heads 2 mm, limbs 10 mm at its peak), or not at all (`still`).
Groups: whole heads, also parted by up to 10 mm, 2° and 4 % of their size (`far`); one volume
stripped to the brain; one volume cut to a slab of eight slices; heads and limbs, CT on MR. The
error (`after`) is the mean distance, inside both bodies, between where the found and the known
deformation send a point; `self` is the distance to what was found for the same pair when still,
carried along with the deformation: free of the error of the pair's frame.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from refinement_cases import Case, cases, deformed, draw

from UniFuseLib.commands.options import log
from UniFuseLib.contract import standard_contract
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import place
from UniFuseLib.registration.affine import unmoved
from UniFuseLib.registration.bspline_pair import RefinementPair, Side
from UniFuseLib.registration.bspline_refinement import (
    AUTO_STEPS,
    Level,
    Refined,
    RefinementPolicy,
    policy_of,
    refine,
)
from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.displacement import warp, world_to_flow
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair

NO_MOTION = unmoved()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spacings", type=float, nargs="+", default=[1.5, 2.5, 3.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--groups", nargs="+", help="all if left out")
    parser.add_argument("--limit", type=int, help="patients of each folder; all if left out")
    parser.add_argument("--levels", type=int, help="the first ones; all if left out")
    parser.add_argument("--bending", type=float, help="this λ, mm², and the field used in any case")
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for case in cases(args.data, args.limit):
        if args.groups and case.group not in args.groups:
            continue
        chosen = policy(case, args.bending)
        chosen = chosen._replace(levels=chosen.levels[: args.levels])
        rows += measure(case, args.seeds, args.spacings, chosen)
        report = {"summary": summarise(rows), "rows": rows}
        args.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for line in summarise(rows):
        log(str(line))
    return 0


def policy(case: Case, bending_weight: float | None) -> RefinementPolicy:
    """That of `predict.fuse`, or the given stiffness without a condition."""
    if bending_weight is None:
        return policy_of(*case.modalities)
    return RefinementPolicy((Level(bending_weight),), -math.inf, -math.inf)


def measure(
    case: Case, seeds: list[int], spacings: list[float], policy: RefinementPolicy
) -> list[dict[str, Any]]:
    """The pair still, and deformed by every seed, on every working grid."""
    rows: list[dict[str, Any]] = []
    at_rest: dict[float, Tensor] = {}
    for seed in (0, *seeds):
        deformation = draw(case, seed)
        degraded = case.cut(deformed(case.degraded, deformation))
        prepared = prepare_pair(degraded, case.reference, case.modalities, standard_contract())
        for spacing in spacings:
            grid = working_grid(case.reference.grid, spacing)
            pair = prepared._replace(grid=grid)
            working = place(pair, NO_MOTION)
            truth = world_to_flow(deformation.phi(grid), grid).float()
            inside = body_of_both(pair, working)
            began = time.process_time()
            found = refine_pair(working, policy)
            seconds = time.process_time() - began
            gain, t = found.held_out or (0.0, 0.0)
            at_rest.setdefault(spacing, found.flow)
            carried = at_rest[spacing] + warp(truth, at_rest[spacing])
            rows.append(
                {
                    "group": case.group if seed else f"{case.group}, still",
                    "name": case.name,
                    "seed": seed,
                    "spacing_mm": spacing,
                    "before_mm": distance(truth, 0 * truth, inside, spacing),
                    "after_mm": distance(truth, found.flow, inside, spacing),
                    "self_mm": distance(carried, found.flow, inside, spacing),
                    "levels": found.levels,
                    "gain": round(gain, 5),
                    "t": round(t, 2),
                    "cpu_seconds": round(seconds, 2),
                }
            )
            log(str(rows[-1]))
    return rows


def refine_pair(working: WorkingPair, policy: RefinementPolicy) -> Refined:
    """As `predict.fuse` does, from no field."""
    pair = RefinementPair(
        Side(working.degraded, working.degraded_acquired),
        Side(working.reference, working.reference_acquired),
        working.mask,
        float(working.grid.spacing[0]),
    )
    nothing = torch.zeros(1, 3, *working.grid.shape)
    return refine(pair, nothing, AUTO_STEPS, policy)


def body_of_both(pair: PreparedPair, working: WorkingPair) -> Tensor:
    """Where errors are measured: in both bodies, where both volumes were acquired."""
    body = Volume(pair.degraded.body, pair.degraded.scalar.affine)
    moved = resample(body, working.grid, 0.0)[0] > 0.5
    return working.mask & moved & working.degraded_acquired & working.reference_acquired


def distance(truth: Tensor, found: Tensor, inside: Tensor, spacing: float) -> float:
    """Mean inside, mm, of flows in voxels."""
    return round(float((found - truth)[0].norm(dim=0)[inside[0, 0]].mean()) * spacing, 3)


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per group and working spacing."""
    out = []
    for group, spacing in sorted({(row["group"], row["spacing_mm"]) for row in rows}):
        here = [row for row in rows if (row["group"], row["spacing_mm"]) == (group, spacing)]
        before, after, own = (
            np.array([row[key] for row in here]) for key in ("before_mm", "after_mm", "self_mm")
        )
        out.append(
            {
                "group": group,
                "spacing_mm": spacing,
                "cases": len(here),
                "before_mm": round(float(before.mean()), 2),
                "after_mm": round(float(after.mean()), 2),
                "worst_mm": round(float(after.max()), 2),
                "most_worse_mm": round(float((after - before).max()), 2),
                "self_mm": round(float(own.mean()), 2),
                "levels": round(float(np.mean([row["levels"] for row in here])), 2),
                "cpu_seconds": round(float(np.mean([row["cpu_seconds"] for row in here])), 2),
            }
        )
    return out


if __name__ == "__main__":
    raise SystemExit(main())
