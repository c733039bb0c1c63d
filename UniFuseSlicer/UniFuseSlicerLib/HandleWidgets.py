"""The button Handles beside the start of the alignment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from .BodySegment import hideBodies
from .Errors import InputNodeError
from .Handles import Handles, hideEditor, startByHandles
from .Layers import Layers
from .Messages import Messages
from .Nodes import checkInput
from .Steering import isOwnStart


class HandleWidgets:
    """Pressed, the slice views show handles; anything else that the views are wanted for ends them.

    Args:
        ui: widgets by name.
        messages: of the panel.
        layers: of the slice views.
        parameterNode: returns the current one.
        beforeShowing: called before the views change.
    """

    def __init__(
        self,
        ui: Any,
        messages: Messages,
        layers: Layers,
        parameterNode: Callable[[], Any],
        beforeShowing: Callable[[], None],
    ) -> None:
        self._ui = ui
        self._messages = messages
        self._parameterNode = parameterNode
        self._beforeShowing = beforeShowing
        self._handles = Handles(layers)
        ui.handlesButton.connect("clicked(bool)", self.onClicked)
        # before what compares: it remembers the views as they are without handles
        ui.compareComboBox.connect("currentIndexChanged(int)", self.release)

    def onClicked(self) -> None:
        """The first click shows them, the second one ends them and keeps the start."""
        if self._handles.nodes:
            self.release()
            return
        self._messages.attempt(self._show)
        self._ui.handlesButton.setChecked(bool(self._handles.nodes))

    def follow(self, parameterNode: Any, free: bool) -> None:
        """Other nodes may be chosen now, or a run has begun.

        Args:
            parameterNode: None while a scene is closed.
            free: no run fills nodes.
        """
        p, nodes = parameterNode, self._handles.nodes
        if not nodes:
            if p is not None and isOwnStart(p.initialTransform):
                hideEditor(p.initialTransform)
        elif p is None or not free or (p.degraded, p.reference, p.initialTransform) != nodes:
            self.release()

    def forget(self, node: Any) -> None:
        """A node is about to be deleted.

        Args:
            node: any.
        """
        if node in self._handles.nodes:
            self.release()

    def release(self) -> None:
        """The module is left, a run begins, a result is shown, the scene is closing."""
        self._handles.end()
        self._ui.handlesButton.setChecked(False)

    def _show(self) -> None:
        p = self._parameterNode()
        for role in ("degraded", "reference"):
            checkInput(getattr(p, role), role)
        if p.degraded is p.reference:
            raise InputNodeError(_("Select two different volumes first."))
        start = startByHandles(p.degraded, p.reference, p.initialTransform)
        self._beforeShowing()
        hideBodies((p.degradedMask, p.referenceMask))  # they stay where the volumes are
        p.initialTransform = start
        self._handles.show(p.degraded, p.reference, start)
        self._messages.show(
            _(
                "Drag the dot to shift and the ring to turn, in any slice view; then press Fuse. "
                "The volume itself is not moved."
            )
        )
