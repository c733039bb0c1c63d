"""The Flicker button: reference and foreground in turn, until it is released."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .Layers import Layers

FLICKER_MS = 600


class Flicker:
    """Swaps the layers by a timer.

    Args:
        ui: widgets by name.
        layers: of the slice views.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
    """

    def __init__(
        self, ui: Any, layers: Layers, makeTimer: Callable[[Callable[[], None], int], Any]
    ) -> None:
        self._ui = ui
        self._layers = layers
        self._timer = makeTimer(layers.flicker, FLICKER_MS)
        ui.flickerButton.connect("toggled(bool)", self.onToggled)

    def onToggled(self, on: bool) -> None:
        if on:
            self._timer.start()
            return
        self._timer.stop()
        self._layers.endFlicker()

    def release(self) -> None:
        """The module is left, or the scene is closing."""
        self._ui.flickerButton.setChecked(False)

    def endNow(self) -> None:
        """The application ends."""
        self._timer.stop()
