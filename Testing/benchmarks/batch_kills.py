#!/usr/bin/env python3
"""Kill `unifuse batch` at random moments, run it again, and look for what must never be.

    python Testing/benchmarks/batch_kills.py --kills 200 --output docs/results/batch-kills.json

Each kill hits the command alone, all of its processes (as a reboot does), or one worker. Then:

    half-written  a case's folder that lacks a file, or holds one that cannot be read to its end
    twice         a finished case whose folder was made again
    lost          a case that was finished and is not any more, or that a whole run leaves open
    orphans       workers that outlive their command by more than two seconds
    leftovers     hidden folders that the last run did not tidy up

SIGKILL, which no program can catch. The fusion itself is pretended (`batch_pretended.py`): its
files are written at the pace of a slow disk, and everything around it is real. With --real small
pairs are fused by an untrained network, which takes ten times as long.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PRETENDED = Path(__file__).with_name("batch_pretended.py")
VOLUMES = ("fused.nii.gz", "restored.nii.gz", "deformation.nii.gz")
FILES = {*VOLUMES, "report.json", "case.json", "thumbnail.png"}
KINDS = ("command", "all", "worker")


class Folder(NamedTuple):
    """What changes when a case is computed again."""

    inode: int
    modified_ns: int


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--cases", type=int, default=12, help="of each batch")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--real", action="store_true", help="fuse, instead of pretending")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *(("-m", "UniFuseLib") if args.real else (str(PRETENDED),))]
        trial = Trial(Path(folder), command, args.cases, args.jobs, random.Random(args.seed))  # noqa: S311
        trial.measure()
        while sum(trial.kills.values()) < args.kills:
            trial.whole_batch(args.kills)
            text = json.dumps(report_of(trial, args), indent=2) + "\n"
            args.output.write_text(text, encoding="utf-8")  # as far as it has come
    sys.stdout.write(text)
    return int(any(trial.seen.values()))


def report_of(trial: Trial, args: argparse.Namespace) -> dict[str, Any]:
    """What was done up to now, and what was seen."""
    real = " --real" if args.real else ""
    return {
        "date": datetime.date.today().isoformat(),
        "command": f"python Testing/benchmarks/batch_kills.py --kills {args.kills} "
        f"--cases {args.cases} --jobs {args.jobs} --seed {args.seed}{real} "
        f"--output {args.output.as_posix()}",
        "kills": dict(trial.kills),
        "kills_in_all": sum(trial.kills.values()),
        "seconds_of_a_batch": round(trial.run_s, 1),
        "batches": trial.batches,
        "cases_finished": trial.finished,
        "seen": {name: trial.seen[name] for name in SEEN},
    }


SEEN = ("half-written", "twice", "lost", "orphans", "leftovers", "failed")


class Trial:
    """Batches into fresh folders, killed until the number of kills is reached."""

    def __init__(
        self, folder: Path, command: list[str], cases: int, jobs: int, rng: random.Random
    ) -> None:
        self.folder, self.command, self.jobs, self.rng = folder, command, jobs, rng
        self.names = [f"case{number:03d}" for number in range(1, cases + 1)]
        self.kills: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.batches = self.finished = 0
        self.run_s = 0.0  # of a whole batch that nothing disturbs
        write_inputs(folder)
        lines = ["degraded,reference", *["degraded.nii.gz,reference.nii.gz"] * cases]
        (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def measure(self) -> None:
        """How long a batch takes: kills are drawn from all of it."""
        started = time.monotonic()
        if self._start(self.folder / "measured").wait():
            raise SystemExit("The batch fails without any kill.")
        self.run_s = time.monotonic() - started

    def whole_batch(self, most: int) -> None:
        """One output folder: killed at random until every case is done."""
        self.batches += 1
        output = self.folder / f"out{self.batches}"
        known: dict[str, Folder] = {}
        while len(known) < len(self.names) and sum(self.kills.values()) < most:
            self._killed_run(output)
            known = self._check(output, known)
            sys.stderr.write(f"{sum(self.kills.values())} kills, {dict(self.seen)}\n")
        code = self._start(output).wait()
        self.seen["failed"] += code != 0
        known = self._check(output, known)
        self.seen["lost"] += len(set(self.names) - set(known))
        left = {path.name for path in output.iterdir() if path.name.startswith(".")}
        self.seen["leftovers"] += len(left - {".unifuse-batch"})
        self.finished += len(known)

    def _killed_run(self, output: Path) -> None:
        run = self._start(output)
        kind = self.rng.choice(KINDS)
        if kind == "worker":  # there is none while the command itself starts
            until(lambda: run.poll() is not None or bool(children(run.pid)), self.run_s)
        wait(run, self.rng.uniform(0, self.run_s))
        if kind == "worker":
            workers = children(run.pid)
            if workers:
                os.kill(self.rng.choice(workers), signal.SIGKILL)
                self.kills["worker"] += 1
            wait(run, self.rng.uniform(0, self.run_s))
            kind = "command"
        if run.poll() is not None:
            return
        workers = children(run.pid)
        if kind == "all":
            os.killpg(run.pid, signal.SIGKILL)
        else:
            run.kill()
        self.kills[kind] += 1
        run.wait()
        self.seen["orphans"] += outlived(workers, 2.0)

    def _start(self, output: Path) -> subprocess.Popen[bytes]:
        weights = str(self.folder / "weights.safetensors")
        command = [*self.command, "batch", str(self.folder / "table.csv")]
        command += ["-o", str(output), "--weights", weights, "--align", "none", "--refine", "off"]
        command += ["--jobs", str(self.jobs), "--quiet", "--device", "cpu", "--no-overview"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)

    def _check(self, output: Path, known: dict[str, Folder]) -> dict[str, Folder]:
        """Finished cases now; what is wrong with them is counted."""
        found: dict[str, Folder] = {}
        for name in self.names:
            folder = output / name
            if not folder.exists():
                self.seen["lost"] += name in known
                continue
            self.seen["half-written"] += not complete(folder)
            found[name] = Folder(folder.stat().st_ino, (folder / "report.json").stat().st_mtime_ns)
            self.seen["twice"] += name in known and known[name] != found[name]
        return found


def wait(run: subprocess.Popen[bytes], seconds: float) -> None:
    """As long, or until the run has ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.wait(seconds)


