"""The command `unifuse`: one parser, one module per subcommand, errors as sentences."""

from __future__ import annotations

import argparse
import errno
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from UniFuseLib.commands.terminal import (
    check_working_folder,
    discard_streams,
    flush_streams,
    prepare_streams,
)
from UniFuseLib.errors import (
    READER_GONE_EXIT_CODE,
    UNEXPECTED_EXIT_CODE,
    Cancelled,
    DeviceError,
    OutputError,
    UniFuseError,
)
from UniFuseLib.io.paths import expanded
from UniFuseLib.process import calm_threads, keep_freed_memory, run_process
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
    "export-result",
    "export-dicom",
    "resample",
    "simulate",
    "evaluate",
    "bench",
    "pack",
    "train",
    "train-descriptors",
    "train-dmfnet",
    "fuse-images",
    "bench-images",
    "calibrate",
    "info",
)

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # no fault of the program


def run_command() -> NoReturn:
    """`unifuse` as a process."""
    run_process(main)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `unifuse ARGV`; returns 0, or the exit code of the error.

    Exit codes: see `errors.py`; 2 is wrong usage.
    """
    calm_threads()
    keep_freed_memory()
    prepare_streams()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = _run(argv)
        flush_streams()
        return code
    except BrokenPipeError:  # `unifuse ... | head`
        discard_streams()
        return READER_GONE_EXIT_CODE
    except UniFuseError as error:
        return _fail(f"unifuse: {error}", error.exit_code)


def _run(argv: Sequence[str] | None) -> int:
    """The exit code of a command; every error but a lost reader is a sentence on stderr."""
    try:
        check_working_folder()
        args = parser(_named(sys.argv[1:] if argv is None else argv)).parse_args(argv)
        _expand_home(args)
        return int(args.run(args))
    except BrokenPipeError:
        raise
    except UniFuseError as error:
        return _fail(f"unifuse: {error}", error.exit_code)
    except KeyboardInterrupt:
        return _fail("unifuse: stopped; nothing unfinished was written.", Cancelled.exit_code)
    except MemoryError:
        sentence = "unifuse: not enough memory. Close other programs, or crop the volumes."
        return _fail(sentence, DeviceError.exit_code)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            place = f" ({error.filename})" if error.filename else ""
            return _fail(f"unifuse: {error.strerror}{place}.", OutputError.exit_code)
        traceback.print_exc()
        sentence = "unifuse: unexpected error; please report it with the lines above."
        return _fail(sentence, UNEXPECTED_EXIT_CODE)


def _named(argv: Sequence[str]) -> Sequence[str]:
    """The command that is asked for; all of them where it is none."""
    return argv[:1] if argv and argv[0] in COMMANDS else COMMANDS


def parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The whole command line, or some of its commands."""
    top = argparse.ArgumentParser(
        prog="unifuse",
        description="Restore a degraded volume and fuse it with a clean reference of another "
        f"modality or MR contrast. {NOTICE}",
    )
    top.add_argument("--version", action="version", version=f"unifuse {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in names:
        import_module(f"UniFuseLib.commands.{name.replace('-', '_')}").add_parser(commands)
    return top


def _expand_home(args: argparse.Namespace) -> None:
    """`~` of paths such as `--output=~/x`, which shells leave as it is."""
    for name, value in vars(args).items():
        if isinstance(value, Path):
            setattr(args, name, expanded(value))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    run_command()
