"""What all runs have in common: a step at every poll, cancelling, and leaving nothing behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from .Command import ToolCommand
from .Outcome import Outcome, cancelledOutcome, errorOutcome
from .Process import ToolProcess, ignore


class Part(Protocol):
    """What a job runs: a process, or another job."""

    def cancel(self) -> None:
        """Ask it to stop."""

    def endNow(self) -> None:
        """Stop it at once."""


class PolledJob:
    """`poll` from a timer until it returns an `Outcome`; on the main thread. Subclasses start, make
    a step, and finish.

    Attributes:
        outcome: how it has ended; None while it runs.
    """

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self._started = False
        self._cancelled = False

    @property
    def running(self) -> bool:
        return self._started and self.outcome is None

    @property
    def cancelling(self) -> bool:
        return self.running and self._cancelled

    def poll(self) -> Outcome | None:
        """Go one step on; None while it still runs."""
        if not self.running:
            return self.outcome
        try:
            self._step()
        except Exception as error:
            # whatever goes wrong with files or nodes is reported, never lost in a timer
            self._finish(errorOutcome(error, self._place))
        return self.outcome

    def cancel(self) -> None:
        """Stop soon; `poll` reports it."""
        self._cancelled = True
        if self._part is not None:
            self._part.cancel()

    def endNow(self) -> None:
        """Stop at once: the scene or the application is closing."""
        if not self.running:
            return
        self._cancelled = True
        if self._part is not None:
            self._part.endNow()
        self._finish(cancelledOutcome())

    @property
    def _part(self) -> Part | None:
        """What runs now."""
        raise NotImplementedError

    @property
    def _place(self) -> Path:
        """Of the files, for the sentence when they cannot be written or read."""
        raise NotImplementedError

    def _step(self) -> None:
        raise NotImplementedError

    def _finish(self, outcome: Outcome) -> None:
        """Keep how it has ended, and leave nothing behind."""
        raise NotImplementedError


class ProcessJob(PolledJob):
    """Writes files in a thread, then runs one process of the tool.

    Args:
        tool: interpreter and environment of `unifuse`.
        temporaryFolder: parent of the run's own folder; None is the system's.
        log: receives the log line by line.
        makeProcess: collaborator, replaced in tests.
    """

    def __init__(
        self,
        tool: ToolCommand,
        temporaryFolder: Path | None = None,
        log: Callable[[str], None] = ignore,
        makeProcess: Callable[..., ToolProcess] = ToolProcess,
    ) -> None:
        PolledJob.__init__(self)
        self.tool = tool
        self._temporaryFolder = temporaryFolder
        self._log = log
        self._makeProcess = makeProcess
        self._folder: Path | None = None
        self._worker = ThreadPoolExecutor(1, "UniFuse files")
        self._writing: Future[None] | None = None
        self._process: ToolProcess | None = None

    @property
    def folder(self) -> Path:
        """Of this run's files; there is one once the run was started."""
        if self._folder is None:
            raise RuntimeError("The job has not been started.")
        return self._folder

    @property
    def _part(self) -> Part | None:
        return self._process

    def _newFolder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="uf-", dir=self._temporaryFolder))

    def _begin(self, folder: Path) -> None:
        """From now on the job runs, and the folder is its own."""
        self._folder, self._started = folder, True

    def _step(self) -> None:
        if self._writing is not None:
            self._afterWriting(self._writing)
        elif self._process is not None:
            self._afterProcess(self._process)

    def _afterWriting(self, writing: Future[None]) -> None:
        if not writing.done():
            return
        writing.result()
        self._writing = None
        if self._cancelled:
            self._finish(cancelledOutcome())
            return
        command = self._command()
        self._log(" ".join(command))
        self._process = self._makeProcess(
            command,
            self.tool.folder,
            self.tool.environment,
            self.folder / "cancel",
            self._log,
            message=self._onMessage,
        )
        self._process.start()

    def _command(self) -> Sequence[str]:
        """Of the process; asked for once the files are there."""
        raise NotImplementedError

    def _onMessage(self, message: dict[str, Any]) -> None:
        """A JSON message of the tool."""

    def _afterProcess(self, process: ToolProcess) -> None:
        outcome = process.poll()
        if outcome is not None:
            self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        self.outcome = outcome
        if self._process is not None:
            self._process.endNow()
        self._worker.shutdown(wait=True)
        self._removeFiles()

    def _removeFiles(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
