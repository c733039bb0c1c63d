"""The border between MRML and arrays, both ways. Arrays are (k, j, i), matrices index (i, j, k) → RAS mm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

from .Errors import FusionError, InputNodeError

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
ORTHOGONAL_WITHIN = 1e-4

REPORT_ATTRIBUTE = "UniFuse.Report"
CLASS_ATTRIBUTE = "UniFuse.DegradationClass"
PROBABILITY_ATTRIBUTE = "UniFuse.DegradationProbability"
DEGRADED_ROLE = "unifuseDegraded"
REFERENCE_ROLE = "unifuseReference"
DEFORMATION_ROLE = "unifuseDeformation"
RESTORED_ROLE = "unifuseRestored"


@dataclass(frozen=True)
class FusionNodes:
    """The nodes of one result; as an argument, None means: make a new one."""

    fused: Any = None
    restored: Any = None
    deformation: Any = None
    report: Any = None


@dataclass(frozen=True)
class Image:
    """Voxels and their place.

    Attributes:
        data: voxels as VTK keeps them, so that they reach a node without another copy; its own geometry is not used.
        ijkToRas: `(4, 4)` index (i, j, k, 1) → RAS mm.
    """

    data: Any
    ijkToRas: np.ndarray

    @classmethod
    def fromArray(cls, array: np.ndarray, ijkToRas: np.ndarray, dtype: Any = None) -> Image:
        """Copy an array `(k, j, i)` or `(k, j, i, c)`; safe, and quick to wait for, in a worker thread."""
        dtype = np.dtype(dtype or array.dtype)
        data = vtk.vtkImageData()
        data.SetDimensions(*array.shape[2::-1])
        data.AllocateScalars(get_vtk_array_type(dtype), 1 if array.ndim == 3 else array.shape[3])
        image = cls(data, ijkToRas)
        np.copyto(image.array, array, casting="same_kind")
        return image

    @property
    def array(self) -> np.ndarray:
        """`(k, j, i)` or `(k, j, i, c)`, not copied."""
        shape, components = self.data.GetDimensions()[::-1], self.data.GetNumberOfScalarComponents()
        voxels = vtk_to_numpy(self.data.GetPointData().GetScalars())
        return voxels.reshape(shape if components == 1 else (*shape, components))


@dataclass(frozen=True)
class FusionImages:
    """What `unifuse fuse` left in its output folder; `deformation.array` is `(k, j, i, 3)` RAS mm on the reference."""

    fused: Image
    restored: Image
    deformation: Image
    report: Mapping[str, Any]


# --- nodes → files -----------------------------------------------------------------------------------------------


def worldFromIjk(node: Any) -> np.ndarray:
    """M = (parent transform to world) · IJKToRAS, `(4, 4)`: a linear parent is honoured, nothing is hardened.

    Raises:
        InputNodeError: the parent transform is not linear.
    """
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    ijkToRas = _toNumpy(matrix)
    parent = node.GetParentTransformNode()
    if parent is None:
        return ijkToRas
    if not parent.IsTransformToWorldLinear():
        raise InputNodeError(
            _(
                'The volume "{volume}" lies under the non-linear transform "{transform}". Take it out of the transform, '
                "or harden the transform on it (Transforms module), and try again."
            ).format(volume=node.GetName(), transform=parent.GetName())
        )
    parent.GetMatrixTransformToWorld(matrix)
    return _toNumpy(matrix) @ ijkToRas


def checkInput(node: Any, role: str) -> None:
    """Say in words why a node cannot be fused.

    Args:
        role: "degraded" or "reference", as the panel calls it.

    Raises:
        InputNodeError: no voxels, not a scalar or RGB volume, or a place that cannot be written to a file.
    """
    image = node.GetImageData() if node is not None and hasattr(node, "GetImageData") else None
    if image is None or image.GetPointData() is None or image.GetPointData().GetScalars() is None:
        name = node.GetName() if node is not None else _("none")
        raise InputNodeError(
            _("Expected a {role} volume with voxels, got {name}. Load it first.").format(role=role, name=name)
        )
    components = image.GetNumberOfScalarComponents()
    if components not in (1, 3) or (role == "reference" and components != 1):
        raise InputNodeError(
            _(
                'The {role} volume "{name}" has {count} values per voxel; expected 1 (or 3, RGB, for the degraded one). '
                "Take one component with the module Vector to Scalar Volume."
            ).format(role=role, name=node.GetName(), count=components)
        )
    matrix = worldFromIjk(node)
    if role == "reference" and _shear(matrix) > ORTHOGONAL_WITHIN:
        raise InputNodeError(
            _(
                'The reference volume "{name}" has oblique, non-perpendicular axes (a transform with shear, or a tilted '
                "scan). Resample it (Resample Scalar/Vector/DWI Volume) and try again."
            ).format(name=node.GetName())
        )


def imageFromNode(node: Any) -> Image:
    """Voxels (not copied) and world geometry of a volume node."""
    return Image(node.GetImageData(), worldFromIjk(node))


def writeImage(image: Image, path: Path) -> None:
    """Write without compression (it would cost more than the network); RAS → LPS here."""
    array = image.array
    itk = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    lps = LPS @ image.ijkToRas
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    itk.SetSpacing(spacing.tolist())
    itk.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    itk.SetOrigin(lps[:3, 3].tolist())
    sitk.WriteImage(itk, str(path), useCompression=False)


# --- files → nodes -----------------------------------------------------------------------------------------------


def readImage(path: Path, dtype: Any = None) -> Image:
    """Read one file; LPS → RAS for its place (a vector's components stay as they are).

    SimpleITK and numpy work without Python's lock here: in a thread, reading leaves the window alive.
    """
    try:
        itk = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise FusionError(
            _("The result {file} could not be read: {reason}").format(
                file=path.name, reason=str(error).splitlines()[-1]
            )
        ) from error
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(itk.GetDirection(), (3, 3)) * np.asarray(itk.GetSpacing())
    matrix[:3, 3] = itk.GetOrigin()
    return Image.fromArray(sitk.GetArrayViewFromImage(itk), LPS @ matrix, dtype)


def readResult(folder: Path) -> FusionImages:
    """Everything `unifuse fuse` wrote.

    Raises:
        FusionError: a file is missing or unreadable, or holds no finite number.
    """
    fused = readImage(_resultFile(folder, "fused"))
    restored = readImage(_resultFile(folder, "restored"))
    deformation = readImage(_resultFile(folder, "deformation"), np.float32)
    displacement = deformation.array
    displacement[..., :2] *= -1  # ITK keeps displacements in LPS mm
    for name, array in (("fused", fused.array), ("restored", restored.array), ("deformation", displacement)):
        sample = array[::3, ::3, ::3]
        # NIfTI readers turn NaN into 0, so a spoilt volume may come back constant
        if not np.isfinite(sample).all() or (name == "fused" and sample.min() == sample.max()):
            raise FusionError(
                _(
                    "The {name} volume came back without usable numbers. Look at the log, and try the device CPU."
                ).format(name=name)
            )
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return FusionImages(fused, restored, deformation, report)


def updateVolume(node: Any, image: Image) -> None:
    """Put voxels and place into an existing volume node; its parent transform goes, results lie in world RAS."""
    node.SetAndObserveTransformNodeID(None)
    node.SetIJKToRASMatrix(_toVtk(image.ijkToRas))
    node.SetAndObserveImageData(image.data)


def updateDeformation(node: Any, image: Image) -> None:
    """T⁻¹(x) = x + u(x): a grid transform set *from parent*, as resampling reads it.

    A volume put under the node then moves onto the reference, and a saved file means the same to plain ITK.

    Args:
        image: `array` `(k, j, i, 3)` RAS mm, world axes, on the grid of the reference.
    """
    node.SetAndObserveTransformNodeID(None)
    node.SetAndObserveTransformFromParent(gridTransform(image))


def gridTransform(image: Image, scale: float = 1.0) -> Any:
    """x → x + scale · u(x) as a `vtkOrientedGridTransform`; voxels are shared with `image`."""
    spacing = np.linalg.norm(image.ijkToRas[:3, :3], axis=0)
    grid = vtk.vtkImageData()
    grid.ShallowCopy(image.data)
    grid.SetOrigin(*image.ijkToRas[:3, 3])
    grid.SetSpacing(*spacing)
    directions = np.eye(4)
    directions[:3, :3] = image.ijkToRas[:3, :3] / spacing
    transform = slicer.vtkOrientedGridTransform()
    transform.SetGridDirectionMatrix(_toVtk(directions))
    transform.SetDisplacementGridData(grid)
    transform.SetDisplacementScale(scale)
    return transform


def deformationImage(node: Any) -> Image:
    """The displacements back from a from-parent grid transform node, `(k, j, i, 3)` RAS mm, not copied.

    Raises:
        FusionError: the node holds another kind of transform.
    """
    transform = node.GetTransformFromParent()
    if not isinstance(transform, slicer.vtkOrientedGridTransform):
        raise FusionError(_('"{name}" holds no displacement grid.').format(name=node.GetName()))
    grid = transform.GetDisplacementGrid()
    directions = vtk.vtkMatrix4x4()
    if transform.GetGridDirectionMatrix():
        directions.DeepCopy(transform.GetGridDirectionMatrix())
    matrix = np.eye(4)
    matrix[:3, :3] = _toNumpy(directions)[:3, :3] * np.asarray(grid.GetSpacing())
    matrix[:3, 3] = grid.GetOrigin()
    return Image(grid, matrix)


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


def updateNodes(images: FusionImages, degraded: Any, reference: Any, outputs: FusionNodes) -> FusionNodes:
    """Show a result in the scene: fill the given nodes in place, make those that are missing.

    Args:
        degraded, reference: the input nodes; left as they are.
        outputs: nodes to reuse; None, or a node of a wrong kind, gives a new one.
    """
    scene = reference.GetScene()
    names = _outputNames(degraded, reference)
    nodes = FusionNodes(
        fused=_usable(scene, outputs.fused, _volumeClass(images.fused), names["fused"]),
        restored=_usable(scene, outputs.restored, _volumeClass(images.restored), names["restored"]),
        deformation=_usable(scene, outputs.deformation, "vtkMRMLGridTransformNode", names["deformation"]),
        report=_usable(scene, outputs.report, "vtkMRMLTableNode", names["report"]),
    )
    updateVolume(nodes.fused, images.fused)
    updateVolume(nodes.restored, images.restored)
    updateDeformation(nodes.deformation, images.deformation)
    updateClassTable(nodes.report, images.report.get("probabilities", {}))
    _showLike(nodes.fused, reference, images.fused.array)
    _showLike(nodes.restored, degraded, images.restored.array)
    _copyUnits(nodes.restored, degraded)
    _link(nodes, degraded, reference, images.report)
    for node in (nodes.fused, nodes.restored, nodes.deformation, nodes.report):
        placeBeside(node, reference)
    return nodes


def reportOf(fused: Any) -> dict[str, Any]:
    """The content of report.json that was stored with a fused volume ({} for another volume)."""
    return json.loads(fused.GetAttribute(REPORT_ATTRIBUTE) or "{}")


def placeBeside(node: Any, neighbour: Any) -> None:
    """Put a node under the same subject and study as another one in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(neighbour.GetScene())
    if hierarchy is None:
        return
    neighbourItem = hierarchy.GetItemByDataNode(neighbour)
    parent = hierarchy.GetItemParent(neighbourItem) if neighbourItem else hierarchy.GetSceneItemID()
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)


