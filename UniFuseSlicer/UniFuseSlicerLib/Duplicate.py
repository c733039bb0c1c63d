"""A second copy of a result, so that the first stays as it is when *Fuse* fills the chosen one."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from .Hierarchy import placeTogether
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE, SEQUENCE_ATTRIBUTE, FusionNodes
from .Results import DEFORMATION_ROLE, REPORT_ROLE, RESTORED_ROLE, nodesOf
from .Uncertainty import UNCERTAINTY_ROLE, uncertaintyOf


def duplicate(fused: Any) -> FusionNodes:
    """Copies of all nodes of a result, in a folder of their own, with its report and card.

    Of a frame of a sequence the copy keeps what the frame shows now.

    Args:
        fused: fused volume of the result.
    """
    nodes = nodesOf(fused)
    copies = FusionNodes(*(None if node is None else _copied(node) for node in nodes.all()))
    mapped = uncertaintyOf(fused)
    uncertainty = None if mapped is None else _copied(mapped)
    roles = {
        RESTORED_ROLE: copies.restored,
        DEFORMATION_ROLE: copies.deformation,
        REPORT_ROLE: copies.report,
        UNCERTAINTY_ROLE: uncertainty,
    }
    for role, node in roles.items():
        copies.fused.SetNodeReferenceID(role, None if node is None else node.GetID())
    together = [*copies.chosen(), *([] if uncertainty is None else [uncertainty])]
    beside = fused.GetNodeReference(REFERENCE_ROLE) or fused
    placeTogether(together, beside, copies.fused.GetName())
    return copies


def _copied(node: Any) -> Any:
    """Voxels, displacements and tables are copied as well: what is done to one leaves the other."""
    scene = node.GetScene()
    name = scene.GenerateUniqueName(_("{name} copy").format(name=node.GetName()))
    copy = scene.AddNewNodeByClass(node.GetClassName(), name)
    copy.CopyContent(node, True)
    for attribute in node.GetAttributeNames():
        copy.SetAttribute(attribute, node.GetAttribute(attribute))
    copy.SetAttribute(SEQUENCE_ATTRIBUTE, None)
    transform = slicer.vtkMRMLTransformNode
    between = (transform.GetMovingNodeReferenceRole(), transform.GetFixedNodeReferenceRole())
    for role in (DEGRADED_ROLE, REFERENCE_ROLE, *between):
        referred = node.GetNodeReferenceID(role)
        if referred is not None:
            copy.SetNodeReferenceID(role, referred)
    if node.IsA("vtkMRMLVolumeNode"):
        copy.SetAndObserveTransformNodeID(node.GetTransformNodeID())
        _copyDisplay(node, copy)
    return copy


def _copyDisplay(node: Any, copy: Any) -> None:
    """Window and colors; of a volume that is not shown there are none."""
    if node.GetDisplayNode() is not None:
        copy.CreateDefaultDisplayNodes()
        copy.GetDisplayNode().CopyContent(node.GetDisplayNode())
