"""A time series of three frames: results are sequences of the same browser."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from panel import click

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]
VALUES = ("0", "1.5", "3")


@pytest.fixture
def series(pair, scene):
    """The degraded volume as the middle one of three frames, each brighter than the one before."""
    import slicer
    from UniFuseSlicerLib.Frames import seriesOf
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    logic = slicer.vtkSlicerSequencesLogic()
    logic.SetMRMLScene(scene)  # it knows the classes, and follows the browser as in the application
    image = imageFromNode(pair.degraded)
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "PET")
    sequence.SetIndexUnit("min")
    for n, value in enumerate(VALUES):
        node = slicer.vtkMRMLScalarVolumeNode()
        updateVolume(node, Image.fromArray(image.array + 100 * (n - 1), image.ijkToRas))
        sequence.SetDataNodeAtValue(node, value)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.SetSelectedItemNumber(1)
    logic.UpdateProxyNodesFromSequences(browser)
    yield seriesOf(browser.GetProxyNode(sequence))
    logic.SetMRMLScene(None)


@pytest.fixture
def logic(fakeTool, writeResult):
    from UniFuseSlicerLib.Logic import UniFuseSlicerLogic

    writeResult(fakeTool.result)
    return lambda mode="work": UniFuseSlicerLogic(tool=fakeTool(mode))


def meanOf(node):
    from UniFuseSlicerLib.Nodes import imageFromNode

    return float(imageFromNode(node).array.mean())


def choose(series, number):
    from UniFuseSlicerLib.Frames import sequencesLogic

    series.browser.SetSelectedItemNumber(number)
    sequencesLogic(series.browser.GetScene()).UpdateProxyNodesFromSequences(series.browser)


@pytest.mark.parametrize("field", ["each", "current"])
def test_noNodeIsLeftBesideTheSequences(logic, series, pair, scene, field):
    """Slicer's own logic makes a node for every sequence that has none."""
    import slicer

    done = logic().fuseSequence(series.proxy, pair.reference, field=field)
    made = [*done.nodes.chosen(), *([done.aligned] if field == "current" else [])]
    known = {node.GetID() for node in (series.proxy, pair.degraded, pair.reference, *made)}
    assert all(node is not None for node in made)
    for kind in ("vtkMRMLScalarVolumeNode", "vtkMRMLTransformNode", "vtkMRMLTableNode"):
        nodes = slicer.util.getNodesByClass(kind, scene)
        assert {node.GetID() for node in nodes} <= known, [node.GetName() for node in nodes]


def test_everyFrameHasItsResultInTheBrowser(logic, series, pair, scene):
    stages = []
    before = [meanOf(series.proxy)]
    done = logic().fuseSequence(
        series.proxy, pair.reference, progress=lambda f, s: stages.append((f, s))
    )
    assert done.failed == {}
    assert "Frame 3 of 3" in stages[-1][1]
    assert [f for f, _ in stages] == sorted(f for f, _ in stages)
    found = [series.browser.GetSequenceNode(node) for node in done.nodes.all()]
    assert all(s.GetNumberOfDataNodes() == 3 for s in found)
    assert [s.GetNthIndexValue(n) for s in found[:1] for n in range(3)] == list(VALUES)
    assert found[0].GetIndexUnit() == "min"
    assert meanOf(series.proxy) == before[0]  # the chosen frame is still shown
    assert done.nodes.fused.GetNodeReference("unifuseDegraded") is series.proxy


def test_theCardFollowsTheFrame(logic, series, pair):
    from UniFuseSlicerLib.Card import cardOf

    done = logic().fuseSequence(series.proxy, pair.reference)
    fused = done.nodes.fused
    stored = series.browser.GetSequenceNode(fused)
    stored.GetNthDataNode(2).SetAttribute("UniFuse.Report", '{"class": "clean"}')
    choose(series, 2)
    assert "no degradation" in cardOf(fused).figures
    choose(series, 0)
    assert "motion" in cardOf(fused).figures
    assert fused.GetName() == "PET on T1 fused"


