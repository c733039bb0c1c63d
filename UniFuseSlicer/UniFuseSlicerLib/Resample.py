"""Voxels of one scan on the grid of the other, by Slicer's own transform and VTK's reslicing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import vtk

from .Nodes import vtkMatrix

Interpolation = Literal["linear", "nearest"]


@dataclass(frozen=True)
class Grid:
    """Where voxels lie.

    Attributes:
        size: voxels along (i, j, k).
        ijkToWorld: `(4, 4)` index (i, j, k, 1) → RAS mm.
    """

    size: tuple[int, int, int]
    ijkToWorld: np.ndarray

    @classmethod
    def ofImage(cls, data: Any, ijkToWorld: np.ndarray) -> Grid:
        """Of a `vtkImageData` whose first voxel has the index 0."""
        return cls(tuple(data.GetDimensions()), ijkToWorld)

    def holds(self, points: np.ndarray) -> np.ndarray:
        """`(n,)` bool: RAS mm within the faces of the voxels.

        Args:
            points: `(n, 3)` RAS mm.
        """
        inverse = np.linalg.inv(self.ijkToWorld)
        inside = np.ones(len(points), bool)
        for size, (*row, origin) in zip(self.size, inverse[:3], strict=True):
            index = points @ np.array(row) + origin
            inside &= (index >= -0.5) & (index <= size - 0.5)
        return inside


def resampled(
    data: Any,
    ijkToWorld: np.ndarray,
    grid: Grid,
    reading: Any,
    interpolation: Interpolation,
    background: float,
) -> Any:
    """out(P) = data(reading(P)) at the voxel places P of `grid`, in the type of `data`.

    Args:
        data: `vtkImageData`; its origin and spacing are not used, its extent is.
        ijkToWorld: `(4, 4)` index of `data` → RAS mm.
        grid: target.
        reading: `vtkAbstractTransform`, RAS mm of the target → RAS mm of the source.
        interpolation: `nearest` keeps labels exactly.
        background: outside the source.

    Returns:
        `vtkImageData` with origin 0 and spacing 1, as volume nodes keep it.
    """
    if data.GetNumberOfPoints() == 0:  # a segment in which nothing was drawn
        return _constant(grid, data, background)
    source = vtk.vtkImageData()
    source.ShallowCopy(data)
    source.SetOrigin(0, 0, 0)
    source.SetSpacing(1, 1, 1)
    if hasattr(source, "SetDirectionMatrix"):
        source.SetDirectionMatrix(1, 0, 0, 0, 1, 0, 0, 0, 1)
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(source)
    reslice.SetResliceTransform(_chain(grid, reading, ijkToWorld))
    if interpolation == "linear":
        reslice.SetInterpolationModeToLinear()
    else:
        reslice.SetInterpolationModeToNearestNeighbor()
    reslice.SetBackgroundLevel(background)
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputSpacing(1, 1, 1)
    i, j, k = grid.size
    reslice.SetOutputExtent(0, i - 1, 0, j - 1, 0, k - 1)
    reslice.Update()
    return reslice.GetOutput()


def _constant(grid: Grid, like: Any, value: float) -> Any:
    """`vtkImageData` of one value, in the type of `like`."""
    made = vtk.vtkImageData()
    made.SetDimensions(*grid.size)
    made.AllocateScalars(like.GetScalarType(), 1)
    made.GetPointData().GetScalars().Fill(value)
    return made


def _chain(grid: Grid, reading: Any, ijkToWorld: np.ndarray) -> Any:
    """Index of the target → RAS mm → RAS mm of the source → its index."""
    chain = vtk.vtkGeneralTransform()
    chain.PostMultiply()
    chain.Concatenate(vtkMatrix(grid.ijkToWorld))
    chain.Concatenate(reading)
    chain.Concatenate(vtkMatrix(np.linalg.inv(ijkToWorld)))
    return chain
