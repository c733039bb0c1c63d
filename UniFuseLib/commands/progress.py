"""What a run shows while it works: a line in the terminal, lines of JSON for a program, or nothing.

`--progress json` prints one object per line on stdout, flushed at once:
    {"fraction": 0.42, "stage": "Aligning the volumes"}
and ends with one of
    {"done": true, "output": "DIR", "files": [...], "class": "clean", "warnings": [...]}
    {"done": true, "error": "sentence", "exit_code": 3}      exit_code 130: stopped on request
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.terminal import json_text
from UniFuseLib.errors import UNEXPECTED_EXIT_CODE, Cancelled, UniFuseError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

KINDS = ("auto", "json", "none")


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--quiet`, `--progress` and `--cancel-file`."""
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="no progress, no summary; errors and --json still print",
    )
    parser.add_argument(
        "--progress",
        choices=KINDS,
        default="auto",
        help="auto: a line on stderr; json: one object per line on stdout, for programs; none",
    )
    parser.add_argument(
        "--cancel-file",
        type=Path,
        metavar="PATH",
        help="stop cleanly (exit code 130) when this file appears",
    )


def reporter(args: argparse.Namespace) -> Callable[[float, str], None]:
    """The progress callback that the options ask for."""
    if args.progress == "json":
        return lambda fraction, stage: emit({"fraction": round(fraction, 4), "stage": stage})
    if args.quiet or args.progress == "none":
        return _nothing
    return _terminal() if sys.stderr.isatty() else _lines()


def _nothing(_fraction: float, _stage: str) -> None:
    """Progress that nobody reads."""


def emit(message: dict[str, Any]) -> None:
    """One line of JSON on stdout, at once."""
    print(json_text(message), flush=True)


def run(args: argparse.Namespace, work: Callable[[argparse.Namespace], dict[str, Any]]) -> int:
    """Do the work of a command; `--progress json` ends with a line about its outcome, whatever
    happens.

    Args:
        args: parsed options.
        work: returns what that line says; an `exit_code` in it is that of the command.

    Returns:
        the exit code of the command.
    """
    if args.progress != "json":
        return int(work(args).get("exit_code", 0))
    with failures_emitted("Stopped; nothing was written."):
        summary = work(args)
    emit(summary)
    return int(summary.get("exit_code", 0))


@contextmanager
def failures_emitted(stopped: str) -> Iterator[None]:
    """Of `--progress json`: a run that fails ends with a line that says why.

    Args:
        stopped: the sentence of a run that was interrupted.
    """
    try:
        yield
    except UniFuseError as error:
        _emit_failure(str(error), error.exit_code)
        raise
    except KeyboardInterrupt:
        _emit_failure(stopped, Cancelled.exit_code)
        raise
    except Exception as error:
        _emit_failure(f"Unexpected error: {error!r}", UNEXPECTED_EXIT_CODE)
        raise


def _emit_failure(sentence: str, exit_code: int) -> None:
    emit({"done": True, "error": sentence, "exit_code": exit_code})


@contextmanager
def stopped_by(cancel_file: Path | None) -> Iterator[Callable[[], bool]]:
    """Interrupt the main thread when `cancel_file` appears; also answers whether it has."""
    if cancel_file is None:
        yield lambda: False
        return
    over = threading.Event()

    def watch() -> None:
        import _thread

        while not over.wait(0.2):
            if cancel_file.exists():
                _thread.interrupt_main()
                return

    thread = threading.Thread(target=watch, daemon=True)
    with _interruptible(cancel_file):
        thread.start()
        try:
            yield cancel_file.exists
        finally:
            over.set()
            thread.join()


@contextmanager
def _interruptible(cancel_file: Path) -> Iterator[None]:
    """Heed the file also where Ctrl-C is ignored, as in jobs that a shell starts with `&`: there
    `interrupt_main` does nothing. Ctrl-C itself stays ignored.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return

    def heed(*_: object) -> None:
        if cancel_file.exists():
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, heed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _terminal() -> Callable[[float, str], None]:
    def progress(fraction: float, stage: str) -> None:
        filled = round(24 * fraction)
        bar = "█" * filled + "·" * (24 - filled)
        print(
            f"\r{bar} {100 * fraction:3.0f} %  {stage:<34}",
            end="\n" if fraction >= 1 else "",
            file=sys.stderr,
        )
        sys.stderr.flush()

    return progress


def _lines() -> Callable[[float, str], None]:
    """One line per stage, for logs."""
    seen: set[str] = set()

    def progress(fraction: float, stage: str) -> None:
        if stage not in seen:
            seen.add(stage)
            print(f"{100 * fraction:3.0f} %  {stage}", file=sys.stderr, flush=True)

    return progress
