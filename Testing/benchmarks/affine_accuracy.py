#!/usr/bin/env python3
"""How well the affine alignment finds a known affine between two real volumes of one patient.

    python Testing/benchmarks/affine_accuracy.py DATA --output docs/results/affine-alignment.json

DATA holds `ct_pet_mr/*/{ct,mr_t1,pet_suv}.nii.gz` and `mr_multi/*/{t1,t2,flair}*.nii.gz`, each
patient's volumes in one frame. The degraded volume is pulled through a random affine on its own
grid (rotation ± 10°, translation ± 12 mm, scale ± 8 %, times `--strengths`), optionally degraded by
the simulators, and aligned again. The error is the mean distance, inside the body of the reference,
between where the found and the true affine send a point.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from UniFuseLib.io import volumes as io
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.intensity import BACKGROUND, fit
from UniFuseLib.registration.affine import Image, align, alignment_image
from UniFuseLib.simulation.degrade import apply_degradation, sample_degradation, slice_axis
from UniFuseLib.simulation.misalignment import MisalignmentRange, sample_misalignment
from UniFuseLib.spatial.axes import canonical
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

DEGRADATION = {"mr": "mr_motion", "ct": "ct_metal_noise", "pet": "pet_low_dose"}


class Pair(NamedTuple):
    task: str
    name: str
    degraded: Path
    reference: Path
    modalities: tuple[str, str]


def pairs(data: Path) -> Iterator[Pair]:
    """Every pair that the folders offer."""
    for folder in sorted((data / "ct_pet_mr").glob("*")):
        ct, mr, pet = (folder / f"{name}.nii.gz" for name in ("ct", "mr_t1", "pet_suv"))
        if mr.exists():
            yield Pair("ct to mr", folder.name, ct, mr, ("ct", "mr"))
        if pet.exists():
            yield Pair("pet to ct", folder.name, pet, ct, ("pet", "ct"))
    for folder in sorted((data / "mr_multi").glob("*")):
        for task, pattern in (("t2 to t1", "t2*"), ("flair to t1", "flair*")):
            for degraded, reference in zip(folder.glob(pattern), folder.glob("t1*"), strict=True):
                yield Pair(task, folder.name, degraded, reference, ("mr", "mr"))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.0, 0.1, 0.25, 0.5, 1.0])
    parser.add_argument("--most", type=int, default=8, help="pairs per task")
    parser.add_argument("--degraded", action="store_true", help="degrade by the simulators as well")
    args = parser.parse_args()
    rows, taken = [], dict.fromkeys(("ct to mr", "pet to ct", "t2 to t1", "flair to t1"), 0)
    for pair in pairs(args.data):
        taken[pair.task] += 1
        if taken[pair.task] <= args.most:
            rows += [
                measure(pair, seed, s, args.degraded) for s in args.strengths for seed in args.seeds
            ]
    summary = summarise(rows)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(
        json.dumps({"degraded": args.degraded, "summary": summary, "rows": rows}, indent=1) + "\n"
    )
    for row in summary:
        sys.stdout.write(json.dumps(row) + "\n")
    return 0


def measure(pair: Pair, seed: int, strength: float, degrade: bool) -> dict[str, Any]:
    """One alignment."""
    clean, reference = io.read_volume(pair.degraded), io.read_volume(pair.reference)
    generator = torch.Generator().manual_seed(seed + sum(map(ord, pair.name + pair.task)))
    ranges = MisalignmentRange(elastic_mm=0.0)
    motion = (
        sample_misalignment(generator, (clean.grid,), ranges).scaled(strength).matrix
    )  # moved(x) = clean(motion x)
    source = Volume(clean.array, np.linalg.inv(motion) @ clean.affine)
    values = resample(source, clean.grid, BACKGROUND[pair.modalities[0]])[0][0, 0]
    if degrade:
        axis, spacing = slice_axis(clean.grid), tuple(float(s) for s in clean.grid.spacing)
        label = DEGRADATION[pair.modalities[0]]
        drawn = sample_degradation(label, generator, values, spacing, slice_axis=axis)
        values = apply_degradation(values, spacing, drawn, axis)
    began = time.process_time()
    fixed = image(reference, pair.modalities[1])
    found = align(image(Volume(values.numpy(), clean.affine), pair.modalities[0]), fixed)
    seconds = time.process_time() - began
    points = np.argwhere(fixed.body) @ fixed.volume.affine[:3, :3].T + fixed.volume.affine[:3, 3]
    truth = np.linalg.inv(motion)
    return {
        "task": pair.task,
        "name": pair.name,
        "seed": seed,
        "strength": strength,
        "before_mm": error(np.eye(4), truth, points),
        "after_mm": error(found.matrix, truth, points),
        "believed": round(found.believed, 3),
        "moved_mm": round(found.moved_mm, 3),
        "t": round(found.confidence, 2),
        "cpu_seconds": round(seconds, 2),
    }


def image(volume: Volume, modality: str) -> Image:
    """As `predict.fuse` prepares it."""
    volume = canonical(volume)
    body = body_mask(volume.array, volume.grid.spacing, modality)
    return alignment_image(volume, body, modality, fit(volume.array, body, modality))


def error(found: np.ndarray, truth: np.ndarray, points: np.ndarray) -> float:
    """Mean |found X - truth X|, mm."""
    difference = found - truth
    return round(
        float(np.linalg.norm(points @ difference[:3, :3].T + difference[:3, 3], axis=1).mean()), 3
    )


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per task and strength: errors before and after, the part believed, how often and by how much
    it got worse.
    """
    out = []
    for key in sorted({(row["task"], row["strength"]) for row in rows}):
        here = [row for row in rows if (row["task"], row["strength"]) == key]
        before, after = (
            np.array([row[name] for row in here]) for name in ("before_mm", "after_mm")
        )
        out.append(
            {
                "task": key[0],
                "strength": key[1],
                "cases": len(here),
                "before_mm": round(float(np.median(before)), 2),
                "after_mm_median": round(float(np.median(after)), 2),
                "after_mm_p95": round(float(np.percentile(after, 95)), 2),
                "believed": round(float(np.mean([row["believed"] for row in here])), 2),
                "worse": round(float((after > before + 0.01).mean()), 2),
                "most_worse_mm": round(float((after - before).max()), 2),
                "cpu_seconds": round(float(np.mean([row["cpu_seconds"] for row in here])), 2),
            }
        )
    return out


if __name__ == "__main__":
    raise SystemExit(main())
