"""The result that a run has replaced, and the way back to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from .Hierarchy import placeBeside
from .Images import Image
from .Nodes import matrixOfVolume, updateVolume
from .Ownership import FusionNodes
from .Results import nodesOf
from .Uncertainty import uncertaintyOf, updateUncertainty
from .Windows import Window, setWindow, windowOf


@dataclass(frozen=True)
class Content:
    """What one node holds; voxels, displacements and tables are shared, not copied.

    Attributes:
        image: of a volume.
        window: of a volume, where one is set.
        transform: from parent, of a transform.
        table: of a table.
        attributes: name → text.
    """

    image: Image | None
    window: Window | None
    transform: Any
    table: Any
    attributes: dict[str, str]


def contentOf(node: Any) -> Content:
    """
    Args:
        node: of a result.
    """
    isVolume = node.IsA("vtkMRMLVolumeNode")
    names = list(node.GetAttributeNames())
    return Content(
        Image(node.GetImageData(), matrixOfVolume(node)) if isVolume else None,
        windowOf(node) if isVolume else None,
        node.GetTransformFromParent() if node.IsA("vtkMRMLTransformNode") else None,
        node.GetTable() if node.IsA("vtkMRMLTableNode") else None,
        {name: node.GetAttribute(name) for name in names},
    )


def fill(node: Any, content: Content) -> None:
    """
    Args:
        node: of the kind that the content is of.
        content: replaces what the node holds.
    """
    if content.image is not None:
        updateVolume(node, content.image)
        if content.window is not None:
            setWindow(node, content.window)
    if content.transform is not None:
        node.SetAndObserveTransformFromParent(content.transform)
    if content.table is not None:
        node.SetAndObserveTable(content.table)
    for name in set(node.GetAttributeNames()) - set(content.attributes):
        node.SetAttribute(name, None)
    for name, text in content.attributes.items():
        node.SetAttribute(name, text)


class Snapshot:
    """One result as it is now.

    Args:
        nodes: of the result.
    """

    def __init__(self, nodes: FusionNodes) -> None:
        self.nodes = nodes
        self._contents = [contentOf(node) for node in nodes.all()]
        mapped = uncertaintyOf(nodes.fused)
        self._uncertainty = None if mapped is None else contentOf(mapped).image
        self._uncertaintyName = "" if mapped is None else mapped.GetName()

    @property
    def isWhole(self) -> bool:
        """Whether all nodes are still in the scene."""
        return all(node.GetScene() is not None for node in self.nodes.all())

    def restore(self) -> None:
        """The nodes hold again what they held."""
        for node, content in zip(self.nodes.all(), self._contents, strict=True):
            fill(node, content)
        fused = self.nodes.fused
        mapped = updateUncertainty(fused, self._uncertaintyName, self._uncertainty)
        if mapped is not None:
            placeBeside(mapped, fused)


class UndoButton:
    """Seen above the card of a result that replaced an earlier one; pressed again, it goes forward.

    Args:
        ui: widgets by name.
        show: shows a result whose nodes were filled.
    """

    def __init__(self, ui: Any, show: Callable[[FusionNodes], None]) -> None:
        self._ui = ui
        self._show = show
        self._before: Snapshot | None = None
        self._offered: Snapshot | None = None
        self._back = True
        ui.undoButton.connect("clicked(bool)", self.onUndo)
        self.follow(None, free=False)

    def onStart(self, outputs: FusionNodes) -> None:
        """A run starts.

        Args:
            outputs: nodes that it will fill; those of an earlier result are remembered.
        """
        fused = outputs.fused
        whole = fused is not None and nodesOf(fused) == outputs and None not in outputs.all()
        self._before = Snapshot(outputs) if whole and fused.GetImageData() is not None else None

    def onEnd(self, filled: FusionNodes | None) -> None:
        """A run has ended.

        Args:
            filled: nodes that it has filled; None: it has changed nothing.
        """
        before, self._before = self._before, None
        if filled is None:
            return
        self._offered = before if before is not None and before.nodes == filled else None
        self._back = True

    def onUndo(self) -> None:
        if self._offered is None or not self._offered.isWhole:
            return
        offered = self._offered
        self._offered = Snapshot(offered.nodes)
        self._back = not self._back
        offered.restore()
        self._show(offered.nodes)
        self.follow(offered.nodes.fused, free=True)

    def clear(self) -> None:
        """The scene is closed."""
        self._before = self._offered = None

    def follow(self, fused: Any, *, free: bool) -> None:
        """
        Args:
            fused: fused volume of the chosen result, or None.
            free: no run is filling nodes.
        """
        offered = self._offered
        seen = offered is not None and offered.nodes.fused is fused and offered.isWhole and free
        text = _("Undo") if self._back else _("Redo")
        self._ui.undoButton.setText(text)
        self._ui.undoButton.setVisible(seen)
