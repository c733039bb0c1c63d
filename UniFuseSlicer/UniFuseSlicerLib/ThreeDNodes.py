"""Helper nodes of a 3-D view: in no list, in no file, seen in that view alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from .BodyLines import LENGTH_MM
from .FieldScale import Scale, lengthColours
from .Images import Image
from .Nodes import removeWithDisplay, updateVolume

OUTLINE_COLOUR = (0.85, 0.8, 0.75)


class ThreeDNodes:
    """
    Args:
        scene: that holds them.
        view: 3-D view node.
        name: of all of them.
    """

    def __init__(self, scene: Any, view: Any, name: str) -> None:
        self._scene = scene
        self._view = view
        self._name = name
        self._nodes: list[Any] = []
        self._properties: list[Any] = []

    def addOutline(self, surface: Any, opacity: float) -> Any:
        """A surface to look through.

        Args:
            surface: `vtkPolyData`, RAS mm.
            opacity: 0 to 1.
        """
        display = slicer.vtkMRMLModelDisplayNode()
        display.SetColor(*OUTLINE_COLOUR)
        display.SetOpacity(opacity)
        display.SetBackfaceCulling(False)
        return self._addModel(surface, display)

    def addLengths(self, surface: Any, scale: Scale) -> Any:
        """Something colored by mm.

        Args:
            surface: `vtkPolyData`, RAS mm.
            scale: of the colours.
        """
        display = slicer.vtkMRMLModelDisplayNode()
        display.SetAndObserveColorNodeID(lengthColours(self._scene).GetID())
        display.SetActiveScalarName(LENGTH_MM)
        display.SetScalarRangeFlag(display.UseManualScalarRange)
        display.SetScalarRange(scale.low, scale.high)
        display.SetScalarVisibility(True)
        return self._addModel(surface, display)

    def addVolume(self, image: Image, kind: Any, paint: Callable[[Any], None]) -> Any:
        """Voxels in space; returns the node of their colours and opacities.

        Args:
            image: scalar voxels.
            kind: class of the volume rendering display node.
            paint: sets the colours; before the volume is in the scene, or a view that is drawn at
                once shows a black box.
        """
        volume, display = slicer.vtkMRMLScalarVolumeNode(), kind()
        colours = slicer.vtkMRMLVolumePropertyNode()
        self._hide(volume, display, colours)
        updateVolume(volume, image)
        paint(colours)
        self._scene.AddNode(colours)
        self._scene.AddNode(volume)
        self._properties.append(colours)
        self._nodes.append(volume)
        display.SetAndObserveVolumePropertyNodeID(colours.GetID())
        display.SetFollowVolumeDisplayNode(False)
        display.SetVisibility(True)
        self._scene.AddNode(display)
        volume.AddAndObserveDisplayNodeID(display.GetID())
        return colours

    def remove(self) -> None:
        """Take all out of the scene."""
        for node in self._nodes:
            if node.GetScene() is self._scene:
                removeWithDisplay(node)
        for node in self._properties:
            if node.GetScene() is self._scene:
                self._scene.RemoveNode(node)
        self._nodes, self._properties = [], []

    def _addModel(self, surface: Any, display: Any) -> Any:
        """Complete before it is in the scene, else views and lists would follow each step."""
        node = slicer.vtkMRMLModelNode()
        self._hide(node, display)
        display.SetVisibility2D(False)
        display.SetVisibility3D(True)
        self._scene.AddNode(display)
        node.SetAndObserveDisplayNodeID(display.GetID())
        node.SetAndObserveMesh(surface)
        self._scene.AddNode(node)
        self._nodes.append(node)
        return node

    def _hide(self, *nodes: Any) -> None:
        for node in nodes:
            node.SetName(self._name)
            node.SetSaveWithScene(False)
            node.SetHideFromEditors(True)
            if node.IsA("vtkMRMLDisplayNode"):
                node.AddViewNodeID(self._view.GetID())
