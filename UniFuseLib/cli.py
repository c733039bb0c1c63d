"""The command `unifuse`: one parser, one module per subcommand, errors as sentences and exit codes."""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

from UniFuseLib.errors import Cancelled, UniFuseError
from UniFuseLib.version import __version__

COMMANDS = ("fuse", "simulate", "evaluate", "bench", "pack", "train", "calibrate", "info")
UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def main(argv: Sequence[str] | None = None) -> int:
    """Run `unifuse ARGV`; returns 0, or the exit code of the error (see `errors.py`; 2: wrong usage)."""
    _calm_threads()
    _keep_freed_memory()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        args = parser().parse_args(argv)
        return int(args.run(args))
    except UniFuseError as error:
        return _fail(f"unifuse: {error}", error.exit_code)
    except KeyboardInterrupt:
        return _fail("unifuse: stopped; nothing was written.", Cancelled.exit_code)
    except Exception:
        traceback.print_exc()
        return _fail("unifuse: unexpected error; please report it with the lines above.", UNEXPECTED)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="unifuse", description="Fuse a degraded volume with a reference of another modality. Research use only."
    )
    top.add_argument("--version", action="version", version=f"unifuse {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"UniFuseLib.commands.{name}").add_parser(commands)
    return top


def _calm_threads() -> None:
    # idle OpenMP threads that spin slow a shared machine up to 100 times; read when torch is imported
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")


def _keep_freed_memory() -> None:
    """Memory that was freed stays with the process, for the next tensor (glibc; elsewhere nothing happens).

    By default every temporary of some megabytes is a new mapping, whose pages the kernel fills with zeros first: a
    quarter of the network's CPU seconds. For a process that is ours alone; a library call does not touch its host.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return  # another C library
    mallopt(_M_MMAP_THRESHOLD, 1 << 30)
    mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
