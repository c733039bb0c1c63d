"""The upper part of the panel: what is known of the inputs, the Fuse button, what it would take,
the progress bar.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from .Cost import CostView, costView
from .Guards import modalitySentences
from .NodeWatch import NodeWatch
from .Ownership import isMadeOf, mark, resultVolumeIds
from .Results import isResult
from .ResultSelector import BUTTONS
from .Settings import MachineSettings
from .View import PanelState, PanelView
from .Words import notice


class InputWidgets:
    """Shows what can be done with the chosen volumes, and looks again when they change.

    Args:
        ui: widgets by name.
        settings: choices of this computer.
        onChanged: called when a chosen volume has changed.
    """

    def __init__(self, ui: Any, settings: MachineSettings, onChanged: Callable[[], None]) -> None:
        self._ui = ui
        self._settings = settings
        self._watch = NodeWatch(onChanged)
        ui.noticeLabel.setText(notice())
        for output in ("fused", "restored", "deformation", "report"):
            getattr(ui, f"{output}Selector").connect("nodeAddedByUser(vtkMRMLNode*)", mark)

    def follow(self, parameterNode: Any) -> PanelState:
        """What the chosen volumes allow; the line below them says what they are.

        Args:
            parameterNode: None while a scene is closed.
        """
        p = parameterNode
        if p is None:
            self.endNow()
            return PanelState()
        self._watch.follow((p.degraded, p.reference))
        self._hideResults((p.degraded, p.reference), p.offerResults)
        lines = modalitySentences(p.degraded, p.reference, p.options(self._settings))
        self._ui.modalityLabel.setText("\n".join(lines))
        self._ui.modalityLabel.setVisible(bool(lines))
        state: PanelState = p.state(self._settings)
        return state

    def show(self, view: PanelView) -> None:
        """Button and progress."""
        ui = self._ui
        ui.fuseButton.setText(view.buttonText)
        ui.fuseButton.setEnabled(view.buttonEnabled)
        ui.fuseButton.setToolTip(view.buttonToolTip)
        for widget in (ui.inputsWidget, ui.swapButton, ui.sampleButton):
            widget.setEnabled(view.inputsEnabled)
        ui.steeringCollapsibleButton.setEnabled(view.inputsEnabled)
        ui.outputsCollapsibleButton.setEnabled(view.inputsEnabled)
        ui.resultSelector.setEnabled(view.inputsEnabled)
        if not view.inputsEnabled:  # a running job may be filling the nodes of this result
            for name in BUTTONS:
                getattr(ui, name).setEnabled(False)
        ui.progressBar.setVisible(view.progressVisible)
        ui.progressBar.setValue(view.progressPercent)
        ui.progressBar.setFormat(view.progressText)

    def showCost(self, parameterNode: Any, free: bool) -> None:
        """What *Fuse* would take now; once the pair has a result, its card takes the place.

        Args:
            parameterNode: None while a scene is closed.
            free: there is a pair that can be fused, and no run.
        """
        p, view = parameterNode, CostView()
        if free:
            view = costView(p.degraded, p.reference, p.options(self._settings))
        isFused = free and isResult(p.fused) and isMadeOf(p.fused, p.degraded, p.reference)
        isKnown = isFused and not view.styleSheet
        text = "" if isKnown else view.text
        self._ui.costLabel.setText(text)
        self._ui.costLabel.setStyleSheet(view.styleSheet)
        self._ui.costLabel.setVisible(bool(text))

    def _hideResults(self, chosen: tuple[Any, Any], offered: bool) -> None:
        """From the input selectors, unless asked; what is chosen stays listed."""
        hidden = [] if offered else resultVolumeIds(slicer.mrmlScene, chosen)
        for selector in (self._ui.degradedSelector, self._ui.referenceSelector):
            model = selector.sortFilterProxyModel()
            if list(model.hiddenNodeIDs or ()) != hidden:
                model.hiddenNodeIDs = hidden

    def endNow(self) -> None:
        """Let go of the volumes."""
        self._watch.follow(())
