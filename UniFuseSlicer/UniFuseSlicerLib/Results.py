"""A result in the scene: which nodes, how they look, what they remember."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from .Hierarchy import placeTogether
from .Images import FusionImages, Image, contentWindow
from .Nodes import updateDeformation, updateVolume
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE, FusionNodes, contains, isFree, mark
from .Uncertainty import updateUncertainty
from .VolumeFacts import factsOf
from .Windows import Window, setWindow, usualWindow, windowOf

REPORT_ATTRIBUTE = "UniFuse.Report"
CLASS_ATTRIBUTE = "UniFuse.DegradationClass"
PROBABILITY_ATTRIBUTE = "UniFuse.DegradationProbability"
FUSED_AT_ATTRIBUTE = "UniFuse.FusedAt"  # local time, ISO 8601
SECONDS_ATTRIBUTE = "UniFuse.Seconds"  # from the click to the nodes
MAXIMUM_ATTRIBUTE = "UniFuse.MaximumInBodyMm"
DEFORMATION_ROLE = "unifuseDeformation"
RESTORED_ROLE = "unifuseRestored"
REPORT_ROLE = "unifuseReport"


def updateClassTable(node: Any, probabilities: Mapping[str, float]) -> None:
    """Two columns, `class` and `probability`, most probable first."""
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])
    table = vtk.vtkTable()
    names, values = vtk.vtkStringArray(), vtk.vtkDoubleArray()
    names.SetName("class")
    values.SetName("probability")
    for name, probability in ranked:
        names.InsertNextValue(name)
        values.InsertNextValue(float(probability))
    table.AddColumn(names)
    table.AddColumn(values)
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(True)


def updateNodes(
    images: FusionImages,
    degraded: Any,
    reference: Any,
    outputs: FusionNodes,
    overwriteNodes: Iterable[Any] = (),
) -> FusionNodes:
    """Show a result in the scene: fill the given nodes in place, make those that are missing.

    Args:
        images: what the tool computed.
        degraded: input node; left as it is.
        reference: input node; left as it is.
        outputs: nodes to reuse; None, a node of a wrong kind, or one that may not be written into
            gives a new one.
        overwriteNodes: outputs that are not ours and that the user agreed to lose.
    """
    nodes = _targets(images, degraded, reference, outputs, list(overwriteNodes))
    # the window first: otherwise Slicer would search every voxel for one
    _showLike(nodes.fused, reference, images.fused.array)
    _showRestored(nodes.restored, degraded, images)
    updateVolume(nodes.fused, images.fused)
    updateVolume(nodes.restored, images.restored)
    updateDeformation(nodes.deformation, images.deformation)
    updateClassTable(nodes.report, images.report.get("probabilities", {}))
    _copyUnits(nodes.restored, degraded)
    _link(nodes, degraded, reference, images.report)
    name = _("{degraded} uncertainty").format(degraded=degraded.GetName())
    mapped = updateUncertainty(nodes.fused, name, images.uncertainty)
    together = (*nodes.all(), *([mapped] if mapped is not None else []))
    placeTogether(together, reference, nodes.fused.GetName())
    return nodes


def nodesOf(fused: Any) -> FusionNodes:
    """The result that a fused volume belongs to; None for what is no longer in the scene."""
    return FusionNodes(
        fused,
        *(fused.GetNodeReference(role) for role in (RESTORED_ROLE, DEFORMATION_ROLE, REPORT_ROLE)),
    )


def isResult(fused: Any) -> bool:
    """Whether a node is the fused volume of a result whose deformation is still in the scene."""
    return fused is not None and fused.GetNodeReference(DEFORMATION_ROLE) is not None


def resultOfPair(degraded: Any, reference: Any) -> FusionNodes:
    """The newest result of two volumes that is in the scene; all None without one."""
    scene = reference.GetScene()
    count = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") if scene is not None else 0
    for index in reversed(range(count)):
        node = scene.GetNthNodeByClass(index, "vtkMRMLScalarVolumeNode")
        if isResult(node) and isFree(node, degraded, reference):
            return nodesOf(node)
    return FusionNodes()


def reportOf(fused: Any) -> dict[str, Any]:
    """The content of report.json that was stored with a fused volume ({} for another volume)."""
    return json.loads(fused.GetAttribute(REPORT_ATTRIBUTE) or "{}")


def _targets(
    images: FusionImages,
    degraded: Any,
    reference: Any,
    outputs: FusionNodes,
    confirmed: list[Any],
) -> FusionNodes:
    """The nodes to fill. Asked again here: what was free at the start may hold something by now."""
    scene = reference.GetScene()
    names = _outputNames(degraded, reference)

    def target(kind: str, className: str) -> Any:
        node = getattr(outputs, kind)
        fits = node is not None and node.GetScene() is scene and node.GetClassName() == className
        if fits and (contains(confirmed, node) or isFree(node, degraded, reference)):
            return node
        return scene.AddNewNodeByClass(className, scene.GenerateUniqueName(names[kind]))

    return FusionNodes(
        fused=target("fused", volumeClass(images.fused)),
        restored=target("restored", volumeClass(images.restored)),
        deformation=target("deformation", "vtkMRMLGridTransformNode"),
        report=target("report", "vtkMRMLTableNode"),
    )


def _outputNames(degraded: Any, reference: Any) -> dict[str, str]:
    names = {"degraded": degraded.GetName(), "reference": reference.GetName()}
    return {
        "fused": _("{degraded} on {reference} fused").format(**names),
        "restored": _("{degraded} restored").format(**names),
        "deformation": _("{degraded} to {reference}").format(**names),
        "report": _("{degraded} fusion report").format(**names),
    }


def volumeClass(image: Image) -> str:
    """Of a node that holds these voxels."""
    return "vtkMRMLScalarVolumeNode" if image.array.ndim == 3 else "vtkMRMLVectorVolumeNode"


def _showLike(node: Any, source: Any, array: np.ndarray) -> None:
    """Give a volume the colour table of its source and a window that shows its own content."""
    node.CreateDefaultDisplayNodes()
    display, like = node.GetDisplayNode(), source.GetDisplayNode()
    if display is None or array.ndim == 4:
        return
    if like is not None and like.GetColorNodeID() and like.IsA("vtkMRMLScalarVolumeDisplayNode"):
        display.SetAndObserveColorNodeID(like.GetColorNodeID())
    setWindow(node, Window(*contentWindow(array)))


def _showRestored(node: Any, degraded: Any, images: FusionImages) -> None:
    """In the unit of the degraded volume, so in its window: the reader's own, else the usual one.

    A result that is filled again keeps what the reader has set for it.
    """
    kept = windowOf(node)
    colour = node.GetDisplayNode().GetColorNodeID() if kept is not None else None
    array = images.restored.array
    _showLike(node, degraded, array)
    if array.ndim == 4:
        return
    facts = factsOf(degraded)
    modality = images.report.get("degraded_modality", facts.modality)
    setWindow(node, kept or windowOf(degraded) or usualWindow(array, modality, facts.unit))
    if colour:
        node.GetDisplayNode().SetAndObserveColorNodeID(colour)


def _copyUnits(node: Any, source: Any) -> None:
    """HU stays HU, SUV stays SUV."""
    if hasattr(source, "GetVoxelValueQuantity"):
        node.SetVoxelValueQuantity(source.GetVoxelValueQuantity())
        node.SetVoxelValueUnits(source.GetVoxelValueUnits())


def _link(nodes: FusionNodes, degraded: Any, reference: Any, report: Mapping[str, Any]) -> None:
    """Write down what came from what, so that a saved scene still knows."""
    roles = slicer.vtkMRMLTransformNode
    nodes.deformation.SetNodeReferenceID(roles.GetMovingNodeReferenceRole(), degraded.GetID())
    nodes.deformation.SetNodeReferenceID(roles.GetFixedNodeReferenceRole(), reference.GetID())
    for node in nodes.all():
        mark(node)
        node.SetNodeReferenceID(DEGRADED_ROLE, degraded.GetID())
        node.SetNodeReferenceID(REFERENCE_ROLE, reference.GetID())
    nodes.fused.SetNodeReferenceID(DEFORMATION_ROLE, nodes.deformation.GetID())
    nodes.fused.SetNodeReferenceID(RESTORED_ROLE, nodes.restored.GetID())
    nodes.fused.SetNodeReferenceID(REPORT_ROLE, nodes.report.GetID())
    maximum = report.get("displacement_mm", {}).get("max")
    nodes.deformation.SetAttribute(MAXIMUM_ATTRIBUTE, None if maximum is None else f"{maximum:.4f}")
    nodes.fused.SetAttribute(REPORT_ATTRIBUTE, json.dumps(_ofNodes(report, degraded, reference)))
    now = datetime.datetime.now().isoformat(timespec="seconds")
    nodes.fused.SetAttribute(FUSED_AT_ATTRIBUTE, now)
    nodes.fused.SetAttribute(SECONDS_ATTRIBUTE, None)
    label = report.get("class", "")
    nodes.fused.SetAttribute(CLASS_ATTRIBUTE, label)
    nodes.fused.SetAttribute(
        PROBABILITY_ATTRIBUTE, f"{report.get('probabilities', {}).get(label, 0.0):.4f}"
    )


def _ofNodes(report: Mapping[str, Any], degraded: Any, reference: Any) -> dict[str, Any]:
    """The report with names of nodes for the paths of files, which are gone by now."""
    inputs = {role: dict(found) for role, found in report.get("inputs", {}).items()}
    for role, node in (("degraded", degraded), ("reference", reference)):
        if inputs.get(role, {}).pop("path", None) is not None:
            inputs[role]["name"] = node.GetName()
    return {**report, "inputs": inputs} if inputs else dict(report)
