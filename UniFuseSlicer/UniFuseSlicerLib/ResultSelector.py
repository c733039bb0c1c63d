"""Above the card: which result is shown, a new one, its copy, its name, and its deletion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import slicer
from slicer.i18n import tr as _

from .Duplicate import duplicate
from .Hierarchy import folderOf, removeIfEmpty, renameFolder
from .Messages import Messages
from .Nodes import removeWithDisplay
from .Ownership import FusionNodes
from .Results import REPORT_ATTRIBUTE, isResult, nodesOf
from .Uncertainty import uncertaintyOf

# of a result, so seen with one alone
BUTTONS = ("newResultButton", "duplicateResultButton", "renameResultButton", "deleteResultButton")
VOLUME_CLASSES = ("vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode")


def unanswered(_question: str, _text: str) -> str:
    """Nobody is there to write a line of text."""
    return ""


class ResultSelector:
    """Lists the fused volumes of the scene; choosing one brings its whole result back.

    Args:
        ui: widgets by name.
        messages: of the panel.
        parameterNode: returns the current one.
        confirm: asks a question, True for yes.
        askText: (question, text) → a line of text, "" when the user cancels.
    """

    def __init__(
        self,
        ui: Any,
        messages: Messages,
        parameterNode: Callable[[], Any],
        confirm: Callable[[str], bool],
        askText: Callable[[str, str], str],
    ) -> None:
        self._ui = ui
        self._messages = messages
        self._parameterNode = parameterNode
        self._confirm = confirm
        self._askText = askText
        self._fused: Any = None
        for name in VOLUME_CLASSES:
            ui.resultSelector.addAttribute(name, REPORT_ATTRIBUTE)
        ui.resultSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onChosen)
        ui.newResultButton.connect("clicked(bool)", self.onNew)
        ui.duplicateResultButton.connect("clicked(bool)", self.onDuplicate)
        ui.renameResultButton.connect("clicked(bool)", self.onRename)
        ui.deleteResultButton.connect("clicked(bool)", self.onDelete)

    def follow(self, fused: Any) -> None:
        """What is chosen now.

        Args:
            fused: fused volume of a result, or anything else.
        """
        self._fused = fused if isResult(fused) else None
        ui = self._ui
        ui.resultSelector.setCurrentNode(self._fused)
        for name in BUTTONS:
            getattr(ui, name).setEnabled(self._fused is not None)
            getattr(ui, name).setVisible(self._fused is not None)

    def onChosen(self, node: Any) -> None:
        """None is what the list shows when nothing is chosen; it is not a choice of the user."""
        if node is not None and node is not self._fused and isResult(node):
            self._choose(node)

    def onNew(self) -> None:
        """The chosen result stays as it is; the next run makes nodes of its own."""
        self._choose(None)
        self._messages.show(_("The next Fuse makes a new result."))

    def onDuplicate(self) -> None:
        """All nodes of the result; the copy is chosen."""
        self._messages.attempt(self._duplicate)

    def onRename(self) -> None:
        """All nodes of the result."""
        name = self._askText(_("Name of this result:"), self._fused.GetName()).strip()
        if name:
            rename(nodesOf(self._fused), name)
            renameFolder(self._fused, name)

    def onDelete(self) -> None:
        """All nodes of the result, once the user has agreed; the volumes it was made of stay."""
        self._messages.attempt(self._delete)

    def _choose(self, fused: Any) -> None:
        """The other nodes of the result follow from it."""
        p = self._parameterNode()
        with slicer.util.NodeModify(p):
            p.setOutputs(FusionNodes(fused))

    def _duplicate(self) -> None:
        copy = duplicate(self._fused)
        self._choose(copy.fused)
        self._messages.show(_("Created: {names}").format(names=copy.fused.GetName()))

    def _delete(self) -> None:
        nodes = allOf(self._fused)
        if not self._confirm(deletionQuestion(nodes)):
            return
        scene, folder = self._fused.GetScene(), folderOf(self._fused)
        self._choose(None)
        for node in nodes:
            removeWithDisplay(node)
        removeIfEmpty(scene, folder)


def allOf(fused: Any) -> list[Any]:
    """Every node of a result, with its map of the uncertainty where there is one.

    Args:
        fused: fused volume of the result.
    """
    uncertainty = uncertaintyOf(fused)
    return [*nodesOf(fused).chosen(), *([] if uncertainty is None else [uncertainty])]


def rename(nodes: FusionNodes, name: str) -> None:
    """The fused volume gets the name, the others say what they are.

    Args:
        nodes: of one result.
        name: of the result.
    """
    names = (
        name,
        _("{name} restored").format(name=name),
        _("{name} deformation").format(name=name),
        _("{name} report").format(name=name),
    )
    for node, title in zip(nodes.all(), names, strict=True):
        if node is not None:
            node.SetName(title)


def deletionQuestion(nodes: Iterable[Any]) -> str:
    """What the panel asks before a result is deleted."""
    names = "\n".join(f'• "{node.GetName()}"' for node in nodes)
    return _(
        "Delete this result? The volumes that it was made of stay.\n\n{names}\n\n"
        "This cannot be undone."
    ).format(names=names)
