#!/usr/bin/env python3
"""What one `unifuse fuse` costs: CPU seconds by stage, wall time and peak memory against the number
of voxels, beside other registrations of the same pair, and the time of the import.

    python Testing/benchmarks/fuse_cost.py --output docs/results/fuse-cost.json
    python Testing/benchmarks/fuse_cost.py --sides 160 --against elastix syn rigid --output X.json

It writes JSON and prints a table in Markdown. Every run is a process of its own, measured by the
operating system when it ends. The pair is a
smooth random volume and a misaligned copy of another contrast at 1.5 mm, so that the working grid
has as many voxels as the volume.
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
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
SIDES = (96, 128, 160, 192, 224)
OTHERS = ("elastix", "syn", "rigid")
REGISTER = (
    "import sys; from UniFuseLib import read_volume; "
    "from UniFuseLib.evaluation.baselines import registration; "
    "registration(sys.argv[1])(*map(read_volume, sys.argv[2:]))"
)
SPACING_MM = 1.5


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="+", default=list(SIDES), metavar="N")
    parser.add_argument(
        "--against", nargs="+", default=[], choices=OTHERS, help="other registrations"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(side, Path(folder), args) for side in args.sides]
    voxels = np.log([row["side"] ** 3 for row in rows])
    report = {
        "date": datetime.date.today().isoformat(),
        "command": "python " + " ".join(sys.argv),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "threads": args.threads,
        },
        "import_seconds_beside_torch": import_seconds(),
        "runs": rows,
        "log_log_slope": {
            name: round(float(np.polyfit(voxels, np.log([row[name] for row in rows]), 1)[0]), 3)
            for name in ("cpu_seconds", "peak_memory_mb")
        },
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(table(rows))
    return 0


def measure(side: int, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Runs on `side`³ voxels: ours with its stages, then the others."""
    degraded, reference = write_pair(side, folder)
    output = folder / f"out{side}"
    command = [
        sys.executable,
        "-m",
        "UniFuseLib",
        "fuse",
        str(degraded),
        str(reference),
        "--quiet",
        "--overwrite",
    ]
    command += [
        "--degraded-modality",
        "mr",
        "--reference-modality",
        "mr",
        "--output",
        str(output),
    ]
    ours = run(command, args.threads)
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    others = {
        name: run(
            [sys.executable, "-c", REGISTER, name, str(degraded), str(reference)], args.threads
        )
        for name in args.against
    }
    return {"side": side, **ours, "stages": report["cpu_seconds"], "others": others}


def run(command: list[str], threads: int) -> dict[str, float]:
    """What a process takes."""
    started = time.monotonic()
    settings = {
        "OMP_NUM_THREADS": str(threads),
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(threads),
    }
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    child = subprocess.Popen(
        command,
        env={**os.environ, **settings, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with {os.waitstatus_to_exitcode(status)}.")
    return {
        "wall_seconds": round(time.monotonic() - started, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_memory_mb": round(usage.ru_maxrss / 1024, 1),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a column for each size; CPU seconds where nothing else is said."""
    lines = [["CPU s", *(f"{row['side']}³" for row in rows)], ["---", *("---:" for _ in rows)]]
    for stage in rows[0]["stages"]:
        if stage != "total":
            lines.append([stage, *(f"{row['stages'].get(stage, 0.0):.2f}" for row in rows)])
    known = [sum(v for k, v in row["stages"].items() if k != "total") for row in rows]
    rest = [row["cpu_seconds"] - seconds for row, seconds in zip(rows, known, strict=True)]
    lines.append(["start, files, overview", *(f"{seconds:.2f}" for seconds in rest)])
    lines.append(["all", *(f"{row['cpu_seconds']:.1f}" for row in rows)])
    lines.append(["wall, s", *(f"{row['wall_seconds']:.1f}" for row in rows)])
    lines.append(["peak memory, MiB", *(f"{row['peak_memory_mb']:.0f}" for row in rows)])
    for name in rows[0]["others"]:
        lines.append([name, *(_beside(row, name) for row in rows)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _beside(row: dict[str, Any], name: str) -> str:
    """CPU seconds and memory of another registration, and ours in parts of its seconds."""
    other = row["others"][name]
    ratio = row["cpu_seconds"] / other["cpu_seconds"]
    return f"{other['cpu_seconds']:.1f}, {other['peak_memory_mb']:.0f} MiB, ours {ratio:.2f} of it"


def write_pair(side: int, folder: Path) -> tuple[Path, Path]:
    import SimpleITK as sitk

    noise = np.random.default_rng(0).standard_normal((side,) * 3).astype(np.float32)
    anatomy = ndimage.gaussian_filter(noise, 4)
    anatomy = 400 + 150 * anatomy / anatomy.std()
    axes = np.ogrid[tuple(slice(-1, 1, side * 1j) for _ in range(3))]
    anatomy[sum(a**2 for a in axes) > 0.8] = 0
    moved = ndimage.shift(np.where(anatomy > 0, 900 - anatomy, 0), (2.0, -1.5, 1.0), order=1)
    paths = []
    for name, array in (("degraded", moved), ("reference", anatomy)):
        image = sitk.GetImageFromArray(array.clip(0).astype(np.int16))
        image.SetSpacing((SPACING_MM,) * 3)
        paths.append(folder / f"{name}{side}.nii.gz")
        sitk.WriteImage(image, str(paths[-1]))
    return paths[0], paths[1]


def import_seconds() -> float:
    """Median of five: `import torch, UniFuseLib` less `import torch`, in fresh processes."""
    code = "import time, torch; t = time.perf_counter(); import UniFuseLib;"
    code += "print(time.perf_counter() - t)"
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
        for _ in range(5)
    ]
    return round(sorted(runs)[2], 4)


if __name__ == "__main__":
    sys.exit(main())
