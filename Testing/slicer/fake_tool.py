"""A stand-in for `unifuse`: prints what the real one prints, and ends as `FAKE_MODE` names it.

Runs as a process of its own; `FAKE_RESULT` is a folder whose files become its result.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SENTENCE = "The two fields of view do not\n\toverlap. Check the volumes."


def main() -> int:
    mode = os.environ["FAKE_MODE"]
    if sys.argv[1] == "batch":
        return batch(mode)
    say(fraction=0.1, stage="Loading the network")
    endings = {
        "refuse": refuse,
        "traceback": traceback,
        "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "silent": lambda: 0,
        "polite": lambda: stay(mode),
        "deaf": lambda: stay(mode),
        "deafest": lambda: stay(mode),
        "family": lambda: stay(mode),
        "work": lambda: work(mode),
        "hang": lambda: work(mode),
        "half": lambda: work(mode),
    }
    return endings[mode]() or 0


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def argument(name: str) -> Path:
    return Path(sys.argv[sys.argv.index(name) + 1])


def refuse() -> int:
    say(done=True, error=SENTENCE, exit_code=3)
    sys.stderr.write(f"unifuse: {SENTENCE}\n")
    return 3


def traceback() -> int:
    raise RuntimeError("CUDA error: no kernel image")


def stay(mode: str) -> int:
    """A minute: only the polite one looks at its cancel file, the deaf ones ignore signals."""
    if mode in ("deaf", "deafest"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stage = "Running the network"
    if mode == "family":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        stage = f"child {child.pid}"
    say(fraction=0.5, stage=stage)
    for _ in range(600):
        time.sleep(0.1)
        if mode == "polite" and argument("--cancel-file").exists():
            say(done=True, error="Stopped; nothing was written.", exit_code=130)
            return 130
    return 0


def work(mode: str) -> int:
    """Leave the prepared result; half of it, or stay alive after the last message."""
    say(fraction=0.6, stage="Running the network")
    output = argument("--output")
    output.mkdir()
    for file in Path(os.environ["FAKE_RESULT"]).iterdir():
        if mode != "half" or file.name.startswith("fused"):
            shutil.copy(file, output)
    sys.stdout.write("a line for the log: Größe 3 µm\n")
    say(fraction=1.0, stage="Done")
    say(done=True)
    if mode == "hang":
        time.sleep(60)
    return 0


def batch(mode: str) -> int:
    """Every case of a table or folder, as `unifuse batch`; one whose file is missing fails."""
    if mode == "traceback":
        traceback()
    source, output = Path(sys.argv[2]), argument("--output")
    cases = casesOf(source)
    rows = []
    for number, (name, files) in enumerate(cases, 1):
        if mode == "polite" and number > 1:
            return waitForCancel()
        fine = mode != "refuse" and all(Path(file).exists() for file in files)
        if fine:
            shutil.copytree(os.environ["FAKE_RESULT"], output / name, dirs_exist_ok=True)
            inputs = {r: {"path": f} for r, f in zip(("degraded", "reference"), files, strict=True)}
            (output / name / "case.json").write_text(json.dumps(inputs), encoding="utf-8")
        state, sentence = ("done", "") if fine else ("failed", SENTENCE)
        rows.append({"name": name, "state": state, "sentence": sentence, "seconds": 2.0})
        say(fraction=number / len(cases), stage=name, case=rows[-1])
    # the summary has its own seconds, from the report
    say(done=True, output=str(output), rows=[row | {"seconds": 1.0} for row in rows])
    return 0 if all(row["state"] == "done" for row in rows) else 9


def casesOf(source: Path) -> list[tuple[str, list[str]]]:
    """Name and files of every case."""
    roles = ("degraded", "reference")
    if source.is_dir():
        folders = sorted(p for p in source.iterdir() if p.is_dir() and any(p.iterdir()))
        return [(p.name, [str(p / f"{role}.nii.gz") for role in roles]) for p in folders]
    with source.open(newline="", encoding="utf-8") as file:
        return [
            (row.get("name") or f"case{number:03d}", [str(source.parent / row[r]) for r in roles])
            for number, row in enumerate(csv.DictReader(file), 1)
        ]


def waitForCancel() -> int:
    for _ in range(600):
        time.sleep(0.1)
        if argument("--cancel-file").exists():
            say(done=True, error="Stopped; finished cases stay.", exit_code=130)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
