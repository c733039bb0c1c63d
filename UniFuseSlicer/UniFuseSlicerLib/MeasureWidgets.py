"""The part of the panel that measures the deformation by segment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from .ApplyWidgets import DESTINATIONS
from .Measure import measure
from .MeasureNodes import addMeasureNodes
from .Messages import Messages
from .Results import isResult


class MeasureWidgets:
    """Measures the chosen segments of the chosen result, into new nodes.

    Args:
        ui: widgets by name.
        messages: of the panel.
        showChart: brings a plot chart node into the layout.
    """

    def __init__(self, ui: Any, messages: Messages, showChart: Callable[[Any], None]) -> None:
        self._ui = ui
        self._messages = messages
        self._showChart = showChart
        self._fused: Any = None
        for title in (_("Reference"), _("Degraded")):
            ui.measureOfComboBox.addItem(title)
        for title in (_("Displacement"), _("Change of volume")):
            ui.measureChartComboBox.addItem(title)
        ui.measureOfComboBox.setCurrentIndex(0)
        ui.measureChartComboBox.setCurrentIndex(0)
        ui.measureButton.connect("clicked(bool)", self.onMeasure)

    def follow(self, fused: Any) -> None:
        """Another result is chosen, or none."""
        self._fused = fused if isResult(fused) else None
        self._ui.measureButton.setEnabled(self._fused is not None)

    def onMeasure(self) -> None:
        self._messages.attempt(self._measure)

    def _measure(self) -> None:
        ui = self._ui
        labelsOf = DESTINATIONS[ui.measureOfComboBox.currentIndex]
        measured = measure(self._fused, ui.measureSelector.currentNode(), labelsOf)
        nodes = addMeasureNodes(self._fused, measured)
        charts = (nodes.displacement, nodes.volumeRatio)
        self._showChart(charts[ui.measureChartComboBox.currentIndex])
        sentence = _('{count} regions measured: table "{table}" (module Tables).')
        self._messages.show(sentence.format(count=len(measured.rows), table=nodes.table.GetName()))
