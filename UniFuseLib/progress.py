"""Progress, cancelling and the clock of one run: named stages, nothing global."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from UniFuseLib.errors import Cancelled

Progress = Callable[[float, str], None]  # (fraction 0 to 1, title of the stage)
CancelQuestion = Callable[[], bool]
Log = Callable[[str], None]  # a line of text


def silent(_: str) -> None:
    """A log that nobody reads."""


class Stage(NamedTuple):
    """One part of a run."""

    title: str  # what the user reads
    share: float  # of the running time, in any unit


class Stages:
    """Reports (fraction, title) and asks whether to go on; its clocks fill as stages end.

    Args:
        stages: of the run, in their order; one may be left out.
        progress: called with the fraction done (0 to 1) and the title of the stage.
        cancelled: asked at every report; True ends the run.

    Attributes:
        seconds: title → seconds of a stage that has ended.
        cpu_seconds: title → CPU seconds of all threads.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        progress: Progress | None = None,
        cancelled: CancelQuestion | None = None,
    ) -> None:
        self._stages = tuple(stages)
        self._progress = progress
        self._cancelled = cancelled
        self._current = self._stages[0]
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Time a stage; its share counts as done when the next one begins."""
        self._current = stage
        self.step(0.0)
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds[stage.title] = round(time.perf_counter() - wall, 3)
        self.cpu_seconds[stage.title] = round(time.process_time() - cpu, 3)

    def step(self, fraction: float) -> None:
        """Report that `fraction` (0 to 1) of the current stage is done.

        Raises:
            Cancelled: the user asked to stop.
        """
        title = self._current.title
        if self._cancelled is not None and self._cancelled():
            raise Cancelled(f"Stopped on request while {title.lower()}; nothing was written.")
        if self._progress is not None:
            self._progress(self._done(fraction), title)

    def _done(self, fraction: float) -> float:
        before = self._stages[: self._stages.index(self._current)]
        done = sum(stage.share for stage in before) + fraction * self._current.share
        return min(1.0, done / sum(stage.share for stage in self._stages))
