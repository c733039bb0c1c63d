"""Which nodes a run may write into: those that carry this module's mark, and those that the user
named. Another volume of the scene is never one of them, however it came to be chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from .Errors import InputNodeError

# references to the inputs are dropped when these are deleted; the mark stays
RESULT_ATTRIBUTE = "UniFuse.Result"
DEGRADED_ROLE = "unifuseDegraded"
REFERENCE_ROLE = "unifuseReference"
BODY_ROLE = "unifuseBodyOf"  # of a mask: the volume that it was made of
SEQUENCE_ATTRIBUTE = "UniFuse.Sequence"  # a sequence browser fills the node


@dataclass(frozen=True)
class FusionNodes:
    """The nodes of one result; as an argument, None means: make a new one."""

    fused: Any = None
    restored: Any = None
    deformation: Any = None
    report: Any = None

    def all(self) -> tuple[Any, Any, Any, Any]:
        return self.fused, self.restored, self.deformation, self.report

    def chosen(self) -> Iterator[Any]:
        """Those that are not None."""
        return (node for node in self.all() if node is not None)


def mark(node: Any) -> None:
    """Make a node one of ours: results, and nodes created by an output selector of the panel."""
    node.SetAttribute(RESULT_ATTRIBUTE, "1")


def isMarked(node: Any) -> bool:
    return node.GetAttribute(RESULT_ATTRIBUTE) is not None


def resultVolumeIds(scene: Any, chosen: Iterable[Any]) -> list[str]:
    """IDs of the volumes that are ours, without those that are chosen as inputs."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    nodes = (scene.GetNthNodeByClass(n, "vtkMRMLVolumeNode") for n in range(count))
    return [node.GetID() for node in nodes if isMarked(node) and not contains(chosen, node)]


def isFree(node: Any, degraded: Any, reference: Any) -> bool:
    """Whether a run on this pair may fill a node unasked: ours, and empty or made of this pair;
    never one that shows the frames of a sequence.
    """
    if node.GetAttribute(SEQUENCE_ATTRIBUTE) is not None:
        return False
    return isMarked(node) and (_isEmpty(node) or isMadeOf(node, degraded, reference))


def ofThisPair(outputs: FusionNodes, degraded: Any, reference: Any) -> FusionNodes:
    """The outputs without results of other volumes: a second patient never replaces the first.

    Nodes without our mark stay: whether they may be written into is a question to the user.
    """

    def kept(node: Any) -> Any:
        if node is None or not isMarked(node) or isFree(node, degraded, reference):
            return node
        return None

    return FusionNodes(*(kept(node) for node in outputs.all()))


def notMarked(outputs: FusionNodes) -> tuple[Any, ...]:
    """The outputs that are not ours, so that the user has to confirm each by its name."""
    return tuple(node for node in outputs.chosen() if not isMarked(node))


def checkDistinct(outputs: FusionNodes, degraded: Any, reference: Any) -> None:
    """Refuse one node in two places.

    Raises:
        InputNodeError: an output is an input, or two outputs are one node.
    """
    chosen = list(outputs.chosen())
    for n, node in enumerate(chosen):
        if node is degraded or node is reference:
            raise InputNodeError(
                _(
                    '"{name}" is used as an input and cannot also be an output. '
                    "Choose another node under Outputs, or None for a new one."
                ).format(name=node.GetName())
            )
        if contains(chosen[:n], node):
            raise InputNodeError(
                _(
                    '"{name}" is chosen for two outputs. '
                    "Choose another node under Outputs, or None for a new one."
                ).format(name=node.GetName())
            )


def checkOverwriting(
    outputs: FusionNodes, degraded: Any, reference: Any, overwriteNodes: Iterable[Any]
) -> None:
    """Refuse outputs whose content would be lost.

    Raises:
        InputNodeError: an output is not ours, or holds the result of other volumes, and is not
            among the `overwriteNodes` that the user has confirmed.
    """
    confirmed = list(overwriteNodes)
    for node in outputs.chosen():
        if contains(confirmed, node) or isFree(node, degraded, reference):
            continue
        raise InputNodeError(_lossSentence(node))


def contains(nodes: Iterable[Any], node: Any) -> bool:
    """By identity; nodes have no equality of their own."""
    return any(other is node for other in nodes)


def overwriteQuestion(nodes: Iterable[Any]) -> str:
    """What the panel asks before nodes that are not ours are written into."""
    names = "\n".join(f'• "{node.GetName()}"' for node in nodes)
    return _(
        "UniFuse did not create these nodes, and their content will be replaced:\n\n"
        "{names}\n\n"
        "This cannot be undone. Overwrite them? "
        "(To keep them, press Cancel and choose None under Outputs to create new nodes.)"
    ).format(names=names)


def _lossSentence(node: Any) -> str:
    if isMarked(node):
        sentence = _(
            '"{name}" holds the result of other volumes and would be overwritten. '
            "Pass None as the output to create a new node, or overwriteNodes=[node] to replace it."
        )
    else:
        sentence = _(
            '"{name}" was not created by UniFuse and would be overwritten. '
            "Pass None as the output to create a new node, or overwriteNodes=[node] to replace it."
        )
    return sentence.format(name=node.GetName())


def isMadeOf(node: Any, degraded: Any, reference: Any) -> bool:
    """Whether a node is of a result of this pair."""
    made = [node.GetNodeReferenceID(role) for role in (DEGRADED_ROLE, REFERENCE_ROLE)]
    return made == [degraded.GetID(), reference.GetID()]


def _isEmpty(node: Any) -> bool:
    """No voxels, no displacements, no columns: nothing that could be lost."""
    if node.IsA("vtkMRMLVolumeNode"):
        return node.GetImageData() is None
    if node.IsA("vtkMRMLTransformNode"):
        return _isEmptyGrid(node.GetTransformFromParent())
    return bool(node.IsA("vtkMRMLTableNode")) and node.GetNumberOfColumns() == 0


def _isEmptyGrid(transform: Any) -> bool:
    """A new `vtkMRMLGridTransformNode` holds a grid of one voxel; another kind of transform is
    content.
    """
    if transform is None:
        return True
    if not hasattr(transform, "GetDisplacementGrid"):
        return False
    grid = transform.GetDisplacementGrid()
    return grid is None or grid.GetNumberOfPoints() <= 1
