#!/usr/bin/env python3
"""Ordinary patients with one thing wrong: which colour the verdict has, and how far off it is.

    python Testing/benchmarks/ordinary_pairs.py DATA --output rows.jsonl [--only WORD ...]

DATA holds `train` and `val`. A row is written when its case is done, and cases whose rows are there
already are not done again. `off_mm` is the mean distance from the truth inside the part of the
reference's body that the degraded volume shows; of two patients nothing is the truth.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ordinary_changes import (
    bent,
    beside,
    cropped,
    flipped,
    lesion,
    mapped,
    motion,
    moved,
    respaced,
    thick,
    tilted,
)
from verdict_pairs import Draw, mr_like

from UniFuseLib import fuse
from UniFuseLib.checkpoint import load_model
from UniFuseLib.errors import UniFuseError
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.spatial.resampling import inside
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ordinary_changes import Pair

_RIGHT, _FRONT, _HEAD = 0, 1, 2  # axes of the patient
_HEADS = {
    "p1": "train/mr_multi/openms_patient01_study1/{}w.nii.gz",
    "p3": "train/mr_multi/openms_patient03_study2/{}w.nii.gz",
    "p4": "val/mr_multi/openms_patient04_study1/{}w.nii.gz",
    "p7": "train/mr_multi/openms_MNI_patient07/{}.nii.gz",
    "p19": "train/mr_multi/openms_MNI_patient19/{}.nii.gz",
}
_STRANGERS = (("p1", "p3"), ("p3", "p4"), ("p4", "p1"), ("p7", "p19"), ("p19", "p7"))
_REAL = ("wba_16", "wba_2", "wba_20", "wba_21", "wba_28")
_SIDES = {_RIGHT: "side to side", _FRONT: "front to back", _HEAD: "head to foot"}
_FACTORS = (0.9, 0.95, 1.0, 1.05, 1.1)
_BENDS = (0, 3, 6, 12)  # degrees
_NECKS = ("kbp136", "kbp53", "kbp7")
_LIMBS = tuple(f"val/ct_pet_mr/{name}" for name in ("STS_010", "STS_038", "STS_048"))
_NOISE_HU = 40.0


class Cases:
    """Every pair by its name."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def head(self, patient: str, contrast: str) -> Volume:
        return read_volume(self._data / _HEADS[patient].format(contrast))

    def real(self, patient: str, modality: str) -> Volume:
        return read_volume(self._data / f"val/heads_real/{patient}/{modality}.nii.gz")

    def limb(self, patient: str, kind: str) -> Volume:
        return read_volume(self._data / f"val/ct_pet_mr/{patient}/{kind}.nii.gz")

    def pairs(self) -> Iterator[tuple[str, Volume, Volume]]:
        """Name, degraded volume and reference of one patient."""
        yield "t2 on t1", self.head("p4", "t2"), self.head("p4", "t1")
        yield "ct on mr", self.real("wba_16", "ct"), self.real("wba_16", "mr")
        yield "mr on ct", self.real("wba_2", "mr"), self.real("wba_2", "ct")
        yield "pet on ct", self.limb("STS_010", "pet_suv"), self.limb("STS_010", "ct")
        yield "limb, ct on mr", self.limb("STS_038", "ct"), self.limb("STS_038", "mr_t1")

    def all(self) -> Iterator[tuple[str, Callable[[], Pair]]]:
        """(name, what makes the pair)."""
        for kind, degraded, reference in self.pairs():
            for name, change in _CHANGES.items():
                yield f"{name}: {kind}", partial(change, degraded, reference)
        for one, other in _STRANGERS:
            for first, second in (("t2", "t1"), ("t1", "t2")):
                name = f"two patients, half a head: {first} of {one} on {second} of {other}"
                yield name, partial(self._half_strangers, one, other, first, second)
        for patient in _HEADS:
            yield f"half a head: t2 on t1 of {patient}", partial(self._half, patient, 0.0)
            yield f"half a head, motion: t2 on t1 of {patient}", partial(self._half, patient, 0.9)
        for one, other in zip(_REAL, (*_REAL[1:], _REAL[0]), strict=True):
            yield f"two patients: ct of {one} on mr of {other}", partial(self._real, one, other)
        yield from self._voxel_sizes()
        yield from self._bends()

    def _voxel_sizes(self) -> Iterator[tuple[str, Callable[[], Pair]]]:
        """A CT and an MR of one head, either of them with a wrong header."""
        for patient in _REAL:
            for first, second in (("mr", "ct"), ("ct", "mr")):
                for axis, factor in itertools.product(_SIDES, _FACTORS):
                    if factor == 1 and axis != _HEAD:
                        continue  # the same pair
                    name = f"voxels {factor:g} times as long from {_SIDES[axis]}"
                    make = partial(self._voxel_size, patient, first, second, axis, factor)
                    yield f"{name}: {first} on {second} of {patient}", make

    def _bends(self) -> Iterator[tuple[str, Callable[[], Pair]]]:
        """Necks whose MR is made from the CT, and limbs as they are."""
        for degrees in _BENDS:
            for patient in _NECKS:
                name = f"bent by {degrees} degrees: ct of {patient} on mr made from it"
                yield name, partial(self._neck, patient, degrees)
            for patient in _LIMBS:
                name = f"bent by {degrees} degrees: ct on mr of {patient}"
                yield name, partial(self._bent_limb, patient, degrees)

    def _neck(self, patient: str, degrees: float) -> Pair:
        ct = read_volume(self._data / f"val/ct_headneck_openkbp/{patient}_ct.nii.gz")
        mr = Volume(mr_like(ct.array.astype(np.float32), Draw(3)), ct.affine)
        noise = np.random.default_rng(0).normal(0, _NOISE_HU, ct.array.shape)
        return bent(Volume((ct.array + noise).astype(np.float32), ct.affine), mr, degrees)

    def _bent_limb(self, patient: str, degrees: float) -> Pair:
        ct, mr = (read_volume(self._data / f"{patient}/{kind}.nii.gz") for kind in ("ct", "mr_t1"))
        return bent(ct, mr, degrees)

    def _voxel_size(self, patient: str, first: str, second: str, axis: int, factor: float) -> Pair:
        degraded, reference = self.real(patient, first), self.real(patient, second)
        return moved(*respaced(degraded, reference, axis, factor), 7)

    def _half_strangers(self, one: str, other: str, first: str, second: str) -> Pair:
        pair = beside(self.head(one, first), self.head(other, second))
        half, rest = (cropped(volume, _RIGHT, 0, 0.5) for volume in pair)
        return half, rest, None

    def _half(self, patient: str, severity: float) -> Pair:
        degraded, reference = self.head(patient, "t2"), self.head(patient, "t1")
        scan = motion(degraded, severity) if severity else degraded
        half, rest = (cropped(volume, _RIGHT, 0, 0.5) for volume in (scan, reference))
        return moved(half, rest, np.eye(4), 20)

    def _real(self, one: str, other: str) -> Pair:
        stranger, reference = beside(self.real(one, "ct"), self.real(other, "mr"))
        return stranger, reference, None


