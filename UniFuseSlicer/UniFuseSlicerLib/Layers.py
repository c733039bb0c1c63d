"""Which volumes the slice views show: the reference below, one other above, with opacity and
flicker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .Legends import redrawLegends
from .Process import ignore


def keepSizes() -> None:
    """Of views without a window."""


class Layers:
    """Foreground and background of all slice views of a scene; zoom and position stay as the user
    left them.

    Args:
        fit: called with the background when the views showed nothing of this data before.
        layOut: called when the layout has changed, so that its views get their size.
    """

    def __init__(
        self,
        scene: Any,
        fit: Callable[[Any], None] = ignore,
        layOut: Callable[[], None] = keepSizes,
    ) -> None:
        self.scene = scene
        self.fit = fit
        self.layOut = layOut
        self._opacity = 1.0

    def show(self, background: Any, foreground: Any, opacity: float) -> None:
        """Set both layers in every slice view."""
        known = {background.GetID(), foreground.GetID() if foreground else None}
        fresh = all(view.GetBackgroundVolumeID() not in known for view in self._views())
        for view in self._views():
            view.SetBackgroundVolumeID(background.GetID())
            view.SetForegroundVolumeID(foreground.GetID() if foreground else None)
        redrawLegends(self.scene)
        self.setOpacity(opacity)
        if fresh:
            self.fit(background)

    def follow(self, opacity: float) -> None:
        """Take an opacity as set already."""
        self._opacity = opacity

    def setOpacity(self, opacity: float) -> None:
        """0: only the background, 1: only the foreground."""
        self._opacity = opacity
        for view in self._views():
            view.SetForegroundOpacity(opacity)

    def flicker(self) -> None:
        """Swap between the two layers; called by a timer."""
        views = self._views()
        shown = bool(views) and views[0].GetForegroundOpacity() > 0
        for view in views:
            view.SetForegroundOpacity(0.0 if shown else max(self._opacity, 0.01))

    def hideForeground(self) -> None:
        """Only the background, until the flicker goes on or ends."""
        for view in self._views():
            view.SetForegroundOpacity(0.0)

    def endFlicker(self) -> None:
        """As it was before."""
        self.setOpacity(self._opacity)

    def _views(self) -> list[Any]:
        count = self.scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")
        return [self.scene.GetNthNodeByClass(i, "vtkMRMLSliceCompositeNode") for i in range(count)]
