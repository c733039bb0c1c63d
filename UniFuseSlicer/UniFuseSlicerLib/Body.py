"""The body in a volume, and points through transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from .Images import Image, contentWindow


def bodyMask(array: np.ndarray) -> np.ndarray:
    """Largest bright part of a volume, boolean `(k, j, i)` (Otsu's threshold), with what it closes
    in: in space, or in a plane of the array, as the skull of an MR and the lungs in a short volume.
    """
    low, high = contentWindow(array)
    clipped = np.clip(array.astype(np.float32), low, high)
    itk = sitk.GetImageFromArray(clipped)
    bright = sitk.OtsuThreshold(sitk.SmoothingRecursiveGaussian(itk, 1.0), 0, 1)
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(bright), sortByObjectSize=True)
    mask = _filled(sitk.GetArrayFromImage(parts == 1).astype(bool), (0, 1, 2))
    for axis in range(3):
        mask = _filled(mask, tuple(n for n in range(3) if n != axis))
    return mask


def _filled(mask: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """With the holes that it closes in along these axes: in space, or in all planes at once, which
    `binary_fill_holes` would take one by one.

    Args:
        mask: `(k, j, i)` bool.
        axes: along which the outside is connected.
    """
    from scipy.ndimage import generate_binary_structure, label

    neighbours = generate_binary_structure(3, 1)
    for axis in set(range(3)) - set(axes):
        np.moveaxis(neighbours, axis, 0)[[0, 2]] = False
    parts, count = label(~mask, neighbours)
    outside = np.zeros(count + 1, bool)
    for axis in axes:
        for end in (0, -1):
            outside[np.take(parts, end, axis)] = True
    outside[0] = False  # the mask itself
    return ~outside[parts]


def positions(shape: tuple[int, ...], ijkToRas: np.ndarray) -> np.ndarray:
    """RAS mm of all voxels in array order, `(n, 3)`."""
    k, j, i = np.ogrid[tuple(slice(n) for n in shape)]
    ras = np.empty((*shape, 3))
    for axis, (alongI, alongJ, alongK, origin) in enumerate(ijkToRas[:3]):
        ras[..., axis] = alongK * k + (alongJ * j + (alongI * i + origin))
    return ras.reshape(-1, 3)


def transformed(transform: Any, positions: np.ndarray) -> np.ndarray:
    """T(p) for `(n, 3)` points, in one call."""
    start, end = vtk.vtkPoints(), vtk.vtkPoints()
    start.SetDataTypeToDouble()
    end.SetDataTypeToDouble()
    start.SetData(numpy_to_vtk(np.ascontiguousarray(positions), deep=True))
    transform.TransformPoints(start, end)
    return vtk_to_numpy(end.GetData()).copy()


def nearest(image: Image, positions: np.ndarray) -> np.ndarray:
    """Voxels of `image` nearest to `(n, 3)` RAS mm; outside the grid the border repeats."""
    inverse = np.linalg.inv(image.ijkToRas)
    index = np.rint(positions @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    array = image.array
    i, j, k = (np.clip(index[:, axis], 0, array.shape[2 - axis] - 1) for axis in range(3))
    return array[k, j, i]
