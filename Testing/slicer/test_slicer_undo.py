"""The way back to the result that a run has replaced; one folder per result."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


def fuse(s):
    click(s.ui.fuseButton)
    runToTheEnd(s)


def meanOf(node):
    from UniFuseSlicerLib.Nodes import imageFromNode

    return float(imageFromNode(node).array.mean())


@pytest.fixture
def twice(build, fakeTool, writeResult, pair):
    """A panel whose second run has replaced the first; the second is twice as bright, and clean."""
    s = build()
    fuse(s)
    first = meanOf(s.p.fused), s.ui.verdictLabel.text
    writeResult(fakeTool.result, fused=pair.warped / 200, restored=pair.warped * 2)
    path = fakeTool.result / "report.json"
    report = json.loads(path.read_text(encoding="utf-8")) | {"class": "clean"}
    path.write_text(json.dumps(report), encoding="utf-8")
    assert not s.ui.undoButton.visible
    fuse(s)
    return s, first


def test_backAndForward(twice):
    s, first = twice
    second = meanOf(s.p.fused), s.ui.verdictLabel.text
    assert second[0] == pytest.approx(2 * first[0], rel=1e-3)
    assert s.ui.undoButton.visible
    assert s.ui.undoButton.text == "Undo"
    nodes = s.p.outputs().all()
    click(s.ui.undoButton)
    assert s.p.outputs().all() == nodes
    assert meanOf(s.p.fused) == pytest.approx(first[0], rel=1e-6)
    assert "motion" in s.ui.verdictLabel.text
    assert s.ui.undoButton.text == "Redo"
    click(s.ui.undoButton)
    assert meanOf(s.p.fused) == pytest.approx(second[0], rel=1e-6)
    assert "no degradation" in s.ui.verdictLabel.text


def test_everyNodeGoesBack(twice):
    s, _first = twice
    p = s.p
    held = [p.restored.GetImageData(), p.deformation.GetTransformFromParent(), p.report.GetTable()]
    click(s.ui.undoButton)
    now = [p.restored.GetImageData(), p.deformation.GetTransformFromParent(), p.report.GetTable()]
    assert not any(a is b for a, b in zip(held, now, strict=True))
    click(s.ui.undoButton)
    again = [p.restored.GetImageData(), p.deformation.GetTransformFromParent(), p.report.GetTable()]
    assert all(a is b for a, b in zip(held, again, strict=True))


def test_itBelongsToItsResult(twice, scene):
    """Another result, a deleted one, a closed scene: nothing to go back to."""
    s, _first = twice
    fused = s.p.fused
    s.p.fused = None
    assert not s.ui.undoButton.visible
    s.p.fused = fused
    assert s.ui.undoButton.visible
    scene.RemoveNode(s.p.report)
    s.panel.refresh()
    assert not s.ui.undoButton.visible


def test_aCancelledRunOffersNothingNew(build):
    s = build()
    fuse(s)
    s.panel._undo.onStart(s.p.outputs())
    s.panel._undo.onEnd(None)
    s.panel.refresh()
    assert not s.ui.undoButton.visible


def test_theMapOfTheUncertaintyComesAndGoes(nodes, pair, images):
    from dataclasses import replace

    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Results import updateNodes
    from UniFuseSlicerLib.Uncertainty import uncertaintyOf
    from UniFuseSlicerLib.Undo import Snapshot

    before = Snapshot(nodes)
    mapped = Image.fromArray(np.full((19, 44, 39), 2.0, np.float32), images.fused.ijkToRas)
    updateNodes(replace(images, uncertainty=mapped), pair.degraded, pair.reference, nodes)
    after = Snapshot(nodes)
    before.restore()
    assert uncertaintyOf(nodes.fused) is None
    after.restore()
    assert meanOf(uncertaintyOf(nodes.fused)) == 2.0


def test_theFolderIsRenamedAndDeletedWithItsResult(build, scene):
    from UniFuseSlicerLib.Hierarchy import folderOf

    s = build(text="Follow-up")
    fuse(s)
    folder = folderOf(s.p.fused)
    hierarchy = scene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    click(s.ui.renameResultButton)
    assert hierarchy.GetItemName(folder) == "Follow-up"
    click(s.ui.deleteResultButton)
    assert s.p.fused is None
    assert folder not in itemsOf(hierarchy)


def itemsOf(hierarchy):
    import vtk

    found = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), found, True)
    return [found.GetId(n) for n in range(found.GetNumberOfIds())]


def test_whatAUserPutsIntoTheFolderStays(build, scene, pair):
    from UniFuseSlicerLib.Hierarchy import folderOf

    s = build()
    fuse(s)
    folder = folderOf(s.p.fused)
    hierarchy = scene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    hierarchy.CreateItem(folder, pair.degraded)
    click(s.ui.deleteResultButton)
    assert folder in itemsOf(hierarchy)
