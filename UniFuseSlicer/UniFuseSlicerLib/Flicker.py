"""Reference and foreground in turn, by a timer or by keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .Layers import Layers

FLICKER_MS = 600


class Flicker:
    """Swaps the layers until it is stopped.

    Keys, while it runs: space swaps by hand, `[` shows the reference, `]` the other volume; each of
    them pauses the timer.

    Args:
        layers: of the slice views.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        makeShortcut: (key, callback) → object with `setEnabled(bool)`.
    """

    def __init__(
        self,
        layers: Layers,
        makeTimer: Callable[[Callable[[], None], int], Any],
        makeShortcut: Callable[[str, Callable[[], None]], Any],
    ) -> None:
        self._layers = layers
        self._timer = makeTimer(layers.flicker, FLICKER_MS)
        self._keys = [
            makeShortcut("Space", self._byHand(layers.flicker)),
            makeShortcut("[", self._byHand(layers.hideForeground)),
            makeShortcut("]", self._byHand(layers.endFlicker)),
        ]
        self._enableKeys(False)

    def start(self) -> None:
        self._enableKeys(True)
        self._timer.start()

    def stop(self) -> None:
        """The layers are as they were before."""
        self._enableKeys(False)
        self._timer.stop()
        self._layers.endFlicker()

    def endNow(self) -> None:
        """The application ends."""
        self._timer.stop()

    def _enableKeys(self, on: bool) -> None:
        for key in self._keys:
            key.setEnabled(on)

    def _byHand(self, step: Callable[[], None]) -> Callable[[], None]:
        def pressed() -> None:
            self._timer.stop()
            step()

        return pressed


class NoShortcut:
    """Where there is no window."""

    def setEnabled(self, on: bool) -> None:
        """Nothing to do."""


def noShortcut(_key: str, _callback: Callable[[], None]) -> NoShortcut:
    """Of a panel without a window."""
    return NoShortcut()
