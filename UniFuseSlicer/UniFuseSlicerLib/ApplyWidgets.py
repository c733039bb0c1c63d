"""The part of the panel that applies a result to other nodes."""

from __future__ import annotations

from typing import Any, get_args

from slicer.i18n import tr as _

from .Apply import applyTo, ofTheSameStudy
from .Direction import Destination
from .Errors import InputNodeError
from .Messages import Messages
from .Moved import OUTSIDE_ATTRIBUTE
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE
from .Results import isResult

DESTINATIONS: tuple[Destination, ...] = get_args(Destination)


class ApplyWidgets:
    """Ticks what belongs to the scan that is moved, and moves what is ticked.

    Args:
        ui: widgets by name.
        messages: of the panel.
    """

    def __init__(self, ui: Any, messages: Messages) -> None:
        self._ui = ui
        self._messages = messages
        self._fused: Any = None
        for title in (_("Degraded to reference"), _("Reference to degraded")):
            ui.applyDirectionComboBox.addItem(title)
        ui.applyDirectionComboBox.setCurrentIndex(0)
        ui.applyDirectionComboBox.connect("currentIndexChanged(int)", self.tickStudy)
        ui.applyButton.connect("clicked(bool)", self.onApply)

    @property
    def destination(self) -> Destination:
        return DESTINATIONS[self._ui.applyDirectionComboBox.currentIndex]

    def follow(self, fused: Any) -> None:
        """Another result is chosen, or none."""
        chosen = fused if isResult(fused) else None
        self._ui.applyButton.setEnabled(chosen is not None)
        if chosen is not self._fused:
            self._fused = chosen
            self.tickStudy()

    def tickStudy(self) -> None:
        """The nodes of the study that would be moved."""
        role = DEGRADED_ROLE if self.destination == "reference" else REFERENCE_ROLE
        source = self._fused.GetNodeReference(role) if self._fused is not None else None
        wanted = ofTheSameStudy(source) if source is not None else []
        for node in self._ui.applySelector.checkedNodes():
            self._ui.applySelector.uncheck(node)
        for node in wanted:
            self._ui.applySelector.check(node)

    def onApply(self) -> None:
        self._messages.attempt(self._apply)

    def _apply(self) -> None:
        nodes = list(self._ui.applySelector.checkedNodes())
        if not nodes:
            raise InputNodeError(_("Tick the nodes to move under Apply to other nodes > Nodes."))
        made = applyTo(self._fused, nodes, self.destination)
        names = ", ".join(node.GetName() for node in made)
        lines = [_("Created: {names}").format(names=names), *map(outsideSentence, made)]
        self._messages.show("\n".join(line for line in lines if line))


def outsideSentence(made: Any) -> str:
    """How many moved points lie where the deformation is not known; "" for none.

    Args:
        made: moved node.
    """
    count = int(made.GetAttribute(OUTSIDE_ATTRIBUTE) or 0)
    if not count:
        return ""
    return _(
        '{count} points of "{name}" lie outside the field of view of the reference; they moved '
        "as its border does. Check them."
    ).format(count=count, name=made.GetName())
