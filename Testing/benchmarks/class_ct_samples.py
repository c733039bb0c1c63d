#!/usr/bin/env python3
"""Clean and degraded CT, on their own grid and on coarser ones, and their traces, one row each.

    python Testing/benchmarks/class_ct_samples.py DATA docs/results/class-ct-rows.jsonl

DATA holds `train` and `val`. Rows are those of `severity_samples.py`, with the size of the voxels;
rows that are in the file already are kept. Beside each CT lies the patient's MR, or MR-like
contrast made from the CT.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from class_by_voxel import with_voxels
from class_cases import FITTED, NECKS, mr_like
from severity_samples import (
    as_scanned,
    collect,
    degraded,
    log_odds_beside,
    measured,
)

from UniFuseLib.io.volumes import read_volume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from UniFuseLib.spatial.volume import Volume

_LABEL = "ct_metal_noise"
_AIR_HU = -1000.0
_COARSER_MM = (2.5, 3.0, 3.5, 4.7)  # of which every patient with finer voxels gets one
#: scans, and every which of them
_SCANS = (
    ("train/ct_pet_mr/*/ct.nii.gz", 1),
    ("train/ct_torso/*.nii.gz", 1),
    (f"train/{NECKS}", FITTED),
    ("val/ct_pet_mr/*/ct.nii.gz", 1),
    ("val/ct_torso/*.nii.gz", 1),
    (f"val/{NECKS}", 1),
    ("val/ct_head/*.nii.gz", 1),
    ("val/heads_real/*/ct.nii.gz", 1),
)


class Sample(NamedTuple):
    """What one row is made of."""

    split: str  # train or val
    path: Path
    voxel_mm: float | None  # None: its own
    clean: bool

    @property
    def patient(self) -> str:
        scan, folder = self.path.name.split(".")[0], self.path.parent.name
        return folder if scan == "ct" else scan

    @property
    def name(self) -> str:
        size = "own" if self.voxel_mm is None else f"{self.voxel_mm:g}mm"
        return f"{self.split}_{self.patient}_{size}_{'clean' if self.clean else 'degraded'}"


def main() -> int:
    return collect(__doc__, samples, row_of)


def samples(data: Path) -> list[Sample]:
    """All samples; patients in an order in which a stopped run has seen some of every kind."""
    return sorted(_all_samples(data), key=lambda sample: _number_of(sample.patient))


def _all_samples(data: Path) -> Iterator[Sample]:
    for pattern, every in _SCANS:
        for number, path in enumerate(sorted(data.glob(pattern))[::every]):
            coarser = _COARSER_MM[number % len(_COARSER_MM)]
            sizes = (None,) if "openkbp" in pattern else (None, coarser)
            for size in sizes:
                for clean in (True, False):
                    yield Sample(pattern.split("/")[0], path, size, clean)


def row_of(sample: Sample) -> dict[str, Any]:
    """One scan, degraded with a severity drawn from [0, 1] or clean, and its traces."""
    seed = _number_of(sample.name) % 2**31
    own = read_volume(sample.path)
    clean = as_scanned(own, np.random.default_rng(seed))
    if sample.voxel_mm is not None:
        clean = with_voxels(clean, sample.voxel_mm, _AIR_HU)
    scan, severity = (clean, {}) if sample.clean else degraded(clean, _LABEL, seed)
    return {
        "id": sample.name,
        "split": sample.split,
        "patient": sample.patient,
        "class": _LABEL,
        "voxel_mm": round(float(np.median(scan.grid.spacing)), 2),
        **severity,
        "traces": measured(_LABEL, scan, "ct"),
        "network": log_odds_beside(scan, _reference(sample, own), ("ct", "mr")),
    }


def _reference(sample: Sample, own: Volume) -> Volume:
    beside = [sample.path.with_name(name) for name in ("mr_t1.nii.gz", "mr.nii.gz")]
    there = [path for path in beside if path.exists()]
    return read_volume(there[0]) if there else mr_like(own, _number_of(sample.patient))


def _number_of(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest()[:12], 16)


if __name__ == "__main__":
    raise SystemExit(main())
