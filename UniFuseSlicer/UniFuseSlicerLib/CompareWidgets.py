"""The row Compare: how, and the size of the squares or the place of the curtain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from .Choices import CompareChoice
from .Compare import Compare, ComparedPair
from .Display import Display
from .Flicker import Flicker
from .Messages import Messages
from .Ownership import isMadeOf

SQUARE_MM = 30.0  # at first
CURTAIN_PERCENT = 50.0


class Chosen(NamedTuple):
    """Nodes; `fused` is None before the two inputs are fused."""

    reference: Any
    degraded: Any
    fused: Any


class CompareWidgets:
    """Both inputs before they are fused, afterwards the reference and the foreground.

    Args:
        ui: widgets by name.
        messages: of the panel.
        display: the slice views.
        flicker: of the same views.
        parameterNode: gives the one that the panel follows.
    """

    def __init__(
        self,
        ui: Any,
        messages: Messages,
        display: Display,
        flicker: Flicker,
        parameterNode: Callable[[], Any],
    ) -> None:
        self._ui = ui
        self._messages = messages
        self._display = display
        self._flicker = flicker
        self._parameterNode = parameterNode
        self._compare = Compare(display.layers)
        self._compared: Chosen | None = None
        self._amounts = {
            CompareChoice.CHECKERBOARD: SQUARE_MM,
            CompareChoice.CURTAIN: CURTAIN_PERCENT,
        }
        for choice in CompareChoice:
            ui.compareComboBox.addItem(choice.label())
        ui.compareComboBox.setCurrentIndex(0)
        ui.compareComboBox.connect("currentIndexChanged(int)", self.onMode)
        ui.compareSlider.connect("valueChanged(double)", self.onAmount)
        ui.compareSlider.setVisible(False)

    @property
    def mode(self) -> CompareChoice:
        return list(CompareChoice)[self._ui.compareComboBox.currentIndex]

    def follow(self) -> None:
        """Other volumes may be chosen now."""
        chosen = self._chosen()
        self._ui.compareComboBox.setEnabled(chosen is not None)
        if self._compared is None or chosen == self._compared:
            return
        if chosen is None:
            self.release()
        else:
            self._messages.attempt(self._start)

    def onMode(self) -> None:
        """Seen at once."""
        self._end()
        self._offerSlider()
        self._messages.attempt(self._start)

    def onAmount(self) -> None:
        """Size of the squares, place of the curtain."""
        amount = self._ui.compareSlider.value
        if self._compared is None or self.mode not in self._amounts:
            return
        self._amounts[self.mode] = amount
        self._messages.attempt(lambda: self._compare.move(self.mode, amount))

    def release(self) -> None:
        """The module is left, or the scene is closing: the views are as they were before."""
        self._ui.compareComboBox.setCurrentIndex(0)
        self._end()

    def endNow(self) -> None:
        """The application ends."""
        self._flicker.endNow()
        self._compare.end()

    def forget(self, node: Any) -> None:
        """A node is about to be deleted.

        Args:
            node: any.
        """
        if self._compared is not None and node in self._compared:
            self.release()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The views are changed as if nothing was compared; what they show then is compared."""
        wasCompared = self._compared is not None
        self._end()
        yield
        if wasCompared:
            self._messages.attempt(self._start)

    def _start(self) -> None:
        self._end()
        chosen = self._chosen()
        pair = self._pair(chosen) if chosen is not None else None
        if pair is None or self.mode is CompareChoice.OFF:
            return
        self._compare.start(pair, self.mode, self._amounts.get(self.mode, 0.0))
        self._compared = chosen
        if self.mode is CompareChoice.FLICKER:
            self._flicker.start()

    def _end(self) -> None:
        if self._compared is not None:
            self._flicker.stop()
        self._compared = None
        self._compare.end()  # also what could not be started

    def _chosen(self) -> Chosen | None:
        p = self._parameterNode()
        if p is None or p.degraded is None or p.reference is None or p.degraded is p.reference:
            return None
        isResult = p.fused is not None and isMadeOf(p.fused, p.degraded, p.reference)
        return Chosen(p.reference, p.degraded, p.fused if isResult else None)

    def _pair(self, chosen: Chosen) -> ComparedPair | None:
        if chosen.fused is not None:
            return self._display.compared(chosen.fused)
        return ComparedPair(chosen.reference, chosen.degraded)

    def _offerSlider(self) -> None:
        slider = self._ui.compareSlider
        amount = self._amounts.get(self.mode)
        slider.setVisible(amount is not None)
        if amount is not None:
            slider.suffix = " mm" if self.mode is CompareChoice.CHECKERBOARD else " %"
            slider.setValue(amount)
