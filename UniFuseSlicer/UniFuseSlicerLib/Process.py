"""The fusion tool as a process of its own: start, poll, cancel."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .Outcome import (
    Outcome,
    cancelledOutcome,
    doneOutcome,
    emptyOutcome,
    failedOutcome,
    notStartedOutcome,
)
from .ProcessTree import endTree, startOptions

# A cancelled run is gone within two seconds: the tool stops by itself at its next step, or is asked
# to end, or is ended.
ASK_AGAIN_AFTER_S = 0.6
END_AFTER_S = 1.2
# After the tool has reported a failure its last lines may still come; one that hangs must not keep
# the user waiting.
LEAVE_AFTER_FAILURE_S = 5.0
LAST_LINES_S = 0.05
END_NOW_S = 2
CANCELLED_CODE = 130


def ignore(_line: str) -> None:
    """A log that nobody reads."""


class ToolProcess:
    """One process that prints JSON lines `{"fraction": 0..1, "stage": "…"}` and at last `{"done":
    true}`.

    Nothing in here blocks: call `poll` from a timer until it returns an `Outcome`.

    Args:
        command: executable and arguments.
        folder: working directory.
        environment: variables of the process; None inherits.
        cancelFile: the tool stops by itself when this file appears.
        log: receives every line the tool prints.
        launch: starts a process as `subprocess.Popen` does; replaced in tests.
        clock: seconds; replaced in tests.
        message: receives every JSON message.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        cancelFile: Path | None = None,
        log: Callable[[str], None] = ignore,
        launch: Callable[..., Any] = subprocess.Popen,
        clock: Callable[[], float] = time.monotonic,
        message: Callable[[dict[str, Any]], None] = lambda _message: None,
    ) -> None:
        self.command = list(command)
        self.folder = folder
        self.environment = environment
        self.cancelFile = cancelFile
        self.fraction = 0.0
        self.stage = ""
        self.outcome: Outcome | None = None
        self.lastMessage: dict[str, Any] = {}
        self._log = log
        self._launch = launch
        self._clock = clock
        self._message = message
        self._process: Any = None
        self._lines: queue.Queue[tuple[str, str]] = queue.Queue()
        self._readers: list[threading.Thread] = []
        self._errors: list[str] = []
        self._cancelledAt: float | None = None
        self._doneAt: float | None = None
        self._asked = False

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
                **startOptions(),
            )
        except (OSError, ValueError) as error:
            self.outcome = notStartedOutcome(self.command[0], error)
            return
        for name, stream in (("out", self._process.stdout), ("err", self._process.stderr)):
            reader = threading.Thread(target=self._read, args=(name, stream), daemon=True)
            reader.start()
            self._readers.append(reader)

    @property
    def running(self) -> bool:
        return self._process is not None and self.outcome is None

    def poll(self) -> Outcome | None:
        """Take in what was printed, push a cancellation on, and report how it ended.

        Returns:
            None while it still runs.
        """
        if not self.running:
            return self.outcome
        self._drain()
        if self._isDone() and not self.lastMessage.get("error"):
            # All files are there. Torch takes half a second to exit, and a helper may keep the
            # pipes open for ever, so the process is ended; in a thread, because on Windows ending
            # a process tree takes a program of its own.
            threading.Thread(target=self._endAndWait, daemon=True).start()
            self._judge(0)
            return self.outcome
        code = self._process.poll()
        if code is None:
            self._hurry()
            return self.outcome
        self._waitForLastLines()
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
        self._endAndWait()
        self.outcome = cancelledOutcome(self._process.poll())

    def _isDone(self) -> bool:
        """The tool has printed its last message, and nobody asked it to stop."""
        return self._doneAt is not None and self._cancelledAt is None

    def _read(self, name: str, stream: Any) -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in stream:
                self._lines.put((name, line.rstrip("\r\n")))

    def _waitForLastLines(self) -> None:
        """The last lines may still be in the pipe, and the last one is the tool's own sentence."""
        if self._doneAt is not None or self._cancelledAt is not None:
            return
        for reader in self._readers:
            reader.join(LAST_LINES_S)

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
                self._log(line)

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
            self._log(self.stage)
        if message.get("done"):
            self._doneAt = self._clock()
        self._message(message)
        return True

    def _hurry(self) -> None:
        now = self._clock()
        if self._cancelledAt is not None:
            self._hurryCancelled(now - self._cancelledAt)
        elif self._doneAt is not None and now - self._doneAt > LEAVE_AFTER_FAILURE_S:
            threading.Thread(target=self._endAndWait, daemon=True).start()
            self._judge(1)

    def _hurryCancelled(self, waited: float) -> None:
        if waited >= END_AFTER_S:
            self._end(force=True)
        elif waited >= ASK_AGAIN_AFTER_S and not self._asked:
            self._asked = True
            self._end(force=False)

    def _end(self, force: bool) -> None:
        endTree(self._process.pid, force)

    def _endAndWait(self) -> None:
        """A process that nobody waits for stays in the list of the system as defunct."""
        self._end(force=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_NOW_S)

    def _judge(self, code: int) -> None:
        if self._cancelledAt is not None or code == CANCELLED_CODE:
            self.outcome = cancelledOutcome(code)
        elif code == 0:
            self.outcome = emptyOutcome() if self._doneAt is None else doneOutcome()
        else:
            self.outcome = failedOutcome(code, self._reason())

    def _reason(self) -> str:
        """The tool's error message, else its last line without a terminal user's prefix."""
        if self.lastMessage.get("error"):
            return " ".join(str(self.lastMessage["error"]).split())
        return self._errors[-1].removeprefix("unifuse: ") if self._errors else ""
