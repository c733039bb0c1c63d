"""The parts of the panel that belong to the chosen result: its card, and what it is used for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .ApplyWidgets import ApplyWidgets
from .Card import ResultCard, cardOf
from .MeasureWidgets import MeasureWidgets
from .Messages import Messages


class ResultWidgets:
    """Card, Apply to other nodes, Measure by segment.

    Args:
        ui: widgets by name.
        messages: of the panel.
        showChart: brings a plot chart node into the layout.
    """

    def __init__(self, ui: Any, messages: Messages, showChart: Callable[[Any], None]) -> None:
        self.card = ResultCard(ui)
        self._actions = (ApplyWidgets(ui, messages), MeasureWidgets(ui, messages, showChart))

    def follow(self, fused: Any, degraded: Any, reference: Any) -> None:
        """What is chosen now.

        Args:
            fused: fused volume of a result, or anything else.
            degraded: chosen input.
            reference: chosen input.
        """
        self.card.show(cardOf(fused, degraded, reference))
        for action in self._actions:
            action.follow(fused)

    def clear(self) -> None:
        """The scene is closed."""
        self.follow(None, None, None)
