"""The fusion tool as a process beside the application: start, poll, cancel, and five plain
endings.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

# A cancelled run is gone within two seconds: the tool stops by itself at its next step, or is told
# to, or is ended.
ASK_AGAIN_AFTER_S = 0.6
END_AFTER_S = 1.2
# After the tool said that it failed: its last lines may still come, a hanging one must not keep the
# user waiting.
LEAVE_AFTER_FAILURE_S = 5.0
CANCELLED_CODE = 130


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


class ToolProcess:
    """One process that prints JSON lines `{"fraction": 0..1, "stage": "…"}` and at last `{"done":
    true}`.

    Nothing in here blocks: call `poll` from a timer until it returns an `Outcome`.

    Args:
        command: executable and arguments.
        folder: working directory.
        environment: variables of the process; None inherits.
        cancelFile: the tool stops by itself when this file appears.
        onLine: receives every line the tool prints, for the log.
        launch, clock: collaborators, replaced in tests.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        cancelFile: Path | None = None,
        onLine: Callable[[str], None] = lambda line: None,
        launch: Callable[..., Any] = subprocess.Popen,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.command = list(command)
        self.folder = folder
        self.environment = environment
        self.cancelFile = cancelFile
        self.fraction = 0.0
        self.stage = ""
        self.outcome: Outcome | None = None
        self.lastMessage: dict[str, Any] = {}
        self._onLine = onLine
        self._launch = launch
        self._clock = clock
        self._process: Any = None
        self._lines: queue.Queue[tuple[str, str]] = queue.Queue()
        self._readers: list[threading.Thread] = []
        self._errors: list[str] = []
        self._cancelledAt: float | None = None
        self._doneAt: float | None = None
        self._asked = 0

    def start(self) -> None:
        """Launch; a process that cannot be started is an outcome, not an exception."""
        try:
            self._process = self._launch(
                self.command,
                cwd=str(self.folder),
                env=None if self.environment is None else dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                **_platformOptions(),
            )
        except (OSError, ValueError) as error:
            self._end(
                Ending.FAILED_TO_START,
                _(
                    "The fusion tool could not be started ({program}): {reason}. Reinstall the UniFuse extension."
                ).format(program=self.command[0], reason=error),
            )
            return
        for name, stream in (("out", self._process.stdout), ("err", self._process.stderr)):
            reader = threading.Thread(target=self._read, args=(name, stream), daemon=True)
            reader.start()
            self._readers.append(reader)

    @property
    def running(self) -> bool:
        return self._process is not None and self.outcome is None

    def poll(self) -> Outcome | None:
        """Take in what was printed, push a cancellation on, and say how it ended (None: still
        running).
        """
        if not self.running:
            return self.outcome
        self._drain()
        if (
            self._doneAt is not None
            and self._cancelledAt is None
            and not self.lastMessage.get("error")
        ):
            # all files are there; leaving takes torch half a second, and a helper may keep the
            # pipes open for ever not waited for: ending a process tree on Windows takes a program
            # of its own
            threading.Thread(target=self._signal, args=(True,), daemon=True).start()
            self._judge(0)
            return self.outcome
        code = self._process.poll()
        if code is None:
            self._hurry()
            return self.outcome
        if (
            any(reader.is_alive() for reader in self._readers)
            and self._doneAt is None
            and self._cancelledAt is None
        ):
            # The last lines may still be in the pipe, and the last line is the tool's own sentence.
            for reader in self._readers:
                reader.join(0.05)
        self._drain()
        self._judge(code)
        return self.outcome

    def cancel(self) -> None:
        """Ask the tool to stop; `poll` sees it through."""
        if not self.running or self._cancelledAt is not None:
            return
        self._cancelledAt = self._clock()
        if self.cancelFile is not None:
            with contextlib.suppress(OSError):
                self.cancelFile.touch()

    def endNow(self) -> None:
        """End the process and wait for it: the application or the scene is closing."""
        if not self.running:
            return
        self._signal(force=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._end(Ending.CANCELLED, _("Cancelled. Nothing was changed."), self._process.poll())

    def _read(self, name: str, stream: Any) -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in stream:
                self._lines.put((name, line.rstrip("\r\n")))

    def _drain(self) -> None:
        while True:
            try:
                name, line = self._lines.get_nowait()
            except queue.Empty:
                return
            if name == "out" and self._takeMessage(line):
                continue
            if line.strip():
                if name == "err":
                    self._errors.append(line.strip())
                self._onLine(line)

    def _takeMessage(self, line: str) -> bool:
        """True when the line was one of the tool's JSON messages."""
        try:
            message = json.loads(line)
        except ValueError:
            return False
        if not isinstance(message, dict):
            return False
        self.lastMessage = message
        if "fraction" in message:
            self.fraction = min(1.0, max(self.fraction, float(message["fraction"])))
        if message.get("stage") and message["stage"] != self.stage:
            self.stage = str(message["stage"])
            self._onLine(self.stage)
        if message.get("done"):
            self._doneAt = self._clock()
        return True

    def _hurry(self) -> None:
        now = self._clock()
        if (
            self._doneAt is not None
            and self._cancelledAt is None
            and now - self._doneAt > LEAVE_AFTER_FAILURE_S
        ):
            self._signal(force=True)
            self._judge(1)
        if self._cancelledAt is None:
            return
        waited = now - self._cancelledAt
        if waited >= END_AFTER_S:
            self._signal(force=True)
        elif waited >= ASK_AGAIN_AFTER_S and self._asked == 0:
            self._asked = 1
            self._signal(force=False)

    def _judge(self, code: int) -> None:
        if self._cancelledAt is not None or code == CANCELLED_CODE:
            self._end(Ending.CANCELLED, _("Cancelled. Nothing was changed."), code)
        elif code == 0 and self._doneAt is not None:
            self._end(Ending.DONE, _("Done."), code)
        elif code == 0:
            self._end(
                Ending.FAILED,
                _("The fusion tool ended without a result. The log says how far it came."),
                code,
            )
        elif _isCrash(code):
            self._end(Ending.CRASHED, _crashSentence(code), code)
        else:
            self._end(Ending.FAILED, self._sentence(code), code)

    def _sentence(self, code: int) -> str:
        """The tool's own words: its error message, else its last line without the prefix a terminal
        user sees.
        """
        if self.lastMessage.get("error"):
            return " ".join(str(self.lastMessage["error"]).split())
        if self._errors:
            return self._errors[-1].removeprefix("unifuse: ")
        return _(
            "The fusion tool stopped with exit code {code} and said nothing. Look at the log."
        ).format(code=code)

    def _end(self, ending: Ending, message: str, code: int | None = None) -> None:
        self.outcome = Outcome(ending, message, code)

    def _signal(self, force: bool) -> None:
        """End the whole process tree: PythonSlicer is a launcher, ending it alone leaves the tool
        running.
        """
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            if os.name == "nt":
                _endTreeOnWindows(self._process.pid, force)
            else:
                os.killpg(self._process.pid, signal.SIGKILL if force else signal.SIGTERM)


def _platformOptions() -> dict[str, Any]:
    """A process group of its own, and no console window on Windows."""
    if os.name != "nt":
        return {"start_new_session": True}
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(
        subprocess, "CREATE_NO_WINDOW", 0
    )
    return {"creationflags": flags}


def _endTreeOnWindows(pid: int, force: bool) -> None:
    flags = ["/F"] if force else []
    subprocess.run(
        ["taskkill", "/T", *flags, "/PID", str(pid)],
        capture_output=True,
        timeout=2,
        check=False,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _isCrash(code: int) -> bool:
    """A signal (negative on POSIX, 128 + n through a launcher) or a Windows exception code."""
    return code < 0 or 128 < code <= 128 + 64 or code >= 0xC0000000


def _crashSentence(code: int) -> str:
    number = -code if code < 0 else code - 128
    if number == 9:
        return _(
            "The fusion tool was ended by the system (signal 9), most often because memory ran out. "
            "Close other programs, crop the volumes, or set a larger working spacing under Advanced."
        )
    return _(
        "The fusion tool crashed (code {code}). Slicer and your data are unharmed. "
        "Try the device CPU under Advanced; if it crashes again, report the log."
    ).format(code=code)
