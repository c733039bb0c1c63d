"""What the panel says of the place under the mouse."""

from __future__ import annotations

import os

import numpy as np
import pytest
from measures import positions
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]
AT = (9, 22, 19)  # (k, j, i) of a voxel in the middle of the reference
HINT = "Move the mouse over a slice view to read values."


@pytest.fixture
def place(pair, referenceMatrix):
    """RAS mm of the voxel `AT`."""
    return positions(pair.warped.shape, referenceMatrix)[AT]


def test_thePlaceInTheDegradedVolume(nodes, pair, place, referenceMatrix):
    """On an oblique, anisotropic grid: u and det J of the voxel, as `Measure` takes them."""
    from UniFuseSlicerLib.Folds import determinant
    from UniFuseSlicerLib.Nodes import deformationImage
    from UniFuseSlicerLib.UnderCursor import placeIn

    ratio = determinant(deformationImage(nodes.deformation))
    for at in (AT, (0, 0, 0), (18, 43, 38), (5, 30, 7)):
        point = positions(pair.warped.shape, referenceMatrix)[at]
        found = placeIn(nodes.deformation, point)
        assert found is not None
        np.testing.assert_allclose(found.displacement, pair.displacement[at], atol=1e-3)
        assert found.volumeRatio == pytest.approx(ratio[at], abs=1e-4)
    assert placeIn(nodes.deformation, place + np.array([500.0, 0, 0])) is None


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        ((3.21, 0.0, -1.0), "3.2 R, 1.0 I"),
        ((-3.0, 2.0, 0.5), "3.0 L, 2.0 A, 0.5 S"),
        ((0.01, -7.0, 0.0), "7.0 P"),
    ],
)
def test_directionsAreThoseOfThePatient(vector, words):
    from UniFuseSlicerLib.UnderCursor import patientWords

    assert patientWords(np.array(vector)) == words


def test_valuesAreThoseOfTheVoxel(nodes, pair, place):
    from UniFuseSlicerLib.Nodes import imageFromNode
    from UniFuseSlicerLib.UnderCursor import valueAt

    assert valueAt(pair.reference, place) == (imageFromNode(pair.reference).array[AT],)
    assert valueAt(nodes.restored, place) == (imageFromNode(nodes.restored).array[AT],)
    assert valueAt(pair.reference, place + 1000) == ()
    assert valueAt(None, place) == ()


def test_aReferenceUnderATransformIsReadWhereItIsSeen(pair, place, scene):
    import vtk
    from UniFuseSlicerLib.Nodes import imageFromNode
    from UniFuseSlicerLib.UnderCursor import valueAt

    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 100.0)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(matrix)
    value = imageFromNode(pair.reference).array[AT]
    pair.reference.SetAndObserveTransformNodeID(transform.GetID())
    assert valueAt(pair.reference, place + np.array([100.0, 0, 0])) == (value,)


def test_theLines(nodes, pair, place):
    from UniFuseSlicerLib.UnderCursor import linesUnder, patientWords

    u = pair.displacement[AT]
    values, displacement, further = linesUnder(nodes.fused, place)
    assert values.startswith("Reference ")
    assert " · restored " in values
    length = np.linalg.norm(u)
    assert displacement == f"In the degraded volume {length:.1f} mm away: {patientWords(u)}"
    assert further.endswith((" % larger there", " % smaller there", "Same volume there"))


def test_withoutTheRigidPartWhatDeformsIsSaid(nodes, pair, place):
    from UniFuseSlicerLib.UnderCursor import linesUnder, patientWords

    rigid = np.eye(4)
    rigid[:3, 3] = [4.0, -3.0, 0.0]
    rest = pair.displacement[AT] - rigid[:3, 3]
    line = linesUnder(nodes.fused, place, rigid)[1]
    assert line == f"Deformed by {np.linalg.norm(rest):.1f} mm: {patientWords(rest)}"
    rigid[:3, 3] = pair.displacement[AT]
    assert linesUnder(nodes.fused, place, rigid)[1] == "Not deformed here"


def test_whatTheDegradedVolumeDoesNotShowIsSaid(nodes, pair, place):
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume
    from UniFuseSlicerLib.UnderCursor import linesUnder

    degraded = imageFromNode(pair.degraded)
    updateVolume(pair.degraded, Image.fromArray(degraded.array[:3], degraded.ijkToRas))
    assert linesUnder(nodes.fused, place)[0].endswith(" · outside the degraded field of view")
    updateVolume(
        nodes.deformation.GetScene().AddNewNodeByClass("vtkMRMLScalarVolumeNode"), degraded
    )
    nodes.deformation.GetScene().RemoveNode(pair.degraded)  # not known any more
    assert " · restored " in linesUnder(nodes.fused, place)[0]


