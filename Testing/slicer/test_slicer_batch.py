"""The batch in the panel: pairs from the scene or from files, a row per case, results by a double
click.
"""

from __future__ import annotations

import json
import os
import time

import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


def untilEnded(s, seconds=15.0):
    end = time.monotonic() + seconds
    while s.panel.many.batch.running:
        s.timers["BatchWidgets.poll"].fire()
        assert time.monotonic() < end
        time.sleep(0.01)


def cellsOf(s):
    """Texts by row, and colours by row."""
    cells = s.ui.batchTableWidget.cells
    rows = range(s.ui.batchTableWidget.rowCount)
    return [[cells[row, c][0] for c in range(3)] for row in rows], [cells[r, 1][1] for r in rows]


@pytest.fixture
def batch(build, tmp_path):
    """mode → a panel with the pair in a table, ready to start."""

    def make(mode="work", **more):
        s = build(mode, **more)
        click(s.ui.batchAddButton)
        s.ui.batchOutputPathLineEdit.currentPath = str(tmp_path / "results")
        return s

    return make


def test_aPairIsAddedAndFused(batch, pair, tmp_path):
    s = batch()
    table = s.ui.batchSelector.currentNode()
    assert [table.GetCellText(0, n) for n in range(3)] == [
        "01 T2 on T1",
        pair.degraded.GetID(),
        pair.reference.GetID(),
    ]
    click(s.ui.batchButton)
    assert s.ui.batchButton.text == "Cancel batch"
    assert s.ui.batchProgressBar.visible
    assert not s.ui.batchSelector.enabled
    untilEnded(s)
    texts, colours = cellsOf(s)
    assert texts[0][:2] == ["01 T2 on T1", "Amber"]
    assert texts[0][2] == (
        "Found: motion (97 %) · MR on MR. Check the alignment before using it. "
        "Only 62 % of the reference's body is covered."
    )
    assert colours == ["#ffc94d"]
    assert s.ui.messageLabel.text.startswith("1 of 1 cases done: ")
    assert s.ui.batchButton.text == "Fuse all pairs"
    assert s.ui.batchSelector.enabled
    assert (tmp_path / "results" / "01 T2 on T1" / "report.json").is_file()


def test_noClassIsStatedWhereItWasNotCalibrated(batch, fakeTool):
    s = batch()
    path = fakeTool.result / "report.json"
    report = json.loads(path.read_text(encoding="utf-8")) | {"class_calibrated": False}
    path.write_text(json.dumps(report), encoding="utf-8")
    click(s.ui.batchButton)
    untilEnded(s)
    assert "motion" not in cellsOf(s)[0][0][2]


def test_oneBadRowDoesNotStopTheOthers(batch, scene):
    s = batch()
    table = s.ui.batchSelector.currentNode()
    for name, degraded in (("bad", "/no/such.nrrd"), ("good", "T2")):
        row = table.AddEmptyRow()
        for column, text in enumerate((name, degraded, "T1")):
            table.SetCellText(row, column, text)
    click(s.ui.batchButton)
    untilEnded(s)
    texts, colours = cellsOf(s)
    assert [text[:2] for text in texts] == [
        ["01 T2 on T1", "Amber"],
        ["bad", "Failed"],
        ["good", "Amber"],
    ]
    assert "overlap" in texts[1][2]
    assert colours[1] == ""
    s.ui.batchTableWidget.cellDoubleClicked.emit(1, 0)
    assert s.ui.messageLabel.text == texts[1][2]
    assert s.p.fused is None


def test_aDoubleClickLoadsTheResultOnce(batch, pair, scene):
    s = batch()
    click(s.ui.batchButton)
    untilEnded(s)
    s.p.degraded, s.p.reference = None, None
    s.ui.batchTableWidget.cellDoubleClicked.emit(0, 2)
    assert (s.p.degraded, s.p.reference) == (pair.degraded, pair.reference)
    fused = s.p.fused
    assert fused.GetName() == "T2 on T1 fused"
    assert s.ui.cardHeaderLabel.text.startswith("T2 on T1")
    assert s.ui.trustLabel.text.startswith("Amber")
    before = scene.GetNumberOfNodes()
    s.ui.batchTableWidget.cellDoubleClicked.emit(0, 0)
    assert s.p.fused is fused
    assert scene.GetNumberOfNodes() == before


def test_aResultOfTheFuseButtonIsNotReplaced(batch):
    s = batch()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    own = s.p.fused
    click(s.ui.batchButton)
    untilEnded(s)
    s.ui.batchTableWidget.cellDoubleClicked.emit(0, 0)
    assert s.p.fused is not own
    assert own.GetImageData() is not None


def test_filesOfACaseBecomeItsInputs(build, scene, pair, tmp_path, writeResult, referenceMatrix):
    import numpy as np
    from UniFuseSlicerLib.Images import writeImage
    from UniFuseSlicerLib.Nodes import imageFromNode, worldFromIjk

    for role in ("degraded", "reference"):
        writeImage(imageFromNode(getattr(pair, role)), tmp_path / f"{role} x.nrrd")
    table = tmp_path / "pairs.csv"
    table.write_text("degraded,reference\ndegraded x.nrrd,reference x.nrrd\n", encoding="utf-8")
    s = build(chosen=False)
    s.ui.batchPathLineEdit.currentPath = str(table)
    s.ui.batchOutputPathLineEdit.currentPath = str(tmp_path / "results")
    click(s.ui.batchButton)
    untilEnded(s)
    s.ui.batchTableWidget.cellDoubleClicked.emit(0, 0)
    assert s.p.reference.GetName() == "reference x"
    np.testing.assert_allclose(worldFromIjk(s.p.reference), referenceMatrix, atol=1e-6)
    assert s.p.fused.GetNodeReference("unifuseDegraded") is s.p.degraded


