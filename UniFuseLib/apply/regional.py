"""Numbers of a deformation, region by region: displacement, change of volume, folds.

X + u(X) leads from the reference to the same anatomy in the degraded scan; det J of that map is the
volume that a piece of the reference has there. So a change of +10 % means: larger in the degraded
scan than in the reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.apply.resampling import Pull, pull_towards, resample_frames
from UniFuseLib.errors import InputError
from UniFuseLib.spatial.displacement import jacobian_determinant, world_to_flow
from UniFuseLib.spatial.resampling import row_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from UniFuseLib.io.image_file import ImageFile
    from UniFuseLib.spatial.transform import Scan, Transform

_WORDS = (("left", "right"), ("posterior", "anterior"), ("inferior", "superior"))
_NAMED_SHARE = float(np.sin(np.pi / 8))  # of the length: within 67.5° of an axis, it is named
_LEAST_MM = 0.05  # what is printed as 0.0 mm has no direction
_VALUE = re.compile(r"Segment(\d+)_LabelValue")


class RegionFigures(NamedTuple):
    """One region of the reference; lengths in mm, `…_mm` components from reference to degraded."""

    label: int | None  # None: everything
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


class _Region(NamedTuple):
    label: int | None
    name: str
    mask: np.ndarray  # (d, h, w) bool, reference grid


def measure_regions(
    transform: Transform, labels: ImageFile | None = None, labels_of: Scan = "reference"
) -> list[RegionFigures]:
    """A row for each label of a label map, or one for the whole field of view.

    Args:
        transform: of the result.
        labels: on any grid; 0 is not a region.
        labels_of: the scan that the labels belong to; those of the degraded one are moved first.

    Raises:
        InputError: fractions, no label, or no overlap with the reference.
    """
    determinant = determinant_of(transform)
    length = np.linalg.norm(transform.displacement, axis=-1)
    regions = _regions(transform, labels, labels_of)
    return [_figures(transform, region, length, determinant) for region in regions]


def determinant_of(transform: Transform) -> np.ndarray:
    """det ∂(X + u(X))/∂X by central differences, `(d, h, w)` float32 on the reference grid.

    Args:
        transform: of the result.

    Raises:
        InputError: the grid is a single voxel thin.
    """
    grid = transform.grid
    if min(grid.shape) < 2:
        raise InputError(
            f"The deformation has {' × '.join(map(str, grid.shape))} voxels; a change of volume "
            "needs at least two along every axis."
        )
    found = np.empty(grid.shape, dtype=np.float32)
    for rows in row_blocks(grid.shape):
        first = max(rows.start - 1, 0)
        stop = min(max(rows.stop + 1, first + 2), grid.shape[0])
        first = min(first, stop - 2)
        u = np.moveaxis(transform.displacement[first:stop], -1, 0)
        flow = world_to_flow(torch.from_numpy(np.ascontiguousarray(u))[None], grid)
        inner = slice(rows.start - first, rows.stop - first)
        found[rows] = jacobian_determinant(flow)[0, inner].numpy()
    return found


def direction_words(vector: np.ndarray) -> str:
    """`right-anterior`, `superior`, …: where a displacement points; `none` below 0.05 mm.

    Args:
        vector: `(3,)` RAS mm.
    """
    length = float(np.linalg.norm(vector))
    if length < _LEAST_MM:
        return "none"
    named = [
        pair[int(component > 0)]
        for component, pair in zip(vector, _WORDS, strict=True)
        if abs(component) >= _NAMED_SHARE * length
    ]
    return "-".join(named)


def _figures(
    transform: Transform, region: _Region, length: np.ndarray, determinant: np.ndarray
) -> RegionFigures:
    inside = region.mask
    u = transform.displacement[inside].astype(np.float64)
    mm, ratio = length[inside], determinant[inside]
    mean = u.mean(axis=0)
    p1, p50, p99 = (float(v) for v in np.percentile(ratio, [1, 50, 99]))
    voxel_ml = abs(float(np.linalg.det(transform.grid.linear))) / 1000
    right, anterior, superior = (round(float(v), 3) for v in mean)
    return RegionFigures(
        label=region.label,
        name=region.name,
        voxels=len(mm),
        volume_ml=round(len(mm) * voxel_ml, 4),
        volume_change_percent=round(100 * (float(ratio.mean(dtype=np.float64)) - 1), 3),
        displacement_mean_mm=round(float(mm.mean(dtype=np.float64)), 3),
        displacement_p95_mm=round(float(np.percentile(mm, 95)), 3),
        displacement_max_mm=round(float(mm.max()), 3),
        right_mm=right,
        anterior_mm=anterior,
        superior_mm=superior,
        direction=direction_words(mean),
        jacobian_p1=round(p1, 4),
        jacobian_p50=round(p50, 4),
        jacobian_p99=round(p99, 4),
        folded_percent=round(100 * float((ratio <= 0).mean()), 4),
    )


def _regions(transform: Transform, labels: ImageFile | None, labels_of: Scan) -> Iterator[_Region]:
    if labels is None:
        yield _Region(None, "whole field of view", np.ones(transform.grid.shape, dtype=bool))
        return
    if labels_of == "degraded":
        pull = pull_towards(transform, "reference")
    else:
        pull = Pull(transform.grid, np.zeros_like(transform.displacement))
    layers = resample_frames(labels.frames, labels.grid, pull, "nearest", 0.0)
    names = _names(labels.pairs)
    count = 0
    for layer, values in enumerate(layers):
        for value in np.unique(values[values != 0]):
            label = int(value)
            count += 1
            yield _Region(label, names.get((layer, label), ""), values == value)
    if not count:
        raise InputError(
            "The label map has no label inside the reference's field of view. Check that it "
            "belongs to this scan (--labels-of)."
        )


def _names(pairs: dict[str, str]) -> dict[tuple[int, int], str]:
    """(layer, label) → name of the segment, as 3D Slicer writes them."""
    found = {}
    for key, value in pairs.items():
        segment = _VALUE.fullmatch(key)
        if segment is not None and value.isdecimal():
            layer = pairs.get(f"Segment{segment[1]}_Layer", "0")
            name = pairs.get(f"Segment{segment[1]}_Name", "")
            found[int(layer) if layer.isdecimal() else 0, int(value)] = name
    return found
