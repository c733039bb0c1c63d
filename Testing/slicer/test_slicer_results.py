"""The result selector above the card: what it lists, brings back, renames and deletes."""

from __future__ import annotations

import os

import numpy as np
import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@pytest.fixture
def otherPatient(pair, scene):
    from UniFuseSlicerLib.Nodes import copyVolume, worldFromIjk

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "other T2")
    copyVolume(pair.degraded, node, worldFromIjk(pair.degraded))
    return node


@pytest.fixture
def view(scene):
    """A slice view that is 300 by 200 pixels large."""
    node = scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    node.SetDimensions(300, 200, 1)
    return node


def fuse(s):
    click(s.ui.fuseButton)
    runToTheEnd(s)


def twoResults(s, otherPatient):
    """(of T2, of other T2); the second one is chosen."""
    fuse(s)
    first = s.p.fused
    s.p.degraded = otherPatient
    fuse(s)
    return first, s.p.fused


def test_onlyFusedVolumesAreListed(build, otherPatient):
    s = build()
    assert s.ui.resultSelector.nodes() == []
    assert not s.ui.deleteResultButton.enabled
    both = twoResults(s, otherPatient)
    assert tuple(s.ui.resultSelector.nodes()) == both
    assert s.ui.resultSelector.currentNode() is both[1]
    assert s.ui.deleteResultButton.enabled


def test_choosingAResultBringsInputsCardAndLayersBack(build, otherPatient, pair, scene):
    s = build()
    first, _ = twoResults(s, otherPatient)
    s.ui.resultSelector.setCurrentNode(first)
    assert s.p.fused is first
    assert s.ui.degradedSelector.currentNode() is pair.degraded
    assert s.ui.cardHeaderLabel.text.startswith("T2 on T1")
    assert s.ui.trustLabel.enabled
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetForegroundVolumeID() == first.GetID()


def test_theViewsLookWhereTheyLookedWhenTheResultWasLeft(build, otherPatient, view):
    """Turned, off center, zoomed: all of it, whatever the other result was looked at with."""
    from UniFuseSlicerLib.Nodes import matrixArray, vtkMatrix

    s = build()
    first, second = twoResults(s, otherPatient)
    s.ui.resultSelector.setCurrentNode(first)
    turned = np.array([[0, 0, 1.0, 7], [1, 0, 0, -3], [0, 1, 0, 11], [0, 0, 0, 1]])
    view.GetSliceToRAS().DeepCopy(vtkMatrix(turned))
    view.SetFieldOfView(90, 60, 2.5)
    s.ui.resultSelector.setCurrentNode(second)
    view.GetSliceToRAS().DeepCopy(vtkMatrix(np.eye(4)))
    view.SetFieldOfView(240, 160, 1)
    view.SetDimensions(200, 300, 1)  # another layout by now
    s.ui.resultSelector.setCurrentNode(first)
    assert np.allclose(matrixArray(view.GetSliceToRAS()), turned)
    assert view.GetFieldOfView() == pytest.approx((90, 135, 2.5))  # pixels stay square
    s.ui.resultSelector.setCurrentNode(second)
    assert np.allclose(matrixArray(view.GetSliceToRAS()), np.eye(4))
    assert view.GetFieldOfView()[0] == pytest.approx(240)


def test_viewsOfSomethingElseAreNotKept(build, otherPatient, scene, view):
    s = build()
    fuse(s)
    first = s.p.fused
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    composite.SetBackgroundVolumeID(otherPatient.GetID())
    s.p.degraded = otherPatient
    fuse(s)
    assert first.GetAttribute("UniFuse.SliceViews") is None


def test_fusingAgainLeavesTheViewsAlone(build, otherPatient, view):
    s = build()
    first, second = twoResults(s, otherPatient)
    s.ui.resultSelector.setCurrentNode(first)
    s.ui.resultSelector.setCurrentNode(second)
    view.SetFieldOfView(33, 22, 1)
    fuse(s)
    assert view.GetFieldOfView()[0] == pytest.approx(33)