def test_aFileThatIsGoneIsNamed(build, tmp_path, writeResult):
    from UniFuseSlicerLib.BatchResult import loadCase
    from UniFuseSlicerLib.Errors import FusionError

    with pytest.raises(FusionError, match="holds no finished case"):
        loadCase(tmp_path)
    files = {role: {"path": str(tmp_path / role)} for role in ("degraded", "reference")}
    (tmp_path / "case.json").write_text(json.dumps(files), encoding="utf-8")
    with pytest.raises(FusionError, match=r"degraded is no longer there\. Put it back"):
        loadCase(tmp_path)


def test_cancelKeepsWhatIsDone(batch):
    s = batch("polite")
    table = s.ui.batchSelector.currentNode()
    row = table.AddEmptyRow()
    for column, text in enumerate(("two", "T2", "T1")):
        table.SetCellText(row, column, text)
    click(s.ui.batchButton)
    while not s.panel.many.batch.job.rows:
        s.timers["BatchWidgets.poll"].fire()
    click(s.ui.batchButton)
    untilEnded(s)
    assert s.ui.messageLabel.text.startswith("Cancelled. Finished cases stay in ")
    assert [text[1] for text in cellsOf(s)[0]] == ["Amber"]
    assert not s.panel.many.batch.job.running


@pytest.mark.parametrize(
    ("output", "source", "words"),
    [
        ("", True, "Choose a folder for the results"),
        ("out", False, "Choose a table of pairs"),
    ],
)
def test_whatIsMissingIsSaid(build, tmp_path, output, source, words):
    s = build()
    if source:
        click(s.ui.batchAddButton)
    if output:
        s.ui.batchOutputPathLineEdit.currentPath = str(tmp_path / output)
    click(s.ui.batchButton)
    assert s.ui.messageLabel.text.startswith(words)
    assert not s.panel.many.batch.running


def test_withoutTwoVolumesThereIsNoPairToAdd(build):
    s = build(chosen=False)
    click(s.ui.batchAddButton)
    assert s.ui.messageLabel.text == "Choose the two volumes of the pair under Fuse."


def test_closingEndsTheProcess(batch):
    s = batch("polite")
    table = s.ui.batchSelector.currentNode()
    table.SetCellText(table.AddEmptyRow(), 1, "T2")
    table.SetCellText(1, 2, "T1")
    click(s.ui.batchButton)
    while not s.panel.many.batch.job.rows:
        s.timers["BatchWidgets.poll"].fire()
    s.panel.cleanup()
    assert not s.panel.many.batch.running


@pytest.fixture
def restarted(batch, build, tmp_path):
    """A panel of a new session, with the folder of a finished batch of the scene chosen."""
    first = batch()
    click(first.ui.batchButton)
    untilEnded(first)
    s = build(chosen=False)
    assert s.ui.batchTableWidget.rowCount == 0
    s.ui.batchOutputPathLineEdit.currentPath = str(tmp_path / "results")
    return s


def copyOf(node):
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    copy = node.GetScene().AddNewNodeByClass("vtkMRMLScalarVolumeNode", node.GetName())
    updateVolume(copy, imageFromNode(node))
    copy.CreateDefaultDisplayNodes()
    return copy


def test_aNewSessionListsTheFinishedCases(restarted, pair):
    s = restarted
    texts, colours = cellsOf(s)
    assert texts[0][:2] == ["01 T2 on T1", "Amber"]
    assert "Found: motion (97 %)" in texts[0][2]
    assert colours == ["#ffc94d"]
    s.ui.batchTableWidget.cellDoubleClicked.emit(0, 0)
    assert (s.p.degraded, s.p.reference) == (pair.degraded, pair.reference)
    assert s.ui.cardHeaderLabel.text.startswith("T2 on T1")


def test_volumesWithOtherIdsAreFoundByNameAndSize(restarted, pair, scene):
    copies = [copyOf(node) for node in (pair.degraded, pair.reference)]
    for node in (pair.degraded, pair.reference):
        scene.RemoveNode(node)
    s = restarted
    s.ui.batchTableWidget.cellDoubleClicked.emit(0, 0)
    assert [s.p.degraded, s.p.reference] == copies


def test_anotherVolumeWithTheSameIdIsNotTaken(restarted, pair):
    pair.degraded.SetName("another patient")
    s = restarted
    s.ui.batchTableWidget.cellDoubleClicked.emit(0, 0)
    assert s.p.fused is None
    assert 'made of the volume "T2" (66 × 60 × 27 voxels), which is not' in s.ui.messageLabel.text


def test_twoVolumesThatMayBeItAreSaid(restarted, pair, scene):
    for _time in range(2):
        copyOf(pair.degraded)
    scene.RemoveNode(pair.degraded)
    s = restarted
    s.ui.batchTableWidget.cellDoubleClicked.emit(0, 0)
    assert "several volumes of the scene have that name" in s.ui.messageLabel.text


def test_aLoadedCaseKnowsItsVolumesAfterTheyAreRenamed(restarted, pair):
    s = restarted
    s.ui.batchTableWidget.cellDoubleClicked.emit(0, 0)
    fused = s.p.fused
    pair.degraded.SetName("T2, left")
    s.p.degraded, s.p.reference = None, None
    s.ui.batchTableWidget.cellDoubleClicked.emit(0, 0)
    assert s.p.fused is fused
    assert s.p.degraded is pair.degraded
