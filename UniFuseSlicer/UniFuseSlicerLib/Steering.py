"""A start for volumes that lie far apart: the middle of one on the middle of the other; what was
made for other volumes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from slicer.i18n import tr as _

from .BodySegment import isBodyOfOthers
from .Nodes import vtkMatrix, worldFromIjk
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE


def centredStart(degraded: Any, reference: Any) -> Any:
    """A new linear transform node that moves the degraded volume onto the reference's middle.

    The volume itself is not put under it; choose it as the start of a run.

    Args:
        degraded: volume node with voxels.
        reference: volume node with voxels.

    Raises:
        InputNodeError: a volume under a non-linear transform.
    """
    scene = reference.GetScene()
    name = _("{degraded} centered on {reference}").format(
        degraded=degraded.GetName(), reference=reference.GetName()
    )
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", scene.GenerateUniqueName(name))
    node.SetMatrixTransformToParent(vtkMatrix(shiftOnto(degraded, reference)))
    markStart(node, degraded, reference)
    return node


def shiftOnto(degraded: Any, reference: Any) -> np.ndarray:
    """`(4, 4)` RAS mm: the middle of the degraded volume onto that of the reference.

    Args:
        degraded: volume node with voxels.
        reference: volume node with voxels.
    """
    matrix = np.eye(4)
    matrix[:3, 3] = middleOf(reference) - middleOf(degraded)
    return matrix


def middleOf(node: Any) -> np.ndarray:
    """`(3,)` RAS mm of the middle of the voxels of a volume node."""
    last = np.array(node.GetImageData().GetDimensions()) - 1
    place = worldFromIjk(node)
    return np.asarray(place[:3, :3] @ (last / 2) + place[:3, 3])


def markStart(start: Any, degraded: Any, reference: Any) -> None:
    """As made by this module for two volumes.

    Args:
        start: transform node.
        degraded: volume node.
        reference: volume node.
    """
    start.SetNodeReferenceID(DEGRADED_ROLE, degraded.GetID())
    start.SetNodeReferenceID(REFERENCE_ROLE, reference.GetID())


def isOwnStart(start: Any) -> bool:
    """Whether this module made a start.

    Args:
        start: transform node or None.
    """
    return start is not None and start.GetNodeReferenceID(DEGRADED_ROLE) is not None


def isStartOf(start: Any, degraded: Any, reference: Any) -> bool:
    """Whether this module made a start for two volumes.

    Args:
        start: transform node or None.
        degraded: chosen volume node or None.
        reference: chosen volume node or None.
    """
    if not isOwnStart(start):
        return False
    made = (start.GetNodeReference(DEGRADED_ROLE), start.GetNodeReference(REFERENCE_ROLE))
    return made[0] is degraded and made[1] is reference


def isStartOfOthers(start: Any, degraded: Any, reference: Any) -> bool:
    """Whether a start was made for other volumes, which it would move out of sight.

    Args:
        start: transform node or None; one that the user made is never of others.
        degraded: chosen volume node or None.
        reference: chosen volume node or None.
    """
    return isOwnStart(start) and not isStartOf(start, degraded, reference)


def guidanceOfOthers(parameterNode: Any) -> list[str]:
    """Members that hold a start or a mask which this module made for other volumes.

    Args:
        parameterNode: with the choices of the panel.
    """
    p = parameterNode
    foreign = {
        "initialTransform": isStartOfOthers(p.initialTransform, p.degraded, p.reference),
        "degradedMask": isBodyOfOthers(p.degradedMask, p.degraded),
        "referenceMask": isBodyOfOthers(p.referenceMask, p.reference),
    }
    return [name for name, isForeign in foreign.items() if isForeign]
