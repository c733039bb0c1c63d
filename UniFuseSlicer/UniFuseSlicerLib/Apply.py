"""Apply to…: what belongs to one scan of a result, at the places of the other, in new nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import slicer
from slicer.i18n import tr as _

from .Direction import Destination, Direction, checkResult, directionOf
from .Errors import InputNodeError
from .Hierarchy import placeBeside
from .Moved import movedMarkups, movedModel, movedSegmentation, movedVolume
from .Nodes import removeWithDisplay
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE, isMarked, mark
from .Results import reportOf
from .Words import nameSentence

SOURCE_ROLE = "unifuseMovedFrom"
DEFORMATION_OF_ROLE = "unifuseMovedBy"
DESTINATION_ATTRIBUTE = "UniFuse.MovedTo"
# class → what moves it; derived classes before their base
_KINDS: tuple[tuple[str, Callable[[Any, Direction, str], Any]], ...] = (
    ("vtkMRMLVolumeNode", movedVolume),
    ("vtkMRMLSegmentationNode", movedSegmentation),
    ("vtkMRMLMarkupsNode", movedMarkups),
    ("vtkMRMLModelNode", movedModel),
)
VOLUMES = ("vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode", "vtkMRMLLabelMapVolumeNode")


def applyTo(fused: Any, nodes: Sequence[Any], to: Destination = "reference") -> list[Any]:
    """Nodes of one scan at the places of the other scan of a result.

    Volumes and label maps come onto the voxels of the target: linear, labels by the nearest voxel,
    air of the modality outside. Points and surfaces go where the same anatomy is.

    Args:
        fused: fused volume of the result.
        nodes: volumes, label maps, segmentations, markups or models; they are left as they are.
        to: the scan whose places are wanted; `nodes` belong to the other one.

    Returns:
        New nodes, in the order of `nodes`.

    Raises:
        FusionError: a node that cannot be moved; no node is made then.
    """
    checkResult(fused, to)
    for node in nodes:
        checkMovable(node, fused, to)
    direction = directionOf(fused, to)
    modality = reportOf(fused).get(
        "degraded_modality" if to == "reference" else "reference_modality", ""
    )
    made: list[Any] = []
    try:
        for node in nodes:
            made.append(_moved(node, direction, modality))
    except Exception:
        for node in made:
            removeWithDisplay(node)
        raise
    return made


def checkMovable(node: Any, fused: Any, to: Destination) -> None:
    """Refuse, with the reason, what cannot be moved.

    Args:
        node: that is to be moved.
        fused: of the result.
        to: whose places are wanted.

    Raises:
        InputNodeError: no node, of another kind, empty, already there, or a result of this module.
    """
    if isinstance(node, str):
        raise InputNodeError(nameSentence(node))
    if _mover(node) is None:
        raise InputNodeError(
            _(
                'Expected a volume, label map, segmentation, markups or model, got "{name}". '
                "Choose another node; from a sequence, choose its current frame."
            ).format(name=_("none") if node is None else node.GetName())
        )
    _checkContent(node)
    target = fused.GetNodeReference(REFERENCE_ROLE if to == "reference" else DEGRADED_ROLE)
    if node is target:
        raise InputNodeError(
            _('"{name}" is the {to} volume itself. Choose nodes of the other scan.').format(
                name=node.GetName(), to=to
            )
        )
    if isMarked(node):
        raise InputNodeError(
            _(
                '"{name}" is a result of UniFuse, so it was moved already. '
                "Choose the node that it was made from."
            ).format(name=node.GetName())
        )


def ofTheSameStudy(node: Any) -> list[Any]:
    """What can be moved and lies in the study of a volume in the subject hierarchy, or was drawn on
    that volume; without the volume itself, and without results.
    """
    scene = node.GetScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    found = []
    for index in range(scene.GetNumberOfNodes()):
        other = scene.GetNthNode(index)
        if other is node or _mover(other) is None or isMarked(other) or other.GetHideFromEditors():
            continue
        if _isDrawnOn(other, node) or _sharesStudy(hierarchy, other, node):
            found.append(other)
    return found


def _moved(node: Any, direction: Direction, modality: str) -> Any:
    mover = _mover(node)
    if mover is None:
        raise InputNodeError(_("A node was deleted meanwhile. Choose again."))
    made = mover(node, direction, modality)
    mark(made)
    made.SetAttribute(DESTINATION_ATTRIBUTE, direction.to)
    made.SetNodeReferenceID(SOURCE_ROLE, node.GetID())
    made.SetNodeReferenceID(DEFORMATION_OF_ROLE, direction.deformation.GetID())
    placeBeside(made, direction.target)
    return made


def _mover(node: Any) -> Callable[[Any, Direction, str], Any] | None:
    if node is None or not hasattr(node, "IsA"):
        return None
    if node.IsA("vtkMRMLVolumeNode") and node.GetClassName() not in VOLUMES:
        return None
    return next((mover for kind, mover in _KINDS if node.IsA(kind)), None)


def _checkContent(node: Any) -> None:
    empty = {
        "vtkMRMLVolumeNode": lambda: node.GetImageData() is None,
        "vtkMRMLSegmentationNode": lambda: node.GetSegmentation().GetNumberOfSegments() == 0,
        "vtkMRMLMarkupsNode": lambda: node.GetNumberOfControlPoints() == 0,
        "vtkMRMLModelNode": lambda: node.GetMesh() is None,
    }
    if any(node.IsA(kind) and isEmpty() for kind, isEmpty in empty.items()):
        raise InputNodeError(
            _('"{name}" is empty. Choose another node.').format(name=node.GetName())
        )


def _isDrawnOn(node: Any, volume: Any) -> bool:
    """A segmentation whose geometry is that of the volume."""
    if not node.IsA("vtkMRMLSegmentationNode"):
        return False
    return node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume


def _sharesStudy(hierarchy: Any, node: Any, volume: Any) -> bool:
    study = _study(hierarchy, volume)
    return bool(study) and study == _study(hierarchy, node)


def _study(hierarchy: Any, node: Any) -> int:
    """Item of the study in the subject hierarchy; 0: none."""
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    level = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelStudy()
    return hierarchy.GetItemAncestorAtLevel(item, level) if item else 0
