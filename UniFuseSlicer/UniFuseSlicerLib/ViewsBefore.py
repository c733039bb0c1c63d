"""Layout, layers, linking and places of the slice views at one moment, to come back to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .SliceViews import place, placeOf


@dataclass(frozen=True)
class LayersOfView:
    """What one slice view shows, as its composite node keeps it.

    Attributes:
        background, foreground: IDs of volumes; None shows none.
        opacity: 0..1 of the foreground.
        linked, hotLinked: whether other views follow it, and while the mouse moves.
    """

    background: str | None
    foreground: str | None
    opacity: float
    linked: bool
    hotLinked: bool

    @classmethod
    def of(cls, composite: Any) -> LayersOfView:
        return cls(
            composite.GetBackgroundVolumeID(),
            composite.GetForegroundVolumeID(),
            composite.GetForegroundOpacity(),
            bool(composite.GetLinkedControl()),
            bool(composite.GetHotLinkedControl()),
        )

    def bringBack(self, composite: Any) -> None:
        composite.SetBackgroundVolumeID(self.background)
        composite.SetForegroundVolumeID(self.foreground)
        composite.SetForegroundOpacity(self.opacity)
        composite.SetHotLinkedControl(self.hotLinked)
        composite.SetLinkedControl(self.linked)


class ViewsBefore:
    """Remembers them when made.

    Args:
        scene: whose slice views.
        layOut: called when the layout has changed.
    """

    def __init__(self, scene: Any, layOut: Callable[[], None]) -> None:
        self._scene = scene
        self._layOut = layOut
        layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        self._arrangement = layout.GetViewArrangement() if layout is not None else None
        self._layers = {node.GetID(): LayersOfView.of(node) for node in compositesOf(scene)}
        self._places = {node.GetID(): placeOf(node) for node in sliceNodesOf(scene)}

    def bringBack(self) -> None:
        """As they were; views that came into being since stay."""
        for composite in self._those(self._layers):
            composite.SetLinkedControl(False)  # else one view moves the others
        layout = self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        if layout is not None and layout.GetViewArrangement() != self._arrangement:
            layout.SetViewArrangement(self._arrangement)
            self._layOut()
        for view in self._those(self._places):
            place(view, self._places[view.GetID()])
        for composite in self._those(self._layers):
            self._layers[composite.GetID()].bringBack(composite)

    def _those(self, idents: Iterable[str]) -> list[Any]:
        """That still exist."""
        nodes = (self._scene.GetNodeByID(ident) for ident in idents)
        return [node for node in nodes if node is not None]


def compositesOf(scene: Any) -> list[Any]:
    """Composite nodes of all slice views."""
    return _nodes(scene, "vtkMRMLSliceCompositeNode")


def sliceNodesOf(scene: Any) -> list[Any]:
    """Slice nodes of all slice views."""
    return _nodes(scene, "vtkMRMLSliceNode")


def _nodes(scene: Any, className: str) -> list[Any]:
    count = scene.GetNumberOfNodesByClass(className)
    return [scene.GetNthNodeByClass(n, className) for n in range(count)]
