"""A run into a result folder as a process of its own, which a test can stop at any step.

    python folder_run.py FOLDER CONTENT [--overwrite] [--wait] [--stop-at N SIGNAL]

Writes CONTENT into every file of `NAMES`. `--wait`: says `ready` and waits for a line before it
publishes. `--stop-at`: sends itself the signal just before step N of publishing.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from UniFuseLib.errors import UniFuseError
from UniFuseLib.io import publication
from UniFuseLib.io.output_folder import ResultFolder, result_folder

NAMES = ("fused.nrrd", "fused.nii.gz", "restored.nii.gz", "report.json")
MADE = NAMES[1:]
_STEPS = ("rename", "replace", "unlink", "hardlink_to")  # of `Path`: what changes a folder


def main() -> int:
    """One run; the exit code is that of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("content")
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("--wait", action="store_true")
    parser.add_argument("--stop-at", nargs=2, type=int)
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with result_folder(args.folder, NAMES, args.overwrite) as results:
            _work(results, args)
    except UniFuseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _work(results: ResultFolder, args: argparse.Namespace) -> None:
    for name in MADE:
        (results.working / name).write_text(args.content)
    if args.wait:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
    if args.stop_at:
        _stop_at(*args.stop_at)
    results.publish()


def _stop_at(step: int, number: int) -> None:
    count = itertools.count()

    def watched(change: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            if next(count) == step:
                os.kill(os.getpid(), number)
            return change(*args, **options)

        return call

    for name in _STEPS:
        setattr(Path, name, watched(getattr(Path, name)))
    publication.exchange = watched(publication.exchange)


if __name__ == "__main__":
    sys.exit(main())
