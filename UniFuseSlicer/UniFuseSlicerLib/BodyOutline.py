"""A body as a surface to look through, and the displacement in it as arrows: both in space, from
coarse voxels, so that they are there at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from .BodyLines import LENGTH_MM
from .CoarseField import CoarseField
from .Nodes import vtkMatrix
from .RigidPart import moved

SMOOTHED_VOXELS = 1.0  # standard deviation: steps of the voxels are no longer seen
TRIANGLES = 20_000  # about; more show nothing that coarse voxels hold
SHORTEST_MM = 0.05  # as in the slice views
MOST_ARROWS = 1500  # more hide one another


def outline(body: np.ndarray, ijkToRas: np.ndarray) -> Any:
    """Closed surface around a body, `vtkPolyData` in RAS mm; empty without one.

    Args:
        body: `(k, j, i)` bool.
        ijkToRas: `(4, 4)` of its voxels.
    """
    if not body.any():
        return vtk.vtkPolyData()
    padded = np.pad(body, 2).astype(np.float32)  # closed where the body leaves the volume
    data = vtk.vtkImageData()
    data.SetDimensions(*padded.shape[::-1])
    data.SetOrigin(-2, -2, -2)
    data.GetPointData().SetScalars(numpy_to_vtk(padded.ravel(), deep=True))
    smooth = vtk.vtkImageGaussianSmooth()
    smooth.SetInputData(data)
    smooth.SetStandardDeviation(SMOOTHED_VOXELS)
    edges = vtk.vtkFlyingEdges3D()
    edges.SetInputConnection(smooth.GetOutputPort())
    edges.SetValue(0, 0.5)
    edges.ComputeScalarsOff()
    edges.ComputeNormalsOff()
    edges.Update()
    return _placed(_decimated(edges.GetOutput()), ijkToRas)


def arrowSpacing(field: CoarseField, wanted: float) -> float:
    """mm between arrows: as wanted, or wider where they would be too many.

    Args:
        field: where arrows may be.
        wanted: mm.
    """
    volume = field.shown.sum() * abs(np.linalg.det(field.ijkToRas[:3, :3]))
    return float(max(wanted, (volume / MOST_ARROWS) ** (1 / 3)))


def arrows(field: CoarseField, rigid: np.ndarray | None, spacing: float, times: float) -> Any:
    """Arrows that end at X in the body of the reference and come from B⁻¹ T(X), where the same
    tissue lies in the degraded volume: `vtkPolyData` in RAS mm, its scalar is their true length.

    Args:
        field: T(X) = X + u(X).
        rigid: B, `(4, 4)` RAS mm, the motion to take off; None: none.
        spacing: mm between them, about.
        times: how many times longer than they are.
    """
    ends = _lattice(field, spacing)
    starts = (field.places + field.displacement)[ends]
    if rigid is not None:
        starts = moved(np.linalg.inv(rigid), starts)
    vectors = field.places[ends] - starts
    lengths = np.linalg.norm(vectors, axis=-1)
    seen = lengths > SHORTEST_MM
    tips, vectors, lengths = field.places[ends][seen], vectors[seen], lengths[seen]
    return _glyphs(tips - times * vectors, times * vectors, lengths)


def _lattice(field: CoarseField, spacing: float) -> np.ndarray:
    """`(k, j, i)` bool: every so many voxels, as far as they are shown."""
    own = np.linalg.norm(field.ijkToRas[:3, :3], axis=0)[::-1]
    steps = np.maximum(1, np.rint(spacing / own)).astype(int)
    chosen = np.zeros_like(field.shown)
    chosen[tuple(slice(step // 2, None, step) for step in steps)] = True
    return chosen & field.shown


def _glyphs(starts: np.ndarray, vectors: np.ndarray, lengths: np.ndarray) -> Any:
    points = vtk.vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(starts, np.float32), deep=True))
    data = vtk.vtkPolyData()
    data.SetPoints(points)
    shown = numpy_to_vtk(np.ascontiguousarray(vectors, np.float32), deep=True)
    shown.SetName("vector")
    data.GetPointData().SetVectors(shown)
    scalars = numpy_to_vtk(np.ascontiguousarray(lengths, np.float32), deep=True)
    scalars.SetName(LENGTH_MM)
    data.GetPointData().SetScalars(scalars)
    if not lengths.size:
        return data
    arrow = vtk.vtkArrowSource()
    arrow.SetShaftRadius(0.06)
    arrow.SetTipRadius(0.18)
    glyph = vtk.vtkGlyph3D()
    glyph.SetInputData(data)
    glyph.SetSourceConnection(arrow.GetOutputPort())
    glyph.SetVectorModeToUseVector()
    glyph.SetScaleModeToScaleByVector()
    glyph.SetColorModeToColorByScalar()
    glyph.Update()
    return glyph.GetOutput()


def _decimated(surface: Any) -> Any:
    count = surface.GetNumberOfPolys()
    if count <= TRIANGLES:
        return surface
    decimate = vtk.vtkDecimatePro()
    decimate.SetInputData(surface)
    decimate.SetTargetReduction(1 - TRIANGLES / count)
    decimate.PreserveTopologyOn()
    decimate.Update()
    return decimate.GetOutput()


def _placed(surface: Any, ijkToRas: np.ndarray) -> Any:
    """From voxels to RAS, with normals that point outwards."""
    toRas = vtk.vtkMatrixToLinearTransform()
    toRas.SetInput(vtkMatrix(ijkToRas))
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetTransform(toRas)
    placed.SetInputData(surface)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(placed.GetOutputPort())
    normals.SplittingOff()
    normals.AutoOrientNormalsOn()
    normals.Update()
    return normals.GetOutput()