def copyWorldVolume(node: Any, copy: Any) -> None:
    """Make `copy` show the same voxels at the same place in the world, without parent transform (voxels are shared)."""
    copy.SetAndObserveTransformNodeID(None)
    copy.SetIJKToRASMatrix(_toVtk(worldFromIjk(node)))
    copy.SetAndObserveImageData(node.GetImageData())


def removeWithDisplay(node: Any) -> None:
    """Take a node out of its scene together with its display nodes and the colour tables made for it alone."""
    scene = node.GetScene()
    displays = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    colours = {d.GetColorNode() for d in displays if d is not None and d.IsA("vtkMRMLTransformDisplayNode")}
    for item in (node, *displays, *colours):
        if item is not None and item.GetScene() is scene:
            scene.RemoveNode(item)


# --- details -----------------------------------------------------------------------------------------------------


def _resultFile(folder: Path, stem: str) -> Path:
    for path in sorted(folder.glob(f"{stem}.*")):
        if path.suffix in (".gz", ".nii", ".nrrd", ".mha"):
            return path
    raise FusionError(_("The fusion tool did not write {name}. Look at the log.").format(name=stem))


def _outputNames(degraded: Any, reference: Any) -> dict[str, str]:
    names = {"degraded": degraded.GetName(), "reference": reference.GetName()}
    return {
        "fused": _("{degraded} + {reference} fused").format(**names),
        "restored": _("{degraded} restored").format(**names),
        "deformation": _("{degraded} to {reference}").format(**names),
        "report": _("{degraded} fusion report").format(**names),
    }


