"""A worker whose work takes no time: the name of a case says what happens to it.

batch_worker.py SLOT        as `UniFuseLib.batch.worker`, with `pretend` for the work
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from UniFuseLib.batch import worker
from UniFuseLib.batch.case import Outcome, Task

COMMAND = (sys.executable, str(Path(__file__).resolve()))


def pretend(task: Task, slot: int) -> Outcome:
    """Append to `started`, then do what the name says."""
    with (Path(task.output) / "started").open("a", encoding="utf-8") as file:
        file.write(f"{task.name} {slot} {os.getpid()}\n")
    kind, _, rest = task.name.partition("_")
    if kind == "dies" or (kind == "stumbles" and _first(task)):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "exits":
        os._exit(3)
    if kind == "waits":
        time.sleep(float(rest))
    if kind == "prints":
        sys.stdout.write("a library prints on stdout\n")
        os.write(1, b"and C code too\n")
    if kind == "fails":
        return Outcome(task.name, "failed", "It is broken.", 3)
    return Outcome(task.name, "done", seconds=0.1)


def finish(task: Task, slot: int) -> Outcome:
    """`pretend`, and the least that a finished case consists of."""
    outcome = pretend(task, slot)
    if outcome.state == "done":
        task.target.mkdir()
        for name, content in (("case.json", task.record), ("report.json", {"class": "clean"})):
            (task.target / name).write_text(json.dumps(content), encoding="utf-8")
    return outcome


def _first(task: Task) -> bool:
    lines = (Path(task.output) / "started").read_text(encoding="utf-8").splitlines()
    return sum(line.startswith(f"{task.name} ") for line in lines) == 1


if __name__ == "__main__":
    worker.main(pretend if os.environ.get("ONLY_PRETEND") else finish)
