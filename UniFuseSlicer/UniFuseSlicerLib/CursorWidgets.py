"""The lines of the panel, and one of the Data Probe, that follow the mouse over the slice views."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from .Choices import FieldPartChoice
from .DataProbe import DataProbeLine
from .Results import FUSED_AT_ATTRIBUTE, isResult
from .RigidPart import rigidPartOf
from .UnderCursor import linesUnder


class CursorWidgets(VTKObservationMixin):
    """Observes the cursor while the module is on screen.

    Args:
        ui: widgets by name.
        probe: of the application; replaced in tests.
    """

    def __init__(self, ui: Any, probe: DataProbeLine | None = None) -> None:
        VTKObservationMixin.__init__(self)
        self._probe = probe or DataProbeLine()
        self._label = ui.cursorLabel
        self._fused: Any = None
        self._rigid: np.ndarray | None = None
        self._known: tuple[Any, ...] = ()
        self._node: Any = None
        self.follow(None, FieldPartChoice.TOTAL)

    def enter(self) -> None:
        """The module is on screen, or another scene is."""
        self.release()
        self._node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        if self._node is not None:
            self.addObserver(self._node, self._node.CursorPositionModifiedEvent, self._onMoved)
        self._probe.enter(self._displacementAt)

    def release(self) -> None:
        """The module is left, or the scene is closing: nothing is observed any more."""
        self.removeObservers()
        self._probe.release()
        self._node = None
        self._show()

    def follow(self, fused: Any, part: FieldPartChoice) -> None:
        """What is chosen now.

        Args:
            fused: fused volume of a result, or anything else.
            part: of the displacement.
        """
        self._fused = fused if isResult(fused) else None
        self._label.setVisible(self._fused is not None)
        made = self._fused and self._fused.GetAttribute(FUSED_AT_ATTRIBUTE)
        known = (self._fused, made, part)
        if known != self._known:  # the motion is looked up once, not at every move
            self._known = known
            isPart = self._fused is not None and part is FieldPartChoice.DEFORMED
            self._rigid = rigidPartOf(self._fused).matrix if isPart else None
            self._show()

    def _onMoved(self, _caller: Any, _event: Any) -> None:
        self._show()

    def _show(self) -> None:
        hint = _("Move the mouse over a slice view to read values.")
        self._label.setText("\n".join(self._lines()) or hint)

    def _lines(self) -> list[str]:
        if not isResult(self._fused) or self._node is None:
            return []
        place = [0.0, 0.0, 0.0]
        if not self._node.GetCursorPositionRAS(place):
            return []
        return linesUnder(self._fused, np.array(place), self._rigid)

    def _displacementAt(self, place: Any) -> str | None:
        """For the Data Probe, which has the values already."""
        if not isResult(self._fused):
            return None
        lines = linesUnder(self._fused, np.array(place, dtype=float), self._rigid)
        return lines[1] if lines else ""
