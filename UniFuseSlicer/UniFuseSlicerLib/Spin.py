"""A spin that the computer is too slow for stops: without a graphics card a view may take half a
second to draw, and with every frame the whole window would wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TICK_MS = 50
SLOWEST_S = 0.15  # between two ticks: the window waits for about 0.1 s with every frame
SLOW_TICKS = 4  # one after the other
LONGEST_S = 1.0  # of such ticks together, without the first one, which compiles shaders
TICKS = 40  # at least two seconds, then the spin is the reader's


class Spin:
    """Watches the beginning of a spin.

    Args:
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        clock: seconds.

    Attributes:
        tooSlow: a view was stopped, so that no other one is started.
    """

    def __init__(
        self,
        makeTimer: Callable[[Callable[[], None], int], Any],
        clock: Callable[[], float],
    ) -> None:
        self._timer = makeTimer(self.tick, TICK_MS)
        self._clock = clock
        self._view: Any = None
        self._camera: Any = None
        self.tooSlow = False

    def start(self, view: Any) -> None:
        """Unless it is known to be too slow.

        Args:
            view: 3-D view node.
        """
        if self.tooSlow:
            return
        self._view = view
        self._camera = view.GetScene().GetSingletonNode(view.GetLayoutName(), "vtkMRMLCameraNode")
        self._from = None if self._camera is None else self._camera.GetPosition()
        self._ticks, self._slow, self._waited = 0, 0, 0.0
        self._last = self._clock()
        view.SetAnimationMode(view.Spin)
        self._timer.start()

    def tick(self) -> None:
        """Timer: how long the window took since the last time."""
        now = self._clock()
        seconds, self._last, self._ticks = now - self._last, now, self._ticks + 1
        if seconds > SLOWEST_S:
            self._waited += seconds if self._slow else 0.0
            self._slow += 1
        else:
            self._slow, self._waited = 0, 0.0
        if self._view.GetAnimationMode() != self._view.Spin:
            self.release()  # the reader was faster
        elif self._slow >= SLOW_TICKS or self._waited > LONGEST_S:
            self._stop()
        elif self._ticks >= TICKS:
            self.release()

    def release(self) -> None:
        """Watch no longer; a view that spins goes on."""
        self._timer.stop()
        self._view = self._camera = None

    def _stop(self) -> None:
        """As seen before it turned."""
        self.tooSlow = True
        self._view.SetAnimationMode(self._view.Off)
        if self._camera is not None:
            self._camera.SetPosition(*self._from)
        self.release()
