"""`unifuse batch` as a process: one row per case as it ends. Never blocks the window."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Batch import BatchRow, BatchTable, absolute, rowOf
from .BatchInputs import inputsOf
from .BatchNodes import keepVolumes
from .Command import ToolCommand
from .Guards import checkOptions
from .Options import FusionOptions
from .Outcome import Ending, Outcome, doneOutcome
from .PolledJob import ProcessJob
from .Process import ToolProcess, ignore


class BatchJob(ProcessJob):
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
        ProcessJob.__init__(self, tool, temporaryFolder, log, makeProcess)
        self.output = absolute(output)
        self.rows: dict[str, BatchRow] = {}
        self.nodes: Mapping[str, tuple[str, str]] = {}
        self.total = 0
        self._source = source
        self._options = options
        self._onRow = onRow
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

    def start(self) -> None:
        """
        Raises:
            FusionError: no pairs, choices that no pair could be fused with, or an output folder
                that cannot be used; nothing was started.
        """
        checkOptions(self._options)
        self._table = BatchTable(self.output)
        folder = self._newFolder()
        try:
            inputs = inputsOf(self._source, folder, self.output, self._options)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._begin(folder)
        self.nodes = inputs.nodes
        self._keepVolumes()
        self._refused = len(inputs.refused)
        for row in inputs.refused:
            self._take(row)
        if inputs.refused and not inputs.rows:
            self._finish(doneOutcome())
            return
        self._inputs = inputs
        self._writing = self._worker.submit(inputs.write)

    def _keepVolumes(self) -> None:
        """So that a double click finds them when the scene is loaded again."""
        if not self.nodes:
            return
        try:
            keepVolumes(self.output, self._source.GetScene(), self.nodes)
        except OSError as error:
            self._log(str(error))

    @property
    def _place(self) -> Path:
        return self.output

    def _command(self) -> Sequence[str]:
        table, cancel = self._inputs.table, self.folder / "cancel"
        return self.tool.batch(table, self.output, self._options, cancel)

    def _onMessage(self, message: dict[str, Any]) -> None:
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
        ProcessJob._finish(self, self._worded(outcome))

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
