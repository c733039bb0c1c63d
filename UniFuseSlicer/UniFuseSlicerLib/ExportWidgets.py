"""The part of the panel that exports the chosen result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Errors import FusionError
from .ExportFiles import FORMATS
from .ExportJob import ExportJob
from .Messages import Messages
from .Outcome import Ending
from .Results import isResult
from .ToolWords import panelWords

POLL_MS = 200


class ExportWidgets:
    """
    Args:
        ui: widgets by name.
        messages: of the panel.
        makeExport: (fused, place, format, log) → a job that is not started yet.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
    """

    def __init__(
        self,
        ui: Any,
        messages: Messages,
        makeExport: Callable[..., ExportJob],
        makeTimer: Callable[[Callable[[], None], int], Any],
    ) -> None:
        self._ui = ui
        self._messages = messages
        self._makeExport = makeExport
        self._timer = makeTimer(self.poll, POLL_MS)
        self._fused: Any = None
        self.job: ExportJob | None = None
        for title in (_("Folder with report and overview"), _("DICOM series")):
            ui.exportFormatComboBox.addItem(title)
        ui.exportFormatComboBox.setCurrentIndex(0)
        ui.exportButton.connect("clicked(bool)", self.onButton)

    @property
    def running(self) -> bool:
        return self.job is not None and self.job.running

    def follow(self, fused: Any) -> None:
        """Another result is chosen, or none; an export that runs goes on."""
        self._fused = fused if isResult(fused) else None
        self._follow()

    def onButton(self) -> None:
        """Start, or cancel."""
        if self.job is not None and self.job.running:
            self.job.cancel()
        else:
            self._messages.attempt(self._start)
        self._follow()

    def poll(self) -> None:
        """Timer: push it on by one step."""
        job = self.job
        if job is None or job.poll() is not None:
            self._timer.stop()
        if job is not None and job.outcome is not None:
            self._messages.show("\n".join(self._ending(job)))
        elif job is not None:
            sentence = _("{stage} · {percent} %")
            percent = round(100 * job.fraction)
            self._messages.show(sentence.format(stage=panelWords(job.stage), percent=percent))
        self._follow()

    def endNow(self) -> None:
        """The application is closing."""
        self._timer.stop()
        if self.job is not None:
            self.job.endNow()

    def _start(self) -> None:
        path = self._ui.exportPathLineEdit.currentPath
        if not path:
            raise FusionError(_("Choose a folder to export into."))
        format_ = FORMATS[self._ui.exportFormatComboBox.currentIndex]
        self.job = self._makeExport(self._fused, Path(path).expanduser(), format_)
        self.job.start()
        self._timer.start()

    def _ending(self, job: ExportJob) -> list[str]:
        outcome = job.outcome
        if outcome is None or outcome.ending is Ending.CANCELLED:
            return [_("Export cancelled. Nothing was written.")]
        if outcome.ending is not Ending.DONE:
            return [outcome.message]
        return [_("Exported: {folder}").format(folder=job.output), *job.warnings]

    def _follow(self) -> None:
        ui, running = self._ui, self.running
        ui.exportButton.setText(_("Cancel export") if running else _("Export"))
        ui.exportButton.setEnabled(running or self._fused is not None)
        for widget in (ui.exportPathLineEdit, ui.exportFormatComboBox):
            widget.setEnabled(not running)
