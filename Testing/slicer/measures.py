"""What several tests measure."""

from __future__ import annotations

import numpy as np


def positions(shape, matrix):
    """RAS mm of every voxel, `(k, j, i, 3)`."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    return np.stack([i, j, k], -1) @ matrix[:3, :3].T + matrix[:3, 3]


def resampledByMrml(moving, reference):
    """The moving node, under its transform, on the grid of the reference: Slicer's own resampling
    chain.
    """
    import slicer
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    fromWorld = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        None, moving.GetParentTransformNode(), fromWorld
    )
    toRas, toIjk = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    reference.GetIJKToRASMatrix(toRas)
    moving.GetRASToIJKMatrix(toIjk)
    chain = vtk.vtkGeneralTransform()
    chain.PostMultiply()
    for part in (toRas, fromWorld, toIjk):
        chain.Concatenate(part)
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(moving.GetImageData())
    reslice.SetResliceTransform(chain)
    reslice.SetInterpolationModeToLinear()
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputSpacing(1, 1, 1)
    size = reference.GetImageData().GetDimensions()
    reslice.SetOutputExtent(0, size[0] - 1, 0, size[1] - 1, 0, size[2] - 1)
    reslice.Update()
    return vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars()).reshape(size[::-1])


def difference(found, expected):
    """Largest difference where the sample lies inside the degraded volume, in % of the range."""
    inside = (expected > 0) & (found > 0)
    assert inside.mean() > 0.5
    return 100 * np.abs(found - expected)[inside].max() / np.ptp(expected[inside])
