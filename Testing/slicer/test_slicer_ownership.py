"""Nothing of the user's is lost: what a run may write into, and what is chosen after a deletion."""

from __future__ import annotations

import os

import numpy as np
import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]

MEMBERS = ("degraded", "reference", "fused", "restored", "deformation", "report")
KINDS = {
    "degraded": "vtkMRMLScalarVolumeNode",
    "reference": "vtkMRMLScalarVolumeNode",
    "fused": "vtkMRMLScalarVolumeNode",
    "restored": "vtkMRMLScalarVolumeNode",
    "deformation": "vtkMRMLGridTransformNode",
    "report": "vtkMRMLTableNode",
}
OUTPUTS = MEMBERS[2:]


def fill(node):
    """Give a node of any output kind something to lose; returns what must stay."""
    import vtk
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import updateDeformation, updateVolume

    array = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
    if node.IsA("vtkMRMLVolumeNode"):
        updateVolume(node, Image.fromArray(array, np.eye(4)))
    elif node.IsA("vtkMRMLTransformNode"):
        updateDeformation(node, Image.fromArray(np.stack([array] * 3, -1), np.eye(4)))
    else:
        column = vtk.vtkStringArray()
        column.SetName("patient")
        column.InsertNextValue("another")
        node.AddColumn(column)
    return content(node)


def content(node):
    """What is compared: voxels, displacements or cells, by value."""
    from UniFuseSlicerLib.Nodes import deformationImage, imageFromNode

    if node.IsA("vtkMRMLVolumeNode"):
        return imageFromNode(node).array.tolist()
    if node.IsA("vtkMRMLTransformNode"):
        return deformationImage(node).array.tolist()
    table = node.GetTable()
    columns, rows = range(table.GetNumberOfColumns()), range(table.GetNumberOfRows())
    return [[table.GetValue(r, c).ToString() for c in columns] for r in rows]


@pytest.fixture
def mine(scene):
    """kind of output → a filled node of the user's own."""

    def make(kind):
        node = scene.AddNewNodeByClass(KINDS[kind], f"my {kind}")
        fill(node)
        return node

    return make


@pytest.fixture
def others(scene, mine):
    """Nodes of another patient, so that every selector has a next one to choose."""
    return [mine(kind) for kind in OUTPUTS]


# --- deleting a chosen node --------------------------------------------------------------------


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("way", ["script", "selector"])
def test_aDeletedNodeLeavesNoneAndNothingOfAnotherPatientIsTouched(
    build, scene, others, member, way
):
    """*Delete current* in the selector, or by a script: the next node is never chosen instead."""
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    before = [content(node) for node in others]
    chosen = {name: getattr(s.p, name) for name in MEMBERS}
    selector = getattr(s.ui, f"{member}Selector")
    assert selector.currentNode() is chosen[member]
    if way == "script":
        scene.RemoveNode(chosen[member])
    else:
        selector.removeCurrentNode()
    assert chosen[member].GetScene() is None
    for name in MEMBERS:
        expected = None if name == member else chosen[name]
        assert getattr(s.p, name) is expected, name
        assert getattr(s.ui, f"{name}Selector").currentNode() is expected, name
    if member in OUTPUTS:
        click(s.ui.fuseButton)
        runToTheEnd(s)
        assert getattr(s.p, member) is not None
    else:
        assert not s.ui.fuseButton.enabled
    assert [content(node) for node in others] == before
    assert s.questions == []


@pytest.mark.parametrize("member", MEMBERS)
def test_withoutThePanelsCareTheSelectorJumps(scene, others, member):
    """What is guarded against; without this, the tests above could not fail."""
    import standin_ui

    ui = standin_ui.uiFromFile(scene)
    selector = getattr(ui, f"{member}Selector")
    first = scene.AddNewNodeByClass(KINDS[member], "first")
    selector.setCurrentNode(first)
    selector.removeCurrentNode()
    assert selector.currentNode() in others


@pytest.mark.parametrize("member", MEMBERS)
def test_aNodeDeletedInAnotherModuleIsNotReplaced(build, scene, others, member):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.panel.exit()
    scene.RemoveNode(getattr(s.p, member))
    s.panel.enter()
    assert getattr(s.panel.parameterNode, member) is None
    assert getattr(s.ui, f"{member}Selector").currentNode() is None


def test_theArrowsOfADeletedDeformationGo(build):
    from UniFuseSlicerLib.Choices import OverlayChoice
    from UniFuseSlicerLib.Overlay import BODY_ROLE

    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    s.p.overlay = OverlayChoice.ARROWS
    drawn = s.p.deformation.GetNodeReference(BODY_ROLE)
    assert drawn.GetDisplayNode().GetVisibility()
    s.ui.deformationSelector.removeCurrentNode()
    assert drawn.GetScene() is None


