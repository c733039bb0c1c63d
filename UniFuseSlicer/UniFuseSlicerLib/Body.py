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
    from scipy.ndimage import binary_fill_holes, generate_binary_structure

    low, high = contentWindow(array)
    clipped = np.clip(array.astype(np.float32), low, high)
    itk = sitk.GetImageFromArray(clipped)
    bright = sitk.OtsuThreshold(sitk.SmoothingRecursiveGaussian(itk, 1.0), 0, 1)
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(bright), sortByObjectSize=True)
    mask = sitk.GetArrayFromImage(parts == 1).astype(bool)
    neighbours = generate_binary_structure(3, 1)
    mask = binary_fill_holes(mask, neighbours)
    for axis in range(3):
        inPlane = neighbours.copy()
        np.moveaxis(inPlane, axis, 0)[[0, 2]] = False
        mask = binary_fill_holes(mask, inPlane)
    return mask


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
