"""What the user gives before the alignment: where the degraded volume lies, and what is compared.

Nodes become files that `unifuse fuse` reads: `--initial-transform`, `--reference-mask`,
`--degraded-mask`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import vtk
from slicer.i18n import tr as _

from .Errors import InputNodeError
from .Images import LPS, Image, writeImage
from .Nodes import matrixArray, worldFromIjk
from .Resample import Grid, resampled
from .Segments import checkBinary, layerOf, segmentsOf
from .Words import nameSentence

LEAST_DETERMINANT = 1e-3  # a motion of a patient has 1; UniFuseLib refuses what is flatter


@dataclass(frozen=True)
class Guidance:
    """Nodes that steer the alignment; None: not given.

    Attributes:
        initialTransform: linear transform node that moves the degraded volume towards the
            reference, as the module Transforms shows it; also one set by its handles.
        referenceMask: segmentation or label map: only inside is the reference compared.
        degradedMask: the same of the degraded volume. All is moved in either case.
    """

    initialTransform: Any = None
    referenceMask: Any = None
    degradedMask: Any = None


NO_GUIDANCE = Guidance()


@dataclass(frozen=True)
class GuidanceFiles:
    """What is written into the folder of a run.

    Attributes:
        matrix: `(4, 4)` RAS point of the reference → of the degraded volume; None: not given.
        masks: file name → voxels, 1 where the volume is compared.
    """

    matrix: np.ndarray | None
    masks: Mapping[str, Image]

    def arguments(self, folder: Path) -> list[str]:
        """Flags of `unifuse fuse`."""
        flags = []
        if self.matrix is not None:
            flags += ["--initial-transform", str(folder / "initial.tfm")]
        for name in self.masks:
            flags += [f"--{name}", str(folder / f"{name}.nrrd")]
        return flags

    def write(self, folder: Path) -> None:
        """Files that the flags name."""
        if self.matrix is not None:
            writeMatrix(self.matrix, folder / "initial.tfm")
        for name, image in self.masks.items():
            writeImage(image, folder / f"{name}.nrrd")


def guidanceFiles(guidance: Guidance, degraded: Any, reference: Any) -> GuidanceFiles:
    """
    Args:
        guidance: nodes.
        degraded: volume node.
        reference: volume node.

    Raises:
        InputNodeError: a node that cannot be used, or a mask that leaves nothing to compare.
    """
    matrix = None
    if guidance.initialTransform is not None:
        matrix = initialMatrix(guidance.initialTransform, degraded)
    masks = {}
    for name, node, volume in (
        ("reference-mask", guidance.referenceMask, reference),
        ("degraded-mask", guidance.degradedMask, degraded),
    ):
        if node is not None:
            masks[name] = maskOn(node, volume)
    return GuidanceFiles(matrix, masks)


def initialMatrix(transform: Any, degraded: Any) -> np.ndarray:
    """A `(4, 4)`: RAS point of the reference → RAS point of the degraded volume.

    Slicer's transform moves the volume, to parent; a resampling reads the other way.

    Args:
        transform: linear transform node.
        degraded: volume node; not under that transform.

    Raises:
        InputNodeError: not linear, without an inverse, or applied to the volume already.
    """
    if isinstance(transform, str):
        raise InputNodeError(nameSentence(transform))
    if not transform.IsA("vtkMRMLTransformNode") or not transform.IsTransformToWorldLinear():
        raise InputNodeError(
            _(
                'Expected a linear transform as the start, got "{name}". Choose a rigid or affine '
                "one; the deformation is found by UniFuse."
            ).format(name=transform.GetName())
        )
    _checkNotApplied(transform, degraded)
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    toWorld = matrixArray(matrix)
    if np.linalg.det(toWorld[:3, :3]) < LEAST_DETERMINANT:
        raise InputNodeError(
            _(
                'The transform "{name}" mirrors or flattens the volume, which is no motion of '
                "a patient. Choose another start."
            ).format(name=transform.GetName())
        )
    return np.linalg.inv(toWorld)


def maskOn(node: Any, volume: Any) -> Image:
    """1 where a segmentation or label map is above 0, on the voxels of a volume.

    Args:
        node: segmentation (all segments) or label map.
        volume: volume node.

    Raises:
        InputNodeError: another kind of node, or nothing inside the volume.
    """
    if isinstance(node, str):
        raise InputNodeError(nameSentence(node))
    place = worldFromIjk(volume)
    grid = Grid.ofImage(volume.GetImageData(), place)
    mask = np.zeros(grid.size[::-1], dtype=np.uint8)
    for data, ijkToWorld in _layers(node):
        found = resampled(data, ijkToWorld, grid, vtk.vtkTransform(), "nearest", 0.0)
        mask |= (Image(found, place).array > 0).astype(np.uint8)
    if not mask.any():
        raise InputNodeError(
            _(
                'The mask "{mask}" leaves nothing of "{volume}" to compare: nothing of it is drawn '
                "inside that volume. Draw what is to be compared, or choose None."
            ).format(mask=node.GetName(), volume=volume.GetName())
        )
    return Image.fromArray(mask, place)


def writeMatrix(matrix: np.ndarray, path: Path) -> None:
    """ITK's affine transform, LPS mm, about the origin.

    Args:
        matrix: `(4, 4)` RAS mm.
        path: .tfm.
    """
    lps = LPS @ matrix @ LPS
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation(lps[:3, 3].tolist())
    sitk.WriteTransform(transform, str(path))


def _checkNotApplied(transform: Any, degraded: Any) -> None:
    parent = degraded.GetParentTransformNode()
    while parent is not None:
        if parent is transform:
            raise InputNodeError(
                _(
                    '"{volume}" is under the transform "{transform}" already, so it counts without '
                    "being chosen. Choose None as the start, or take the volume out of it."
                ).format(volume=degraded.GetName(), transform=transform.GetName())
            )
        parent = parent.GetParentTransformNode()


def _layers(node: Any) -> list[tuple[Any, np.ndarray]]:
    """Voxels with index → world `(4, 4)`; segments may share a layer."""
    if node.IsA("vtkMRMLLabelMapVolumeNode") and node.GetImageData() is not None:
        return [(node.GetImageData(), worldFromIjk(node))]
    if not node.IsA("vtkMRMLSegmentationNode"):
        raise InputNodeError(
            _('Expected a segmentation or a label map as the mask, got "{name}".').format(
                name=node.GetName()
            )
        )
    checkBinary(node)
    layers = {layer.key: layer for layer in (layerOf(node, one) for one in segmentsOf(node))}
    return [(layer.image, layer.ijkToWorld) for layer in layers.values()]
