#!/usr/bin/env python3
"""Degrade training scans and restore them with the network, for the correction of what it leaves.

    python Testing/benchmarks/restoration_pairs.py DATA PAIRS --class mr_motion --count 120

DATA holds `train`, as the case lists name it. Every pair is one scan, degraded on its own grid (a
sixth is left clean), beside a reference of the same patient that is shifted by up to 1.5 mm, as
the alignment leaves it, and both are turned, so that no axis of the array is the phase-encoding
one. Beside a CT without an MR lies MR-like contrast made from it; a third of the CTs is sampled to
larger voxels first, and those with metal of their own are left out. Kept in
PAIRS/CLASS_NUMBER.npz: both volumes on the working grid, the restored one, and the clean scan.
Pairs that are there already are kept: a stopped run goes on.
`restoration_samples.py` takes the statistics.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from class_by_voxel import with_voxels
from class_cases import has_metal, mr_like

from UniFuseLib.checkpoint import load_model
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.postprocess import network_result
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import place
from UniFuseLib.registration.affine import unmoved
from UniFuseLib.restoration.correct import aligned_pair
from UniFuseLib.simulation.degrade import apply_degradation, sample_degradation, slice_axis
from UniFuseLib.simulation.parameters import triple
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Volume, counted_from
from UniFuseLib.steps import classify_pair, decided

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.restoration.aligned_pair import AlignedPair

_CLEAN_SHARE = 1 / 6
_MISALIGNED_MM = 1.5
_SLICES = 64  # at most, of one degraded scan: whole in the plane
_COARSER_MM = (2.0, 2.5, 3.0, 4.0)  # sides of CT voxels
_COARSER_SHARE = 1 / 3
_AIR_HU = -1000.0
#: class → (degraded, reference), files of one patient; no reference: it is made
PAIRS = {
    "mr_motion": (
        *(("mr_multi/*", a, "t1*") for a in ("t2*", "flair*")),
        *(("mr_multi/*", "t1*", b) for b in ("t2*", "flair*")),
        ("mr_multi/*", "t2*", "flair*"),
        ("mr_multi/*", "flair*", "t2*"),
    ),
    "pet_low_dose": (("ct_pet_mr/*", "pet_suv", "ct"),),
    "ct_metal_noise": (
        ("ct_pet_mr/*", "ct", "mr_t1"),
        ("ct_headneck_openkbp", "*_ct", None),
        ("ct_pet_mr/*", "ct", "mr_t1"),
        ("ct_pet_mr/*", "ct", None),
        ("ct_torso", "*_ct", None),
    ),
}
MODALITY = {"t": "mr", "f": "mr", "m": "mr", "p": "pet", "c": "ct"}


class Scans(NamedTuple):
    """Two files of one patient."""

    patient: str
    degraded: Path
    reference: Path | None  # None: MR-like contrast, made from the degraded one

    @property
    def modalities(self) -> tuple[str, str]:
        """By the names of the files."""
        if self.reference is None:
            return "ct", "mr"
        return MODALITY[self.degraded.name[0]], MODALITY[self.reference.name[0]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--class", dest="label", choices=PAIRS, required=True)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--every", type=int, default=1, help="with --first: share the work")
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.pairs.mkdir(parents=True, exist_ok=True)
    scans = scans_of(args.data, args.label)
    for number in range(args.first, args.count, args.every):
        path = args.pairs / f"{args.label}_{number:04d}.npz"
        keep(path, partial(aligned_scans, scans[number % len(scans)], args.label, number))
    return 0


def keep(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> None:
    """Make what is not there yet; a file that is there is whole.

    Args:
        path: `.npz`.
        make: gives its arrays, `patient` among them.
    """
    if path.exists():
        return
    began = time.process_time()
    content = make()
    with path.with_suffix(".part").open("wb") as file:
        np.savez(file, **content)
    path.with_suffix(".part").rename(path)
    seconds = time.process_time() - began
    sys.stdout.write(
        f"{path.name} {content['patient']} {content.get('gain', '')} {seconds:.1f} s\n"
    )
    sys.stdout.flush()


def scans_of(data: Path, label: str) -> list[Scans]:
    """All pairs of files, in an order in which patients alternate."""
    found = []
    for folder, degraded, reference in PAIRS[label]:
        for where in sorted((data / "train").glob(folder)):
            scans = sorted(where.glob(f"{degraded}.nii.gz"))
            beside = sorted(where.glob(f"{reference}.nii.gz")) if reference else []
            if reference and not beside:
                continue
            for scan in scans[:1] if "*" in folder else scans:
                patient = where.name if "*" in folder else scan.name.split("_")[0]
                found.append(Scans(patient, scan, beside[0] if beside else None))
    return [pair for pair in found if pair.modalities[0] != "ct" or not _has_metal(pair)]


def _has_metal(scans: Scans) -> bool:
    return has_metal(read_volume(scans.degraded))


@torch.no_grad()
def aligned_scans(scans: Scans, label: str, number: int) -> dict[str, np.ndarray]:
    """One degraded scan beside a reference: volumes, whose they are, and what was done to them."""
    drawn = torch.Generator().manual_seed(number)
    rng = np.random.default_rng(number)
    clean = _part(read_volume(scans.degraded), rng)
    if scans.modalities[0] == "ct" and rng.random() < _COARSER_SHARE:
        clean = with_voxels(clean, float(rng.choice(_COARSER_MM)), _AIR_HU)
    array = torch.from_numpy(np.ascontiguousarray(clean.array, dtype=np.float32))
    spacing, across = triple(clean.grid.spacing), slice_axis(clean.grid)
    parameters = sample_degradation(label, drawn, array, spacing, None, across)
    degraded = array
    if rng.random() > _CLEAN_SHARE:
        degraded = apply_degradation(array, spacing, parameters, across)
    turn = rng.permutation(3)
    found = _aligned(scans, _turned(clean, degraded, turn), clean, rng, number)
    volumes = {"truth": found.truth, **found.pair._asdict()}
    spacing_mm = volumes.pop("spacing_mm")
    return {
        **{name: _stored(volume) for name, volume in volumes.items()},
        "spacing": np.array(spacing_mm),
        "patient": np.array(scans.patient),
        "severity": np.array(getattr(parameters, "severity", 0.0)),
        "clean": np.array(degraded is array),
        "prob": np.array(found.probabilities[label]),
    }


def _stored(volume: torch.Tensor) -> np.ndarray:
    array = volume[0, 0].numpy()
    return array if array.dtype == bool else array.astype(np.float16)


class Found(NamedTuple):
    """By the network, of one degraded scan."""

    pair: AlignedPair
    truth: torch.Tensor  # the clean scan, network intensities `(1, 1, d, h, w)`
    probabilities: dict[str, float]  # of the classes


def _part(volume: Volume, rng: np.random.Generator) -> Volume:
    """Neighbouring slices, for time."""
    across = slice_axis(volume.grid)
    surplus = volume.array.shape[across] - _SLICES
    if surplus <= 0:
        return volume
    first = int(rng.integers(0, surplus + 1))
    array = np.take(volume.array, range(first, first + _SLICES), across)
    return Volume(array, counted_from(volume.affine, [first * (k == across) for k in range(3)]))


def _turned(clean: Volume, degraded: torch.Tensor, turn: np.ndarray) -> Volume:
    """The axes of the array in another order, the voxels where they were."""
    affine = clean.affine.copy()
    affine[:, :3] = affine[:, :3][:, turn]
    return Volume(np.ascontiguousarray(degraded.numpy().transpose(turn)), affine)


def _aligned(
    scans: Scans, degraded: Volume, clean: Volume, rng: np.random.Generator, number: int
) -> Found:
    """Both on a working grid along the axes of the degraded scan, and the clean one likewise."""
    model, contract = load_model(None, torch.device("cpu"))
    file = scans.reference
    reference = mr_like(clean, number) if file is None else read_volume(file)
    affine = reference.affine.copy()
    direction = rng.normal(size=3)
    affine[:3, 3] += rng.uniform(0, _MISALIGNED_MM) * direction / np.linalg.norm(direction)
    there, _ = resample(
        Volume(reference.array, affine), degraded.grid, float(reference.array.min())
    )
    beside = Volume(there[0, 0].numpy(), degraded.affine)
    prepared = prepare_pair(degraded, beside, scans.modalities, contract)
    working = place(prepared, unmoved())
    registered = model.register(working.degraded, working.reference, find_field=False)
    classified = classify_pair(registered.logits, prepared, contract)
    p = decided(classified, contract, registered.logits)
    maps = network_result(working, model.fuse(registered, probabilities=p)).maps
    source = prepared.degraded.source
    truth, _ = resample(clean, working.grid, source.background)
    return Found(
        aligned_pair(maps, working), source.intensity.forward(truth), classified.probabilities
    )


if __name__ == "__main__":
    raise SystemExit(main())
