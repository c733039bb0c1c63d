"""Work in steps, so that the window answers between them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any


class Pacer:
    """Does the first step at once and one more at every turn of the event loop; without a timer,
    all at once.

    Args:
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
    """

    def __init__(self, makeTimer: Callable[[Callable[[], None], int], Any] | None = None) -> None:
        self._timer = None if makeTimer is None else makeTimer(self.step, 0)
        self._steps: Iterator[None] | None = None

    def start(self, steps: Iterator[None]) -> None:
        """
        Args:
            steps: what is left of other steps is not done any more.
        """
        self.stop()
        if self._timer is None:
            deque(steps, maxlen=0)
            return
        next(steps, None)
        self._steps = steps
        self._timer.start()

    def step(self) -> None:
        """Timer: nobody is there to be told of an error, so it is in the log."""
        if self._steps is None:
            return
        try:
            next(self._steps)
        except StopIteration:
            self.stop()
        except Exception:
            self.stop()
            logging.exception("UniFuse")

    def stop(self) -> None:
        """Do no more of them."""
        self._steps = None
        if self._timer is not None:
            self._timer.stop()
