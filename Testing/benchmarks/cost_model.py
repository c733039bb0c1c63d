#!/usr/bin/env python3
"""Memory and CPU seconds of `unifuse fuse` as a linear model of three numbers of voxels.

    python Testing/benchmarks/cost_model.py --output docs/results/cost-model.json

    y = base + a · reference voxels + b · working voxels + c · degraded voxels,  a, b, c ≥ 0

Time: least squares of relative errors. Memory: the lowest on average that no run exceeds, for who
starts what does not fit loses all of it.

Every run is a process of its own with one thread, measured by the operating system when it ends;
of two runs of each size the larger figures count.
The runs differ in the size of either volume and of the working grid, so that the three can be told
apart. MR on MR, refinement included: the dearest pair of modalities. `UniFuseLib/estimate.py`
carries the coefficients; its margin is the largest error found here.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import ndimage, optimize

if TYPE_CHECKING:
    from collections.abc import Callable


class Run(NamedTuple):
    """Sides in voxels over one field of view, and mm of the working grid."""

    degraded: int
    reference: int
    field_mm: float
    working_mm: float


RUNS = (
    Run(64, 64, 96.0, 1.5),
    Run(96, 96, 144.0, 1.5),
    Run(128, 128, 192.0, 1.5),
    Run(160, 160, 240.0, 1.5),
    Run(192, 192, 288.0, 1.5),
    Run(160, 160, 240.0, 3.0),
    Run(128, 256, 192.0, 1.5),
    Run(128, 256, 192.0, 3.0),
    Run(128, 320, 240.0, 2.0),
    Run(288, 128, 192.0, 1.5),
    Run(288, 96, 192.0, 3.0),
    Run(160, 472, 500.0, 1.5),  # as many voxels as 512 × 512 × 400
)
BODY_INTENSITY, CONTRAST = 400, 150  # arbitrary units, as MR has them


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [larger(*(measure(run, Path(folder)) for _ in range(2))) for run in RUNS]
    report = {
        "date": datetime.date.today().isoformat(),
        "command": f"python Testing/benchmarks/cost_model.py --output {args.output.as_posix()}",
        "machine": {"processor": platform.processor() or platform.machine(), "threads": 1},
        "runs": rows,
        "peak_bytes": fitted(rows, "peak_bytes", above),
        "cpu_seconds": fitted(rows, "cpu_seconds", nearest),
    }
    args.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def larger(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Of two runs of one size: peaks of the same run differ by some percent."""
    return one | {name: max(one[name], other[name]) for name in ("peak_bytes", "cpu_seconds")}


def fitted(
    rows: list[dict[str, Any]], name: str, fit: Callable[[np.ndarray], np.ndarray]
) -> dict[str, float]:
    """Coefficients, none below 0, and the errors that are left.

    Args:
        rows: what was measured.
        name: of the number that is modelled.
        fit: `(runs, 4)` relative shares → `(4,)` weights whose products are near 1.
    """
    y = np.array([row[name] for row in rows], dtype=float)
    voxels = [[row[f"{of}_voxels"] for of in ("reference", "working", "degraded")] for row in rows]
    design = np.column_stack([np.ones(len(rows)), np.array(voxels, dtype=float)])
    scale = design.max(axis=0)
    coefficients = fit(design / scale / y[:, None] * y.mean()) * y.mean() / scale
    error = design @ coefficients / y - 1
    names = ("base", "per_reference_voxel", "per_working_voxel", "per_degraded_voxel")
    return {
        **{key: float(f"{value:.4g}") for key, value in zip(names, coefficients, strict=True)},
        "lowest_relative_error": round(float(error.min()), 3),
        "highest_relative_error": round(float(error.max()), 3),
    }


def nearest(shares: np.ndarray) -> np.ndarray:
    """Least squares of relative errors."""
    found, _ = optimize.nnls(shares, np.ones(len(shares)))
    return np.asarray(found)


def above(shares: np.ndarray) -> np.ndarray:
    """The least sum of relative errors of which none is negative."""
    bounds = [(0, None)] * shares.shape[1]
    found = optimize.linprog(shares.sum(axis=0), -shares, -np.ones(len(shares)), bounds=bounds)
    return np.asarray(found.x)


def measure(run: Run, folder: Path) -> dict[str, Any]:
    """One `unifuse fuse`."""
    inputs = [str(path) for path in write_pair(run, folder)]
    output = folder / "out"
    modalities = ["--degraded-modality", "mr", "--reference-modality", "mr"]
    options = ["--quiet", "--overwrite", "--working-spacing", str(run.working_mm), *modalities]
    command = [sys.executable, "-m", "UniFuseLib", "fuse", *inputs, "-o", str(output), *options]
    child = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{run} ended with {os.waitstatus_to_exitcode(status)}.")
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    row = {
        **run._asdict(),
        "reference_voxels": run.reference**3,
        "working_voxels": int(np.prod(report["working_grid"]["shape"])),
        "degraded_voxels": run.degraded**3,
        "corrected": report["correction"]["degradation"],
        "peak_bytes": usage.ru_maxrss * 1024,
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "bytes_on_disk": sum(file.stat().st_size for file in output.iterdir()),
    }
    sys.stderr.write(json.dumps(row) + "\n")
    return row


def write_pair(run: Run, folder: Path) -> tuple[Path, Path]:
    """A smooth random body, and the same shifted in another contrast, int16."""
    noise = np.random.default_rng(0).standard_normal((64,) * 3).astype(np.float32)
    anatomy = ndimage.gaussian_filter(noise, 2)
    anatomy = BODY_INTENSITY + CONTRAST * anatomy / anatomy.std()
    axes = np.ogrid[tuple(slice(-1, 1, 64j) for _ in range(3))]
    anatomy[sum(a**2 for a in axes) > 0.8] = 0
    moved = ndimage.shift(np.where(anatomy > 0, 900 - anatomy, 0), (1.0, -0.7, 0.5), order=1)
    return (
        _write(folder / "degraded.nii.gz", moved, run.degraded, run),
        _write(folder / "reference.nii.gz", anatomy, run.reference, run),
    )


def _write(path: Path, array: np.ndarray, side: int, run: Run) -> Path:
    import SimpleITK as sitk

    fine = ndimage.zoom(array, side / 64, order=1, grid_mode=True, mode="nearest")
    grain = np.random.default_rng(1).normal(0, 5, fine.shape).astype(np.float32)
    image = sitk.GetImageFromArray((fine + grain).clip(0).astype(np.int16))
    image.SetSpacing((run.field_mm / side,) * 3)
    sitk.WriteImage(image, str(path))
    return path


if __name__ == "__main__":
    sys.exit(main())