def test_theUncertaintyIsSaidWhereItWasMapped(pair, images, place):
    from dataclasses import replace

    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes
    from UniFuseSlicerLib.UnderCursor import linesUnder

    array = np.zeros(pair.warped.shape, np.float32)
    array[AT] = 2.14
    mapped = replace(images, uncertainty=Image.fromArray(array, images.fused.ijkToRas))
    nodes = updateNodes(mapped, pair.degraded, pair.reference, FusionNodes())
    assert linesUnder(nodes.fused, place)[2].endswith(" · uncertainty 2.1 mm")
    other = place + images.fused.ijkToRas[:3, 0] * 2
    assert "uncertainty" not in linesUnder(nodes.fused, other)[2]


@pytest.fixture
def cursor(scene):
    import slicer

    return scene.AddNode(slicer.vtkMRMLCrosshairNode())


def test_thePanelFollowsTheCursorAndStopsWhenItIsLeft(cursor, build, place):
    s = build()
    assert not s.ui.cursorLabel.visible
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert (s.ui.cursorLabel.visible, s.ui.cursorLabel.text) == (True, HINT)
    cursor.SetCursorPositionRAS(place)
    assert s.ui.cursorLabel.text.startswith("Reference ")
    cursor.SetCursorPositionInvalid()
    assert s.ui.cursorLabel.text == HINT
    event = cursor.CursorPositionModifiedEvent
    assert cursor.HasObserver(event)
    s.panel.exit()
    assert not cursor.HasObserver(event)
    cursor.SetCursorPositionRAS(place)
    assert s.ui.cursorLabel.text == HINT
    s.panel.enter()
    s.panel.enter()  # twice: one observer
    cursor.SetCursorPositionRAS(place)
    assert s.ui.cursorLabel.text.startswith("Reference ")
    s.panel.cleanup()
    assert not cursor.HasObserver(event)


def test_theCursorOfAClosedSceneIsLetGo(cursor, build, scene, place):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    scene.Clear(0)
    assert not s.ui.cursorLabel.visible
    cursor.SetCursorPositionRAS(place)
    assert s.ui.cursorLabel.text == HINT


def test_aMoveOfTheMouseIsCheap(cursor, build, place):
    """Hundreds a second in the application; no array is read, whatever its size."""
    import time

    from UniFuseSlicerLib.Choices import FieldPartChoice

    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.p.fieldPart = FieldPartChoice.DEFORMED
    start = time.process_time()
    for step in range(100):
        cursor.SetCursorPositionRAS(place + step * 0.01)
    assert (time.process_time() - start) / 100 < 0.01


class Probe:
    """What Slicer's DataProbeInfoWidget has."""

    def generateViewDescription(self, xyz, ras, sliceNode, sliceLogic):
        return "Red (R 1.0, A 2.0, S 3.0)"


def test_theDataProbeSaysTheDisplacementWhileTheModuleIsShown(build, place, nodes):
    from UniFuseSlicerLib.Choices import FieldPartChoice
    from UniFuseSlicerLib.CursorWidgets import CursorWidgets
    from UniFuseSlicerLib.DataProbe import DataProbeLine

    probe = Probe()
    widgets = CursorWidgets(build().ui, DataProbeLine(lambda: probe))
    widgets.enter()
    assert probe.generateViewDescription(None, place, None, None) == "Red (R 1.0, A 2.0, S 3.0)"
    widgets.follow(nodes.fused, FieldPartChoice.TOTAL)
    first, second = probe.generateViewDescription(None, place, None, None).split("\n")
    assert first == "Red (R 1.0, A 2.0, S 3.0)"
    assert second.strip().startswith("In the degraded volume ")
    away = [500.0, 0.0, 0.0]
    assert probe.generateViewDescription(None, away, None, None).split("\n")[1].strip() == ""
    widgets.release()
    assert "generateViewDescription" not in vars(probe)


def test_whatAnotherExtensionShowsInTheDataProbeStays():
    from UniFuseSlicerLib.DataProbe import DataProbeLine

    probe = Probe()
    own = vars(probe)["generateViewDescription"] = lambda *_: "theirs"
    line = DataProbeLine(lambda: probe)
    line.enter(lambda _ras: "ours")
    assert probe.generateViewDescription(None, None, None, None) == "theirs\n  ours"
    line.release()
    assert probe.generateViewDescription is own
    line.enter(lambda _ras: "ours")
    later = vars(probe)["generateViewDescription"] = lambda *_: "later"
    line.release()
    assert probe.generateViewDescription is later


def test_withoutADataProbeNothingHappens():
    from UniFuseSlicerLib.DataProbe import DataProbeLine

    line = DataProbeLine(lambda: None)
    line.enter(lambda _ras: "ours")
    line.release()
    assert DataProbeLine()._find() is None