def test_anOutputDeletedDuringTheRunIsMadeAgain(build, scene, others):
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    before = [content(node) for node in others]
    click(s.ui.fuseButton)
    gone = s.p.fused
    scene.RemoveNode(gone)
    runToTheEnd(s)
    assert s.p.fused.GetScene() is scene
    assert s.p.fused is not gone
    assert [content(node) for node in others] == before


# --- the panel asks ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OUTPUTS)
def test_aNodeThatIsNotOursIsWrittenIntoOnlyAfterAQuestionThatNamesIt(build, mine, kind):
    node = mine(kind)
    before = content(node)
    s = build(answer=False)
    setattr(s.p, kind, node)
    click(s.ui.fuseButton)
    assert len(s.questions) == 1
    assert f'"my {kind}"' in s.questions[0]
    assert not s.panel.run.running
    assert s.ui.messageLabel.text == "Not started. Nothing was overwritten."
    assert content(node) == before


@pytest.mark.parametrize("kind", OUTPUTS)
def test_afterAYesItIsFilled(build, mine, kind):
    node = mine(kind)
    before = content(node)
    s = build()
    setattr(s.p, kind, node)
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert getattr(s.p, kind) is node
    assert content(node) != before
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert len(s.questions) == 1  # it is ours from now on


@pytest.mark.parametrize("kind", OUTPUTS)
def test_aNodeCreatedInTheSelectorIsFilledUnasked(build, kind):
    s = build(answer=False)
    node = getattr(s.ui, f"{kind}Selector").addNode()
    assert getattr(s.p, kind) is node
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert s.questions == []
    assert getattr(s.p, kind) is node


@pytest.mark.parametrize("kind", OUTPUTS)
def test_aNodeCreatedInTheSelectorAndFilledElsewhereIsNotReplaced(build, kind):
    """Ours by its mark, but no result of this pair: a new node is made."""
    s = build(answer=False)
    node = getattr(s.ui, f"{kind}Selector").addNode()
    before = fill(node)
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert getattr(s.p, kind) is not node
    assert content(node) == before


def test_whatIsFilledDuringTheRunIsNotReplaced(build):
    s = build()
    node = s.ui.fusedSelector.addNode()
    click(s.ui.fuseButton)
    before = fill(node)
    runToTheEnd(s)
    assert s.p.fused is not node
    assert content(node) == before


# --- scripts name it ---------------------------------------------------------------------------


@pytest.fixture
def logic(fakeTool, writeResult, pair):
    from UniFuseSlicerLib.Logic import UniFuseSlicerLogic

    writeResult(fakeTool.result)
    return UniFuseSlicerLogic(tool=fakeTool("work"))


@pytest.mark.parametrize("kind", OUTPUTS)
def test_aScriptNamesTheNodeThatIsNotOurs(logic, pair, mine, kind):
    from UniFuseSlicerLib.Errors import InputNodeError
    from UniFuseSlicerLib.Ownership import FusionNodes

    node = mine(kind)
    before = content(node)
    outputs = FusionNodes(**{kind: node})
    with pytest.raises(InputNodeError, match=f'"my {kind}" was not created by UniFuse.*overwrite'):
        logic.fuse(pair.degraded, pair.reference, outputs=outputs)
    assert content(node) == before
    nodes = logic.fuse(pair.degraded, pair.reference, outputs=outputs, overwriteNodes=[node])
    assert getattr(nodes, kind) is node
    assert content(node) != before


def test_aScriptNamesTheResultOfOtherVolumes(logic, pair, scene):
    from UniFuseSlicerLib.Errors import InputNodeError

    first = logic.fuse(pair.degraded, pair.reference)
    other = scene.CopyNode(pair.degraded)
    before = content(first.fused)
    with pytest.raises(InputNodeError, match=r'"T2 on T1 fused" holds the result of other volumes'):
        logic.fuse(other, pair.reference, outputs=first)
    assert content(first.fused) == before
    again = logic.fuse(other, pair.reference, outputs=first, overwriteNodes=first.all())
    assert again.fused is first.fused


def test_writingAsksOnceMore(images, pair, mine):
    """The last line of defence: whoever calls the writer, a foreign node gives a new one."""
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    chosen = FusionNodes(*(mine(kind) for kind in OUTPUTS))
    before = [content(node) for node in chosen.all()]
    made = updateNodes(images, pair.degraded, pair.reference, chosen)
    assert not any(new is old for new, old in zip(made.all(), chosen.all(), strict=True))
    assert [content(node) for node in chosen.all()] == before


def test_nobodyToAskMeansNo(monkeypatch):
    """Slicer answers questions with yes while it tests."""
    from types import SimpleNamespace

    import slicer
    from UniFuseSlicerLib.Application import confirm

    app = SimpleNamespace(testingEnabled=lambda: True, translate=lambda _context, text: text)
    monkeypatch.setattr(slicer, "app", app, raising=False)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *a, **k: True)
    assert not confirm("Overwrite?")
    app.testingEnabled = lambda: False
    assert confirm("Overwrite?")
