"""Two volumes of a scene are chosen when the module is opened: *Fuse* is the first click."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slicer


def stated(node, unit):
    """A node whose values have a unit."""
    import slicer

    code = slicer.vtkCodedEntry()
    code.SetValueSchemeMeaning(unit, "UCUM", "unit")
    node.SetVoxelValueUnits(code)


def test_twoVolumesAreChosenWhenTheModuleIsOpened(build, pair):
    s = build(chosen=False)
    assert s.p.degraded is None
    s.panel.enter()
    assert {s.p.degraded, s.p.reference} == {pair.degraded, pair.reference}
    assert s.ui.fuseButton.text == "Fuse"
    s.p.degraded = None  # what the user empties stays empty
    s.panel.enter()
    assert s.p.degraded is None


def test_petIsTheDegradedOne(build, pair):
    stated(pair.degraded, "[hnsf'U]")
    stated(pair.reference, "{SUVbw}g/ml")
    s = build(chosen=False)
    s.panel.enter()
    assert (s.p.degraded, s.p.reference) == (pair.reference, pair.degraded)


def test_aSceneWithAnotherNumberOfImagesIsLeftToTheUser(build, pair, scene):
    from UniFuseSlicerLib.Nodes import copyVolume, worldFromIjk

    s = build(chosen=False)
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    copyVolume(pair.degraded, labels, worldFromIjk(pair.degraded))
    third = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "third")
    copyVolume(pair.degraded, third, worldFromIjk(pair.degraded))
    s.panel.enter()
    assert (s.p.degraded, s.p.reference) == (None, None)
    scene.RemoveNode(third)
    s.panel.enter()  # a label map is no image
    assert {s.p.degraded, s.p.reference} == {pair.degraded, pair.reference}