def test_theViewsTurnToTheAxesOfAVolume(scene, pair, referenceMatrix, view):
    """Of an oblique one: seen as it was acquired."""
    from UniFuseSlicerLib.Nodes import matrixArray
    from UniFuseSlicerLib.SliceViews import SliceViews

    view.SetOrientationToAxial()
    SliceViews(scene).turnTo(pair.reference)
    axes = matrixArray(view.GetSliceToRAS())[:3, :3]
    cosines = np.abs(axes.T @ (referenceMatrix[:3, :3] / [1.0, 1.2, 2.0]))
    assert np.allclose(cosines.max(axis=0), 1, atol=1e-6)
    assert cosines[2, 2] == pytest.approx(1, abs=1e-6)  # its slices lie in this view


def test_renamingRenamesAllNodes(build):
    s = build(text="  before surgery ")
    fuse(s)
    click(s.ui.renameResultButton)
    assert [node.GetName() for node in s.p.outputs().all()] == [
        "before surgery",
        "before surgery restored",
        "before surgery deformation",
        "before surgery report",
    ]
    assert s.ui.cardHeaderLabel.text.startswith("T2 on T1")  # what was fused has not changed


def test_renamingCanBeCancelled(build):
    s = build(text="")
    fuse(s)
    click(s.ui.renameResultButton)
    assert s.p.fused.GetName() == "T2 on T1 fused"


def test_deletingAsksAndTakesTheWholeResult(build, otherPatient, scene, pair):
    s = build()
    first, second = twoResults(s, otherPatient)
    names = [node.GetName() for node in s.p.outputs().all()]
    displays = scene.GetNumberOfNodesByClass("vtkMRMLDisplayNode")
    click(s.ui.deleteResultButton)
    assert all(name in s.questions[-1] for name in names)
    assert second.GetScene() is None
    assert not any(scene.GetFirstNodeByName(name) for name in names)
    assert scene.GetNumberOfNodesByClass("vtkMRMLDisplayNode") < displays
    assert s.p.outputs().all() == (None, None, None, None)
    assert s.ui.cardHeaderLabel.text == ""
    assert tuple(s.ui.resultSelector.nodes()) == (first,)
    assert s.p.degraded is otherPatient
    assert pair.reference.GetScene() is scene


def test_deletingTakesTheMapOfTheUncertaintyToo(build, scene):
    from UniFuseSlicerLib.Uncertainty import UNCERTAINTY_ROLE

    s = build()
    fuse(s)
    uncertainty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "how far off")
    s.p.fused.SetNodeReferenceID(UNCERTAINTY_ROLE, uncertainty.GetID())
    click(s.ui.deleteResultButton)
    assert "how far off" in s.questions[-1]
    assert uncertainty.GetScene() is None


def test_deletingCanBeCancelled(build):
    s = build(answer=False)
    fuse(s)
    click(s.ui.deleteResultButton)
    assert len(s.questions) == 1
    assert s.p.fused.GetScene() is not None


def test_duringARunNoResultIsChosenOrDeleted(build):
    """The run may be filling its nodes."""
    s = build()
    fuse(s)
    row = (s.ui.resultSelector, s.ui.renameResultButton, s.ui.deleteResultButton)
    assert all(widget.enabled for widget in row)
    click(s.ui.fuseButton)
    assert not any(widget.enabled for widget in row)
    runToTheEnd(s)
    assert all(widget.enabled for widget in row)


def test_resultsAreNoInputsUnlessAsked(build, pair):
    s = build()
    fuse(s)
    inputs = [pair.degraded, pair.reference]
    assert s.ui.degradedSelector.nodes() == inputs
    assert s.ui.referenceSelector.nodes() == inputs
    s.ui.offerResultsCheckBox.setChecked(True)
    assert s.p.fused in s.ui.degradedSelector.nodes()
    s.p.degraded = s.p.restored
    s.ui.offerResultsCheckBox.setChecked(False)
    assert s.p.degraded in s.ui.degradedSelector.nodes()  # what is chosen stays
    assert s.p.fused not in s.ui.degradedSelector.nodes()


def test_wordsAboutOneResultDoNotStayWithAnother(build, otherPatient):
    s = build()
    first, _ = twoResults(s, otherPatient)
    s.panel.messages.show("Created: labels of the other patient")
    s.ui.resultSelector.setCurrentNode(first)
    assert s.ui.messageLabel.text == ""


