#!/usr/bin/env python3
"""Set up and run: `python3 start.py sample`, `test` or `check`. Needs Python 3.10 or newer.

Creates `.venv` beside this file (again only when the requirements changed), installs the package
there with pinned versions, and then fuses the shipped sample pair, runs the tests, or checks style
and types.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
EXTRAS = {"sample": "report,dicom", "test": "test", "check": "dev"}
Command = list[str]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("job", choices=sorted(EXTRAS))
    parser.add_argument(
        "rest", nargs=argparse.REMAINDER, help="passed on to pytest or to 'unifuse fuse'"
    )
    args = parser.parse_args()
    if sys.version_info < (3, 10):  # noqa: UP036  whoever starts this may have an older Python
        return fail(f"Python 3.10 or newer is needed, this is {sys.version.split()[0]}.")
    python = set_up(EXTRAS[args.job])
    # idle OpenMP threads that spin slow a busy machine down many times
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
    if args.job == "test":  # one process a core, so one thread a process
        environment.setdefault("OMP_NUM_THREADS", "1")
    jobs = {"sample": sample_commands, "test": test_commands, "check": check_commands}
    for command in jobs[args.job](str(python), args.rest):
        ended = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        if ended.returncode:
            return ended.returncode
    return 0


def sample_commands(python: str, rest: Command) -> list[Command]:
    pair = sample_pair(ROOT / "Resources" / "SampleData")
    fuse = [python, "-m", "UniFuseLib", "fuse", *pair, "--output", "out/sample", "--overwrite"]
    return [[*fuse, *rest]]


def sample_pair(folder: Path) -> list[str]:
    return [str(folder / "degraded.nii.gz"), str(folder / "reference.nii.gz")]


def test_commands(python: str, rest: Command) -> list[Command]:
    """A process on every core, each with whole files, whose tests share what is slow to make.

    Slicer's real scene comes from a wheel that not every platform has.
    """
    probe = [python, "-c", "import slicer"]
    missing = subprocess.run(probe, cwd=ROOT, capture_output=True, check=False).returncode
    if missing and pip(Path(python), "-e", ".[slicer]", check=False).returncode:
        print("slicer-core is not available for this Python version.", flush=True)
        print("Tests on real MRML nodes will be skipped.", flush=True)
    side_by_side = ["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    return [[python, "-m", "pytest", *side_by_side, *rest]]


def check_commands(python: str, rest: Command) -> list[Command]:
    """Lint, format and types, as in CI; all of the repository, whatever `rest` holds."""
    ruff = [python, "-m", "ruff"]
    return [[*ruff, "check", "."], [*ruff, "format", "--check", "."], [python, "-m", "mypy", *rest]]


def set_up(extra: str) -> Path:
    """The environment's Python, with the package and one extra installed."""
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = fingerprint(extra)
    stamp = ENVIRONMENT / f".installed-{extra}"
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    if not python.exists():
        print(f"creating {ENVIRONMENT.name} …", flush=True)
        venv.create(ENVIRONMENT, with_pip=True)
    print("installing (the first time takes a few minutes, PyTorch is large) …", flush=True)
    pip(python, "-e", f".[{extra}]", check=True)
    stamp.write_text(wanted)
    return python


def pip(python: Path, *packages: str, check: bool) -> subprocess.CompletedProcess[bytes]:
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-c",
        "constraints.txt",
    ]
    return subprocess.run([*command, *packages], cwd=ROOT, check=check)


def fingerprint(extra: str) -> str:
    content = (ROOT / "pyproject.toml").read_bytes() + (ROOT / "constraints.txt").read_bytes()
    return hashlib.sha256(content + extra.encode() + sys.version.encode()).hexdigest()


def fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
