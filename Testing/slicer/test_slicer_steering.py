"""Steering: movement, a start from a transform node, masks; nodes become files for the tool."""

from __future__ import annotations

import os

import numpy as np
import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]

# turn about an oblique axis, and a shift: no two axes can be exchanged unseen
TURN = np.array(
    [
        [0.98, -0.17, 0.10, 12.0],
        [0.18, 0.97, -0.13, -7.0],
        [-0.08, 0.15, 0.985, 4.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


def linearTransform(scene, matrix, name="start"):
    from UniFuseSlicerLib.Nodes import vtkMatrix

    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(vtkMatrix(matrix))
    return node


def toWorld(transform, point):
    """Where the node, with its parents, brings a point, RAS mm."""
    import vtk

    chain = vtk.vtkGeneralTransform()
    transform.GetTransformToWorld(chain)
    return np.array(chain.TransformPoint(point))


def labelMap(scene, volume, labels, name="mask"):
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
    updateVolume(node, Image.fromArray(labels, imageFromNode(volume).ijkToRas))
    return node


def halfOf(volume):
    from UniFuseSlicerLib.Nodes import imageFromNode

    labels: np.ndarray = np.zeros(imageFromNode(volume).array.shape, np.int16)
    labels[2:, : labels.shape[1] // 2, 3:] = 5
    return labels


def test_theToolReadsTheStartAsSlicerShowsIt(scene, pair, tmp_path):
    """A point of the degraded volume that the node brings to X is where the tool looks from X."""
    library = pytest.importorskip("UniFuseLib.io.linear_transform", reason="needs torch")
    from UniFuseSlicerLib.Guidance import Guidance, guidanceFiles

    outer = linearTransform(scene, np.diag([1, 1, 1, 1.0]) + np.eye(4, k=3) * 3, "table")
    node = linearTransform(scene, TURN)
    node.SetAndObserveTransformNodeID(outer.GetID())  # a parent counts as well
    files = guidanceFiles(Guidance(node), pair.degraded, pair.reference)
    files.write(tmp_path)
    assert files.arguments(tmp_path) == ["--initial-transform", str(tmp_path / "initial.tfm")]
    found = library.read_linear_transform(tmp_path / "initial.tfm", None, None)
    degraded = np.array([21.0, -13.0, 34.0])
    moved = toWorld(node, degraded)
    assert np.abs(found[:3, :3] @ moved + found[:3, 3] - degraded).max() < 1e-6


def test_aMaskIsReadWhereItWasDrawn(scene, pair, tmp_path):
    """On the grid of the volume, from a finer label map on other axes."""
    volumes = pytest.importorskip("UniFuseLib.io.volumes", reason="needs torch")
    from UniFuseSlicerLib.Guidance import Guidance, guidanceFiles
    from UniFuseSlicerLib.Nodes import imageFromNode

    labels = halfOf(pair.degraded)
    mask = labelMap(scene, pair.degraded, labels)
    files = guidanceFiles(
        Guidance(referenceMask=mask, degradedMask=mask), pair.degraded, pair.reference
    )
    files.write(tmp_path)
    own = volumes.read_volume(tmp_path / "degraded-mask.nrrd")
    assert np.array_equal(own.array, labels > 0)
    other = volumes.read_volume(tmp_path / "reference-mask.nrrd")
    assert other.array.shape == imageFromNode(pair.reference).array.shape
    place = imageFromNode(pair.reference).ijkToRas
    index = np.linalg.inv(imageFromNode(pair.degraded).ijkToRas) @ place
    for k, j, i in ((9, 10, 20), (9, 35, 20), (12, 20, 30), (5, 40, 10)):
        at = np.rint(index @ np.array([i, j, k, 1.0]))[:3].astype(int)[::-1]
        inside = (at >= 0).all() and (at < labels.shape).all()
        assert other.array[k, j, i] == (inside and labels[tuple(at)] > 0)
    assert 0.05 < other.array.mean() < 0.95


def test_segmentsOfASegmentationAreOneMask(scene, pair):
    import slicer
    from UniFuseSlicerLib.Guidance import maskOn
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, vtkMatrix

    place = imageFromNode(pair.reference)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")
    expected = np.zeros(place.array.shape, bool)
    for first in (3, 20):
        labels = np.zeros(place.array.shape, np.uint8)
        labels[4:9, first : first + 8, 5:30] = 1
        expected |= labels > 0
        image = slicer.vtkOrientedImageData()
        image.ShallowCopy(Image.fromArray(labels, np.eye(4)).data)
        image.SetImageToWorldMatrix(vtkMatrix(place.ijkToRas))
        segment = slicer.vtkSegment()
        segment.SetName(f"organ {first}")
        segment.AddRepresentation("Binary labelmap", image)
        node.GetSegmentation().AddSegment(segment)
    assert np.array_equal(maskOn(node, pair.reference).array, expected)


def test_whatCannotSteerIsRefusedInWords(scene, pair, nodes):
    from UniFuseSlicerLib.Errors import InputNodeError
    from UniFuseSlicerLib.Guidance import Guidance, guidanceFiles

    mirror = linearTransform(scene, np.diag([-1.0, 1, 1, 1]), "mirror")
    applied = linearTransform(scene, TURN, "table")
    empty = labelMap(scene, pair.reference, np.zeros((19, 44, 39), np.int16), "nothing")
    pair.degraded.SetAndObserveTransformNodeID(applied.GetID())
    for guidance, sentence in (
        (Guidance(nodes.deformation), 'Expected a linear transform as the start, got "T2 to T1"'),
        (Guidance(mirror), '"mirror" mirrors or flattens'),
        (Guidance(applied), '"T2" is under the transform "table" already'),
        (Guidance("start"), r'got the text "start"'),
        (Guidance(referenceMask=empty), 'mask "nothing" leaves nothing of "T1" to compare'),
        (Guidance(degradedMask=pair.reference), 'as the mask, got "T1"'),
    ):
        with pytest.raises(InputNodeError, match=sentence):
            guidanceFiles(guidance, pair.degraded, pair.reference)


def test_thePanelHandsItsChoicesToTheTool(build, scene, pair):
    from UniFuseSlicerLib.Choices import MovementChoice

    s = build()
    s.ui.movementComboBox.currentIndex = 2
    assert s.p.movement is MovementChoice.RIGID
    s.ui.initialTransformSelector.setCurrentNode(linearTransform(scene, TURN))
    s.ui.degradedMaskSelector.setCurrentNode(labelMap(scene, pair.degraded, halfOf(pair.degraded)))
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.p.fused is not None
    (command,) = [line for line in s.ui.logTextEdit.lines if "UniFuseLib.cli" in line]
    for flag in ("--align rigid", "--initial-transform", "--degraded-mask"):
        assert flag in command
    assert "--reference-mask" not in command


def test_aStartThatIsAppliedAlreadyIsSaidOnTheButton(build, scene, pair):
    s = build()
    node = linearTransform(scene, TURN, "table")
    s.p.initialTransform = node
    assert s.ui.fuseButton.enabled
    pair.degraded.SetAndObserveTransformNodeID(node.GetID())
    assert not s.ui.fuseButton.enabled
    assert "already, so it counts without being chosen" in s.ui.messageLabel.text
    scene.RemoveNode(node)
    assert s.p.initialTransform is None
    assert s.ui.fuseButton.enabled


def test_centerPutsTheMiddlesOntoEachOther(build, scene, pair):
    from UniFuseSlicerLib.Nodes import imageFromNode

    def middle(node):
        image = imageFromNode(node)
        last = (np.array(image.array.shape[::-1]) - 1) / 2
        return image.ijkToRas[:3, :3] @ last + image.ijkToRas[:3, 3]

    s = build()
    click(s.ui.centerButton)
    moved = toWorld(s.p.initialTransform, middle(pair.degraded))
    assert np.abs(moved - middle(pair.reference)).max() < 1e-9
    assert pair.degraded.GetParentTransformNode() is None
    assert s.p.initialTransform.GetName() == "T2 centered on T1"


def test_swapTakesTheMasksAlongAndDropsTheStart(build, scene, pair):
    s = build()
    mask = labelMap(scene, pair.degraded, halfOf(pair.degraded))
    s.p.degradedMask, s.p.initialTransform = mask, linearTransform(scene, TURN)
    click(s.ui.swapButton)
    assert (s.p.referenceMask, s.p.degradedMask, s.p.initialTransform) == (mask, None, None)
