"""Numbers of a deformation, region by region; the same as `unifuse measure` prints.

x + u(x) leads from the reference to the same anatomy in the degraded scan; det J of that map is the
volume that a piece of the reference has there. A change of +10 % means: larger in the degraded scan
than in the reference. Compare UniFuseLib/apply/regional.py.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import vtk
from slicer.i18n import tr as _

from .Body import bodyMask
from .Direction import Destination, checkResult
from .Errors import FusionError, InputNodeError
from .FieldGrid import onVoxelsOf
from .Folds import determinant
from .Images import Image
from .Nodes import deformationImage, gridTransform, imageFromNode, worldFromIjk
from .Ownership import REFERENCE_ROLE
from .Resample import Grid, resampled
from .Results import DEFORMATION_ROLE
from .Segments import checkBinary, layerOf, segmentsOf

WHOLE = "whole field of view"  # as `unifuse measure` calls it
_WORDS = (("left", "right"), ("posterior", "anterior"), ("inferior", "superior"))
_NAMED_SHARE = float(np.sin(np.pi / 8))  # of the length: within 67.5° of an axis, it is named
_LEAST_MM = 0.05  # what is shown as 0.0 mm has no direction


class RegionFigures(NamedTuple):
    """One region of the reference; the columns of the table, as `unifuse measure` names them."""

    label: int | None  # None: no label map was given
    name: str
    voxels: int
    volume_ml: float  # in the reference
    volume_change_percent: float  # in the degraded scan against the reference
    displacement_mean_mm: float
    displacement_p95_mm: float
    displacement_max_mm: float
    right_mm: float  # mean of u, (R, A, S)
    anterior_mm: float
    superior_mm: float
    direction: str  # of that mean, in words
    jacobian_p1: float
    jacobian_p50: float
    jacobian_p99: float
    folded_percent: float  # det J ≤ 0


class Region(NamedTuple):
    """Where to measure.

    Attributes:
        label: value in a label map; None: none.
        name: of the segment.
        mask: `(k, j, i)` bool on the voxels of the reference.
        colour: (r, g, b) 0 to 1; None: none of its own.
    """

    label: int | None
    name: str
    mask: np.ndarray
    colour: tuple[float, float, float] | None = None


class Measured(NamedTuple):
    """Figures of the regions, and the voxels that they come from.

    Attributes:
        rows: one per region.
        regions: in the same order.
        length: ‖u‖ `(k, j, i)`, mm.
        ratio: det J `(k, j, i)`.
    """

    rows: list[RegionFigures]
    regions: list[Region]
    length: np.ndarray
    ratio: np.ndarray


def measure(fused: Any, labels: Any = None, labelsOf: Destination = "reference") -> Measured:
    """
    Args:
        fused: fused volume of a result.
        labels: segmentation or label map node; None measures the whole field of view and the body.
        labelsOf: the scan that the labels were drawn on; those of the degraded one are moved first.

    Raises:
        FusionError: no result, a field one voxel thin, or labels that do not lie in it.
    """
    checkResult(fused, labelsOf)
    field = onVoxelsOf(deformationImage(fused.GetNodeReference(DEFORMATION_ROLE)), fused)
    if min(field.array.shape[:3]) < 2:
        raise FusionError(
            _("The deformation is a single voxel thin: no change of volume can be measured.")
        )
    length, ratio = np.linalg.norm(field.array, axis=-1), determinant(field)
    regions = _wholeAndBody(fused, field) if labels is None else _drawn(labels, labelsOf, field)
    rows = [_figures(region, field, length, ratio) for region in regions]
    return Measured(rows, regions, length, ratio)


def directionWords(vector: np.ndarray) -> str:
    """`right-anterior`, `superior`, …: where a displacement points; `none` below 0.05 mm.

    Args:
        vector: `(3,)` RAS mm.
    """
    length = float(np.linalg.norm(vector))
    if length < _LEAST_MM:
        return "none"
    return "-".join(
        words[int(component > 0)]
        for component, words in zip(vector, _WORDS, strict=True)
        if abs(component) >= _NAMED_SHARE * length
    )


def _figures(region: Region, field: Image, length: np.ndarray, ratio: np.ndarray) -> RegionFigures:
    mm, jacobian = length[region.mask], ratio[region.mask]
    mean = field.array[region.mask].astype(np.float64).mean(axis=0)
    p1, p50, p99 = (round(float(value), 4) for value in np.percentile(jacobian, [1, 50, 99]))
    right, anterior, superior = (round(float(value), 3) for value in mean)
    voxelMl = abs(float(np.linalg.det(field.ijkToRas[:3, :3]))) / 1000
    return RegionFigures(
        label=region.label,
        name=region.name,
        voxels=len(mm),
        volume_ml=round(len(mm) * voxelMl, 4),
        volume_change_percent=round(100 * (float(jacobian.mean(dtype=np.float64)) - 1), 3),
        displacement_mean_mm=round(float(mm.mean(dtype=np.float64)), 3),
        displacement_p95_mm=round(float(np.percentile(mm, 95)), 3),
        displacement_max_mm=round(float(mm.max()), 3),
        right_mm=right,
        anterior_mm=anterior,
        superior_mm=superior,
        direction=directionWords(mean),
        jacobian_p1=p1,
        jacobian_p50=p50,
        jacobian_p99=p99,
        folded_percent=round(100 * float((jacobian <= 0).mean()), 4),
    )


def _wholeAndBody(fused: Any, field: Image) -> list[Region]:
    """The body by Otsu's threshold of the reference, where that is still in the scene."""
    shape = field.array.shape[:3]
    whole = Region(None, WHOLE, np.ones(shape, dtype=bool))
    reference = fused.GetNodeReference(REFERENCE_ROLE)
    if reference is None or reference.GetImageData() is None:
        return [whole]
    anatomy = imageFromNode(reference)
    body = Image.fromArray(bodyMask(anatomy.array).astype(np.uint8), anatomy.ijkToRas)
    mask = _onField(body.data, body.ijkToRas, field, "reference") > 0
    return [whole, Region(None, "body", mask)] if mask.any() else [whole]


