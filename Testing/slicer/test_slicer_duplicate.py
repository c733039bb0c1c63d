"""*New* and *Duplicate* of a result: what is there stays, and the copy stands on its own."""

from __future__ import annotations

import os

import numpy as np
import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


def fuse(s):
    click(s.ui.fuseButton)
    runToTheEnd(s)


def voxels(node):
    from UniFuseSlicerLib.Nodes import imageFromNode

    return imageFromNode(node)


def test_withoutAResultThereIsNothingToCopy(build):
    s = build()
    for button in (s.ui.newResultButton, s.ui.duplicateResultButton):
        assert not button.enabled
        assert not button.visible


def test_newMakesTheNextFuseCreateNodes(build, pair):
    s = build()
    fuse(s)
    first = s.p.outputs()
    fuse(s)
    assert s.p.outputs() == first
    click(s.ui.newResultButton)
    assert s.p.fused is None
    assert s.p.degraded is pair.degraded
    assert s.ui.messageLabel.text == "The next Fuse makes a new result."
    fuse(s)
    second = s.p.outputs()
    assert not set(map(id, first.all())) & set(map(id, second.all()))
    assert len(s.ui.resultSelector.nodes()) == 2
    fuse(s)
    assert s.p.outputs() == second


def test_aCopyHoldsWhatTheResultHolds(build, pair):
    from UniFuseSlicerLib.Nodes import deformationImage
    from UniFuseSlicerLib.Windows import windowOf

    s = build()
    fuse(s)
    first = s.p.outputs()
    card = [s.ui.cardHeaderLabel.text, s.ui.trustLabel.text, s.ui.verdictLabel.text]
    click(s.ui.duplicateResultButton)
    copy = s.p.outputs()
    assert copy.fused.GetName() == "T2 on T1 fused copy"
    assert not set(map(id, first.all())) & set(map(id, copy.all()))
    for name in ("fused", "restored"):
        ours, theirs = voxels(getattr(copy, name)), voxels(getattr(first, name))
        np.testing.assert_array_equal(ours.array, theirs.array)
        np.testing.assert_allclose(ours.ijkToRas, theirs.ijkToRas)
        assert windowOf(getattr(copy, name)) == windowOf(getattr(first, name))
    ours, theirs = deformationImage(copy.deformation), deformationImage(first.deformation)
    np.testing.assert_array_equal(ours.array, theirs.array)
    np.testing.assert_allclose(ours.ijkToRas, theirs.ijkToRas)
    assert copy.report.GetNumberOfRows() == first.report.GetNumberOfRows() == 4
    shown = [s.ui.cardHeaderLabel.text, s.ui.trustLabel.text, s.ui.verdictLabel.text]
    assert shown == card
    assert (s.p.degraded, s.p.reference) == (pair.degraded, pair.reference)


def test_aCopyStandsOnItsOwn(build, writeResult, pair, fakeTool):
    """Fuse fills it, the first stays; deleting one leaves the other."""
    from UniFuseSlicerLib.Hierarchy import folderOf

    s = build()
    fuse(s)
    first = s.p.outputs()
    before = voxels(first.fused).array.copy()
    click(s.ui.duplicateResultButton)
    copy = s.p.outputs()
    folders = {folderOf(node) for node in copy.all()}
    assert len(folders) == 1
    assert folders != {folderOf(first.fused)}
    voxels(copy.restored).array[...] = -7  # edited by the reader
    assert voxels(first.restored).array.min() != -7
    writeResult(fakeTool.result, fused=pair.warped / 777)
    fuse(s)
    assert s.p.outputs() == copy
    assert not np.allclose(voxels(copy.fused).array, before)
    np.testing.assert_array_equal(voxels(first.fused).array, before)
    click(s.ui.deleteResultButton)
    assert first.fused.GetScene() is not None
    assert s.ui.resultSelector.nodes() == [first.fused]


def test_aCopyComesBackWithTheScene(build, scene, tmp_path):
    import slicer
    from UniFuseSlicerLib.Results import nodesOf, reportOf

    s = build()
    fuse(s)
    click(s.ui.duplicateResultButton)
    name, report = s.p.fused.GetName(), reportOf(s.p.fused)
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        if node.IsA("vtkMRMLStorableNode") and node.GetStorageNode() is not None:
            node.GetStorageNode().SetSaveWithScene(False)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    again = slicer.vtkMRMLScene()
    again.SetURL(str(tmp_path / "scene.mrml"))
    again.Connect()
    fused = again.GetFirstNodeByName(name)
    assert reportOf(fused) == report
    assert None not in nodesOf(fused).all()


def test_theMapOfTheUncertaintyIsCopied(nodes, images):
    from UniFuseSlicerLib.Duplicate import duplicate
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Uncertainty import uncertaintyOf, updateUncertainty

    array = np.full(images.fused.array.shape, 1.5, np.float32)
    updateUncertainty(nodes.fused, "map", Image.fromArray(array, images.fused.ijkToRas))
    copy = duplicate(nodes.fused)
    mapped = uncertaintyOf(copy.fused)
    assert mapped is not uncertaintyOf(nodes.fused)
    np.testing.assert_array_equal(voxels(mapped).array, array)


def test_aFrameOfASequenceBecomesAResultOfItsOwn(nodes, pair):
    from UniFuseSlicerLib.Duplicate import duplicate
    from UniFuseSlicerLib.Ownership import SEQUENCE_ATTRIBUTE, isFree

    for node in nodes.all():
        node.SetAttribute(SEQUENCE_ATTRIBUTE, "1")
    copy = duplicate(nodes.fused)
    assert isFree(copy.fused, pair.degraded, pair.reference)