def test_whatTheToolGetsIsTheFrame(series, degradedMatrix):
    from UniFuseSlicerLib.Frames import frame
    from UniFuseSlicerLib.Nodes import worldFromIjk

    means = []
    for number in range(3):
        helper = frame(series, number)
        means.append(meanOf(helper))
        np.testing.assert_allclose(worldFromIjk(helper), degradedMatrix, atol=1e-6)
        assert helper.GetHideFromEditors()
        assert not helper.GetSaveWithScene()
    np.testing.assert_allclose(np.diff(means), 100, atol=1e-3)


def test_oneFieldMovesAllFrames(logic, series, pair):
    done = logic().fuseSequence(series.proxy, pair.reference, field="current")
    moved = series.browser.GetSequenceNode(done.aligned)
    assert moved.GetNumberOfDataNodes() == 3
    size = pair.reference.GetImageData().GetDimensions()
    assert moved.GetNthDataNode(0).GetImageData().GetDimensions() == size
    assert series.browser.GetSequenceNode(done.nodes.fused) is None
    means = []
    for number in range(3):
        choose(series, number)
        means.append(np.percentile(arrayOf(done.aligned), 90))
    np.testing.assert_allclose(np.diff(means), 100, atol=1)


def arrayOf(node):
    from UniFuseSlicerLib.Nodes import imageFromNode

    return imageFromNode(node).array


def test_noHelperStays(logic, series, pair, scene):
    hidden = {n.GetID() for n in nodesOfScene(scene) if n.GetHideFromEditors()}
    logic().fuseSequence(series.proxy, pair.reference, field="current")
    volumes = [n for n in nodesOfScene(scene) if n.IsA("vtkMRMLVolumeNode")]
    assert not [n.GetName() for n in volumes if n.GetHideFromEditors()]
    assert hidden <= {n.GetID() for n in nodesOfScene(scene)}


def nodesOfScene(scene):
    return [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]


def namesIn(scene):
    """Without the subject hierarchy, which the first result makes."""
    kind = "vtkMRMLSubjectHierarchyNode"
    return sorted(n.GetID() for n in nodesOfScene(scene) if not n.IsA(kind))


def test_aRunThatFailsLeavesNothing(logic, series, pair, scene):
    from UniFuseSlicerLib.Errors import RunFailed

    before = namesIn(scene)
    with pytest.raises(RunFailed, match="overlap"):
        logic("refuse").fuseSequence(series.proxy, pair.reference)
    assert namesIn(scene) == before


def test_aCancelledRunLeavesNothing(logic, series, pair, scene):
    from UniFuseSlicerLib.Guidance import NO_GUIDANCE
    from UniFuseSlicerLib.Options import FusionOptions
    from UniFuseSlicerLib.Process import ignore

    before = namesIn(scene)
    job = logic().makeSequence(
        series.proxy, pair.reference, "each", FusionOptions(), NO_GUIDANCE, ignore
    )
    job.start()
    while job.poll() is None:
        if job.nodes.fused is not None:
            job.cancel()
    assert job.outcome.ending.value == "cancelled"
    assert namesIn(scene) == before


def test_theFuseButtonDoesNotFillWhatFollowsABrowser(logic, series, pair):
    """The next frame would replace it."""
    from UniFuseSlicerLib.Ownership import isFree
    from UniFuseSlicerLib.Results import resultOfPair

    done = logic().fuseSequence(series.proxy, pair.reference)
    choose(series, 0)
    assert not any(isFree(n, series.proxy, pair.reference) for n in done.nodes.all())
    assert resultOfPair(series.proxy, pair.reference).fused is None


def test_aVolumeOfNoSequenceIsRefused(logic, pair):
    from UniFuseSlicerLib.Errors import InputNodeError

    with pytest.raises(InputNodeError, match='Expected a volume of a sequence .*"T2"'):
        logic().fuseSequence(pair.degraded, pair.reference)


def untilEnded(s, seconds=20.0):
    end = time.monotonic() + seconds
    while s.panel.many.sequence.running:
        s.timers["SequenceWidgets.poll"].fire()
        assert time.monotonic() < end
        time.sleep(0.01)


