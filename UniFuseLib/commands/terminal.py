"""The standard streams of the command, whatever they are connected to."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from UniFuseLib.errors import OutputError


def prepare_streams() -> None:
    """Let no character and no closed stream end a run.

    A closed standard stream would be the first file that is opened, and what a library prints
    would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (to the end)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (to the end)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def flush_streams() -> None:
    """Meet here, not at the end of the interpreter, what cannot be written.

    Raises:
        BrokenPipeError: nobody reads any more.
        OutputError: the disk behind a stream is full.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"Cannot write the output: {error.strerror or error}.") from error


def discard_streams() -> None:
    """Send what is still buffered nowhere, since nobody reads it."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                os.dup2(nowhere, stream.fileno())


def check_working_folder() -> None:
    """Raise OutputError in a working folder that was deleted: libraries end the process there."""
    try:
        Path.cwd()
    except OSError as error:
        raise OutputError(
            "The working folder does not exist any more. Change into another folder and run the "
            "command again."
        ) from error


def json_text(content: Any, indent: int | None = None) -> str:
    """JSON that stdout can hold: characters that its encoding lacks are written as \\uXXXX."""
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeError:
        return json.dumps(content, indent=indent)
    return text
