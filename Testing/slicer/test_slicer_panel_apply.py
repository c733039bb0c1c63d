"""Apply to other nodes, from the panel."""

from __future__ import annotations

import os

import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@pytest.fixture
def study(scene, pair):
    """FLAIR in the study of the degraded volume."""
    import slicer
    from UniFuseSlicerLib.Nodes import copyVolume, worldFromIjk

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "FLAIR")
    copyVolume(pair.degraded, node, worldFromIjk(pair.degraded))
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "today")
    for member in (node, pair.degraded):
        hierarchy.CreateItem(item, member)
    return node


def test_withoutAResultThereIsNothingToApply(build):
    s = build()
    assert not s.ui.applyButton.enabled


def test_theStudyOfTheDegradedScanIsTickedAndMoved(build, scene, study):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.ui.applyButton.enabled
    assert s.ui.applySelector.checkedNodes() == (study,)
    click(s.ui.applyButton)
    assert s.ui.messageLabel.text == "Created: FLAIR on T1"
    assert scene.GetFirstNodeByName("FLAIR on T1").GetAttribute("UniFuse.MovedTo") == "reference"
    s.ui.applyDirectionComboBox.currentIndex = 1
    assert s.ui.applySelector.checkedNodes() == ()


def test_theOtherDirectionMovesNodesOfTheReference(build, scene, pair):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.ui.applyDirectionComboBox.currentIndex = 1
    s.ui.applySelector.check(pair.reference)
    click(s.ui.applyButton)
    made = scene.GetFirstNodeByName("T1 on T2")
    size = pair.degraded.GetImageData().GetDimensions()
    assert made.GetImageData().GetDimensions() == size


def test_nothingTickedIsSaid(build):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    click(s.ui.applyButton)
    assert s.ui.messageLabel.text == "Tick the nodes to move under Apply to other nodes > Nodes."


def test_theConsoleDoesTheSame(build, study):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    (made,) = s.panel.logic.applyTo(s.p.fused, [study])
    assert made.GetName() == "FLAIR on T1"
