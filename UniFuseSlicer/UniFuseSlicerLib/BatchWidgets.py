"""The part of the panel that fuses many pairs: a row per case, a double click loads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import vtk
from slicer.i18n import tr as _

from .Batch import BatchRow, absolute, finishedRows, reportIn
from .BatchInputs import ROLES
from .BatchJob import BatchJob
from .BatchResult import LoadedCase, loadCase
from .Errors import FusionError
from .Messages import Messages
from .Options import FusionOptions
from .Outcome import Ending
from .ToolWords import panelWords
from .View import degradation, trustGround
from .Words import asFolderName, trustTitle

POLL_MS = 200


def noCell(text: str, _colour: str, _toolTip: str) -> Any:
    """Where there is no Qt."""
    return text


class BatchWidgets:
    """
    Args:
        ui: widgets by name.
        messages: of the panel.
        makeBatch: (source, output, options, onRow, log) → a job; see `UniFuseSlicerLogic`.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        parameterNode: returns the current one.
        options: of every case.
        ensure: installs what is missing.
        show: shows a loaded case.
        makeCell: (text, colour, tool tip) → an item of the table; colour "" is none.
    """

    def __init__(
        self,
        ui: Any,
        messages: Messages,
        makeBatch: Callable[..., BatchJob],
        makeTimer: Callable[[Callable[[], None], int], Any],
        parameterNode: Callable[[], Any],
        options: Callable[[], FusionOptions],
        ensure: Callable[[], None],
        show: Callable[[LoadedCase], None],
        makeCell: Callable[[str, str, str], Any],
    ) -> None:
        self._ui = ui
        self._messages = messages
        self._makeBatch = makeBatch
        self._timer = makeTimer(self.poll, POLL_MS)
        self._parameterNode = parameterNode
        self._options = options
        self._ensure = ensure
        self._show = show
        self._makeCell = makeCell
        self.job: BatchJob | None = None
        self._output = Path()
        self._rows: dict[str, BatchRow] = {}
        ui.batchAddButton.connect("clicked(bool)", self.onAddPair)
        ui.batchButton.connect("clicked(bool)", self.onButton)
        ui.batchTableWidget.connect("cellDoubleClicked(int,int)", self.onDoubleClicked)
        ui.batchOutputPathLineEdit.connect("currentPathChanged(QString)", self.onOutputChosen)
        self.onOutputChosen(ui.batchOutputPathLineEdit.currentPath)
        self._follow()

    @property
    def running(self) -> bool:
        return self.job is not None and self.job.running

    def onAddPair(self) -> None:
        """The volumes chosen under Fuse become a row of the table of pairs."""
        self._messages.attempt(self._addPair)

    def onButton(self) -> None:
        """Start, or cancel."""
        if self.job is not None and self.job.running:
            self.job.cancel()
        else:
            self._messages.attempt(self._ensure, self._start)
        self._follow()

    def onDoubleClicked(self, row: int, _column: int) -> None:
        self._messages.attempt(lambda: self._load(list(self._rows)[row]))

    def onOutputChosen(self, path: str) -> None:
        """The finished cases of an earlier session are listed again."""
        if self.running or not path:
            return
        self._clear(absolute(path))
        for row in finishedRows(self._output):
            self._addRow(row)

    def poll(self) -> None:
        """Timer: push the job on by one step."""
        if self.job is None or self.job.poll() is not None:
            self._timer.stop()
        if self.job is not None and self.job.outcome is not None:
            self._messages.show(self.job.outcome.message)
        self._follow()

    def endNow(self) -> None:
        """The application is closing."""
        self._timer.stop()
        if self.job is not None:
            self.job.endNow()

    def _addPair(self) -> None:
        p = self._parameterNode()
        if p.degraded is None or p.reference is None:
            raise FusionError(_("Choose the two volumes of the pair under Fuse."))
        selector = self._ui.batchSelector
        table = selector.currentNode()
        if table is None:
            scene = p.degraded.GetScene()
            table = scene.AddNewNodeByClass(
                "vtkMRMLTableNode", scene.GenerateUniqueName(_("Pairs"))
            )
            for title in ("name", *ROLES):
                column = vtk.vtkStringArray()
                column.SetName(title)
                table.AddColumn(column)
            selector.setCurrentNode(table)
        row = table.AddEmptyRow()
        name = asFolderName(f"{p.degraded.GetName()} on {p.reference.GetName()}")
        cells = {"name": f"{row + 1:02d} {name}".rstrip(" ."), "degraded": p.degraded.GetID()}
        cells["reference"] = p.reference.GetID()
        for title, text in cells.items():
            column = table.GetColumnIndex(title)
            if column >= 0:
                table.SetCellText(row, column, text)

    def _start(self) -> None:
        ui = self._ui
        source = ui.batchSelector.currentNode() or ui.batchPathLineEdit.currentPath
        if not source:
            raise FusionError(_("Choose a table of pairs, or a CSV file or folder of them."))
        if not ui.batchOutputPathLineEdit.currentPath:
            raise FusionError(_("Choose a folder for the results of the batch."))
        output = ui.batchOutputPathLineEdit.currentPath
        self._messages.startLog()
        self._clear(absolute(output))
        self.job = self._makeBatch(
            source, output, self._options(), self._addRow, self._messages.log
        )
        self.job.start()
        self._timer.start()

    def _clear(self, output: Path) -> None:
        self._output, self._rows = output, {}
        self._ui.batchTableWidget.setRowCount(0)

    def _addRow(self, row: BatchRow) -> None:
        """A row of its own for every case, the last word about it in the table."""
        self._rows[row.name] = row
        self._ui.batchTableWidget.setRowCount(len(self._rows))
        n = list(self._rows).index(row.name)
        sentence = sentenceOf(row)
        ground = trustGround(row.trust) if row.ending == Ending.DONE.value else ""
        cells = ((row.name, ""), (endingTitle(row), ground), (sentence, ""))
        for column, (text, colour) in enumerate(cells):
            self._ui.batchTableWidget.setItem(n, column, self._makeCell(text, colour, sentence))

    def _load(self, name: str) -> None:
        row = self._rows[name]
        if row.ending != Ending.DONE.value:
            raise FusionError(row.message or endingTitle(row))
        job = self.job
        nodes = job.nodes if job is not None and job.output == self._output else {}
        self._show(loadCase(self._output / name, nodes.get(name)))

    def _follow(self) -> None:
        ui, running = self._ui, self.running
        ui.batchButton.setText(_("Cancel batch") if running else _("Fuse all pairs"))
        for widget in (ui.batchSelector, ui.batchPathLineEdit, ui.batchOutputPathLineEdit):
            widget.setEnabled(not running)
        ui.batchAddButton.setEnabled(not running)
        ui.batchProgressBar.setVisible(running)
        if running and self.job is not None:
            ui.batchProgressBar.setValue(round(100 * self.job.fraction))
            ui.batchProgressBar.setFormat(self.job.stage)


def endingTitle(row: BatchRow) -> str:
    """How a case ended, in one or two words."""
    if row.ending == Ending.DONE.value:
        return trustTitle(row.trust).partition(":")[0] if row.trust else _("Done")
    return _("Not done yet") if row.ending == Ending.CANCELLED.value else _("Failed")


def sentenceOf(row: BatchRow) -> str:
    """Why it failed, else what was found, the verdict, and what speaks against the alignment."""
    if row.ending != Ending.DONE.value:
        return panelWords(row.message) or endingTitle(row)
    verdict = trustTitle(row.trust).partition(":")[2].strip() if row.trust else ""
    found = degradation(reportIn(Path(row.output)))
    verdict = verdict[:1].upper() + verdict[1:]
    return ". ".join(part for part in (found, verdict, panelWords(row.reasons)) if part)
