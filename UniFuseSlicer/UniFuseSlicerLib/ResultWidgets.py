"""The parts of the panel that belong to the chosen result: its card, and what it is used for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .ApplyWidgets import ApplyWidgets
from .Card import ResultCard, cardOf
from .Choices import FieldPartChoice, LayerChoice
from .CursorWidgets import CursorWidgets
from .ExportWidgets import ExportWidgets
from .LookWidgets import LookWidgets
from .MeasureWidgets import MeasureWidgets
from .Messages import Messages
from .Results import isResult
from .ResultSelector import ResultSelector

# of the section Display, which compares inputs before there is a result
OF_A_RESULT = (
    "layerComboBox",
    "opacitySlider",
    "warpSlider",
    "overlayComboBox",
    "fieldPartComboBox",
    "spacingSlider",
    "colorScaleComboBox",
    "onlyInBodyCheckBox",
    "legendCheckBox",
    "threeDCheckBox",
)


class ResultWidgets:
    """Card, values under the cursor, views by modality, Apply to other nodes, Measure by segment.

    Args:
        ui: widgets by name.
        messages: of the panel.
        showChart: brings a plot chart node into the layout.
        showLayer: (layer, opacity) → chooses them in the parameter node.
        colorLogic: draws the colour scale of PET; None draws none.
        selector: above the card.
        export: writes the result into files.
        spareLines: see `ResultCard`.
    """

    def __init__(
        self,
        ui: Any,
        messages: Messages,
        showChart: Callable[[Any], None],
        showLayer: Callable[[LayerChoice, float], None],
        colorLogic: Any,
        selector: ResultSelector,
        export: ExportWidgets,
        spareLines: Callable[[], int],
    ) -> None:
        self._ui = ui
        self.card = ResultCard(ui, spareLines)
        self.cursor = CursorWidgets(ui)
        self._selector = selector
        self._looks = LookWidgets(ui, messages, showLayer, colorLogic)
        self.export = export
        measure = MeasureWidgets(ui, messages, showChart)
        self._actions = (ApplyWidgets(ui, messages), measure, export)

    def follow(self, parameterNode: Any) -> None:
        """What is chosen now."""
        p = parameterNode
        self._selector.follow(p.fused)
        self.card.show(cardOf(p.fused, p.degraded, p.reference))
        self.cursor.follow(p.fused, p.fieldPart)
        self._looks.follow(p.fused, p.layer)
        self._follow(p.fused)

    def clear(self) -> None:
        """The scene is closed."""
        self._selector.follow(None)
        self.card.clear()
        self.cursor.follow(None, FieldPartChoice.TOTAL)
        self._looks.follow(None)
        self._follow(None)

    def endNow(self) -> None:
        """The application is closing."""
        self.cursor.release()
        self.export.endNow()

    def _follow(self, fused: Any) -> None:
        for name in OF_A_RESULT:
            getattr(self._ui, name).setEnabled(isResult(fused))
        for action in self._actions:
            action.follow(fused)
