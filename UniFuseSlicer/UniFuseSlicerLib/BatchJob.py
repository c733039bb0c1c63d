"""`unifuse batch` as a process: one row per case as it ends. Never blocks the window."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Batch import BatchRow, BatchTable, absolute, rowOf
from .BatchInputs import inputsOf
from .Command import ToolCommand
from .Guards import checkOptions
from .Options import FusionOptions
from .Outcome import Ending, Outcome, cancelledOutcome, doneOutcome, errorOutcome
from .Process import ToolProcess, ignore


class BatchJob:
    """`start`, then `poll` from a timer until it returns an `Outcome`.

    Finished cases stay in the output folder, whatever the ending. `start` and `poll` belong on the
    main thread.

    Args:
        source: table or folder on disk, or table node; see `BatchInputs.inputsOf`.
        output: folder of the results.
        options: choices for every case.
        tool: interpreter and environment of `unifuse`.
        temporaryFolder: parent of the folder for files of this run; None is the system's.
        onRow: called with the row of every case as it ends.
        log: receives the log line by line.
        makeProcess: collaborator, replaced in tests.

    Attributes:
        rows: of all cases known so far, by name.
        nodes: name of a case → IDs of the volumes that it was made of, where they are in the scene.
        total: cases that are known to come; 0 before the first has ended.
    """

    def __init__(
        self,
        source: Any,
        output: str | Path,
        options: FusionOptions,
        tool: ToolCommand,
        temporaryFolder: Path | None = None,
        onRow: Callable[[BatchRow], None] = lambda _row: None,
        log: Callable[[str], None] = ignore,
        makeProcess: Callable[..., ToolProcess] = ToolProcess,
    ) -> None:
        self.output = absolute(output)
        self.outcome: Outcome | None = None
        self.rows: dict[str, BatchRow] = {}
        self.nodes: Mapping[str, tuple[str, str]] = {}
        self.total = 0
        self._source = source
        self._options = options
        self._tool = tool
        self._onRow = onRow
        self._log = log
        self._makeProcess = makeProcess
        self._temporaryFolder = temporaryFolder
        self._folder: Path | None = None
        self._worker = ThreadPoolExecutor(1, "UniFuse files")
        self._writing: Future[None] | None = None
        self._process: ToolProcess | None = None
        self._cancelled = False
        self._refused = self._ended = 0

    @property
    def fraction(self) -> float:
        """0..1 of the cases."""
        return 0.0 if self._process is None else self._process.fraction

    @property
    def stage(self) -> str:
        """How many cases have ended."""
        if self._cancelled:
            return _("Cancelling")
        if not self.total:
            return _("Starting") if self._process is None else _("The first cases are being fused")
        return _("{number} of {count} cases").format(number=len(self.rows), count=self.total)

    @property
    def running(self) -> bool:
        return self._folder is not None and self.outcome is None

    def start(self) -> None:
        """
        Raises:
            FusionError: no pairs, choices that no pair could be fused with, or an output folder
                that cannot be used; nothing was started.
        """
        checkOptions(self._options)
        self._table = BatchTable(self.output)
        folder = Path(tempfile.mkdtemp(prefix="uf-", dir=self._temporaryFolder))
        try:
            inputs = inputsOf(self._source, folder, self.output, self._options)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._folder, self.nodes = folder, inputs.nodes
        self._refused = len(inputs.refused)
        for row in inputs.refused:
            self._take(row)
        if inputs.refused and not inputs.rows:
            self._finish(doneOutcome())
            return
        command = self._tool.batch(inputs.table, self.output, self._options, folder / "cancel")
        self._command = command
        self._writing = self._worker.submit(inputs.write)

    def poll(self) -> Outcome | None:
        """Go one step on; None while it still runs."""
        if not self.running:
            return self.outcome
        try:
            self._step()
        except Exception as error:
            # whatever goes wrong with files is reported, never lost in a timer
            self._finish(errorOutcome(error, self.output))
        return self.outcome

    def cancel(self) -> None:
        """Stop soon; `poll` reports it."""
        self._cancelled = True
        if self._process is not None:
            self._process.cancel()

    def endNow(self) -> None:
        """Stop at once: the application is closing."""
        if not self.running:
            return
        self._cancelled = True
        if self._process is not None:
            self._process.endNow()
        self._finish(cancelledOutcome())

    def _step(self) -> None:
        if self._writing is not None:
            self._afterWriting(self._writing)
        elif self._process is not None and (outcome := self._process.poll()) is not None:
            self._finish(outcome)

    def _afterWriting(self, writing: Future[None]) -> None:
        if not writing.done():
            return
        writing.result()
        self._writing = None
        if self._cancelled:
            self._finish(cancelledOutcome())
            return
        self._log(" ".join(self._command))
        self._process = self._makeProcess(
            self._command,
            self._tool.folder,
            self._tool.environment,
            Path(str(self._folder)) / "cancel",
            self._log,
            message=self._onMessage,
        )
        self._process.start()

    def _onMessage(self, message: Mapping[str, Any]) -> None:
        if "case" in message:
            self._ended += 1
            self.total = self._refused + round(self._ended / (message.get("fraction") or 1.0))
            self._take(rowOf(message["case"], self.output))
        for case in message.get("rows", ()):
            known = self.rows.get(case["name"])
            row = rowOf(case, self.output)
            if known is None or known.ending != row.ending:  # else it has been told already
                self._take(row)

    def _take(self, row: BatchRow) -> None:
        self.rows[row.name] = row
        problem = self._table.add(row)
        if problem:
            self._log(problem)
        self._onRow(row)

    def _finish(self, outcome: Outcome) -> None:
        self.outcome = self._worded(outcome)
        if self._process is not None:
            self._process.endNow()
        self._worker.shutdown(wait=True)
        shutil.rmtree(str(self._folder), ignore_errors=True)

    def _worded(self, outcome: Outcome) -> Outcome:
        if outcome.ending is Ending.CANCELLED:
            sentence = _("Cancelled. Finished cases stay in {folder}.").format(folder=self.output)
            return Outcome(Ending.CANCELLED, sentence, outcome.returnCode)
        if outcome.ending is not Ending.DONE:
            return outcome
        done = sum(1 for row in self.rows.values() if row.ending == Ending.DONE.value)
        sentence = _("{done} of {count} cases done: {page}").format(
            done=done, count=len(self.rows), page=self.output / "summary.html"
        )
        return Outcome(Ending.DONE, sentence, 0)
