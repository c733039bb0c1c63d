"""Apply to…: volumes and labels of one scan on the voxels of the other, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from measures import difference, positions

pytestmark = pytest.mark.slicer


def volumeLike(scene, node, array, name, className="vtkMRMLScalarVolumeNode"):
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    made = scene.AddNewNodeByClass(className, name)
    updateVolume(made, Image.fromArray(array, imageFromNode(node).ijkToRas))
    made.CreateDefaultDisplayNodes()
    return made


def arrayOf(node):
    from UniFuseSlicerLib.Nodes import imageFromNode

    return imageFromNode(node).array


def labelsOf(node):
    """Three labels of different sizes, on the grid of `node`."""
    shape = arrayOf(node).shape
    k, j, i = np.indices(shape)
    labels = np.zeros(shape, np.int16)
    labels[(i > 20) & (i < 45) & (j > 10)] = 3
    labels[(j > 35) & (k > 9)] = 7
    labels[(j < 22) & (k > 8) & (k < 18)] = 12
    return labels


def sampled(array, matrix, points):
    """The nearest voxel at RAS mm, 0 outside, by scipy."""
    from scipy.ndimage import map_coordinates

    inverse = np.linalg.inv(matrix)
    index = points @ inverse[:3, :3].T + inverse[:3, 3]
    index = np.floor(index + 0.5)[..., ::-1].reshape(-1, 3).T
    found = map_coordinates(array, index, order=0, mode="constant", cval=0)
    return found.reshape(points.shape[:3])


def placeOf(node):
    from UniFuseSlicerLib.Nodes import worldFromIjk

    return worldFromIjk(node)


def test_aVolumeOfTheDegradedScanComesOntoTheReference(apply, nodes, pair, scene):
    other = volumeLike(scene, pair.degraded, arrayOf(pair.degraded), "FLAIR")
    before = arrayOf(other).copy()
    (made,) = apply(other)
    assert made.GetName() == "FLAIR on T1"
    assert np.allclose(placeOf(made), placeOf(pair.reference))
    assert arrayOf(made).dtype == before.dtype
    assert difference(arrayOf(made), pair.warped) <= 0.1
    assert np.array_equal(arrayOf(other), before)
    assert other.GetParentTransformNode() is None


def test_theResultCarriesOurMarkAndIsNeverOverwritten(apply, pair, scene):
    from UniFuseSlicerLib.Apply import DESTINATION_ATTRIBUTE, SOURCE_ROLE
    from UniFuseSlicerLib.Ownership import isFree, isMarked

    (made,) = apply(pair.degraded)
    assert isMarked(made)
    assert not isFree(made, pair.degraded, pair.reference)
    assert made.GetNodeReference(SOURCE_ROLE) is pair.degraded
    assert made.GetAttribute(DESTINATION_ATTRIBUTE) == "reference"
    (again,) = apply(pair.degraded)
    assert again is not made
    assert again.GetName() != made.GetName()


def test_aLabelMapKeepsItsLabelsAndTypeByTheNearestVoxel(apply, pair, scene, referenceMatrix):
    labels = labelsOf(pair.degraded)
    node = volumeLike(scene, pair.degraded, labels, "organs", "vtkMRMLLabelMapVolumeNode")
    (made,) = apply(node)
    assert made.GetClassName() == "vtkMRMLLabelMapVolumeNode"
    places = positions(pair.warped.shape, referenceMatrix) + pair.displacement
    expected = sampled(labels, placeOf(pair.degraded), places)
    assert arrayOf(made).dtype == labels.dtype
    assert set(np.unique(expected)) == {0, 3, 7, 12}
    assert (arrayOf(made) != expected).mean() < 1e-3  # places halfway between two voxels


def test_aSegmentationComesOntoTheVoxelsOfTheReference(apply, pair, scene, referenceMatrix):
    import slicer

    labels = labelsOf(pair.degraded)
    node = segmentation(scene, pair.degraded, labels, "organs")
    (made,) = apply(node)
    source, found = node.GetSegmentation(), made.GetSegmentation()
    assert found.GetNumberOfSegments() == 3
    assert found.GetNumberOfLayers() == source.GetNumberOfLayers()
    places = positions(pair.warped.shape, referenceMatrix) + pair.displacement
    for index, label in enumerate((3, 7, 12)):
        assert found.GetNthSegment(index).GetName() == f"organ {label}"
        assert found.GetNthSegment(index).GetColor() == source.GetNthSegment(index).GetColor()
        mask = slicer.vtkOrientedImageData()
        made.GetBinaryLabelmapRepresentation(found.GetNthSegmentID(index), mask)
        expected = sampled((labels == label).astype(np.uint8), placeOf(pair.degraded), places)
        got = inGrid(mask, expected.shape)
        assert expected.sum() > 100
        assert np.abs(got.astype(int) - expected).mean() < 1e-3
    role = made.GetReferenceImageGeometryReferenceRole()
    assert made.GetNodeReference(role) is pair.reference


def segmentation(scene, volume, labels, name):
    """Segments that share one label map, as Slicer keeps them."""
    import slicer
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import vtkMatrix

    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(Image.fromArray(labels, np.eye(4)).data)
    image.SetImageToWorldMatrix(vtkMatrix(placeOf(volume)))
    for label in np.unique(labels[labels > 0]):
        segment = slicer.vtkSegment()
        segment.SetName(f"organ {label}")
        segment.SetColor(label / 20, 0.5, 0.25)
        segment.SetLabelValue(int(label))
        segment.AddRepresentation("Binary labelmap", image)
        node.GetSegmentation().AddSegment(segment)
    return node


def inGrid(mask, shape):
    """A label map with its own extent → `(k, j, i)` on the whole grid."""
    from vtk.util.numpy_support import vtk_to_numpy

    whole = np.zeros(shape, np.uint8)
    i0, i1, j0, j1, k0, k1 = mask.GetExtent()
    values = vtk_to_numpy(mask.GetPointData().GetScalars())
    whole[k0 : k1 + 1, j0 : j1 + 1, i0 : i1 + 1] = values.reshape(
        k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1
    )
    return whole


def test_theReferenceComesBackOntoTheDegradedScan(apply, pair, scene, degradedMatrix):
    """out(Y) = reference(X) with X + u(X) = Y: checked with the analytic field, by fixed point."""
    from scipy.ndimage import map_coordinates

    (made,) = apply(pair.reference, to="degraded")
    assert np.allclose(placeOf(made), degradedMatrix)
    shape = arrayOf(pair.degraded).shape
    inverse = np.linalg.inv(placeOf(pair.reference))
    y = positions(shape, degradedMatrix)
    x = y.copy()
    for _ in range(40):
        index = x @ inverse[:3, :3].T + inverse[:3, 3]
        u = [
            map_coordinates(
                pair.displacement[..., c],
                index[..., ::-1].reshape(-1, 3).T,
                order=1,
                mode="nearest",
            )
            for c in range(3)
        ]
        x = y - np.stack(u, -1).reshape(*shape, 3)
    index = x @ inverse[:3, :3].T + inverse[:3, 3]
    inside = ((index >= 0) & (index <= np.array(pair.warped.shape[::-1]) - 1)).all(-1)
    expected = map_coordinates(
        arrayOf(pair.reference), index[..., ::-1].reshape(-1, 3).T, order=1, mode="nearest"
    ).reshape(shape)
    assert inside.mean() > 0.1
    assert np.abs(arrayOf(made) - expected)[inside].max() < 0.3  # of 300


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ((-1000, 1200), "", -1000),  # the CT of a study whose PET was fused
        ((-2000, 1200), "", -1024),  # padding below air
        ((50, 400), "", 0),
        ((0, 900), "[hnsf'U]", 0),
    ],
)
def test_outsideTheFieldOfViewThereIsAirOfTheModality(
    apply, pair, scene, nodes, values, unit, expected
):
    import slicer

    low, high = values
    ramp = np.linspace(low, high, arrayOf(pair.degraded).size)
    array = ramp.reshape(arrayOf(pair.degraded).shape).astype(np.int16)
    node = volumeLike(scene, pair.degraded, array, "other")
    if unit:
        code = slicer.vtkCodedEntry()
        code.SetValueSchemeMeaning(unit, "UCUM", "unit")
        node.SetVoxelValueUnits(code)
    node.SetOrigin(node.GetOrigin()[0] + 25, *node.GetOrigin()[1:])  # part of the view is empty
    (made,) = apply(node)
    assert (arrayOf(made) == expected).mean() > 0.05
    assert arrayOf(made).min() >= min(expected, values[0])


def test_airIsThatOfTheLibrary():
    intensity = pytest.importorskip("UniFuseLib.preprocessing.intensity")
    from UniFuseSlicerLib import Moved

    assert intensity.BACKGROUND == {"mr": 0.0, "ct": Moved.BACKGROUND_CT, "pet": 0.0}
    assert intensity._NOISE_BELOW_ZERO == Moved.NOISE_BELOW_ZERO
    assert intensity._AIR_PERCENTILE == Moved.AIR_PERCENTILE


def test_whatCannotBeMovedIsRefusedInWords(apply, nodes, pair, scene):
    from UniFuseSlicerLib.Apply import applyTo
    from UniFuseSlicerLib.Errors import FusionError

    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    roi.AddControlPoint(0, 0, 0)
    empty = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "none yet")
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode", "camera")
    for node, sentence in (
        ("T2", r'got the text "T2"\. Use getNode'),
        (None, 'got "none"'),
        (camera, 'got "camera"'),
        (empty, '"none yet" is empty'),
        (pair.reference, '"T1" is the reference volume itself'),
        (nodes.restored, "is a result of UniFuse"),
        (roi, "keeps its shape"),
    ):
        count = scene.GetNumberOfNodes()
        with pytest.raises(FusionError, match=sentence):
            apply(pair.degraded, node)
        assert scene.GetNumberOfNodes() == count, sentence
    with pytest.raises(FusionError, match='Expected "reference" or "degraded"'):
        apply(pair.degraded, to="sideways")
    with pytest.raises(FusionError, match="Expected the fused volume of a result, got T2"):
        applyTo(pair.degraded, [pair.degraded])


def test_whatLiesInTheStudyOfTheDegradedScanIsOffered(nodes, pair, scene):
    import slicer
    from UniFuseSlicerLib.Apply import ofTheSameStudy

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "P1")
    studies = [hierarchy.CreateStudyItem(patient, name) for name in ("today", "last year")]
    flair = volumeLike(scene, pair.degraded, arrayOf(pair.degraded), "FLAIR")
    other = volumeLike(scene, pair.degraded, arrayOf(pair.degraded), "other study")
    for node, study in (
        (pair.degraded, studies[0]),
        (flair, studies[0]),
        (other, studies[1]),
        (pair.reference, studies[1]),
        (nodes.restored, studies[0]),
    ):
        item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(study, node)
        hierarchy.SetItemParent(item, study)
    drawn = segmentation(scene, pair.degraded, labelsOf(pair.degraded), "organs")
    assert ofTheSameStudy(pair.degraded) == [flair, drawn]
