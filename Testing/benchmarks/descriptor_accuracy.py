#!/usr/bin/env python3
"""What learned descriptors bring in the fine stage of a rigid registration, beside MIND-SSC.

    unifuse train-descriptors --output run --export descriptors.safetensors
    python Testing/benchmarks/descriptor_accuracy.py DATA --weights descriptors.safetensors \\
        --output docs/results/descriptors.json

DATA is the root that holds `val/` and `train/`; of `train/` only patients that were held out are
taken. A rigid motion (turns up to 8° about each axis, 3 to 15 mm in the mean) is put into
the degraded volume's header. Every method makes the same fine stage
(`experiments/descriptor_alignment.py`) at the same spacing; only the descriptors differ. It starts
twice: from the same coarse registration (MIND-SSC at 8 and 5 mm, rigid), and from the truth, which
shows what the descriptors prefer to it. The error is the mean distance, inside the body of the
reference, between where the found and the true motion send a point; the truth itself is good to
1 to 3 mm on real heads and limbs.

Methods: `MIND-SSC`; `learned`; `learned, local`: the same less their mean over 5³ voxels, then
about as long as each other, so that neither a slow bias nor the length of a vector counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation
from torch import Tensor

from UniFuseLib.experiments.descriptor_alignment import FineSettings, Scan, align_finely
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.preprocessing.body import acquired_mask, body_mask
from UniFuseLib.preprocessing.intensity import fit
from UniFuseLib.spatial.mind import box_mean
from UniFuseLib.spatial.volume import Grid, Volume
from UniFuseLib.training.descriptors.validation import HELD_OUT
from UniFuseLib.training.descriptors.weights import (
    Describe,
    DescriptorContract,
    load_descriptors,
    mind_descriptors,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_COARSE_MM = (8.0, 5.0)
_FINE_MM = 3.0
_TURN_DEG = 8.0
_MOVED_MM = (3.0, 15.0)
_RIM_MM = 3.0  # beyond the body that still counts: the skin is an edge
_LOCAL = 2  # voxels to each side, of the local mean
_SHORTEST = 0.05  # descriptors below that length tell next to nothing


class Pair(NamedTuple):
    group: str
    name: str
    degraded: Path
    reference: Path
    modalities: tuple[str, str]


class Prepared(NamedTuple):
    scan: Scan
    body: np.ndarray


def pairs(data: Path) -> Iterator[Pair]:
    """Validation patients, and training patients that were held out."""
    for folder in sorted((data / "val/heads_real").glob("*")):
        ct, mr = folder / "ct.nii.gz", folder / "mr.nii.gz"
        yield Pair("head, CT on MR", folder.name, ct, mr, ("ct", "mr"))
    held_out = [data / "train" / name for name in HELD_OUT]
    limbs = [*sorted((data / "val/ct_pet_mr").glob("*")), *held_out]
    for folder in (f for f in limbs if f.parent.name == "ct_pet_mr"):
        ct, mr, pet = (folder / f"{name}.nii.gz" for name in ("ct", "mr_t1", "pet_suv"))
        if mr.exists():
            yield Pair("limb, CT on T1", folder.name, ct, mr, ("ct", "mr"))
        yield Pair("PET on CT", folder.name, pet, ct, ("pet", "ct"))
    heads = [*sorted((data / "val/mr_multi").glob("*")), *held_out]
    for folder in (f for f in heads if f.parent.name == "mr_multi"):
        for contrast in ("t2w", "flair"):
            degraded, reference = folder / f"{contrast}.nii.gz", folder / "t1w.nii.gz"
            name = f"{folder.name}/{contrast}"
            yield Pair("head, MR on MR", name, degraded, reference, ("mr", "mr"))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1, help="motions of each pair")
    parser.add_argument("--most", type=int, default=5, help="pairs of each group")
    args = parser.parse_args()
    learned = load_descriptors(args.weights)
    methods = {"MIND-SSC": mind_descriptors, "learned": learned, "learned, local": local(learned)}
    rows: list[dict[str, Any]] = []
    taken: Counter[str] = Counter()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    for pair in pairs(args.data):
        taken[pair.group] += 1
        if taken[pair.group] > args.most:
            continue
        for row in measure(pair, args.seeds, methods):
            rows.append(row)
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
            result = {**about(learned.contract), "summary": summarise(rows), "rows": rows}
            args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def about(contract: DescriptorContract) -> dict[str, Any]:
    """What was compared."""
    return {
        "spacing_mm": _FINE_MM,
        "training": {name: contract.training[name] for name in ("steps", "minutes", "settings")},
        "validation": contract.validation,
    }


def local(describe: Describe) -> Describe:
    """Descriptors less their local mean, about as long as each other."""

    def describe_locally(volume: Volume, grid: Grid) -> Tensor:
        features = describe(volume, grid)
        features = features - box_mean(features, _LOCAL)
        return features * (features.square().sum(dim=1, keepdim=True) + _SHORTEST**2).rsqrt()

    return describe_locally


def measure(pair: Pair, seeds: int, methods: dict[str, Describe]) -> Iterator[dict[str, Any]]:
    """One row a seed: errors in mm, and CPU seconds of each method from the coarse start."""
    degraded = prepared(pair.degraded, pair.modalities[0])
    reference = prepared(pair.reference, pair.modalities[1])
    points = body_points(reference)
    for seed in range(seeds):
        truth = motion(points, np.random.default_rng([seed, *pair.name.encode()]))
        volume = degraded.scan.volume
        moved = degraded.scan._replace(volume=Volume(volume.array, truth @ volume.affine))
        start = coarse(moved, reference.scan)
        row: dict[str, Any] = {"group": pair.group, "name": pair.name, "seed": seed}
        row |= {"before": error(np.eye(4), truth, points), "coarse": error(start, truth, points)}
        for name, describe in methods.items():
            began = time.process_time()
            settings = FineSettings(spacing_mm=_FINE_MM)
            found = align_finely(describe, moved, reference.scan, start, settings)
            seconds = round(time.process_time() - began, 2)
            drift = align_finely(describe, moved, reference.scan, truth, settings)
            row[name] = error(found, truth, points)
            row[f"{name}, from the truth"] = error(drift, truth, points)
            row[f"{name}, CPU s"] = seconds
        yield row


def coarse(moving: Scan, fixed: Scan) -> np.ndarray:
    """Rigid, by MIND-SSC at wide spacings, `(4, 4)` RAS mm."""
    start = np.eye(4)
    for spacing in _COARSE_MM:
        settings = FineSettings(spacing_mm=spacing, rounds=3, steps=16)
        start = align_finely(mind_descriptors, moving, fixed, start, settings)
    return start


def prepared(path: Path, modality: str) -> Prepared:
    """Network intensities, and what counts of them."""
    volume = read_volume(path)
    values = volume.array.astype(np.float32)
    body = body_mask(values, volume.grid.spacing, modality)
    intensities = fit(values, body, modality).forward(values)
    rim = [2 * max(1, round(_RIM_MM / s)) + 1 for s in volume.grid.spacing]
    weight = ndimage.maximum_filter(body, rim).astype(np.float32)
    acquired = acquired_mask(values, modality)
    return Prepared(Scan(Volume(intensities, volume.affine), acquired, weight), body)


def body_points(reference: Prepared) -> np.ndarray:
    """`(n, 3)` RAS mm, every fourth voxel of the body along each axis."""
    affine = reference.scan.volume.affine
    index = 4 * np.argwhere(reference.body[::4, ::4, ::4])
    return index @ affine[:3, :3].T + affine[:3, 3]


def motion(points: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A rigid motion that moves `points` by 3 to 15 mm in the mean, `(4, 4)` RAS mm."""
    wanted = random.uniform(*_MOVED_MM)
    turn = np.deg2rad(random.uniform(-_TURN_DEG, _TURN_DEG, 3))
    shift = 4.0 * random.normal(size=3)
    centre = points.mean(axis=0)
    matrix = np.eye(4)
    for part in np.linspace(0.01, 3, 300):
        matrix[:3, :3] = Rotation.from_rotvec(turn * min(part, 1)).as_matrix()
        matrix[:3, 3] = centre - matrix[:3, :3] @ centre + part * shift
        if error(matrix, np.eye(4), points) >= wanted:
            break
    return matrix


def error(found: np.ndarray, truth: np.ndarray, points: np.ndarray) -> float:
    """Mean |found X - truth X|, mm."""
    difference = points @ (found - truth)[:3, :3].T + (found - truth)[:3, 3]
    return round(float(np.linalg.norm(difference, axis=1).mean()), 3)


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Median, mean and worst of every column, by group."""
    out = []
    for group in dict.fromkeys(row["group"] for row in rows):
        here = [row for row in rows if row["group"] == group]
        line: dict[str, Any] = {"group": group, "cases": len(here)}
        for name in (n for n in here[0] if n not in ("group", "name", "seed")):
            values = np.array([row[name] for row in here])
            figures = (np.median(values), values.mean(), values.max())
            line[name] = [round(float(v), 2) for v in figures]
        out.append(line)
    return out


if __name__ == "__main__":
    torch.set_num_threads(1)
    raise SystemExit(main())
