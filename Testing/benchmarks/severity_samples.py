#!/usr/bin/env python3
"""Degrade scans, or leave them clean, and measure their traces of degradation, one row each.

    python Testing/benchmarks/severity_samples.py DATA docs/results/severity-rows.jsonl

DATA holds `train` and `val`, as the case lists name them. Rows that are in the file already are
kept, so a stopped run goes on where it was. Where the patient has another modality or contrast, the
row also says what the network takes the scan for.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.checkpoint import load_model
from UniFuseLib.degradation import DEGRADATION_OF
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.network.layers import pad_to_multiple
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import place
from UniFuseLib.registration.affine import unmoved
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
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from UniFuseLib.contract import Contract
    from UniFuseLib.network.unifuse import UniFuse
    from UniFuseLib.simulation.mr_motion import MotionParameters

USUAL_COUNTS = 950.0  # per SUV and ml: middle of what the simulator draws, in logarithms
#: scans, their modality, every which of them, samples of each: degraded, clean
SCANS = (
    ("train/ct_pet_mr/*/pet_suv.nii.gz", "pet", 1, 2, 2),
    ("train/ct_pet_mr/*/ct.nii.gz", "ct", 1, 1, 0),
    ("train/ct_headneck_openkbp/*.nii.gz", "ct", 2, 1, 0),
    ("train/ct_pet_mr/*/mr_t1.nii.gz", "mr", 1, 2, 2),
    ("train/mr_multi/*/*.nii.gz", "mr", 1, 2, 2),
    ("train/mr_t1_head/*.nii.gz", "mr", 1, 2, 2),
    ("val/ct_pet_mr/*/pet_suv.nii.gz", "pet", 1, 2, 1),
    ("val/ct_pet_mr/*/mr_t1.nii.gz", "mr", 1, 2, 1),
    ("val/mr_multi/*/*.nii.gz", "mr", 1, 1, 1),
    ("val/heads_real/*/mr.nii.gz", "mr", 1, 2, 1),
)
#: what lies beside a scan in its folder, of which the first that is there is its reference
BESIDE = {
    "pet_suv": ("ct",),
    "mr_t1": ("ct",),
    "t1": ("t2", "flair"),
    "t2": ("t1",),
    "flair": ("t1",),
    "mr": ("ct",),
}


class Sample(NamedTuple):
    """What one row is made of."""

    split: str  # train or val
    path: Path
    modality: str
    number: int
    clean: bool

    @property
    def name(self) -> str:
        parts = (self.split, self.path.parent.name, self.scan, "", self.modality)
        return "_".join([*parts, f"{'clean' if self.clean else ''}{self.number}"])

    @property
    def scan(self) -> str:
        return self.path.name.split(".")[0]

    @property
    def patient(self) -> str:
        own = self.path.parent.name
        return self.scan if own == "mr_t1_head" or own.startswith("ct_") else own

    @property
    def reference(self) -> Path | None:
        """Another scan of the patient."""
        beside = [self.path.with_name(f"{name}.nii.gz") for name in BESIDE.get(self.scan, ())]
        return next((path for path in beside if path.exists()), None)


def main() -> int:
    return collect(__doc__, samples, row_of)


def collect(
    description: str | None,
    samples_of: Callable[[Path], list[Any]],
    row_of_sample: Callable[[Any], dict[str, Any]],
) -> int:
    """A script that measures the samples of a folder, one row each; rows that are there stay.

    Args:
        description: of the script.
        samples_of: folder of the data → samples, each with a `name`.
        row_of_sample: with the sample's name as `id`.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("rows", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    done = {row["id"] for row in read_rows(args.rows)}
    for sample in samples_of(args.data):
        if sample.name not in done:
            add_row(args.rows, row_of_sample(sample))
    return 0


def samples(data: Path) -> list[Sample]:
    """All samples, the first of every scan before the second ones."""
    found = [
        Sample(pattern.split("/")[0], path, modality, number, clean)
        for pattern, modality, every, degraded, left in SCANS
        for path in sorted(data.glob(pattern))[::every]
        for clean, count in ((False, degraded), (True, left))
        for number in range(count)
    ]
    return sorted(found, key=lambda sample: sample.number)


def row_of(sample: Sample) -> dict[str, Any]:
    """One scan, degraded with a severity drawn from [0, 1] or clean, and its traces."""
    seed = int(hashlib.sha256(sample.name.encode()).hexdigest()[:12], 16) % 2**31
    clean = as_scanned(read_volume(sample.path), np.random.default_rng(seed))
    label = DEGRADATION_OF[sample.modality]
    scan, severity = (clean, {}) if sample.clean else degraded(clean, label, seed)
    return {
        "id": sample.name,
        "split": sample.split,
        "patient": sample.patient,
        "class": label,
        **severity,
        "traces": measured(label, scan, sample.modality),
        "network": network_log_odds(scan, sample),
    }


def degraded(clean: Volume, label: str, seed: int) -> tuple[Volume, dict[str, float]]:
    """A scan with a degradation drawn from the seed; what is to be known of it."""
    drawn = torch.Generator().manual_seed(seed)
    array = torch.from_numpy(clean.array)
    spacing, across = triple(clean.grid.spacing), slice_axis(clean.grid)
    parameters = sample_degradation(label, drawn, array, spacing, None, across)
    if isinstance(parameters, CleanParameters):
        raise TypeError(f"Expected {label}, got no degradation.")
    found = apply_degradation(array, spacing, parameters, across).numpy()
    severity = {"severity": round(parameters.severity, 5), "shown": round(shown(parameters), 5)}
    return Volume(found, clean.affine), severity


def network_log_odds(scan: Volume, sample: Sample) -> float | None:
    """Of degraded against clean, by the shipped network; None without a reference."""
    if sample.reference is None:
        return None
    beside = "ct" if sample.reference.name.startswith("ct") else "mr"
    return log_odds_beside(scan, read_volume(sample.reference), (sample.modality, beside))


@torch.no_grad()
def log_odds_beside(scan: Volume, reference: Volume, modalities: tuple[str, str]) -> float:
    """Of degraded against clean, by the shipped network.

    Args:
        scan: degraded, or clean.
        reference: in its frame.
        modalities: of both.
    """
    model, contract = _network()
    prepared = prepare_pair(scan, reference, modalities, contract)
    pair = place(prepared, unmoved())
    both = (pad_to_multiple(v, model.multiple) for v in (pair.degraded, pair.reference))
    logits = model.dapl(*(model.encoder(v) for v in both)).logits[0]
    of_class = dict(zip(contract.classes, logits.tolist(), strict=True))
    return round(of_class[DEGRADATION_OF[modalities[0]]] - of_class["clean"], 4)


@cache
def _network() -> tuple[UniFuse, Contract]:
    return load_model(None, torch.device("cpu"))


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


def as_scanned(volume: Volume, rng: np.random.Generator) -> Volume:
    """Half of the scans between their voxels, as a case's misalignment leaves them."""
    array = volume.array.astype(np.float32)
    if rng.random() < 0.5:
        low, high = array.min(), array.max()
        shift = rng.uniform(-0.5, 0.5, 3)
        array = np.clip(ndimage.shift(array, shift, order=3, mode="nearest"), low, high)
    return Volume(np.ascontiguousarray(array), volume.affine)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """All rows of the file; none where there is no file yet."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def add_row(path: Path, row: dict[str, Any]) -> None:
    """One line more, and one on the screen."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    sys.stdout.write(f"{row['id']} {row.get('severity', 'clean')}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
