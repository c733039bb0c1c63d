#!/usr/bin/env python3
"""Clean and degraded MR as scanners and tools leave them, and their traces, one row each.

    python Testing/benchmarks/class_mr_samples.py DATA docs/results/class-mr-rows.jsonl

DATA holds `train` and `val`. Rows are those of `severity_samples.py`, with the size of the voxels
and what was changed beside the degradation (`change`); rows that are in the file already are kept.
Beside each MR lies another scan of the patient in the same frame, unchanged.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage
from severity_samples import as_scanned, collect, degraded, log_odds_beside, measured

from UniFuseLib.io.volumes import read_volume
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.simulation.degrade import slice_axis
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from UniFuseLib.severity.head import Traces

_LABEL = "mr_motion"
#: scans, and which other ones of the patient lie beside them in turn
_SCANS = (
    ("ct_pet_mr/*/mr_t1.nii.gz", ("ct",)),
    ("mr_multi/*/t1.nii.gz", ("t2", "flair")),
    ("mr_multi/*/t2.nii.gz", ("t1", "flair")),
    ("mr_multi/*/t1w.nii.gz", ("t2w", "flair")),
    ("mr_multi/*/t2w.nii.gz", ("t1w", "flair")),
    ("mr_multi/*/flair.nii.gz", ("t1", "t1w", "t2", "t2w")),
    ("heads_real/*/mr.nii.gz", ("ct",)),
)
_DRAWS = 3  # degraded samples of each scan as it is
_THICK_MM = 6.0
_STRIPPED_MM = 12.0  # skin and skull
_FINER = 2 / 3  # of a voxel's side
_FALL = 6.0  # from one side of the field to the other
_BIAS = 0.5  # of the logarithm
_FILTER = 0.8  # deviation in voxels of the plane


class Sample(NamedTuple):
    """What one row is made of."""

    path: Path
    beside: Path
    change: str
    number: int
    clean: bool

    @property
    def split(self) -> str:
        return self.path.parents[2].name

    @property
    def scan(self) -> str:
        return f"{self.path.parent.name}_{self.path.name.split('.')[0]}"

    @property
    def name(self) -> str:
        kind = "clean" if self.clean else "degraded"
        return f"{self.split}_{self.scan}_{self.change}_{kind}{self.number}"


def main() -> int:
    return collect(__doc__, samples, row_of)


def samples(data: Path) -> list[Sample]:
    """All samples, those of training patients and the scans as they are first.

    With another air every scan, with other changes every second one.
    """
    found = []
    for split in ("train", "val"):
        scans = _scans(data / split)
        for turn, change in enumerate(("none", *AIR, *BEFORE, *AFTER)):
            some = slice(turn % 2, None, 2) if change in BEFORE | AFTER else slice(None)
            for path, beside in scans[some]:
                draws = _DRAWS if change == "none" else 1
                numbered = [(0, True), *((number, False) for number in range(draws))]
                for number, clean in numbered:
                    other = beside[number % len(beside)]
                    found.append(Sample(path, other, change, number, clean))
    return found


def _scans(data: Path) -> list[tuple[Path, list[Path]]]:
    found = []
    for pattern, names in _SCANS:
        for path in sorted(data.glob(pattern)):
            others = [path.with_name(f"{name}.nii.gz") for name in names]
            found.append((path, [other for other in others if other.exists()]))
    return found


def row_of(sample: Sample) -> dict[str, Any]:
    """One scan, degraded with a severity drawn from [0, 1] or clean, and its traces."""
    seed = int(hashlib.sha256(sample.name.encode()).hexdigest()[:12], 16) % 2**31
    rng = np.random.default_rng(seed)
    own = as_scanned(read_volume(sample.path), rng)
    scan = BEFORE[sample.change](own, rng) if sample.change in BEFORE else own
    scan, severity = (scan, {}) if sample.clean else degraded(scan, _LABEL, seed)
    if sample.change in AIR | AFTER:
        scan = (AIR | AFTER)[sample.change](scan, rng)
    kind = "ct" if sample.beside.name.startswith("ct") else "mr"
    return {
        "id": sample.name,
        "split": sample.split,
        "patient": patient_of(sample.path),
        "class": _LABEL,
        "change": sample.change,
        "beside": kind,
        "voxel_mm": round(float(np.median(scan.grid.spacing)), 2),
        **severity,
        "traces": _numbers(measured(_LABEL, scan, "mr")),
        "network": log_odds_beside(scan, read_volume(sample.beside), ("mr", kind)),
    }


def _numbers(traces: Traces | None) -> dict[str, float | None] | None:
    """With null for what is no number."""
    if traces is None:
        return None
    return {name: value if math.isfinite(value) else None for name, value in traces.items()}


def patient_of(path: Path) -> str:
    """Two studies are of one patient."""
    return path.parent.name.split("_study")[0]


def _biased(scan: Volume, rng: np.random.Generator) -> Volume:
    """A field that varies slowly along all axes."""
    coarse = rng.uniform(-1, 1, (3, 4, 4))
    factors = np.array(scan.array.shape) / coarse.shape
    field = ndimage.zoom(coarse, factors, order=3, mode="nearest", grid_mode=True)
    field = field[tuple(slice(n) for n in scan.array.shape)]
    return _as(scan, scan.array * np.exp(_BIAS * field / np.abs(field).max()))


def _beside_a_coil(scan: Volume, rng: np.random.Generator) -> Volume:
    """Darker from one side to the other one, along an axis of the voxels."""
    axis = int(rng.integers(3))
    way = np.linspace(0, 1, scan.array.shape[axis])
    way = way if rng.random() < 0.5 else way[::-1]
    shape = [-1 if k == axis else 1 for k in range(3)]
    return _as(scan, scan.array * np.exp(-np.log(_FALL) * way).reshape(shape))


def _thick(scan: Volume, _: np.random.Generator) -> Volume:
    """Slices of 6 mm, each the mean of what lies in it."""
    across = slice_axis(scan.grid)
    side = scan.grid.spacing[across]
    smooth = ndimage.gaussian_filter1d(scan.array, 0.4 * _THICK_MM / side, axis=across)
    sides = np.ones(3)
    sides[across] = _THICK_MM / side
    return _sampled(Volume(smooth, scan.affine), sides)


def _interpolated(scan: Volume, _: np.random.Generator) -> Volume:
    """Linearly, to twice as many slices."""
    sides = np.ones(3)
    sides[slice_axis(scan.grid)] = 0.5
    return _sampled(scan, sides)


def _finer(scan: Volume, _: np.random.Generator) -> Volume:
    """Linearly, in the plane of its slices."""
    sides = np.full(3, _FINER)
    sides[slice_axis(scan.grid)] = 1.0
    return _sampled(scan, sides)


def _moved(scan: Volume, rng: np.random.Generator) -> Volume:
    """As a tool leaves it that has aligned it: turned a little, sampled linearly."""
    turn = _turned(np.deg2rad(rng.uniform(-8, 8)))
    centre = scan.affine @ np.array([*(np.array(scan.array.shape) - 1) / 2, 1.0])
    about = np.eye(4)
    about[:3, :3] = turn
    about[:3, 3] = centre[:3] - turn @ centre[:3]
    grid = Grid(scan.grid.shape, about @ scan.affine)
    sampled, _ = resample(scan, grid, 0.0)
    return Volume(np.ascontiguousarray(sampled[0, 0].numpy()), grid.affine)


def _turned(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def _sampled(scan: Volume, larger: np.ndarray) -> Volume:
    """Linearly, with sides of the voxels so many times as large."""
    d, h, w = np.ceil(np.array(scan.array.shape) / larger).astype(int).tolist()
    affine = scan.affine.copy()
    affine[:3, :3] = scan.grid.linear * larger
    sampled, _ = resample(scan, Grid((d, h, w), affine), 0.0)
    return Volume(np.ascontiguousarray(sampled[0, 0].numpy()), affine)


def _noisy(scan: Volume, rng: np.random.Generator) -> Volume:
    """Rician noise of 2 to 5 % of bright tissue."""
    tissue = scan.array[_body(scan)]
    deviation = rng.uniform(0.02, 0.05) * float(np.percentile(tissue, 95))
    real, imaginary = rng.normal(0, deviation, (2, *scan.array.shape))
    return _as(scan, np.hypot(scan.array + real, imaginary))


def _masked(scan: Volume, _: np.random.Generator) -> Volume:
    """Nothing around the patient."""
    return _as(scan, np.where(_body(scan), scan.array, 0))


def _stripped(scan: Volume, _: np.random.Generator) -> Volume:
    """Nothing around what lies deeper than the skull."""
    body = np.pad(_body(scan), 1)
    deep = ndimage.distance_transform_edt(body, scan.grid.spacing)[1:-1, 1:-1, 1:-1]
    return _as(scan, np.where(deep > _STRIPPED_MM, scan.array, 0))


def _filtered(scan: Volume, _: np.random.Generator) -> Volume:
    """Smoothed in the plane of its slices."""
    width = [_FILTER] * 3
    width[slice_axis(scan.grid)] = 0.0
    return _as(scan, ndimage.gaussian_filter(scan.array, width))


def _body(scan: Volume) -> np.ndarray:
    return body_mask(scan.array, scan.grid.spacing, "mr")


def _as(scan: Volume, array: np.ndarray) -> Volume:
    return Volume(np.ascontiguousarray(array, np.float32), scan.affine)


#: of the scanner, before anything moves
BEFORE: dict[str, Callable[[Volume, np.random.Generator], Volume]] = {
    "bias": _biased,
    "coil": _beside_a_coil,
    "thick": _thick,
}


def _noisy_and_filtered(scan: Volume, rng: np.random.Generator) -> Volume:
    """Noise that is no longer white."""
    return _filtered(_noisy(scan, rng), rng)


def _noisy_and_cut(scan: Volume, rng: np.random.Generator) -> Volume:
    """Noise, and nothing in the corners of the field of view."""
    ways = [np.linspace(-1, 1, n) for n in scan.array.shape]
    ways[slice_axis(scan.grid)] *= 0
    radius = sum(way**2 for way in np.meshgrid(*ways, indexing="ij", sparse=True))
    return _as(scan, np.where(radius <= 1, _noisy(scan, rng).array, 0))


#: of its receiver or a tool, around the patient
AIR: dict[str, Callable[[Volume, np.random.Generator], Volume]] = {
    "noise": _noisy,
    "masked": _masked,
}
#: of its computer, or of a tool
AFTER: dict[str, Callable[[Volume, np.random.Generator], Volume]] = {
    "stripped": _stripped,
    "filtered": _filtered,
    "interpolated": _interpolated,
    "moved": _moved,
    "noise_filtered": _noisy_and_filtered,
    "noise_cut": _noisy_and_cut,
    "finer": _finer,
}


if __name__ == "__main__":
    raise SystemExit(main())