def test_nothingOfADrawnCopyIsSaved(scene, nodes, pair):
    """Else every saved scene would keep one more color legend without a field."""
    import slicer
    from UniFuseSlicerLib.Choices import OverlayChoice
    from UniFuseSlicerLib.Overlay import Overlay, OverlayStyle

    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    before = {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}
    overlay = Overlay(scene, slicer.vtkSlicerColorLogic)
    overlay.show(nodes.deformation, pair.reference, OverlayStyle(OverlayChoice.ARROWS))
    made = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
    made = [node for node in made if node.GetID() not in before]
    assert any(node.IsA("vtkMRMLColorLegendDisplayNode") for node in made)
    copies = [node for node in made if not node.IsA("vtkMRMLSubjectHierarchyNode")]
    assert [node.GetName() for node in copies if node.GetSaveWithScene()] == []


def test_longSentencesDoNotWidenThePanel():
    """Of the card: the window stays as wide as the reader made it."""
    import xml.etree.ElementTree as ElementTree

    from standin_ui import UI_FILE

    root = ElementTree.parse(UI_FILE).getroot()  # noqa: S314  a file of ours
    labels = {w.get("name"): w for w in root.iter("widget") if w.get("class") == "QLabel"}
    for name in ("cardHeader", "cost", "trust", "verdict", "warnings", "message"):
        policy = labels[f"{name}Label"].find("property[@name='sizePolicy']/sizepolicy")
        assert policy is not None
        assert policy.get("hsizetype") == "Ignored"


def test_rowsOfButtonsDoNotWidenThePanel():
    """Four of them, each 80 pixels wide by itself, appear with the first result of a CT or PET."""
    import xml.etree.ElementTree as ElementTree

    from standin_ui import UI_FILE

    root = ElementTree.parse(UI_FILE).getroot()  # noqa: S314  a file of ours
    buttons = {w.get("name"): w for w in root.iter("widget") if w.get("class") == "QPushButton"}
    windows = [f"{name}WindowButton" for name in ("brain", "soft", "bone", "lung")]
    for name in (*windows, *(f"suv{top}Button" for top in (5, 7, 10, 20))):
        policy = buttons[name].find("property[@name='sizePolicy']/sizepolicy")
        width = buttons[name].find("property[@name='minimumSize']/size/width")
        assert policy is not None
        assert width is not None
        assert (policy.get("hsizetype"), width.text) == ("Ignored", "40")


def test_openSectionsDoNotWidenThePanel():
    """Their policy is Minimum otherwise: long names of nodes would push the window open."""
    import xml.etree.ElementTree as ElementTree

    from standin_ui import UI_FILE

    root = ElementTree.parse(UI_FILE).getroot()  # noqa: S314  a file of ours
    sections = [w for w in root.iter("widget") if w.get("class") == "ctkCollapsibleButton"]
    assert len(sections) > 1
    for section in sections:
        policy = section.find("property[@name='sizePolicy']/sizepolicy")
        assert policy is not None
        assert policy.get("hsizetype") == "Preferred"
    selectors = [w for w in root.iter("widget") if w.get("class", "").endswith("NodeComboBox")]
    for selector in selectors:  # as wide as the longest name when first shown, otherwise
        policy = selector.find("property[@name='sizePolicy']/sizepolicy")
        assert policy is not None
        assert policy.get("hsizetype") == "Ignored"


def test_theColorScaleOfOneResultDoesNotStayWithAnother(build, otherPatient, scene):
    import slicer

    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    s = build()
    first, second = twoResults(s, otherPatient)
    legend = scene.AddNewNodeByClass("vtkMRMLColorLegendDisplayNode")
    s.p.restored.AddAndObserveDisplayNodeID(legend.GetID())
    assert legend.GetVisibility()
    s.ui.resultSelector.setCurrentNode(first)
    assert not legend.GetVisibility()


def test_aNewResultIsFirstSeenWhole(build):
    """Whatever opacity a view of the result before had."""
    s = build()
    fuse(s)
    s.p.opacity = 0.6
    fuse(s)
    assert s.p.opacity == 1.0