def _drawn(labels: Any, labelsOf: Destination, field: Image) -> list[Region]:
    if labels.IsA("vtkMRMLSegmentationNode"):
        found = _ofSegmentation(labels, labelsOf, field)
    else:
        found = _ofLabelMap(labels, labelsOf, field)
    regions = [region for region in found if region.mask.any()]
    if not regions:
        raise InputNodeError(
            _(
                '"{name}" has no label inside the field of view of the reference. Check that it '
                "belongs to this patient, and the scan that it was drawn on."
            ).format(name=labels.GetName())
        )
    return regions


def _ofLabelMap(node: Any, labelsOf: Destination, field: Image) -> list[Region]:
    if not node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetImageData() is None:
        raise InputNodeError(
            _('Expected a segmentation or a label map with voxels, got "{name}".').format(
                name=node.GetName()
            )
        )
    values = _onField(node.GetImageData(), worldFromIjk(node), field, labelsOf)
    display = node.GetDisplayNode()
    colours = display.GetColorNode() if display is not None else None
    return [
        Region(int(label), (colours and colours.GetColorName(int(label))) or "", values == label)
        for label in np.unique(values[values != 0])
    ]


def _ofSegmentation(node: Any, labelsOf: Destination, field: Image) -> list[Region]:
    checkBinary(node)
    values: dict[str, np.ndarray] = {}  # of each layer, on the voxels of the field
    regions = []
    for segment in segmentsOf(node):
        layer = layerOf(node, segment)
        if layer.key not in values:
            values[layer.key] = _onField(layer.image, layer.ijkToWorld, field, labelsOf)
        label = segment.GetLabelValue()
        mask = values[layer.key] == label
        regions.append(Region(label, segment.GetName(), mask, tuple(segment.GetColor())))
    return regions


def _onField(data: Any, ijkToWorld: np.ndarray, field: Image, labelsOf: Destination) -> np.ndarray:
    """Labels on the voxels of the field by the nearest voxel, `(k, j, i)`; 0 outside."""
    reading = gridTransform(field) if labelsOf == "degraded" else vtk.vtkTransform()
    grid = Grid.ofImage(field.data, field.ijkToRas)
    moved = resampled(data, ijkToWorld, grid, reading, "nearest", 0.0)
    return Image(moved, field.ijkToRas).array
