"""A process of the tool that starts while the user still chooses, so that a run need not wait for
Python and PyTorch.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from .Command import ToolCommand
from .ProcessTree import endTree, startOptions

IDLE_S = 120.0
END_S = 2
TOOL, STANDBY = "UniFuseLib.cli", "UniFuseLib.standby"


class WaitingTool:
    """At most one process waits; it ends by itself when the application is gone.

    Args:
        tool: interpreter and environment of `unifuse`.
        isInstalled: whether all packages are there; while they are installed, no process may hold
            their files.
        start: starts a process as `subprocess.Popen` does; replaced in tests.
        clock: seconds; replaced in tests.
    """

    def __init__(
        self,
        tool: Callable[[], ToolCommand],
        isInstalled: Callable[[], bool] = lambda: True,
        start: Callable[..., Any] = subprocess.Popen,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tool = tool
        self._isInstalled = isInstalled
        self._start = start
        self._clock = clock
        self._process: Any = None
        self._place: tuple[Any, ...] = ()
        self._since = 0.0

    @property
    def waiting(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def prepare(self) -> None:
        """Start a process, or let the one that waits wait for longer."""
        self._since = self._clock()
        if self.waiting or not self._isInstalled():
            return
        tool = self._tool()
        self._place = (tool.module(TOOL, []), str(tool.folder), dict(tool.environment))
        # a process that cannot be started is told by the run that needs it
        with contextlib.suppress(OSError, ValueError):
            self._process = self._start(
                tool.module(STANDBY, []),
                cwd=str(tool.folder),
                env=dict(tool.environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                **startOptions(),
            )

    def launch(self, command: Sequence[str], **options: Any) -> Any:
        """The process that waits, with its arguments, if it is one of this command; else a new one.

        Args:
            command: of a `ToolProcess`.
            options: of `subprocess.Popen`.
        """
        count = len(self._place[0]) if self._place else 0
        wanted = (list(command[:count]), options.get("cwd"), options.get("env"))
        if self.waiting and wanted == self._place and self._tell(command[count:]):
            process, self._process = self._process, None
            return process
        return self._start(command, **options)

    def _tell(self, arguments: Sequence[str]) -> bool:
        """False where the process has ended meanwhile."""
        try:
            self._process.stdin.write(json.dumps(list(arguments)) + "\n")
            self._process.stdin.close()
        except (OSError, ValueError):
            self.endNow()
            return False
        return True

    def releaseIdle(self) -> None:
        """End the process when nobody has needed it for two minutes."""
        if self._clock() - self._since >= IDLE_S:
            self.endNow()

    def endNow(self) -> None:
        """End the process that waits, and leave no defunct one."""
        process, self._process = self._process, None
        if process is None:
            return
        endTree(process.pid, force=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                stream.close()
