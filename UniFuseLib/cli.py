"""The command `unifuse`: one parser, one module per subcommand, errors as sentences."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING

from UniFuseLib.errors import UNEXPECTED_EXIT_CODE, Cancelled, UniFuseError
from UniFuseLib.process import calm_threads, keep_freed_memory
from UniFuseLib.version import NOTICE, __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

COMMANDS = (
    "fuse",
    "batch",
    "apply",
    "measure",
    "export-transform",
    "resample",
    "simulate",
    "evaluate",
    "bench",
    "pack",
    "train",
    "train-descriptors",
    "calibrate",
    "info",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `unifuse ARGV`; returns 0, or the exit code of the error.

    Exit codes: see `errors.py`; 2 is wrong usage.
    """
    calm_threads()
    keep_freed_memory()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        args = parser().parse_args(argv)
        return int(args.run(args))
    except UniFuseError as error:
        return _fail(f"unifuse: {error}", error.exit_code)
    except KeyboardInterrupt:
        return _fail("unifuse: stopped; nothing unfinished was written.", Cancelled.exit_code)
    except Exception:
        traceback.print_exc()
        sentence = "unifuse: unexpected error; please report it with the lines above."
        return _fail(sentence, UNEXPECTED_EXIT_CODE)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="unifuse",
        description="Restore a degraded volume and fuse it with a clean reference of another "
        f"modality or MR contrast. {NOTICE}",
    )
    top.add_argument("--version", action="version", version=f"unifuse {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"UniFuseLib.commands.{name.replace('-', '_')}").add_parser(commands)
    return top


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
