#!/usr/bin/env python3
"""`unifuse batch` with a fusion that computes nothing: its files come at the pace of a slow disk.

    python Testing/benchmarks/batch_pretended.py batch TABLE -o DIR ...

For `batch_kills.py`, which looks at everything around the fusion.
"""

from __future__ import annotations

import gzip
import random
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from Testing.benchmarks.batch_kills import VOLUMES  # noqa: E402


def pretended_batch() -> int:
    """`unifuse batch` whose workers are `pretending_worker`s."""
    from UniFuseLib import cli
    from UniFuseLib.batch import processes

    worker = (sys.executable, __file__, "worker")
    quick: Any = partial(processes.run_in_processes, command=worker)
    processes.run_in_processes = quick
    return cli.main(sys.argv[1:])


def pretending_worker() -> None:
    """A worker that writes what a fusion would, and nothing that it would compute."""
    from UniFuseLib.batch import work, worker

    def fuse_into(folder: Any, *_: object) -> None:
        rng = random.Random()  # noqa: S311
        for name in VOLUMES:
            with gzip.open(folder.working / name, "wb", compresslevel=1) as file:
                for _block in range(8):
                    file.write(rng.randbytes(1 << 14))
                    time.sleep(rng.uniform(0, 0.02))
        (folder.working / "report.json").write_text('{"class": "clean"}', encoding="utf-8")

    picture = b"\x89PNG\r\n\x1a\n IEND\xaeB`\x82"
    replaced: Any = work
    replaced.fuse_into = fuse_into
    replaced._draw = lambda _, path: path.write_bytes(picture)
    replaced._model = lambda *_: None
    replaced._device = lambda name, _: name
    del sys.argv[1]
    worker.main(work.run_case)


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        pretending_worker()
    sys.exit(pretended_batch())
