"""Apply to…: points and surfaces go to the same anatomy; where the field folds, nowhere."""

from __future__ import annotations

import numpy as np
import pytest
from measures import positions

pytestmark = pytest.mark.slicer


@pytest.fixture
def landmarks(pair, referenceMatrix):
    """Places of the reference X, and of the same anatomy in the degraded scan X + u(X)."""
    x = positions(pair.warped.shape, referenceMatrix)
    inner = (slice(4, 15, 3), slice(8, 36, 7), slice(8, 32, 6))
    return x[inner].reshape(-1, 3), (x + pair.displacement)[inner].reshape(-1, 3)


def markups(scene, points, name="F", className="vtkMRMLMarkupsFiducialNode"):
    node = scene.AddNewNodeByClass(className, name)
    for index, point in enumerate(points):
        node.AddControlPoint(*point, f"landmark {index}")
    return node


@pytest.mark.parametrize("className", ["vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsCurveNode"])
@pytest.mark.parametrize("to", ["reference", "degraded"])
def test_pointsGoToTheSameAnatomyBothWays(apply, landmarks, scene, to, className):
    reference, degraded = landmarks
    start, end = (degraded, reference) if to == "reference" else (reference, degraded)
    node = markups(scene, start, className=className)
    (made,) = apply(node, to=to)
    assert made.GetClassName() == className
    assert made.GetNthControlPointLabel(3) == "landmark 3"
    assert np.abs(controlPoints(made) - end).max() < 0.02
    assert np.abs(controlPoints(node) - start).max() < 1e-9


def test_pointsBeyondTheFieldMoveAsItsBorderAndAreCounted(apply, pair, scene, referenceMatrix):
    from UniFuseSlicerLib.ApplyWidgets import outsideSentence

    corner = positions(pair.warped.shape, referenceMatrix)[0, 0, 0]
    outward = -referenceMatrix[:3, :3].sum(axis=1)
    start = corner + 20 * outward / np.linalg.norm(outward)
    (made,) = apply(markups(scene, [start, corner - outward]), to="degraded")
    assert np.abs(controlPoints(made)[0] - start - pair.displacement[0, 0, 0]).max() < 0.02
    assert outsideSentence(made).startswith('1 points of "F on T2" lie outside the field of view')


def controlPoints(node):
    return np.array(
        [node.GetNthControlPointPositionWorld(n) for n in range(node.GetNumberOfControlPoints())]
    )


def test_aLinearParentIsHonoured(apply, landmarks, scene):
    """Coordinates of the node · its parent transform: the place in the world is what is moved."""
    import vtk

    reference, degraded = landmarks
    shift = np.array([30.0, -20.0, 10.0])
    node = markups(scene, degraded - shift)
    parent = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    matrix = vtk.vtkMatrix4x4()
    for row in range(3):
        matrix.SetElement(row, 3, shift[row])
    parent.SetMatrixTransformToParent(matrix)
    node.SetAndObserveTransformNodeID(parent.GetID())
    (made,) = apply(node)
    assert made.GetParentTransformNode() is None
    assert np.abs(controlPoints(made) - reference).max() < 0.02


def test_aModelFollowsWithAllItsPoints(apply, landmarks, scene):
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

    reference, degraded = landmarks
    points = vtk.vtkPoints()
    points.SetData(numpy_to_vtk(degraded.astype(np.float32), deep=True))
    mesh = vtk.vtkPolyData()
    mesh.SetPoints(points)
    node = scene.AddNewNodeByClass("vtkMRMLModelNode", "skin")
    node.SetAndObserveMesh(mesh)
    (made,) = apply(node)
    found = vtk_to_numpy(made.GetPolyData().GetPoints().GetData())
    assert np.abs(found - reference).max() < 0.02
    assert np.allclose(vtk_to_numpy(mesh.GetPoints().GetData()), degraded, atol=1e-4)


def test_whereTheFieldFoldsPointsAreRefusedByNumber(pair, nodes, scene, landmarks):
    from UniFuseSlicerLib.Apply import applyTo
    from UniFuseSlicerLib.Errors import FusionError
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import deformationImage, updateDeformation

    field = deformationImage(nodes.deformation)
    u = np.zeros_like(field.array)
    u[:, 22:] = -12.0 * field.ijkToRas[:3, 1]  # voxels from row 22 on lie over rows 10 to 21
    updateDeformation(nodes.deformation, Image.fromArray(u, field.ijkToRas))
    x = positions(u.shape[:3], field.ijkToRas)
    node = markups(scene, [x[9, 3, 20], x[9, 16, 20]])
    count = scene.GetNumberOfNodes()
    with pytest.raises(FusionError, match=r"folds at 1 of the 2 points of \"F\" \(2\)"):
        applyTo(nodes.fused, [node])
    assert scene.GetNumberOfNodes() == count
    applyTo(nodes.fused, [markups(scene, [x[9, 3, 20]])])


def test_segmentsThatAreSurfacesFollowPointByPoint(apply, landmarks, scene):
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

    reference, degraded = landmarks
    points = vtk.vtkPoints()
    points.SetData(numpy_to_vtk(degraded.astype(np.float32), deep=True))
    surface = vtk.vtkPolyData()
    surface.SetPoints(points)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "contours")
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    segment = slicer.vtkSegment()
    segment.SetName("target")
    segment.AddRepresentation("Closed surface", surface)
    node.GetSegmentation().AddSegment(segment)
    (made,) = apply(node)
    moved = made.GetSegmentation().GetNthSegment(0).GetRepresentation("Closed surface")
    assert np.abs(vtk_to_numpy(moved.GetPoints().GetData()) - reference).max() < 0.02
