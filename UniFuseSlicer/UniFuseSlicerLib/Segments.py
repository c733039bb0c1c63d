"""Label maps of a segmentation node, with their place in the world."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import vtk
from slicer.i18n import tr as _

from .Errors import InputNodeError
from .Nodes import matrixArray, worldFromNode

BINARY, SURFACE = "Binary labelmap", "Closed surface"


class Layer(NamedTuple):
    """One label map; segments may share it.

    Attributes:
        key: equal for the same label map.
        image: `vtkOrientedImageData`; its extent need not start at 0.
        ijkToWorld: `(4, 4)` index (i, j, k, 1) → RAS mm.
    """

    key: str
    image: Any
    ijkToWorld: np.ndarray


def segmentsOf(node: Any) -> list[Any]:
    """Segments of a segmentation node, in their order."""
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]


def checkBinary(node: Any) -> None:
    """
    Raises:
        InputNodeError: a segmentation node whose segments are surfaces alone.
    """
    if segmentsOf(node) and not node.GetSegmentation().ContainsRepresentation(BINARY):
        raise InputNodeError(
            _(
                'The segmentation "{name}" has no binary label map. '
                "Create that representation in the module Segmentations."
            ).format(name=node.GetName())
        )


def layerOf(node: Any, segment: Any, without: Any = None) -> Layer:
    """The label map that holds a segment.

    Args:
        node: segmentation node.
        segment: of it, with a binary label map.
        without: a parent transform to leave out.

    Raises:
        InputNodeError: the parent transform is not linear.
    """
    image = segment.GetRepresentation(BINARY)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    place = worldFromNode(node, without) @ matrixArray(matrix)
    return Layer(image.GetAddressAsString(""), image, place)
