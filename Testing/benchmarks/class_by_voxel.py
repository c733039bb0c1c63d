#!/usr/bin/env python3
"""How large the voxels of a scan may be before the network names its degradation wrongly.

    python Testing/benchmarks/class_by_voxel.py DATA --output docs/results/class-by-voxel.json

Scans of training patients, blurred and sampled to larger voxels, then degraded there, as a scanner
with such voxels would; each beside another scan of the patient. Counted are the network's answers
alone, clean and degraded with a severity of 0.15 and more.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import severity_samples as source
import torch
from scipy import ndimage

from UniFuseLib.degradation import DEGRADATION_OF
from UniFuseLib.evaluation.severity_figures import VISIBLE_FROM
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from typing import Any

_VOXELS_MM = {"ct": (1.5, 2.0, 2.5, 3.0, 3.5, 4.7), "mr": (1.0, 1.5, 2.0, 2.5, 3.0, 4.0)}
_SCANS = {
    "ct": (("ct_pet_mr/*/ct.nii.gz", 10),),
    "mr": (
        ("mr_multi/*/t2*.nii.gz", 4),
        ("mr_multi/*/flair*.nii.gz", 2),
        ("ct_pet_mr/*/mr_t1.nii.gz", 6),
    ),
}
_BESIDE = {"ct": ("mr_t1",), "flair": ("t1w", "t1"), "t2w": ("t1w",)}
_BLUR = 0.4  # deviation of the Gaussian, of the new voxel's side
_FIRST_SEED = 1000


class Pair(NamedTuple):
    """One scan, and what says which scan lies beside it."""

    volume: Volume
    sample: source.Sample


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    source.BESIDE.update(_BESIDE)
    report = {
        modality: [judged(args.data, modality, mm) for mm in sizes]
        for modality, sizes in _VOXELS_MM.items()
    }
    text = json.dumps(report, indent=1) + "\n"
    args.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def judged(data: Path, modality: str, mm: float) -> dict[str, Any]:
    """Right answers at one size of voxels."""
    label = DEGRADATION_OF[modality]
    counts = {"voxel_mm": mm, "clean": 0, "clean_right": 0, "seen": 0, "seen_right": 0}
    for pair in pairs(data, modality):
        coarse = with_voxels(pair.volume, mm, -1000.0 if modality == "ct" else 0.0)
        degraded, drawn = source.degraded(coarse, label, _FIRST_SEED + pair.sample.number)
        odds = [source.network_log_odds(scan, pair.sample) for scan in (coarse, degraded)]
        if odds[0] is None or odds[1] is None:
            continue
        counts["clean"] += 1
        counts["clean_right"] += odds[0] < 0
        if drawn["severity"] >= VISIBLE_FROM:
            counts["seen"] += 1
            counts["seen_right"] += odds[1] > 0
    return counts


def pairs(data: Path, modality: str) -> list[Pair]:
    """Scans of training patients that have another one beside them."""
    found: list[source.Sample] = []
    for pattern, most in _SCANS[modality]:
        samples = [
            source.Sample("train", path, modality, 0, clean=False)
            for path in sorted((data / "train").glob(pattern))
        ]
        found += [sample for sample in samples if sample.reference is not None][:most]
    numbered = [sample._replace(number=number) for number, sample in enumerate(found)]
    return [Pair(read_volume(sample.path), sample) for sample in numbered]


def with_voxels(volume: Volume, mm: float, background: float) -> Volume:
    """The scan with no side of its voxels below `mm`."""
    sides = np.maximum(volume.grid.spacing, mm)
    larger = sides / volume.grid.spacing
    blur = [_BLUR * factor if factor > 1 else 0.0 for factor in larger]
    smooth = ndimage.gaussian_filter(volume.array.astype(np.float32), blur)
    d, h, w = np.ceil(np.array(volume.array.shape) / larger).astype(int).tolist()
    affine = volume.affine.copy()
    affine[:3, :3] = volume.grid.directions * sides
    sampled, _ = resample(Volume(smooth, volume.affine), Grid((d, h, w), affine), background)
    return Volume(np.ascontiguousarray(sampled[0, 0].numpy()), affine)


if __name__ == "__main__":
    torch.set_num_threads(1)
    raise SystemExit(main())