def until(true: Callable[[], bool], seconds: float) -> None:
    """Wait for it, at most so long."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)


def complete(folder: Path) -> bool:
    """Every file is there, and readable to its end."""
    if {file.name for file in folder.iterdir()} != FILES:
        return False
    try:
        for name in ("report.json", "case.json"):
            json.loads((folder / name).read_text(encoding="utf-8"))
        for name in VOLUMES:
            gzip.decompress((folder / name).read_bytes())
    except (OSError, ValueError, EOFError):
        return False
    return (folder / "thumbnail.png").read_bytes().endswith(b"IEND\xaeB`\x82")


def children(pid: int) -> list[int]:
    """Of a process, whichever of its threads started them (Linux)."""
    found: list[int] = []
    for listed in Path("/proc").glob(f"{pid}/task/*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in listed.read_text(encoding="ascii").split()]
    return found


def outlived(pids: list[int], seconds: float) -> int:
    """How many of the processes are alive after so many seconds."""
    until(lambda: not any(map(alive, pids)), seconds)
    return sum(map(alive, pids))


def alive(pid: int) -> bool:
    """Zombies, whose parent has not asked for them yet, are not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
    except OSError:
        return False
    return state.split()[0] not in ("Z", "X")


def write_inputs(folder: Path) -> None:
    """A small pair, and untrained weights of the smallest network."""
    import numpy as np
    import torch
    from scipy import ndimage

    sys.path.insert(0, str(ROOT))
    from UniFuseLib.checkpoint import save_model
    from UniFuseLib.contract import standard_contract
    from UniFuseLib.io.volumes import write_volume
    from UniFuseLib.network.build import build, preset
    from UniFuseLib.spatial.volume import Volume

    shape, affine = (20, 24, 22), np.diag([4.0, 4.0, 4.0, 1.0])
    rng = np.random.default_rng(5)
    axes = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    body = sum(axis**2 for axis in axes) < 0.6
    texture = ndimage.gaussian_filter(rng.normal(size=shape), 2)
    for name, values in (("reference", 500 + 4000 * texture), ("degraded", 400 - 2000 * texture)):
        array = np.abs(np.where(body, values, 0) + rng.normal(0, 5, shape)).astype(np.int16)
        write_volume(Volume(array, affine), folder / f"{name}.nii.gz")
    torch.manual_seed(0)
    config = preset("small")
    contract = standard_contract()
    values = {**vars(contract), "preset": "small", "network": config.to_dict()}
    small = type(contract)(**{**values, "working_spacing_mm": 6.0, "license": "Apache-2.0"})
    save_model(build(config), small, folder / "weights.safetensors")


if __name__ == "__main__":
    sys.exit(main())
