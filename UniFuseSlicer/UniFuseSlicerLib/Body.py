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
    return closed(sitk.GetArrayFromImage(parts == 1).astype(bool))


def closed(mask: np.ndarray) -> np.ndarray:
    """With what it closes in: in space, then in a plane across each axis in turn.

    Args:
        mask: `(k, j, i)` bool.
    """
    mask = _filled(mask)
    for axis in range(3):
        planes = np.moveaxis(mask, axis, 0)
        apart = np.ones((2 * len(planes) - 1, *planes.shape[1:]), bool)
        apart[::2] = planes
        mask = np.moveaxis(_filled(apart, across=(1, 2))[::2], 0, axis)
    return np.ascontiguousarray(mask)


def _filled(mask: np.ndarray, across: tuple[int, ...] = (0, 1, 2)) -> np.ndarray:
    """With every part of the rest, joined by faces, that reaches no border across these axes.

    SciPy's morphology would do, but half a second of importing it would block the window.
    """
    outside = sitk.ConnectedComponent(sitk.GetImageFromArray((~mask).astype(np.uint8)))
    labels = sitk.GetArrayViewFromImage(outside)
    isOpen = np.zeros(int(labels.max()) + 1, bool)
    for axis in across:
        for border in (0, -1):
            isOpen[labels.take(border, axis)] = True
    isOpen[0] = False
    return ~isOpen[labels]


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