_CHANGES: dict[str, Callable[[Volume, Volume], Pair]] = {
    "slices 10 % too thin": lambda d, r: respaced(d, r, _HEAD, 0.9),
    "slices 10 % too thick": lambda d, r: respaced(d, r, _HEAD, 1.1),
    "tilt of 15 degrees lost": lambda d, r: tilted(d, r, 0.27),
    "left and right exchanged": lambda d, r: flipped(d, r, _RIGHT),
    "front and back exchanged": lambda d, r: flipped(d, r, _FRONT),
    "slices in reverse": lambda d, r: flipped(d, r, _HEAD),
    "half of the fields overlaps": lambda d, r: moved(
        cropped(d, _HEAD, 0, 0.75), cropped(r, _HEAD, 0.25, 1), np.eye(4), 9
    ),
    "a third of the fields overlaps": lambda d, r: moved(
        cropped(d, _HEAD, 0, 0.65), cropped(r, _HEAD, 0.35, 1), np.eye(4), 9
    ),
    "tumour of 4 cm": lambda d, r: moved(lesion(d, 22, 90), r, np.eye(4), 10),
    "resection of 5 cm": lambda d, r: moved(lesion(d, 25, 2), r, np.eye(4), 10),
    "coronal slices of 6 mm": lambda d, r: moved(thick(d, _FRONT, 6), r, np.eye(4), 7),
}


def row(name: str, pair: Pair, network: Any, contract: Any) -> dict[str, Any]:
    """What is kept of a case."""
    degraded, reference, truth = pair
    try:
        result = fuse(degraded, reference, model=network, contract=contract)
    except UniFuseError as error:
        return {"name": name, "refused": str(error)}
    report = result.report
    index = np.argwhere(result.body)
    index = index[:: max(1, len(index) // 4000)]
    places = index @ reference.grid.linear.T + reference.grid.origin
    found = places + result.displacement[tuple(index.T)]
    verdict = report.verdict
    kept = {
        "name": name,
        "trust": verdict.trust,
        "probability_off_by_3_mm": verdict.probability_off_by_3_mm,
        "expected_error_mm": verdict.expected_error_mm,
        "reasons": list(verdict.reasons),
        "warnings": list(report.warnings),
        "class": result.label,
        "probability": round(result.probabilities[result.label], 3),
        "evidence": verdict.evidence,
    }
    if truth is not None:
        true = truth(places) if callable(truth) else mapped(truth, places)
        index = mapped(np.linalg.inv(degraded.affine), true)
        shown = inside(index, degraded.array.shape[:3])[:, 0]
        off = np.linalg.norm(found - true, axis=1)[shown]
        kept["off_mm"] = round(float(off.mean()), 2)
        kept["off_p95_mm"] = round(float(np.quantile(off, 0.95)), 2)
        kept["before_mm"] = round(float(np.linalg.norm(places - true, axis=1)[shown].mean()), 2)
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[], help="words of the names")
    args = parser.parse_args()
    torch.set_num_threads(1)
    network, contract = load_model(None, torch.device("cpu"))
    lines = args.output.read_text(encoding="utf-8").splitlines() if args.output.exists() else []
    done = {json.loads(line)["name"] for line in lines}
    for name, make in Cases(args.data).all():
        if name in done or (args.only and not any(word in name for word in args.only)):
            continue
        kept = row(name, make(), network, contract)
        with args.output.open("a", encoding="utf-8") as file:
            file.write(json.dumps(kept) + "\n")
        colour = kept.get("trust", "refused")
        sys.stdout.write(f"{name}: {colour}, off {kept.get('off_mm')} mm\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