def test_thePanelFusesTheFrames(build, series, pair):
    s = build()
    assert not s.ui.sequenceButton.enabled  # T2 is of no sequence
    s.p.degraded = series.proxy
    assert s.ui.sequenceButton.enabled
    click(s.ui.sequenceButton)
    assert s.ui.sequenceButton.text == "Cancel"
    assert s.ui.batchProgressBar.visible
    assert not s.ui.fuseButton.enabled
    assert not s.ui.deleteResultButton.enabled
    untilEnded(s)
    assert s.ui.messageLabel.text == "3 frames are fused."
    assert s.ui.sequenceButton.text == "Fuse frames"
    assert s.ui.fuseButton.enabled
    assert series.browser.GetSequenceNode(s.p.fused).GetNumberOfDataNodes() == 3
    assert s.ui.cardHeaderLabel.text.startswith("PET on T1")


def test_thePanelMovesAllFramesByOneField(build, series):
    s = build()
    s.p.degraded = series.proxy
    s.ui.sequenceComboBox.currentIndex = 1
    click(s.ui.sequenceButton)
    untilEnded(s)
    assert s.ui.messageLabel.text == '3 frames follow the field of the current one: "PET on T1".'


def test_thePanelCancelsAndSaysWhyItFails(build, series):
    s = build("polite")
    s.p.degraded = series.proxy
    click(s.ui.sequenceButton)
    s.timers["SequenceWidgets.poll"].fire()
    click(s.ui.sequenceButton)
    untilEnded(s)
    assert s.ui.messageLabel.text == "Cancelled. Nothing was changed."
    assert s.p.fused is None


@pytest.fixture
def shownSeries(build, series):
    """A panel with each frame fused, the field of frame n being n times that of the pair."""
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import deformationImage, updateDeformation

    s = build()
    s.p.degraded = series.proxy
    click(s.ui.sequenceButton)
    untilEnded(s)
    stored = series.browser.GetSequenceNode(s.p.deformation)
    for n in range(3):
        node = stored.GetNthDataNode(n)
        field = deformationImage(node)
        updateDeformation(node, Image.fromArray(field.array * n, field.ijkToRas))
    choose(series, 2)
    return s


@pytest.mark.parametrize("mode", ["grid", "arrows", "contour"])
def test_theDrawnDeformationFollowsTheFrame(shownSeries, series, scene, mode):
    from UniFuseSlicerLib.Choices import OverlayChoice

    s = shownSeries
    s.timers["FieldWatch.settle"].fire()
    s.p.overlay = OverlayChoice(mode)
    drawn = drawnNodes(scene)
    choose(series, 1)
    assert drawnNodes(scene) == drawn  # while frames are played
    s.timers["FieldWatch.settle"].fire()
    again = drawnNodes(scene)
    assert again
    assert not set(again) & set(drawn)
    s.timers["FieldWatch.settle"].fire()
    assert drawnNodes(scene) == again  # once a frame


def test_theColorsOfTheFieldFollowTheFrame(shownSeries, series, scene):
    from UniFuseSlicerLib.Choices import LayerChoice
    from UniFuseSlicerLib.Nodes import imageFromNode

    s = shownSeries
    s.timers["FieldWatch.settle"].fire()
    s.p.layer = LayerChoice.DISPLACEMENT
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")

    def most():
        wash = scene.GetNodeByID(composite.GetForegroundVolumeID())
        return imageFromNode(wash).array.max()

    before = most()
    choose(series, 1)
    s.timers["FieldWatch.settle"].fire()
    assert most() == pytest.approx(before / 2, rel=0.01)


def drawnNodes(scene):
    """Helpers whose display is on."""
    kinds = ("vtkMRMLModelNode", "vtkMRMLGridTransformNode")
    count = {kind: scene.GetNumberOfNodesByClass(kind) for kind in kinds}
    nodes = [scene.GetNthNodeByClass(n, kind) for kind in kinds for n in range(count[kind])]
    helpers = [node for node in nodes if not node.GetSaveWithScene()]
    return [node.GetID() for node in helpers if node.GetDisplayNode() is not None]
