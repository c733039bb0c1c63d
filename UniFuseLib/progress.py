"""Progress, cancelling and the clock of one run: named stages, nothing global."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from UniFuseLib.errors import Cancelled

Progress = Callable[[float, str], None]
CancelQuestion = Callable[[], bool]
Log = Callable[[str], None]  # a line of text


def silent(_: str) -> None:
    """A log that nobody reads."""


class Stages:
    """Reports (fraction, stage name) and asks whether to go on; fills `seconds` as stages end.

    Args:
        shares: stage name → its expected share of the run; normalised to a sum of 1.
        progress: called with the fraction done (0 to 1) and the name of the stage.
        cancelled: asked at every report; True ends the run.
    """

    def __init__(
        self,
        shares: dict[str, float],
        progress: Progress | None = None,
        cancelled: CancelQuestion | None = None,
    ) -> None:
        total = sum(shares.values())
        self._share = {name: share / total for name, share in shares.items()}
        self._progress = progress
        self._cancelled = cancelled
        self._done = 0.0
        self._current = ""
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; its share counts as done when it ends."""
        self._current = name
        self.step(0.0)
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = round(time.perf_counter() - wall, 3)
        self.cpu_seconds[name] = round(time.process_time() - cpu, 3)
        self._done += self._share[name]

    def step(self, fraction: float) -> None:
        """Report that `fraction` (0 to 1) of the current stage is done.

        Raises:
            Cancelled: the user asked to stop.
        """
        if self._cancelled is not None and self._cancelled():
            raise Cancelled(
                f"Stopped on request while {self._current.lower()}; nothing was written."
            )
        if self._progress is not None:
            self._progress(
                min(1.0, self._done + self._share[self._current] * fraction), self._current
            )
