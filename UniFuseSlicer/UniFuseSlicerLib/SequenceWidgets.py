"""The row of the panel that fuses a time series."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from slicer.i18n import tr as _

from .BatchResult import LoadedCase
from .Frames import isOfSeries
from .Messages import Messages
from .Outcome import Ending
from .SequenceJob import Field, SequenceJob

POLL_MS = 100
FIELDS: tuple[Field, ...] = get_args(Field)


class SequenceWidgets:
    """
    Args:
        ui: widgets by name.
        messages: of the panel.
        makeSequence: (field, log) → runs on the frames of the chosen degraded volume.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        ensure: installs what is missing.
        show: shows the result of the chosen frame.
        onRunning: called when a run begins and when it has ended.
    """

    def __init__(
        self,
        ui: Any,
        messages: Messages,
        makeSequence: Callable[[Field, Callable[[str], None]], SequenceJob],
        makeTimer: Callable[[Callable[[], None], int], Any],
        ensure: Callable[[], None],
        show: Callable[[LoadedCase], None],
        onRunning: Callable[[], None],
    ) -> None:
        self.job: SequenceJob | None = None
        self._ui = ui
        self._messages = messages
        self._makeSequence = makeSequence
        self._timer = makeTimer(self.poll, POLL_MS)
        self._ensure = ensure
        self._show = show
        self._onRunning = onRunning
        for title in (_("Each frame"), _("Field of this frame for all")):
            ui.sequenceComboBox.addItem(title)
        ui.sequenceComboBox.setCurrentIndex(0)
        ui.sequenceButton.connect("clicked(bool)", self.onButton)

    @property
    def running(self) -> bool:
        return self.job is not None and self.job.running

    def follow(self, degraded: Any, reference: Any, *, free: bool) -> None:
        """
        Args:
            degraded: chosen volume, or None.
            reference: chosen volume, or None.
            free: nothing else runs.
        """
        ui, running = self._ui, self.running
        ready = free and reference is not None and isOfSeries(degraded)
        ui.sequenceButton.setText(_("Cancel") if running else _("Fuse frames"))
        ui.sequenceButton.setEnabled(running or ready)
        ui.sequenceComboBox.setEnabled(not running)

    def onButton(self) -> None:
        """Start, or cancel."""
        if self.job is not None and self.job.running:
            self.job.cancel()
        else:
            self._messages.attempt(self._ensure, self._start)
        self._onRunning()

    def poll(self) -> None:
        """Timer: push the job on by one step."""
        job = self.job
        outcome = None if job is None else job.poll()
        if job is None or outcome is not None:
            self._timer.stop()
        if job is not None and outcome is not None:
            if outcome.ending is Ending.DONE:
                self._show(LoadedCase(job.series.proxy, job.reference, job.nodes))
            self._messages.show(outcome.message)
            self._onRunning()
        self._showProgress()

    def endNow(self) -> None:
        """The scene or the application is closing."""
        self._timer.stop()
        if self.job is not None:
            self.job.endNow()

    def _start(self) -> None:
        self._messages.startLog()
        field = FIELDS[self._ui.sequenceComboBox.currentIndex]
        self.job = self._makeSequence(field, self._messages.log)
        self.job.start()
        self._timer.start()
        self._showProgress()

    def _showProgress(self) -> None:
        bar = self._ui.batchProgressBar
        bar.setVisible(self.running)
        if self.job is not None and self.running:
            bar.setValue(round(100 * self.job.fraction))
            bar.setFormat(self.job.stage)
