#!/usr/bin/env python3
"""Degrade training scans, restore them with the network, keep what its correction is fitted to.

    python Testing/benchmarks/restoration_samples.py DATA SAMPLES --class mr_motion --count 120

DATA holds `train`, as the case lists name it. Every sample is one scan, degraded on its own grid (a
sixth is left clean), beside a reference of the same patient that is shifted by up to 1.5 mm, as
the alignment leaves it, and both are turned, so that no axis of the array is the phase-encoding
one. Of every sample the statistics of some voxels of the body and their error are kept, in
SAMPLES/CLASS_NUMBER.npz. Samples that are there already are kept: a stopped run goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from UniFuseLib.checkpoint import load_model
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.postprocess import network_result
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import place
from UniFuseLib.registration.affine import unmoved
from UniFuseLib.restoration.statistics import AlignedPair, statistics
from UniFuseLib.simulation.degrade import apply_degradation, sample_degradation, slice_axis
from UniFuseLib.simulation.parameters import triple
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Volume, counted_from

VOXELS = 25_000  # of a sample
_CLEAN_SHARE = 1 / 6
_MISALIGNED_MM = 1.5
_SLICES = 64  # at most, of one degraded scan: whole in the plane
#: class → (degraded, reference), files of one patient
PAIRS = {
    "mr_motion": (
        *(("mr_multi/*", a, "t1*") for a in ("t2*", "flair*")),
        *(("mr_multi/*", "t1*", b) for b in ("t2*", "flair*")),
    ),
    "pet_low_dose": (("ct_pet_mr/*", "pet_suv", "ct"),),
    "ct_metal_noise": (("ct_pet_mr/*", "ct", "mr_t1"),),
}
MODALITY = {"t": "mr", "f": "mr", "m": "mr", "p": "pet", "c": "ct"}


class Scans(NamedTuple):
    """Two files of one patient."""

    patient: str
    degraded: Path
    reference: Path

    @property
    def modalities(self) -> tuple[str, str]:
        """By the names of the files."""
        return MODALITY[self.degraded.name[0]], MODALITY[self.reference.name[0]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--class", dest="label", choices=PAIRS, required=True)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--every", type=int, default=1, help="with --first: share the work")
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.samples.mkdir(parents=True, exist_ok=True)
    scans = scans_of(args.data, args.label)
    for number in range(args.first, args.count, args.every):
        path = args.samples / f"{args.label}_{number:04d}.npz"
        if path.exists():
            continue
        began = time.process_time()
        content = sample(scans[number % len(scans)], args.label, number)
        with path.with_suffix(".part").open("wb") as file:
            np.savez(file, **content)
        path.with_suffix(".part").rename(path)
        seconds = time.process_time() - began
        sys.stdout.write(f"{path.name} {content['patient']} {content['gain']} {seconds:.1f} s\n")
        sys.stdout.flush()
    return 0


def scans_of(data: Path, label: str) -> list[Scans]:
    """All pairs of files, in an order in which patients alternate."""
    found = []
    for folder, degraded, reference in PAIRS[label]:
        for patient in sorted((data / "train").glob(folder)):
            files = [sorted(patient.glob(f"{name}.nii.gz")) for name in (degraded, reference)]
            if all(files):
                found.append(Scans(patient.name, files[0][0], files[1][0]))
    return found


@torch.no_grad()
def sample(scans: Scans, label: str, number: int) -> dict[str, np.ndarray]:
    """One degraded scan: statistics, errors, and whose they are."""
    drawn = torch.Generator().manual_seed(number)
    rng = np.random.default_rng(number)
    clean = _part(read_volume(scans.degraded), rng)
    array = torch.from_numpy(np.ascontiguousarray(clean.array, dtype=np.float32))
    spacing, across = triple(clean.grid.spacing), slice_axis(clean.grid)
    parameters = sample_degradation(label, drawn, array, spacing, None, across)
    degraded = array
    if rng.random() > _CLEAN_SHARE:
        degraded = apply_degradation(array, spacing, parameters, across)
    turn = rng.permutation(3)
    pair, truth = _aligned(scans, _turned(clean, degraded, turn), clean, rng)
    known = torch.cat([values for _, values in statistics(pair)])
    error = (truth - pair.restored)[pair.body]
    before = (truth - pair.degraded)[pair.body]
    kept = rng.choice(len(error), min(VOXELS, len(error)), replace=False)
    squares = [float(e.square().mean()) for e in (before, error)]
    return {
        "statistics": known[kept].numpy().astype(np.float32),
        "error": error[kept].numpy().astype(np.float32),
        "patient": np.array(scans.patient),
        "severity": np.array(getattr(parameters, "severity", 0.0)),
        "clean": np.array(degraded is array),
        "squares": np.array(squares),  # of all of the body: degraded, restored by the network
        "gain": np.round(10 * np.log10((squares[0] + 1e-12) / (squares[1] + 1e-12)), 2),
    }


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
    scans: Scans, degraded: Volume, clean: Volume, rng: np.random.Generator
) -> tuple[AlignedPair, torch.Tensor]:
    """Both on a working grid along the axes of the degraded scan, and the clean one likewise."""
    model, contract = load_model(None, torch.device("cpu"))
    reference = read_volume(scans.reference)
    affine = reference.affine.copy()
    direction = rng.normal(size=3)
    affine[:3, 3] += rng.uniform(0, _MISALIGNED_MM) * direction / np.linalg.norm(direction)
    there, _ = resample(
        Volume(reference.array, affine), degraded.grid, float(reference.array.min())
    )
    beside = Volume(there[0, 0].numpy(), degraded.affine)
    prepared = prepare_pair(degraded, beside, scans.modalities, contract)
    working = place(prepared, unmoved())
    registered = model.register(working.degraded, working.reference)
    output = model.fuse(registered, torch.zeros_like(registered.flow))
    maps = network_result(working, output).maps
    source = prepared.degraded.source
    truth, _ = resample(clean, working.grid, source.background)
    spacing_mm = float(working.grid.spacing[0])
    pair = AlignedPair(
        maps.restored,
        maps.aligned,
        working.reference,
        working.mask,
        working.degraded_acquired,
        spacing_mm,
    )
    return pair, source.intensity.forward(truth)


if __name__ == "__main__":
    raise SystemExit(main())
