"""A start set by handles: the reader drags the degraded volume onto the reference.

What is dragged is a copy that lies under the start; the volume itself stays where it is, so that
nothing has to be taken back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from slicer.i18n import tr as _

from .Compare import showOver
from .Layers import Layers
from .Legends import redrawLegends
from .Nodes import copyVolume, matrixArray, vtkMatrix, worldFromIjk
from .Retry import areApart
from .Steering import isStartOf, markStart, middleOf, shiftOnto
from .ViewsBefore import ViewsBefore, compositesOf, sliceNodesOf

OPACITY = 0.5  # both are seen
# Slicer's own tables: grey over grey would not show which of the two moves
GREY, TINT = "vtkMRMLColorTableNodeGrey", "vtkMRMLColorTableNodeWarmShade2"


class Handles:
    """One start with its handles in the slice views, until it is ended.

    Args:
        layers: of the slice views.
    """

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._scene = layers.scene
        self._before: ViewsBefore | None = None
        self._start: Any = None
        self._copy: Any = None
        self._nodes: tuple[Any, ...] = ()

    @property
    def nodes(self) -> tuple[Any, ...]:
        """(degraded, reference, start) while handles are seen, else empty."""
        return self._nodes

    def show(self, degraded: Any, reference: Any, start: Any) -> None:
        """
        Args:
            degraded: volume node.
            reference: volume node.
            start: linear transform node of this module.

        Raises:
            InputNodeError: the degraded volume is under a non-linear transform.
        """
        self.end()
        place = worldFromIjk(degraded)
        self._before = ViewsBefore(self._scene, self._layers.layOut)
        self._nodes, self._start = (degraded, reference, start), start
        self._copy = self._copied(degraded, place, start)
        middle = middleOf(degraded)
        start.SetCenterOfTransformation(*middle)
        self._blend(reference)
        moved = _toWorld(start) @ np.append(middle, 1.0)
        for view in sliceNodesOf(self._scene):
            view.JumpSliceByOffsetting(*moved[:3])
        _showEditor(start)

    def end(self) -> None:
        """The start stays; handles and copy go, and the views are as they were before."""
        before, start, copy = self._before, self._start, self._copy
        self._before = self._start = self._copy = None
        self._nodes = ()
        hideEditor(start)
        if before is not None:
            before.bringBack()
        if copy is not None and copy.GetScene() is self._scene:
            display = copy.GetDisplayNode()
            self._scene.RemoveNode(copy)
            self._scene.RemoveNode(display)
        if before is not None:
            redrawLegends(self._scene)

    def _blend(self, reference: Any) -> None:
        """The copy half transparent over the reference in all views."""
        composites = compositesOf(self._scene)
        isNew = all(view.GetBackgroundVolumeID() != reference.GetID() for view in composites)
        for composite in composites:
            showOver(composite, reference, self._copy, OPACITY)
        redrawLegends(self._scene)
        if isNew:
            self._layers.fit(reference)

    def _copied(self, degraded: Any, place: np.ndarray, start: Any) -> Any:
        """Voxels are shared; no selector offers it and no scene file holds it."""
        name = _("{name} (by handles)").format(name=degraded.GetName())
        copy = self._scene.AddNewNodeByClass(degraded.GetClassName(), name)
        copyVolume(degraded, copy, place)
        copy.CreateDefaultDisplayNodes()
        display = copy.GetDisplayNode()
        if degraded.GetDisplayNode() is not None:
            display.CopyContent(degraded.GetDisplayNode())
        if display.GetColorNodeID() == GREY and self._scene.GetNodeByID(TINT) is not None:
            display.SetAndObserveColorNodeID(TINT)
        for node in (copy, display):
            node.SetSaveWithScene(False)
            node.SetHideFromEditors(True)
        copy.SetAndObserveTransformNodeID(start.GetID())
        return copy


def startByHandles(degraded: Any, reference: Any, chosen: Any) -> Any:
    """The start that handles may move: the chosen one if this module made it for these volumes,
    else a new linear transform node that begins where the chosen one is.

    Without one it begins where the volumes lie, or where they do not overlap with the middle of one
    on the middle of the other.

    Args:
        degraded: volume node with voxels.
        reference: volume node with voxels.
        chosen: linear transform node or None.

    Raises:
        InputNodeError: a volume under a non-linear transform.
    """
    if isStartOf(chosen, degraded, reference):
        return chosen
    matrix = np.eye(4)
    if chosen is not None and not _isAbove(chosen, degraded):
        matrix = _toWorld(chosen)
    elif areApart(degraded, reference):
        matrix = shiftOnto(degraded, reference)
    scene = reference.GetScene()
    name = _("{degraded} moved onto {reference}").format(
        degraded=degraded.GetName(), reference=reference.GetName()
    )
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", scene.GenerateUniqueName(name))
    node.SetMatrixTransformToParent(vtkMatrix(matrix))
    markStart(node, degraded, reference)
    return node


def hideEditor(start: Any) -> None:
    """No handles, also none that a saved scene brought with it.

    Args:
        start: transform node or None.
    """
    display = None if start is None else start.GetDisplayNode()
    if display is not None and display.GetEditorVisibility():
        display.SetEditorVisibility(False)


def _showEditor(start: Any) -> None:
    """A dot and a ring in the slice views; a patient is not scaled."""
    if start.GetDisplayNode() is None:
        start.CreateDefaultDisplayNodes()
    display = start.GetDisplayNode()
    display.SetVisibility(False)  # of a grid of the transform
    display.SetEditorTranslationSliceEnabled(True)
    display.SetEditorRotationSliceEnabled(True)
    display.SetEditorScalingSliceEnabled(False)
    display.SetEditorScalingEnabled(False)
    if hasattr(display, "SetEditorVisibility3D"):  # not in 5.10
        display.SetEditorVisibility3D(False)  # nothing of the volumes is seen there
    display.SetEditorSliceIntersectionVisibility(True)
    display.SetEditorVisibility(True)


def _toWorld(transform: Any) -> np.ndarray:
    """`(4, 4)` of a linear transform node with its parents."""
    matrix = vtkMatrix(np.eye(4))
    transform.GetMatrixTransformToWorld(matrix)
    return matrixArray(matrix)


def _isAbove(transform: Any, node: Any) -> bool:
    """Whether a node lies under a transform, which then counts already."""
    parent = node.GetParentTransformNode()
    while parent is not None and parent is not transform:
        parent = parent.GetParentTransformNode()
    return parent is not None
