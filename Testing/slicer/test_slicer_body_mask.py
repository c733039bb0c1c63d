"""Body: a mask that begins with the patient, on real nodes; it can be edited and follows its
volume.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from measures import positions
from panel import click, runToTheEnd

pytestmark = pytest.mark.slicer
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
CENTRE, RADII = np.array([4.0, -3.0, 6.0]), np.array([34.0, 42.0, 30.0])


@pytest.fixture
def patient(scene, referenceMatrix):
    """A bright ellipsoid on an oblique, anisotropic grid, above a table that it does not touch."""
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import updateVolume

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    matrix = referenceMatrix.copy()
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ np.array([60.0, 55.0, 25.0])
    x = positions((51, 111, 121), matrix)
    array = np.where(depth(x) <= 1, 1000.0, -1000.0)
    array[:, :3, :] = 900.0
    noise = np.random.default_rng(0).normal(0, 30, array.shape)
    updateVolume(node, Image.fromArray((array + noise).astype(np.int16), matrix))
    return node


def depth(points):
    """1 on the surface of the patient, less inside."""
    return np.linalg.norm((points - CENTRE) / RADII, axis=-1)


def test_theBodyIsFoundWithoutTheTable(patient):
    from UniFuseSlicerLib.BodySegment import bodyVoxels
    from UniFuseSlicerLib.Nodes import imageFromNode

    x = positions((51, 111, 121), imageFromNode(patient).ijkToRas)
    mask = bodyVoxels(patient)
    fromCentre = np.linalg.norm(x - CENTRE, axis=-1)
    distance = fromCentre * (1 - 1 / np.maximum(depth(x), 1e-9))  # along the radius, mm
    assert mask[distance < -3].mean() > 0.999
    assert mask[distance > 3].mean() < 0.001
    assert not mask[:, :3].any()


def test_theBodyIsThatOfTheTool(patient):
    body = pytest.importorskip("UniFuseLib.preprocessing.body", reason="needs UniFuseLib")
    pytest.importorskip("torch")
    from UniFuseSlicerLib.BodySegment import bodyVoxels
    from UniFuseSlicerLib.Nodes import imageFromNode

    image = imageFromNode(patient)
    spacing = np.linalg.norm(image.ijkToRas[:3, :3], axis=0)[::-1]
    for modality, shift in (("ct", 0), ("mr", 1200), ("pet", 1200)):
        values = image.array + shift
        image.array[:] = values
        expected = body.body_mask(values, spacing, modality)
        found = bodyVoxels(patient, modality=modality)
        assert 2 * (found & expected).sum() > 0.98 * (found.sum() + expected.sum())
        image.array[:] = values - shift


def test_theBodyIsFoundWithoutTorch():
    """Slicer's own Python has none before the first run."""
    names = "UniFuseLib.preprocessing.body, UniFuseLib.preprocessing.modality"
    code = f"import sys; sys.modules['torch'] = None; import {names}"
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_theMaskThatTheToolGetsIsTheSegmentAsItWasEdited(patient):
    from UniFuseSlicerLib.BodySegment import bodySegmentation, bodyVoxels
    from UniFuseSlicerLib.Guidance import maskOn
    from UniFuseSlicerLib.Segments import BINARY, segmentsOf
    from vtk.util.numpy_support import vtk_to_numpy

    node = bodySegmentation(patient, "degraded")
    expected = bodyVoxels(patient)
    assert np.array_equal(maskOn(node, patient).array, expected)
    image = segmentsOf(node)[0].GetRepresentation(BINARY)
    voxels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(expected.shape)
    voxels[:20] = 0
    edited = expected.copy()
    edited[:20] = False
    assert np.array_equal(maskOn(node, patient).array, edited)
    assert bodySegmentation(patient, "degraded") is node


def test_theMaskMovesWithItsVolume(scene, patient):
    from test_slicer_steering import TURN, linearTransform
    from UniFuseSlicerLib.BodySegment import bodySegmentation, bodyVoxels
    from UniFuseSlicerLib.Guidance import maskOn

    patient.SetAndObserveTransformNodeID(linearTransform(scene, TURN).GetID())
    node = bodySegmentation(patient, "degraded")
    assert np.array_equal(maskOn(node, patient).array, bodyVoxels(patient))


def test_aVolumeInColorHasABodyAsWell(scene, patient):
    from UniFuseSlicerLib.BodySegment import bodyVoxels
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    grey = imageFromNode(patient)
    rgb = np.repeat(np.clip(grey.array / 8 + 125, 0, 255)[..., None], 3, axis=3).astype(np.uint8)
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "RGB")
    updateVolume(node, Image.fromArray(rgb, grey.ijkToRas))
    assert (bodyVoxels(node) == bodyVoxels(patient)).mean() > 0.99


def test_bodyChoosesAMaskOfTheChosenVolume(build, pair):
    s = build()
    click(s.ui.degradedBodyButton)
    click(s.ui.referenceBodyButton)
    assert s.p.degradedMask.GetName() == "T2 body"
    assert s.p.referenceMask.GetName() == "T1 body"
    assert '"T1 body": only inside it is compared' in s.ui.messageLabel.text
    made = s.p.degradedMask
    s.p.degradedMask = None
    click(s.ui.degradedBodyButton)
    assert s.p.degradedMask is made
    s.p.degraded = None
    click(s.ui.degradedBodyButton)
    assert "Expected a degraded volume with voxels" in s.ui.messageLabel.text


def test_aBodyOfAnotherVolumeIsDropped(build, scene, pair):
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    s = build()
    click(s.ui.degradedBodyButton)
    click(s.ui.referenceBodyButton)
    masks = s.p.degradedMask, s.p.referenceMask
    click(s.ui.swapButton)
    assert (s.p.referenceMask, s.p.degradedMask) == masks
    other = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "another patient")
    updateVolume(other, imageFromNode(pair.degraded))
    s.p.degraded = other
    assert s.p.degradedMask is None
    assert s.p.referenceMask is masks[0]
    own = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "of the user")
    s.p.degradedMask = own
    s.p.degraded = pair.degraded
    assert s.p.degradedMask is own


@posix
def test_outlinesOfBodiesAreHiddenWhileAResultIsMade(build, scene, pair):
    from test_slicer_steering import halfOf, labelMap

    s = build()
    click(s.ui.degradedBodyButton)
    body = s.p.degradedMask
    s.p.referenceMask = own = labelMap(scene, pair.reference, halfOf(pair.reference))
    own.CreateDefaultDisplayNodes()
    click(s.ui.fuseButton)
    assert not body.GetDisplayNode().GetVisibility()
    assert own.GetDisplayNode().GetVisibility()
    runToTheEnd(s)
    click(s.ui.degradedBodyButton)
    assert s.p.degradedMask is body
    assert body.GetDisplayNode().GetVisibility()
