"""How a run ended, with a sentence for the user."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from slicer.i18n import tr as _

from .Errors import FusionError
from .ToolWords import panelWords

OUT_OF_MEMORY_SIGNAL = 9  # SIGKILL, as the Linux kernel sends it when memory runs out
WINDOWS_EXCEPTION = 0xC0000000  # NTSTATUS codes from here on are errors, such as access violations
SIGNALS = 64


class Ending(Enum):
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED_TO_START = "failed to start"
    FAILED = "failed"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Outcome:
    """How a process ended: `message` is a sentence for the user."""

    ending: Ending
    message: str
    returnCode: int | None = None


def doneOutcome() -> Outcome:
    return Outcome(Ending.DONE, _("Done."), 0)


def cancelledOutcome(returnCode: int | None = None) -> Outcome:
    return Outcome(Ending.CANCELLED, _("Cancelled. Nothing was changed."), returnCode)


def notStartedOutcome(program: str, error: Exception) -> Outcome:
    sentence = _(
        "The fusion tool could not be started ({program}): {reason}. "
        "Reinstall the UniFuse extension."
    )
    return Outcome(Ending.FAILED_TO_START, sentence.format(program=program, reason=error))


def emptyOutcome() -> Outcome:
    """Ended without an error and without a result."""
    sentence = _("The fusion tool ended without a result. See the log for the last completed step.")
    return Outcome(Ending.FAILED, sentence, 0)


def errorOutcome(error: Exception, folder: Path) -> Outcome:
    """Something failed on this side of the tool.

    Args:
        error: what was raised.
        folder: of the run's files.
    """
    sentence = _(
        "{kind}: {reason}. Check free space and permission of the temporary folder ({folder})."
    )
    if isinstance(error, FusionError):
        return Outcome(Ending.FAILED, str(error))
    return Outcome(
        Ending.FAILED,
        sentence.format(kind=type(error).__name__, reason=error, folder=folder),
    )


def failedOutcome(code: int, reason: str) -> Outcome:
    """Ended with an exit code that is not 0.

    Args:
        code: a signal (negative on POSIX, 128 + n through a launcher), a Windows exception code, or
            the tool's own.
        reason: the tool's own sentence; "" when it printed none.
    """
    if _isCrash(code):
        return Outcome(Ending.CRASHED, _crashSentence(code), code)
    silent = _(
        "The fusion tool stopped with exit code {code} without an error message. See the log."
    ).format(code=code)
    return Outcome(Ending.FAILED, panelWords(reason) or silent, code)


def _isCrash(code: int) -> bool:
    return code < 0 or 128 < code <= 128 + SIGNALS or code >= WINDOWS_EXCEPTION


def _crashSentence(code: int) -> str:
    number = -code if code < 0 else code - 128
    if number == OUT_OF_MEMORY_SIGNAL:
        return _(
            "The fusion tool was terminated by the operating system (signal 9), "
            "most often because memory ran out. Close other programs, crop the volumes, "
            "or set a larger working spacing under Advanced."
        )
    return _(
        "The fusion tool crashed (code {code}). Slicer and your data are unharmed. "
        "Choose the device CPU under Advanced; if it crashes again, please report the log."
    ).format(code=code)
