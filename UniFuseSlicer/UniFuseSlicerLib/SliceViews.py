"""Where the slice views look at a result: orientation, position and zoom come back with it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .Nodes import matrixArray, vtkMatrix
from .Ownership import REFERENCE_ROLE

VIEWS_ATTRIBUTE = "UniFuse.SliceViews"  # view's name → slice to RAS, field of view in mm


class SliceViews:
    """Remembers them in the fused volume, so that a saved scene still knows.

    Args:
        scene: whose slice views.
    """

    def __init__(self, scene: Any) -> None:
        self.scene = scene

    def keep(self, fused: Any) -> None:
        """As they are now, if they show the reference of this result.

        Args:
            fused: fused volume of a result.
        """
        reference = fused.GetNodeReferenceID(REFERENCE_ROLE)
        composites = self._nodes("vtkMRMLSliceCompositeNode")
        if not composites or any(c.GetBackgroundVolumeID() != reference for c in composites):
            return
        views = {view.GetName(): placeOf(view) for view in self._nodes("vtkMRMLSliceNode")}
        fused.SetAttribute(VIEWS_ATTRIBUTE, json.dumps(views))

    def bringBack(self, fused: Any) -> None:
        """As they were when the result was left; never kept, they stay as they are.

        Args:
            fused: fused volume of a result.
        """
        stored = json.loads(fused.GetAttribute(VIEWS_ATTRIBUTE) or "{}")
        for view in self._nodes("vtkMRMLSliceNode"):
            if view.GetName() in stored:
                place(view, stored[view.GetName()])

    def turnTo(self, volume: Any) -> None:
        """Along the axes of a volume, whose slices are then seen as they were acquired.

        Args:
            volume: volume node.
        """
        for view in self._nodes("vtkMRMLSliceNode"):
            view.RotateToVolumePlane(volume)

    def _nodes(self, className: str) -> list[Any]:
        count = self.scene.GetNumberOfNodesByClass(className)
        return [self.scene.GetNthNodeByClass(n, className) for n in range(count)]


def placeOf(view: Any) -> dict[str, list[float]]:
    """`toRas`: `(4, 4)` slice to RAS, flat; `mm`: width, height, depth of what is seen."""
    toRas = matrixArray(view.GetSliceToRAS())
    return {"toRas": toRas.ravel().tolist(), "mm": list(view.GetFieldOfView())}


def place(view: Any, where: dict[str, list[float]]) -> None:
    """Bring a view back; the height follows the window, which may have another shape by now.

    Args:
        view: slice node.
        where: what `placeOf` gave.
    """
    width, _, depth = where["mm"]
    columns, rows, _ = view.GetDimensions()
    height = width * rows / columns if columns else width
    view.GetSliceToRAS().DeepCopy(vtkMatrix(np.reshape(where["toRas"], (4, 4))))
    view.SetFieldOfView(width, height, depth)
    view.UpdateMatrices()
    view.Modified()
