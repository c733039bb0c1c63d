"""The border between MRML and arrays, both ways. Arrays are (k, j, i), matrices index (i, j, k) →
RAS mm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from .Errors import FusionError, InputNodeError
from .Images import Image

ORTHOGONAL_WITHIN = 1e-4


# --- nodes → arrays -----------------------------------------------------------------------------


def worldFromIjk(node: Any, without: Any = None) -> np.ndarray:
    """M = (parent transform to world) · IJKToRAS, `(4, 4)`: a linear parent is honoured, nothing is
    hardened.

    Args:
        node: a volume.
        without: a parent transform to leave out.

    Raises:
        InputNodeError: the parent transform is not linear.
    """
    return worldFromNode(node, without) @ matrixOfVolume(node)


def matrixOfVolume(node: Any) -> np.ndarray:
    """IJKToRAS of a volume node, `(4, 4)`, without the transforms that it is under."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrixArray(matrix)


def worldFromNode(node: Any, without: Any = None) -> np.ndarray:
    """Coordinates of a node → world, `(4, 4)` RAS mm: its linear parent transform.

    Args:
        node: a volume, segmentation, markups or model node.
        without: a parent transform to leave out.

    Raises:
        InputNodeError: the parent transform is not linear.
    """
    parent = node.GetParentTransformNode()
    if parent is None or parent is without:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise InputNodeError(
            _(
                'The node "{node}" is under the non-linear transform "{transform}". '
                "Remove it from the transform, or harden the transform (Transforms module), "
                "and try again."
            ).format(node=node.GetName(), transform=parent.GetName())
        )
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return matrixArray(matrix)


def checkInput(node: Any, role: str) -> None:
    """Refuse, with the reason, a node that cannot be fused.

    Args:
        node: the chosen node, or None.
        role: "degraded" or "reference", as the panel calls it.

    Raises:
        InputNodeError: no voxels, not a scalar or RGB volume, or a place that cannot be written to
            a file.
    """
    image = node.GetImageData() if node is not None and hasattr(node, "GetImageData") else None
    if image is None or image.GetPointData() is None or image.GetPointData().GetScalars() is None:
        name = node.GetName() if node is not None else _("none")
        raise InputNodeError(
            _("Expected a {role} volume with voxels, got {name}. Load it first.").format(
                role=role, name=name
            )
        )
    components = image.GetNumberOfScalarComponents()
    if components not in (1, 3) or (role == "reference" and components != 1):
        raise InputNodeError(
            _(
                'The {role} volume "{name}" has {count} values per voxel; '
                "expected 1 (or 3, RGB, for the degraded volume). "
                "Extract one component with the module Vector to Scalar Volume."
            ).format(role=role, name=node.GetName(), count=components)
        )
    matrix = worldFromIjk(node)
    if role == "reference" and _shear(matrix) > ORTHOGONAL_WITHIN:
        raise InputNodeError(
            _(
                'The axes of the reference volume "{name}" are not perpendicular '
                "(a transform with shear, or a tilted scan). "
                "Resample it (Resample Scalar/Vector/DWI Volume) and try again."
            ).format(name=node.GetName())
        )


def imageFromNode(node: Any) -> Image:
    """Voxels (not copied) and world geometry of a volume node."""
    return Image(node.GetImageData(), worldFromIjk(node))


# --- arrays → nodes -----------------------------------------------------------------------------


def updateVolume(node: Any, image: Image) -> None:
    """Put voxels and place into an existing volume node; its parent transform goes, results lie in
    world RAS.
    """
    node.SetAndObserveTransformNodeID(None)
    node.SetIJKToRASMatrix(vtkMatrix(image.ijkToRas))
    node.SetAndObserveImageData(image.data)


def updateDeformation(node: Any, image: Image) -> None:
    """T⁻¹(x) = x + u(x): a grid transform set *from parent*, as resampling reads it.

    A volume put under the node then moves onto the reference, and a saved file means the same to
    plain ITK.

    Args:
        node: a grid transform node.
        image: `array` `(k, j, i, 3)` RAS mm, world axes, on the grid of the reference.
    """
    node.SetAndObserveTransformNodeID(None)
    node.SetAndObserveTransformFromParent(gridTransform(image))
    if node.GetStorageNode() is None and node.AddDefaultStorageNode():
        # Slicer's usual .h5 holds doubles, not compressed: four times as much
        node.GetStorageNode().SetDefaultWriteFileExtension("nii.gz")


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
    transform.SetGridDirectionMatrix(vtkMatrix(directions))
    transform.SetDisplacementGridData(grid)
    transform.SetDisplacementScale(scale)
    return transform


def deformationImage(node: Any) -> Image:
    """The displacements back from a from-parent grid transform node, `(k, j, i, 3)` RAS mm, not
    copied.

    Raises:
        FusionError: the node holds another kind of transform.
    """
    transform = node.GetTransformFromParent()
    if not isinstance(transform, slicer.vtkOrientedGridTransform):
        raise FusionError(
            _('"{name}" contains no displacement grid. Choose the deformation of a result.').format(
                name=node.GetName()
            )
        )
    grid = transform.GetDisplacementGrid()
    directions = vtk.vtkMatrix4x4()
    if transform.GetGridDirectionMatrix():
        directions.DeepCopy(transform.GetGridDirectionMatrix())
    matrix = np.eye(4)
    matrix[:3, :3] = matrixArray(directions)[:3, :3] * np.asarray(grid.GetSpacing())
    matrix[:3, 3] = grid.GetOrigin()
    return Image(grid, matrix)


def copyVolume(node: Any, copy: Any, ijkToWorld: np.ndarray) -> None:
    """Make `copy` show the same voxels at a place in the world, without parent transform (voxels
    are shared).
    """
    copy.SetAndObserveTransformNodeID(None)
    copy.SetIJKToRASMatrix(vtkMatrix(ijkToWorld))
    copy.SetAndObserveImageData(node.GetImageData())


def removeWithDisplay(node: Any) -> None:
    """Take a node out of its scene together with its display and storage nodes, and the colour
    tables made for it alone.
    """
    scene = node.GetScene()
    shown = node.GetNumberOfDisplayNodes() if node.IsA("vtkMRMLDisplayableNode") else 0
    displays = [node.GetNthDisplayNode(n) for n in range(shown)]
    colours = {
        d.GetColorNode() for d in displays if d is not None and d.IsA("vtkMRMLTransformDisplayNode")
    }
    stored = node.GetStorageNode() if node.IsA("vtkMRMLStorableNode") else None
    for item in (node, *displays, *colours, stored):
        if item is not None and item.GetScene() is scene:
            scene.RemoveNode(item)


# --- details ------------------------------------------------------------------------------------


def _shear(matrix: np.ndarray) -> float:
    """Largest |cosine| between two of the matrix' axes."""
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())


def matrixArray(matrix: Any) -> np.ndarray:
    """`vtkMatrix4x4` → `(4, 4)`."""
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])


def vtkMatrix(array: np.ndarray) -> Any:
    """`(4, 4)` → `vtkMatrix4x4`."""
    matrix = vtk.vtkMatrix4x4()
    for r in range(4):
        for c in range(4):
            matrix.SetElement(r, c, float(array[r, c]))
    return matrix
