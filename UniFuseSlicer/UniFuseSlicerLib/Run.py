"""The run that the panel drives: one at a time, a step at every tick of a timer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .Job import FusionJob
from .Outcome import Outcome
from .View import PanelState

POLL_MS = 100
DOUBLE_CLICK_S = 1.0  # so long the second click of a double click may take


class Run:
    """Starts, cancels and ends jobs.

    Args:
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        clock: seconds.
        onStep: called after every step, also the last one.
        onEnd: called with the job that has ended, and how.
    """

    def __init__(
        self,
        makeTimer: Callable[[Callable[[], None], int], Any],
        clock: Callable[[], float],
        onStep: Callable[[], None],
        onEnd: Callable[[FusionJob, Outcome], None],
    ) -> None:
        self.job: FusionJob | None = None
        self._timer = makeTimer(self.poll, POLL_MS)
        self._clock = clock
        self._onStep = onStep
        self._onEnd = onEnd
        self._startedAt = 0.0

    @property
    def running(self) -> bool:
        return self.job is not None

    @property
    def seconds(self) -> float:
        """Since the last start."""
        return self._clock() - self._startedAt

    @property
    def justStarted(self) -> bool:
        """A click on the button now is the second one of a double click, not a wish to cancel."""
        return self.running and self.seconds < DOUBLE_CLICK_S

    def start(self, job: FusionJob) -> None:
        """
        Raises:
            InputNodeError: see `FusionJob.start`; nothing runs then.
        """
        job.start()
        self.job = job
        self._startedAt = self._clock()
        self._timer.start()

    def cancel(self) -> None:
        if self.job is not None:
            self.job.cancel()

    def poll(self) -> None:
        """Timer: push the job on by one step."""
        if self.job is None:
            self._timer.stop()
            return
        outcome = self.job.poll()
        if outcome is not None:
            self._timer.stop()
            job, self.job = self.job, None
            self._onEnd(job, outcome)
        self._onStep()

    def endNow(self) -> None:
        """The scene or the application is closing."""
        self._timer.stop()
        if self.job is not None:
            self.job.endNow()
            self.job = None

    def state(self) -> PanelState:
        """What button and progress bar show while it runs."""
        if self.job is None:
            return PanelState()
        return PanelState(
            running=True,
            cancelling=self.job.cancelling,
            fraction=self.job.fraction,
            stage=self.job.stage,
            seconds=self.seconds,
        )
