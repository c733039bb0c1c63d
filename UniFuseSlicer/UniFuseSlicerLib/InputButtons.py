"""Buttons that choose inputs: exchange them, load the sample, start from the middle, compare bodies
alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from .BodySegment import bodySegmentation
from .Errors import InputNodeError
from .Messages import Messages
from .Steering import centredStart


class InputButtons:
    """Writes into the parameter node.

    Args:
        ui: widgets by name.
        messages: of the panel.
        parameterNode: returns the current one.
        loadSample: returns the sample pair (degraded, reference).
    """

    def __init__(
        self,
        ui: Any,
        messages: Messages,
        parameterNode: Callable[[], Any],
        loadSample: Callable[[], tuple[Any, Any]],
    ) -> None:
        self._messages = messages
        self._parameterNode = parameterNode
        self._loadSample = loadSample
        ui.swapButton.connect("clicked(bool)", self.onSwap)
        ui.sampleButton.connect("clicked(bool)", self.onSample)
        ui.centerButton.connect("clicked(bool)", self.onCenter)
        ui.degradedBodyButton.connect("clicked(bool)", self.onDegradedBody)
        ui.referenceBodyButton.connect("clicked(bool)", self.onReferenceBody)

    def onSwap(self) -> None:
        """Volumes, modalities and masks change places; a start for the other direction is none."""
        p = self._parameterNode()
        with slicer.util.NodeModify(p):
            p.degraded, p.reference = p.reference, p.degraded
            p.degradedModality, p.referenceModality = p.referenceModality, p.degradedModality
            p.degradedMask, p.referenceMask = p.referenceMask, p.degradedMask
            p.initialTransform = None

    def onSample(self) -> None:
        self._messages.attempt(self._chooseSample)

    def onCenter(self) -> None:
        self._messages.attempt(self.startCentred)

    def onDegradedBody(self) -> None:
        self._messages.attempt(lambda: self._chooseBody("degraded"))

    def onReferenceBody(self) -> None:
        self._messages.attempt(lambda: self._chooseBody("reference"))

    def _chooseBody(self, role: str) -> None:
        """As the mask of a volume: its body, to be edited."""
        p = self._parameterNode()
        body = bodySegmentation(getattr(p, role), role, getattr(p, f"{role}Modality").value)
        setattr(p, f"{role}Mask", body)
        self._messages.show(
            _(
                '"{name}": only inside it is compared. Where it holds more than the patient, '
                "remove that in the module Segment Editor. Heads are aligned less well with it."
            ).format(name=body.GetName())
        )

    def _chooseSample(self) -> None:
        degraded, reference = self._loadSample()
        p = self._parameterNode()
        with slicer.util.NodeModify(p):
            p.degraded, p.reference = degraded, reference

    def startCentred(self) -> None:
        """A start that moves the middle of the degraded volume onto that of the reference.

        Raises:
            InputNodeError: a volume is missing, or under a non-linear transform.
        """
        p = self._parameterNode()
        if p.degraded is None or p.reference is None:
            raise InputNodeError(_("Select both volumes first."))
        p.initialTransform = centredStart(p.degraded, p.reference)
