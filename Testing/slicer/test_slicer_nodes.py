"""Nodes ↔ files on a real scene: what MRML shows is what the tool computed."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from measures import difference, resampledByMrml

pytestmark = pytest.mark.slicer


@pytest.fixture
def nodes(images, pair):
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    return updateNodes(images, pair.degraded, pair.reference, FusionNodes())


def test_degradedUnderTheDeformationIsTheWarpedVolume(nodes, pair):
    pair.degraded.SetAndObserveTransformNodeID(nodes.deformation.GetID())
    assert difference(resampledByMrml(pair.degraded, pair.reference), pair.warped) <= 0.1


def test_savedDeformationMeansTheSameToPlainItk(nodes, pair, tmp_path):
    import SimpleITK as sitk
    from UniFuseSlicerLib.Images import readImage, writeImage
    from UniFuseSlicerLib.Nodes import imageFromNode

    storage = nodes.deformation.CreateDefaultStorageNode()
    storage.SetFileName(str(tmp_path / "u.nrrd"))
    assert storage.WriteData(nodes.deformation) == 1
    writeImage(imageFromNode(pair.degraded), tmp_path / "degraded.nrrd")
    writeImage(imageFromNode(pair.reference), tmp_path / "reference.nrrd")
    field = sitk.DisplacementFieldTransform(
        sitk.ReadImage(str(tmp_path / "u.nrrd"), sitk.sitkVectorFloat64)
    )
    moving, fixed = (sitk.ReadImage(str(tmp_path / f"{n}.nrrd")) for n in ("degraded", "reference"))
    warped = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, field, sitk.sitkLinear, 0.0))
    assert difference(warped, pair.warped) <= 0.1
    assert np.allclose(
        readImage(tmp_path / "degraded.nrrd").ijkToRas, imageFromNode(pair.degraded).ijkToRas
    )


def test_resultsLieOnTheReferenceGrid(nodes, pair):
    from UniFuseSlicerLib.Nodes import deformationImage, imageFromNode

    place = imageFromNode(pair.reference).ijkToRas
    for node in (nodes.fused, nodes.restored):
        assert node.GetImageData().GetDimensions() == pair.reference.GetImageData().GetDimensions()
        assert np.abs(imageFromNode(node).ijkToRas - place).max() < 1e-4
    field = deformationImage(nodes.deformation)
    assert np.abs(field.ijkToRas - place).max() < 1e-4
    assert np.abs(field.array - pair.displacement).max() < 1e-3  # mm


def test_inputsStayAsTheyAre(images, pair):
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    before = [
        (n.GetMTime(), n.GetImageData().GetMTime(), n.GetName())
        for n in (pair.degraded, pair.reference)
    ]
    updateNodes(images, pair.degraded, pair.reference, FusionNodes())
    assert before == [
        (n.GetMTime(), n.GetImageData().GetMTime(), n.GetName())
        for n in (pair.degraded, pair.reference)
    ]


def test_namesAndReferences(nodes, pair):
    import slicer

    assert nodes.fused.GetName() == "T2 on T1 fused"
    assert nodes.restored.GetName() == "T2 restored"
    assert nodes.deformation.GetName() == "T2 to T1"
    roles = slicer.vtkMRMLTransformNode
    assert nodes.deformation.GetNodeReference(roles.GetMovingNodeReferenceRole()) is pair.degraded
    assert nodes.deformation.GetNodeReference(roles.GetFixedNodeReferenceRole()) is pair.reference


def test_theReportNamesTheVolumesAndNoFolderOfThisComputer(nodes):
    from UniFuseSlicerLib.Results import REPORT_ATTRIBUTE, reportOf

    assert "/tmp" not in nodes.fused.GetAttribute(REPORT_ATTRIBUTE)
    inputs = reportOf(nodes.fused)["inputs"]
    assert (inputs["degraded"]["name"], inputs["reference"]["name"]) == ("T2", "T1")
    assert inputs["degraded"]["shape"] == [1, 2, 3]


def test_runningAgainFillsTheSameNodes(images, nodes, pair, scene):
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import deformationImage
    from UniFuseSlicerLib.Results import updateNodes

    count = scene.GetNumberOfNodes()
    pair.degraded.SetAndObserveTransformNodeID(nodes.deformation.GetID())
    half = Image.fromArray(pair.displacement / 2, images.deformation.ijkToRas)
    again = updateNodes(
        type(images)(images.fused, images.restored, half, images.report),
        pair.degraded,
        pair.reference,
        nodes,
    )
    assert [n.GetID() for n in vars(again).values()] == [n.GetID() for n in vars(nodes).values()]
    assert scene.GetNumberOfNodes() == count
    assert np.allclose(deformationImage(again.deformation).array, pair.displacement / 2)
    assert pair.degraded.GetParentTransformNode() is again.deformation


def test_anOutputOfAnotherKindIsNotDestroyed(images, pair, scene):
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    wrong = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "mine")
    nodes = updateNodes(images, pair.degraded, pair.reference, FusionNodes(fused=wrong))
    assert nodes.fused is not wrong
    assert wrong.GetImageData() is None


def test_restoredKeepsColoursAndUnitsOfTheDegraded(images, pair, scene):
    import slicer
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    table = scene.AddNode(slicer.vtkMRMLColorTableNode())
    table.SetTypeToRainbow()
    pair.degraded.GetDisplayNode().SetAndObserveColorNodeID(table.GetID())
    units = slicer.vtkCodedEntry()
    units.SetValueSchemeMeaning("[hnsf'U]", "UCUM", "Hounsfield unit")
    pair.degraded.SetVoxelValueUnits(units)
    nodes = updateNodes(images, pair.degraded, pair.reference, FusionNodes())
    assert nodes.restored.GetDisplayNode().GetColorNodeID() == table.GetID()
    assert nodes.fused.GetDisplayNode().GetColorNodeID() != table.GetID()
    assert nodes.restored.GetVoxelValueUnits().GetCodeMeaning() == "Hounsfield unit"


def test_windowShowsTheContentDespiteOneBrightVoxel():
    from UniFuseSlicerLib.Images import contentWindow

    array = np.zeros((20, 30, 40), np.float32)
    array[5:15, 5:25, 5:35] = np.random.default_rng(0).uniform(50, 100, (10, 20, 30))
    array[10, 10, 10] = 1e6
    low, high = contentWindow(array)
    assert 50 <= low < 55
    assert 90 < high <= 100


def test_theWindowIsThatOfTheContent(nodes, images):
    from UniFuseSlicerLib.Images import contentWindow

    for node, image in ((nodes.fused, images.fused), (nodes.restored, images.restored)):
        low, high = contentWindow(image.array)
        display = node.GetDisplayNode()
        assert not display.GetAutoWindowLevel()
        assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx(
            (low, high)
        )


def test_classTableAndReportStayReachable(nodes):
    from UniFuseSlicerLib.Results import CLASS_ATTRIBUTE, PROBABILITY_ATTRIBUTE, reportOf

    table = nodes.report.GetTable()
    assert [table.GetColumnName(c) for c in range(2)] == ["class", "probability"]
    assert table.GetValue(0, 0).ToString() == "mr_motion"
    assert table.GetValue(0, 1).ToDouble() == pytest.approx(0.97)
    assert nodes.fused.GetAttribute(CLASS_ATTRIBUTE) == "mr_motion"
    assert float(nodes.fused.GetAttribute(PROBABILITY_ATTRIBUTE)) == pytest.approx(0.97)
    assert reportOf(nodes.fused)["similarity"]["after"] == 0.78


def test_aResultHasAFolderInTheStudyOfTheReference(images, pair, scene):
    import slicer
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    subject = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "patient")
    study = hierarchy.CreateStudyItem(subject, "study")
    hierarchy.CreateItem(study, pair.reference)
    # the application gives a new node an item at the top; here one output has one already
    mine = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    hierarchy.CreateItem(hierarchy.GetSceneItemID(), mine)
    nodes = updateNodes(images, pair.degraded, pair.reference, FusionNodes(fused=mine))
    folders = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(n)) for n in nodes.all()}
    (folder,) = folders
    assert hierarchy.GetItemParent(folder) == study
    assert hierarchy.GetItemName(folder) == nodes.fused.GetName()
    updateNodes(images, pair.degraded, pair.reference, nodes)
    again = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(n)) for n in nodes.all()}
    assert again == folders


def linearTransform(scene, matrix):
    import slicer
    from UniFuseSlicerLib.Nodes import vtkMatrix

    node = scene.AddNode(slicer.vtkMRMLLinearTransformNode())
    node.SetMatrixTransformToParent(vtkMatrix(matrix))
    return node


def test_linearParentsAreHonoured(pair, scene, tmp_path, degradedMatrix):
    from UniFuseSlicerLib.Images import readImage, writeImage
    from UniFuseSlicerLib.Nodes import imageFromNode, worldFromIjk

    inner, outer = np.eye(4), np.eye(4)
    inner[:3, 3], outer[:3, :3] = [5, -6, 7], [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    under = linearTransform(scene, inner)
    under.SetAndObserveTransformNodeID(linearTransform(scene, outer).GetID())
    pair.degraded.SetAndObserveTransformNodeID(under.GetID())
    expected = outer @ inner @ degradedMatrix
    assert np.allclose(worldFromIjk(pair.degraded), expected)
    writeImage(imageFromNode(pair.degraded), tmp_path / "d.nrrd")
    assert np.allclose(readImage(tmp_path / "d.nrrd").ijkToRas, expected)
    assert pair.degraded.GetParentTransformNode() is under


def test_nonLinearParentIsRefusedInWords(nodes, pair):
    from UniFuseSlicerLib.Errors import InputNodeError
    from UniFuseSlicerLib.Nodes import checkInput

    pair.degraded.SetAndObserveTransformNodeID(nodes.deformation.GetID())
    with pytest.raises(
        InputNodeError, match=r'"T2" is under the non-linear transform "T2 to T1".*harden'
    ):
        checkInput(pair.degraded, "degraded")


def test_shearedReferenceIsRefusedInWords(pair, scene):
    from UniFuseSlicerLib.Errors import InputNodeError
    from UniFuseSlicerLib.Nodes import checkInput

    shear = np.eye(4)
    shear[0, 1] = 0.3
    pair.reference.SetAndObserveTransformNodeID(linearTransform(scene, shear).GetID())
    with pytest.raises(InputNodeError, match="Resample it"):
        checkInput(pair.reference, "reference")
    pair.degraded.SetAndObserveTransformNodeID(pair.reference.GetTransformNodeID())
    checkInput(pair.degraded, "degraded")


@pytest.mark.parametrize(
    ("className", "role", "words"),
    [
        ("vtkMRMLScalarVolumeNode", "degraded", "with voxels, got empty"),
        ("vtkMRMLVectorVolumeNode", "reference", "has 3 values per voxel"),
    ],
)
def test_unusableInputsAreRefusedInWords(scene, className, role, words):
    from UniFuseSlicerLib.Errors import InputNodeError
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import checkInput, updateVolume

    node = scene.AddNewNodeByClass(className, "empty")
    if className == "vtkMRMLVectorVolumeNode":
        updateVolume(node, Image.fromArray(np.zeros((3, 4, 5, 3), np.uint8), np.eye(4)))
    with pytest.raises(InputNodeError, match=words):
        checkInput(node, role)


def test_rgbDegradedVolume(pair, writeResult, tmp_path, scene, degradedMatrix):
    from UniFuseSlicerLib.Images import Image, readImage, readResult, writeImage
    from UniFuseSlicerLib.Nodes import checkInput, imageFromNode, updateVolume
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    colours = np.random.default_rng(0).integers(0, 255, (7, 9, 11, 3), dtype=np.uint8)
    rgb = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "histology")
    updateVolume(rgb, Image.fromArray(colours, degradedMatrix))
    rgb.CreateDefaultDisplayNodes()
    checkInput(rgb, "degraded")
    writeImage(imageFromNode(rgb), tmp_path / "rgb.nrrd")
    assert np.array_equal(readImage(tmp_path / "rgb.nrrd").array, colours)
    result = np.repeat(np.clip(pair.warped, 0, 255)[..., None], 3, axis=-1).astype(np.uint8)
    writeResult(tmp_path, fused=result, restored=result)
    nodes = updateNodes(readResult(tmp_path), rgb, pair.reference, FusionNodes())
    assert nodes.restored.GetClassName() == "vtkMRMLVectorVolumeNode"
    assert np.array_equal(imageFromNode(nodes.fused).array, result)


def test_everythingSurvivesSaveAndReload(nodes, pair, scene, tmp_path):
    import slicer
    from UniFuseSlicerLib.Nodes import deformationImage, imageFromNode
    from UniFuseSlicerLib.Ownership import DEGRADED_ROLE
    from UniFuseSlicerLib.Results import CLASS_ATTRIBUTE, DEFORMATION_ROLE, reportOf

    fused = imageFromNode(nodes.fused).array.copy()
    assert scene.WriteToMRB(str(tmp_path / "saved.mrb"))
    with zipfile.ZipFile(tmp_path / "saved.mrb") as bundle:
        bundle.extractall(tmp_path / "saved")
    again = slicer.vtkMRMLScene()
    again.SetURL(str(next((tmp_path / "saved").rglob("*.mrml"))))
    assert again.Connect()
    loaded = again.GetFirstNodeByName("T2 on T1 fused")
    assert np.allclose(imageFromNode(loaded).array, fused, atol=1e-5)
    assert loaded.GetAttribute(CLASS_ATTRIBUTE) == "mr_motion"
    assert reportOf(loaded) == reportOf(nodes.fused)
    assert loaded.GetNodeReference(DEGRADED_ROLE).GetName() == "T2"
    deformation = loaded.GetNodeReference(DEFORMATION_ROLE)
    assert np.allclose(deformationImage(deformation).array, pair.displacement, atol=1e-3)
    moving = deformation.GetNodeReference(slicer.vtkMRMLTransformNode.GetMovingNodeReferenceRole())
    assert moving.GetName() == "T2"
    moving.SetAndObserveTransformNodeID(deformation.GetID())
    assert difference(resampledByMrml(moving, again.GetFirstNodeByName("T1")), pair.warped) <= 0.1
    assert (
        again.GetFirstNodeByName("T2 fusion report").GetTable().GetValue(0, 0).ToString()
        == "mr_motion"
    )


@pytest.mark.parametrize("missing", ["fused", "restored", "deformation"])
def test_aMissingResultIsReported(writeResult, tmp_path, missing):
    from UniFuseSlicerLib.Errors import FusionError
    from UniFuseSlicerLib.Images import readResult

    writeResult(tmp_path)
    (tmp_path / f"{missing}.nii.gz").unlink()
    with pytest.raises(FusionError, match=f"did not write {missing}"):
        readResult(tmp_path)


def test_aResultWithoutNumbersIsReported(writeResult, tmp_path, pair):
    from UniFuseSlicerLib.Errors import FusionError
    from UniFuseSlicerLib.Images import readResult

    writeResult(tmp_path, fused=np.full_like(pair.warped, np.nan))
    with pytest.raises(FusionError, match="fused volume contains no usable values"):
        readResult(tmp_path)
    assert (
        json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["class"] == "mr_motion"
    )