def _volumeClass(image: Image) -> str:
    return "vtkMRMLScalarVolumeNode" if image.array.ndim == 3 else "vtkMRMLVectorVolumeNode"


def _usable(scene: Any, node: Any, className: str, name: str) -> Any:
    if node is not None and node.GetScene() is scene and node.GetClassName() == className:
        return node
    return scene.AddNewNodeByClass(className, scene.GenerateUniqueName(name))


def _showLike(node: Any, source: Any, array: np.ndarray) -> None:
    """Give a volume the colour table of its source and a window that shows its own content."""
    node.CreateDefaultDisplayNodes()
    display, like = node.GetDisplayNode(), source.GetDisplayNode()
    if display is None or array.ndim == 4:
        return
    if like is not None and like.GetColorNodeID() and like.IsA("vtkMRMLScalarVolumeDisplayNode"):
        display.SetAndObserveColorNodeID(like.GetColorNodeID())
    low, high = contentWindow(array)
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(low, high)


def contentWindow(array: np.ndarray, percent: tuple[float, float] = (1.0, 99.5)) -> tuple[float, float]:
    """Percentiles of the voxels that are not background (the darkest value), from at most about 10⁵ of them."""
    step = max(1, int(np.ceil((array.size / 1e5) ** (1 / 3))))
    sample = array[::step, ::step, ::step].ravel()
    content = sample[sample > sample.min()]
    if content.size < 2:
        return float(sample.min()), float(sample.min()) + 1.0
    low, high = np.percentile(content, percent)
    return float(low), float(high if high > low else low + 1.0)


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
    for role, node in (
        (DEGRADED_ROLE, degraded),
        (REFERENCE_ROLE, reference),
        (DEFORMATION_ROLE, nodes.deformation),
        (RESTORED_ROLE, nodes.restored),
    ):
        nodes.fused.SetNodeReferenceID(role, node.GetID())
    nodes.fused.SetAttribute(REPORT_ATTRIBUTE, json.dumps(report))
    label = report.get("class", "")
    nodes.fused.SetAttribute(CLASS_ATTRIBUTE, label)
    nodes.fused.SetAttribute(PROBABILITY_ATTRIBUTE, f"{report.get('probabilities', {}).get(label, 0.0):.4f}")


def _shear(matrix: np.ndarray) -> float:
    """Largest |cosine| between two of the matrix' axes."""
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())


def _toNumpy(matrix: Any) -> np.ndarray:
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])


def _toVtk(array: np.ndarray) -> Any:
    matrix = vtk.vtkMatrix4x4()
    for r in range(4):
        for c in range(4):
            matrix.SetElement(r, c, float(array[r, c]))
    return matrix
