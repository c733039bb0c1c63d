"""New nodes with the content of others at the places of the other scan; one function per kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _
from vtk.util.numpy_support import vtk_to_numpy

from .Body import transformed
from .Direction import Direction
from .Errors import FusionError
from .Images import Image
from .Nodes import imageFromNode, updateVolume, vtkMatrix, worldFromIjk, worldFromNode
from .Resample import resampled
from .Segments import BINARY, SURFACE, layerOf, segmentsOf
from .VolumeFacts import factsOf

# air, as UniFuseLib/preprocessing/intensity.py has it (a test compares them)
BACKGROUND_CT, NOISE_BELOW_ZERO, AIR_PERCENTILE = -1024.0, 0.02, 0.5
HOUNSFIELD_BELOW = -200.0  # no MR or PET volume has values there; CT has air or fat
OUTSIDE_ATTRIBUTE = "UniFuse.PointsOutside"  # of the field of view of the reference
RIGID_MARKUPS = ("vtkMRMLMarkupsROINode", "vtkMRMLMarkupsPlaneNode")
_NAMED = 5  # points that a message names


def movedVolume(node: Any, direction: Direction, modality: str) -> Any:
    """A scalar, colour or label map volume on the voxels of the target, in its own type and unit.

    Args:
        node: volume node.
        direction: of the result.
        modality: of the scan that the volume belongs to, where the node does not state its own.
    """
    labels = node.IsA("vtkMRMLLabelMapVolumeNode")
    place = worldFromIjk(node, without=direction.deformation)
    data = resampled(
        node.GetImageData(),
        place,
        direction.grid,
        direction.reading,
        "nearest" if labels else "linear",
        0.0 if labels else backgroundOf(node, modality),
    )
    made = _new(node, direction)
    updateVolume(made, Image(data, direction.grid.ijkToWorld))
    _showLike(made, node)
    if hasattr(node, "GetVoxelValueQuantity"):
        made.SetVoxelValueQuantity(node.GetVoxelValueQuantity())
        made.SetVoxelValueUnits(node.GetVoxelValueUnits())
    return made


def movedSegmentation(node: Any, direction: Direction, _modality: str) -> Any:
    """Every segment: label maps on the voxels of the target, surfaces point by point."""
    source = node.GetSegmentation()
    kind = source.GetSourceRepresentationName()
    if kind not in (BINARY, SURFACE):
        raise FusionError(
            _(
                'The segmentation "{name}" is stored as "{kind}"; expected a binary label map or '
                "closed surfaces. Set another source representation in the module Segmentations."
            ).format(name=node.GetName(), kind=kind)
        )
    segments = segmentsOf(node)
    moved: dict[str, Any] = {}  # segments that share a label map go on sharing it
    for segment in segments:
        key = segment.GetRepresentation(kind).GetAddressAsString("")
        if key not in moved:
            moved[key] = _movedRepresentation(segment, kind, node, direction)
    made = _new(node, direction)
    made.SetReferenceImageGeometryParameterFromVolumeNode(direction.target)
    target = made.GetSegmentation()
    target.SetSourceRepresentationName(kind)
    for index, segment in enumerate(segments):
        copy = slicer.vtkSegment()
        copy.DeepCopyMetadata(segment)
        key = segment.GetRepresentation(kind).GetAddressAsString("")
        copy.AddRepresentation(kind, moved[key])
        target.AddSegment(copy, source.GetNthSegmentID(index))
    _showLike(made, node)
    return made


def movedMarkups(node: Any, direction: Direction, _modality: str) -> Any:
    """Control points at the places of the same anatomy."""
    if node.GetClassName() in RIGID_MARKUPS:
        raise FusionError(
            _(
                '"{name}" is a {kind}, which keeps its shape and cannot follow a deformation. '
                "Turn it into points, a curve or a model first."
            ).format(name=node.GetName(), kind=node.GetNodeTagName())
        )
    place = worldFromNode(node, without=direction.deformation)
    count = node.GetNumberOfControlPoints()
    points = np.zeros((count, 3))
    for index in range(count):
        node.GetNthControlPointPosition(index, points[index])
    places = _mapped(place, points)
    moved = movedPoints(places, direction, node)
    made = _new(node, direction)
    name = made.GetName()
    made.CopyContent(node)
    made.SetName(name)
    made.SetAndObserveTransformNodeID(None)
    _showLike(made, node)
    for index, point in enumerate(moved):
        made.SetNthControlPointPosition(index, *point)
    made.SetAttribute(OUTSIDE_ATTRIBUTE, str(direction.outside(places, moved)))
    return made


def movedModel(node: Any, direction: Direction, _modality: str) -> Any:
    """A surface with its points at the places of the same anatomy."""
    mesh = _movedMesh(node.GetMesh(), node, direction)
    made = _new(node, direction)
    made.SetAndObserveMesh(mesh)
    _showLike(made, node)
    return made


def movedPoints(points: np.ndarray, direction: Direction, node: Any) -> np.ndarray:
    """Places of the same anatomy in the target, `(n, 3)` RAS mm.

    Beyond the field of view of the reference, the displacement of its border counts.

    Args:
        points: `(n, 3)` RAS mm in the source.
        direction: of the result.
        node: that they belong to.

    Raises:
        FusionError: a point without a single place, because the deformation folds there.
    """
    if not len(points):
        return points
    moved = transformed(direction.points, points)
    missing = np.flatnonzero(~direction.exist(points, moved))
    if not missing.size:
        return moved
    named = ", ".join(str(index + 1) for index in missing[:_NAMED])
    raise FusionError(
        _(
            'The deformation folds at {count} of the {all} points of "{name}" ({numbers}): they '
            "have no single place in the reference. Remove what lies there, or fuse again with "
            "Movement: rigid."
        ).format(
            count=missing.size,
            all=len(points),
            name=node.GetName(),
            numbers=named + (", …" if missing.size > _NAMED else ""),
        )
    )


def backgroundOf(node: Any, modality: str) -> float:
    """What stands where the volume was not acquired: air of its modality, as `unifuse apply` does.

    Args:
        node: volume node; what it states of itself comes first.
        modality: of its study, `mr`, `ct` or `pet`.
    """
    if node.GetImageData().GetNumberOfScalarComponents() > 1:
        return 0.0
    array = imageFromNode(node).array
    low = float(array.min())
    stated = factsOf(node).modality
    if stated == "ct" or (not stated and (modality == "ct" or low < HOUNSFIELD_BELOW)):
        return max(BACKGROUND_CT, low)
    if float((array < 0).mean()) <= NOISE_BELOW_ZERO:
        return 0.0
    return float(np.percentile(array, AIR_PERCENTILE))


def _movedRepresentation(segment: Any, kind: str, node: Any, direction: Direction) -> Any:
    """Of a segment: `vtkOrientedImageData` or `vtkPolyData`."""
    if kind == SURFACE:
        return _movedMesh(segment.GetRepresentation(kind), node, direction)
    layer = layerOf(node, segment, without=direction.deformation)
    data = resampled(
        layer.image, layer.ijkToWorld, direction.grid, direction.reading, "nearest", 0.0
    )
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(data)
    image.SetImageToWorldMatrix(vtkMatrix(direction.grid.ijkToWorld))
    return image


def _movedMesh(mesh: Any, node: Any, direction: Direction) -> Any:
    """A copy with moved points; its normals go, they would be those of the old shape."""
    place = worldFromNode(node, without=direction.deformation)
    made = mesh.NewInstance()
    made.DeepCopy(mesh)
    if made.GetPoints() is None:
        return made
    points = vtk_to_numpy(made.GetPoints().GetData())
    moved = movedPoints(_mapped(place, points.astype(np.float64)), direction, node)
    points[:] = moved  # the array of the copy itself
    made.GetPoints().Modified()
    made.GetPointData().SetNormals(None)
    return made


def _mapped(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _new(node: Any, direction: Direction) -> Any:
    """Empty, of the same class."""
    scene = node.GetScene()
    name = _("{name} on {target}").format(name=node.GetName(), target=direction.target.GetName())
    return scene.AddNewNodeByClass(node.GetClassName(), scene.GenerateUniqueName(name))


def _showLike(made: Any, node: Any) -> None:
    """Colours, window and style of `node`."""
    made.CreateDefaultDisplayNodes()
    shown, target = node.GetDisplayNode(), made.GetDisplayNode()
    if shown is not None and target is not None and shown.IsA(target.GetClassName()):
        target.CopyContent(shown)
