"""Tells when a chosen volume changes: its voxels, its place, or the transform that it is under."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin


class NodeWatch(VTKObservationMixin):
    """Observes the nodes that it was given last.

    Args:
        onChanged: called after every change of one of them.
    """

    def __init__(self, onChanged: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._onChanged = onChanged
        self._nodes: tuple[Any, ...] = ()

    def follow(self, nodes: Sequence[Any]) -> None:
        """Watch these nodes and no others; None among them is left out."""
        wanted = tuple(node for node in nodes if node is not None)
        if wanted == self._nodes:
            return
        self.removeObservers()
        self._nodes = wanted
        for node in wanted:
            for event in (
                vtk.vtkCommand.ModifiedEvent,
                slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
                slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,
            ):
                if not self.hasObserver(node, event, self._changed):
                    self.addObserver(node, event, self._changed)

    def _changed(self, _caller: Any, _event: Any) -> None:
        self._onChanged()
