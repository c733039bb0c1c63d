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
    matrix = np.eye(4)
    matrix[:3, 3] = _middle(reference) - _middle(degraded)
    node.SetMatrixTransformToParent(vtkMatrix(matrix))
    node.SetNodeReferenceID(DEGRADED_ROLE, degraded.GetID())
    node.SetNodeReferenceID(REFERENCE_ROLE, reference.GetID())
    return node


def isStartOfOthers(start: Any, degraded: Any, reference: Any) -> bool:
    """Whether a start was centered for other volumes, which it would move out of sight.

    Args:
        start: transform node or None; one that the user made is never of others.
        degraded: chosen volume node or None.
        reference: chosen volume node or None.
    """
    if start is None or start.GetNodeReferenceID(DEGRADED_ROLE) is None:
        return False
    made = (start.GetNodeReference(DEGRADED_ROLE), start.GetNodeReference(REFERENCE_ROLE))
    return made[0] is not degraded or made[1] is not reference


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


def _middle(node: Any) -> np.ndarray:
    """`(3,)` RAS mm of the middle of the voxels."""
    last = np.array(node.GetImageData().GetDimensions()) - 1
    place = worldFromIjk(node)
    return np.asarray(place[:3, :3] @ (last / 2) + place[:3, 3])
