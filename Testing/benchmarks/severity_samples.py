#!/usr/bin/env python3
"""Degrade scans and measure the traces that severity is fitted to, one row each.

    python Testing/benchmarks/severity_samples.py DATA docs/results/severity-rows.jsonl

DATA holds `train` and `val`, as the case lists name them. Rows that are in the file already are
kept, so a stopped run goes on where it was. Of a training MR a slab of slices is degraded, on the
scan's own grid: the traces are medians, and a whole scan takes ten times as long.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.degradation import DEGRADATION_OF
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.severity.traces import traces_of
from UniFuseLib.simulation.ct_metal import MetalParameters
from UniFuseLib.simulation.degrade import (
    CleanParameters,
    apply_degradation,
    sample_degradation,
    slice_axis,
)
from UniFuseLib.simulation.parameters import triple
from UniFuseLib.simulation.pet_low_dose import DoseParameters
from UniFuseLib.spatial.axes import canonical
from UniFuseLib.spatial.volume import Volume, counted_from

if TYPE_CHECKING:
    from typing import Any

    from UniFuseLib.simulation.mr_motion import MotionParameters

SLAB = 14  # slices of a training MR
USUAL_COUNTS = 950.0  # per SUV and ml: middle of what the simulator draws, in logarithms
#: scans, their modality, every which of them, samples of each
SCANS = (
    ("train/ct_pet_mr/*/pet_suv.nii.gz", "pet", 1, 2),
    ("train/ct_pet_mr/*/ct.nii.gz", "ct", 1, 1),
    ("train/ct_headneck_openkbp/*.nii.gz", "ct", 2, 1),
    ("train/ct_pet_mr/*/mr_t1.nii.gz", "mr", 1, 2),
    ("train/mr_multi/*/*.nii.gz", "mr", 1, 2),
    ("train/mr_t1_head/*.nii.gz", "mr", 1, 1),
    ("val/ct_pet_mr/*/pet_suv.nii.gz", "pet", 1, 2),
    ("val/ct_pet_mr/*/mr_t1.nii.gz", "mr", 1, 2),
    ("val/mr_multi/*/*.nii.gz", "mr", 1, 1),
    ("val/heads_real/*/mr.nii.gz", "mr", 1, 2),
)


class Sample(NamedTuple):
    """What one row is made of."""

    split: str  # train or val
    path: Path
    modality: str
    number: int

    @property
    def name(self) -> str:
        stem = self.path.name.split(".")[0]
        parts = (self.split, self.path.parent.name, stem, "", self.modality)
        return "_".join([*parts, str(self.number)])

    @property
    def patient(self) -> str:
        scan = self.path.name.split(".")[0]
        own = self.path.parent.name
        return scan if own == "mr_t1_head" or own.startswith("ct_") else own


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("rows", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    done = {row["id"] for row in read_rows(args.rows)}
    for sample in samples(args.data):
        if sample.name in done:
            continue
        row = row_of(sample)
        add_row(args.rows, row)
    return 0


def samples(data: Path) -> list[Sample]:
    """All samples, the first of every scan before the second ones."""
    found = [
        Sample(pattern.split("/")[0], path, modality, number)
        for pattern, modality, every, count in SCANS
        for path in sorted(data.glob(pattern))[::every]
        for number in range(count)
    ]
    return sorted(found, key=lambda sample: sample.number)


def row_of(sample: Sample) -> dict[str, Any]:
    """Degrade one scan with a severity drawn from [0, 1], and measure its traces."""
    seed = int(hashlib.sha256(sample.name.encode()).hexdigest()[:12], 16) % 2**31
    drawn = torch.Generator().manual_seed(seed)
    clean = _as_scanned(sample, read_volume(sample.path), np.random.default_rng(seed))
    array = torch.from_numpy(clean.array)
    spacing, across = triple(clean.grid.spacing), slice_axis(clean.grid)
    label = DEGRADATION_OF[sample.modality]
    parameters = sample_degradation(label, drawn, array, spacing, None, across)
    if isinstance(parameters, CleanParameters):
        raise TypeError(f"Expected a degradation of {sample.modality}, got none.")
    degraded = apply_degradation(array, spacing, parameters, across).numpy()
    return {
        "id": sample.name,
        "split": sample.split,
        "patient": sample.patient,
        "class": label,
        "severity": round(parameters.severity, 5),
        "shown": round(shown(parameters), 5),
        "traces": measured(label, Volume(degraded, clean.affine), sample.modality),
    }


def shown(parameters: MotionParameters | MetalParameters | DoseParameters) -> float:
    """The severity that the scan can show: what else the simulator draws counts as it looks.

    A PET with twice the usual counts looks like twice its dose, and a noisy CT like a severe one.
    """
    if isinstance(parameters, DoseParameters):
        excess = math.log(parameters.counts_per_suv_ml / USUAL_COUNTS)
        return parameters.severity - excess / math.log(7.5)
    if isinstance(parameters, MetalParameters):
        return (parameters.noise_hu - 18.0) / 40.0
    return parameters.severity


def measured(label: str, degraded: Volume, modality: str) -> dict[str, float] | None:
    """The traces of a degraded scan, as `unifuse fuse` measures them."""
    scan = canonical(degraded)
    return traces_of(label, scan, body_mask(scan.array, scan.grid.spacing, modality))


def _as_scanned(sample: Sample, volume: Volume, rng: np.random.Generator) -> Volume:
    """Half of the scans between their voxels, as a case's misalignment leaves them."""
    whole = _slab(volume, rng) if sample.modality == "mr" and sample.split == "train" else volume
    array = whole.array.astype(np.float32)
    if rng.random() < 0.5:
        low, high = array.min(), array.max()
        shift = rng.uniform(-0.5, 0.5, 3)
        array = np.clip(ndimage.shift(array, shift, order=3, mode="nearest"), low, high)
    return Volume(np.ascontiguousarray(array), whole.affine)


def _slab(volume: Volume, rng: np.random.Generator) -> Volume:
    across = slice_axis(volume.grid)
    surplus = max(0, volume.array.shape[across] - SLAB)
    first = int(rng.integers(0, surplus + 1))
    array = np.take(volume.array, range(first, first + SLAB), across) if surplus else volume.array
    place = [first if axis == across else 0 for axis in range(3)]
    return Volume(array, counted_from(volume.affine, place))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """All rows of the file; none where there is no file yet."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def add_row(path: Path, row: dict[str, Any]) -> None:
    """One line more, and one on the screen."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    sys.stdout.write(f"{row['id']} {row['severity']:.2f}\n")


if __name__ == "__main__":
    raise SystemExit(main())
