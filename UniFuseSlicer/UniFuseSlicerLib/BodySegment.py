"""The body of a volume as a segmentation that can be edited: a mask that begins with the body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from .Errors import InputNodeError
from .Images import Image
from .Locations import findLibrary
from .Nodes import checkInput, imageFromNode, matrixOfVolume, vtkMatrix
from .Ownership import BODY_ROLE
from .Resample import Grid, resampled
from .Segments import BINARY
from .ToolWords import panelWords
from .VolumeFacts import factsOf

_INSIDE = 254  # of a byte: between it and 0 the edge is found finer than the blocks are
COLORS = {"degraded": (1.0, 0.65, 0.1), "reference": (0.3, 0.85, 0.4)}  # orange, green


def bodySegmentation(volume: Any, role: str, modality: str = "auto") -> Any:
    """Segmentation node with one segment: the body of a volume, on the voxels of the volume. One
    that was made before, perhaps edited since, is returned as it is.

    Args:
        volume: volume node.
        role: `degraded` or `reference`, for sentences.
        modality: that it is set to.

    Raises:
        FusionError: no volume with voxels, one under a non-linear transform, or one whose modality
            cannot be fused.
    """
    checkInput(volume, role)
    node = bodyOf(volume) or _made(volume, role, modality)
    node.GetDisplayNode().SetVisibility(True)
    for n in range(node.GetSegmentation().GetNumberOfSegments()):
        node.GetSegmentation().GetNthSegment(n).SetColor(*COLORS[role])
    return node


def bodyOf(volume: Any) -> Any:
    """The segmentation that was made of a volume, or None."""
    scene = volume.GetScene()
    for n in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")):
        node = scene.GetNthNodeByClass(n, "vtkMRMLSegmentationNode")
        if node.GetNodeReference(BODY_ROLE) is volume:
            return node
    return None


def hideBodies(masks: Iterable[Any]) -> None:
    """What is drawn over the result is that of the reader alone.

    Args:
        masks: chosen nodes or None; those of the user stay as they are.
    """
    for mask in masks:
        if mask is not None and mask.GetNodeReferenceID(BODY_ROLE) is not None:
            mask.GetDisplayNode().SetVisibility(False)


def isBodyOfOthers(mask: Any, volume: Any) -> bool:
    """Whether a mask was made of another volume.

    Args:
        mask: chosen node or None; one that the user made is never of others.
        volume: chosen volume node or None.
    """
    if mask is None or mask.GetNodeReferenceID(BODY_ROLE) is None:
        return False
    return mask.GetNodeReference(BODY_ROLE) is not volume


def bodyVoxels(volume: Any, role: str = "degraded", modality: str = "auto") -> np.ndarray:
    """The body as the tool finds it, `(k, j, i)` bool on the voxels of the volume.

    Args:
        volume: volume node with voxels.
        role: as of `bodySegmentation`.
        modality: likewise.
    """
    findLibrary()
    from UniFuseLib.preprocessing.body import block_factors, coarse_body

    image = imageFromNode(volume)
    array = image.array if image.array.ndim == 3 else image.array.mean(axis=3)
    spacing = np.linalg.norm(image.ijkToRas[:3, :3], axis=0)[::-1]
    factors = block_factors(array.shape, spacing)
    body = coarse_body(_blockMeans(array, factors), _modality(volume, role, modality))
    place = image.ijkToRas @ _blockCentres(factors[::-1])
    data = Image.fromArray(body.astype(np.uint8) * np.uint8(_INSIDE), place).data
    grid = Grid.ofImage(image.data, image.ijkToRas)
    fine = resampled(data, place, grid, vtk.vtkTransform(), "linear", 0.0)
    return Image(fine, image.ijkToRas).array >= _INSIDE / 2


def _modality(volume: Any, role: str, chosen: str) -> str:
    """As the tool takes it: the setting, what the node states, else from the numbers."""
    from UniFuseLib.errors import UniFuseError
    from UniFuseLib.preprocessing.modality import ModalityEvidence, guess_modality
    from UniFuseLib.spatial.volume import Volume

    image = imageFromNode(volume)
    read = Volume(image.array, image.ijkToRas[:, [2, 1, 0, 3]])
    evidence = ModalityEvidence(chosen=chosen, stated=factsOf(volume).word)
    try:
        return guess_modality(read, role, evidence).modality
    except UniFuseError as error:
        raise InputNodeError(panelWords(str(error))) from error


def _blockMeans(array: np.ndarray, factors: tuple[int, ...]) -> np.ndarray:
    """Means over blocks of `factors` voxels; the border repeats to fill the last ones."""
    missing = [(0, -n % f) for n, f in zip(array.shape, factors, strict=True)]
    padded = np.pad(array, missing, mode="edge")
    sides = [part for n, f in zip(padded.shape, factors, strict=True) for part in (n // f, f)]
    means: np.ndarray = padded.reshape(sides).mean(axis=(1, 3, 5), dtype=np.float32)
    return means


def _blockCentres(factors: tuple[int, ...]) -> np.ndarray:
    """`(4, 4)` index (i, j, k) of a block → of the middle of its voxels."""
    matrix = np.diag([*factors, 1.0])
    matrix[:3, 3] = (np.array(factors) - 1) / 2
    return matrix


def _made(volume: Any, role: str, modality: str) -> Any:
    scene, body = volume.GetScene(), bodyVoxels(volume, role, modality)
    name = scene.GenerateUniqueName(_("{name} body").format(name=volume.GetName()))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.SetNodeReferenceID(BODY_ROLE, volume.GetID())
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())  # it moves with the volume
    segment = slicer.vtkSegment()
    segment.SetName(_("Body"))
    segment.AddRepresentation(BINARY, _oriented(body, matrixOfVolume(volume)))
    node.GetSegmentation().AddSegment(segment)
    node.GetDisplayNode().SetAllSegmentsOpacity2DFill(0.0)  # what it lies on is to be seen
    return node


def _oriented(mask: np.ndarray, ijkToRas: np.ndarray) -> Any:
    """`vtkOrientedImageData` of 0 and 1."""
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(Image.fromArray(mask.astype(np.uint8), np.eye(4)).data)
    image.SetImageToWorldMatrix(vtkMatrix(ijkToRas))
    return image
