#!/usr/bin/env python3
"""Memory of the workers of a long batch: 200 small pairs, two at a time.

    python Testing/benchmarks/batch_soak.py --output docs/results/batch-soak.json

Every second the resident memory of every worker is read, how many cases are finished, and how many
children have ended without being waited for (Linux alone). Growth compares the largest memory of
the last fifth of the cases with that of the second fifth: the first fills caches.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from Testing.benchmarks.cost_model import Run, write_pair

SIDES = (36, 40, 44)  # voxels; three pairs take turns, so that sizes change
SPACING_MM = 3.0
PARTS = 5  # of the cases: a fifth each


class Sample(NamedTuple):
    """At one moment."""

    finished: int  # cases
    resident: dict[int, int]  # process → bytes
    defunct: int  # children that nobody has waited for


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after as many")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = write_table(Path(folder), args.cases)
        samples = soak(table, Path(folder) / "out", args.jobs, args.minutes)
    report = {
        "date": datetime.date.today().isoformat(),
        "command": f"python Testing/benchmarks/batch_soak.py --cases {args.cases} "
        f"--jobs {args.jobs} --output {args.output.as_posix()}",
        **judged(samples),
    }
    text = json.dumps(report, indent=2) + "\n"
    args.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def write_table(folder: Path, cases: int) -> Path:
    """The pairs, and a table in which they take turns."""
    names = []
    for side in SIDES:
        place = folder / str(side)
        place.mkdir()
        write_pair(Run(side, side, side * SPACING_MM, SPACING_MM), place)
        names.append(f"{side}/degraded.nii.gz,{side}/reference.nii.gz")
    rows = [names[number % len(names)] for number in range(cases)]
    table = folder / "pairs.csv"
    table.write_text("\n".join(["degraded,reference", *rows]) + "\n", encoding="utf-8")
    return table


def soak(table: Path, output: Path, jobs: int, minutes: float) -> list[Sample]:
    """One batch, watched; ended from outside after some minutes."""
    ends = time.monotonic() + 60 * minutes
    modalities = ["--degraded-modality", "mr", "--reference-modality", "mr"]
    command = [sys.executable, "-m", "UniFuseLib", "batch", str(table), "-o", str(output)]
    command += ["--jobs", str(jobs), "--working-spacing", str(SPACING_MM), *modalities]
    child = subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    samples = []
    while child.poll() is None and time.monotonic() < ends:
        samples.append(sample(child.pid, output))
        time.sleep(1)
    stopped = child.poll() is None
    child.terminate()
    if child.wait() and not stopped:
        raise SystemExit(f"The batch ended with {child.returncode}.")
    return samples


def sample(parent: int, output: Path) -> Sample:
    """What the system says of the children of a process."""
    resident, defunct = {}, 0
    for pid in children(parent):
        state, memory = state_of(pid)
        if state == "Z":
            defunct += 1
        elif memory:
            resident[pid] = memory
    return Sample(len(list(output.glob("*/report.json"))), resident, defunct)


def children(parent: int) -> list[int]:
    """Direct children, whichever thread began them."""
    words: list[str] = []
    for listed in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            words += listed.read_text(encoding="ascii").split()
        except OSError:  # it has ended
            continue
    return [int(word) for word in words]


def state_of(pid: int) -> tuple[str, int]:
    """Its letter of state, and its resident bytes."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "", 0
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    memory = lines.get("VmRSS", "0 kB").split()[0]
    return lines["State"].split()[0], 1024 * int(memory)


def judged(samples: list[Sample]) -> dict[str, Any]:
    """Largest memory of a worker by fifths of the cases that were finished, and its growth."""
    found, cases = [], samples[-1].finished + 1
    for part in range(PARTS):
        low, high = part * cases // PARTS, (part + 1) * cases // PARTS
        seen = [
            memory
            for one in samples
            if low <= one.finished < high
            for memory in one.resident.values()
        ]
        found.append(
            {
                "cases_from": low,
                "peak_mb": megabytes(max(seen)),
                "median_mb": megabytes(float(np.median(seen))),
            }
        )
    after_warm_up, last = found[1], found[-1]
    return {
        "cases_begun": cases,
        "workers_seen": len({pid for one in samples for pid in one.resident}),
        "samples": len(samples),
        "by_fifth": found,
        "growth_percent": {
            name: round(100 * (last[name] / after_warm_up[name] - 1), 2)
            for name in ("peak_mb", "median_mb")
        },
        "defunct_at_most": max(one.defunct for one in samples),
    }


def megabytes(count: float) -> float:
    return round(count / 2**20, 1)


if __name__ == "__main__":
    sys.exit(main())
