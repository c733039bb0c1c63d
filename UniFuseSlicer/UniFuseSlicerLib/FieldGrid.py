"""A deformation on other voxels than its own: it is read as it is applied, trilinearly.

`unifuse fuse` writes no more voxels than a field needs (see docs/decisions/0083), so a node
may hold them 8 mm apart where a picture or a figure wants 2 mm or the voxels of the reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .Images import Image
from .Nodes import matrixOfVolume
from .Resample import Grid

MOST_VOXELS = 2_000_000  # what is read of them is drawn at once; a trunk has voxels of 4 mm
_SAME_VOXELS = 1e-3  # of an index


def sampled(field: Image, spacing: float, most: int = MOST_VOXELS) -> Image:
    """u on voxels that are about `spacing` apart, from the first voxel of the field on.

    Args:
        field: `(k, j, i, 3)` mm.
        spacing: wanted, mm; reached as far as whole parts or multiples of the field's own allow.
        most: voxels, about; wider apart in a body so large that it would have more.
    """
    own = np.linalg.norm(field.ijkToRas[:3, :3], axis=0)
    spacing = max(spacing, (field.array[..., 0].size * own.prod() / most) ** (1 / 3))
    coarser, finer = (np.maximum(1, np.round(ratio)) for ratio in (spacing / own, own / spacing))
    steps = coarser / finer
    matrix = field.ijkToRas.copy()
    matrix[:3, :3] *= steps
    array = field.array
    for axis, step in enumerate(steps[::-1]):
        last = array.shape[axis] - 1
        array = alongAxis(array, axis, np.arange(int(last / step + _SAME_VOXELS) + 1) * step)
    return Image.fromArray(array, matrix, np.float32)


def onVoxelsOf(field: Image, volume: Any) -> Image:
    """u on the voxels of the volume that it was made for.

    Args:
        field: `(k, j, i, 3)` mm.
        volume: volume node on the grid of the reference; one whose axes are not those of the field
            leaves the field on its own voxels.
    """
    if volume is None or volume.GetImageData() is None:
        return field
    grid = Grid.ofImage(volume.GetImageData(), matrixOfVolume(volume))
    toField = np.linalg.inv(field.ijkToRas) @ grid.ijkToWorld
    scales = np.diag(toField)[:3]
    if np.abs(toField[:3, :3] - np.diag(scales)).max() > _SAME_VOXELS / max(grid.size):
        return field
    array = field.array
    for axis, n in enumerate((2, 1, 0)):
        array = alongAxis(array, axis, toField[n, 3] + scales[n] * np.arange(grid.size[n]))
    return Image.fromArray(array, grid.ijkToWorld, np.float32)


def alongAxis(array: np.ndarray, axis: int, at: np.ndarray) -> np.ndarray:
    """out[n] = array[at[n]] along one axis, linear between voxels; beyond the border it repeats.

    Args:
        array: any shape.
        axis: along which `at` counts.
        at: `(n,)` indices, whole or not.
    """
    last = array.shape[axis] - 1
    at = np.clip(at, 0, last)
    if np.abs(at - np.rint(at)).max() <= _SAME_VOXELS:
        return np.take(array, np.rint(at).astype(int), axis)
    lower = np.minimum(at.astype(int), last - 1)
    shape = [-1 if n == axis else 1 for n in range(array.ndim)]
    weight = (at - lower).astype(array.dtype).reshape(shape)
    before, after = np.take(array, lower, axis), np.take(array, lower + 1, axis)
    return np.asarray(before + weight * (after - before))
