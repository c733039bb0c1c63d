"""The console API: `fuse` and `fuseBatch` block, return nodes or rows, and say what went wrong."""

from __future__ import annotations

import csv
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@pytest.fixture
def logic(fakeTool, writeResult, scene):
    from UniFuseSlicerLib.Logic import UniFuseSlicerLogic

    writeResult(fakeTool.result)
    return lambda mode="work": UniFuseSlicerLogic(tool=fakeTool(mode))


def test_fuseReturnsNodes(logic, pair):
    seen = []
    nodes = logic().fuse(pair.degraded, pair.reference, progress=lambda f, s: seen.append((f, s)))
    assert (
        nodes.fused.GetImageData().GetDimensions() == pair.reference.GetImageData().GetDimensions()
    )
    assert logic().report(nodes.fused)["class"] == "mr_motion"
    assert seen
    assert all(0 <= f <= 1 for f, _ in seen)
    assert [f for f, _ in seen] == sorted(f for f, _ in seen)


def test_fuseIntoGivenNodes(logic, pair):
    first = logic().fuse(pair.degraded, pair.reference)
    again = logic().fuse(pair.degraded, pair.reference, outputs=first)
    assert again.fused is first.fused


@pytest.mark.parametrize(("mode", "ending"), [("refuse", "failed"), ("crash", "crashed")])
def test_fuseSaysHowItEnded(logic, pair, mode, ending):
    from UniFuseSlicerLib.Errors import RunFailed

    with pytest.raises(RunFailed) as caught:
        logic(mode).fuse(pair.degraded, pair.reference)
    assert caught.value.outcome.ending.value == ending
    assert str(caught.value)


def test_fuseWithoutVolumeSaysSo(logic, pair):
    from UniFuseSlicerLib.Errors import InputNodeError

    with pytest.raises(InputNodeError, match="Expected a degraded volume with voxels, got none"):
        logic().fuse(None, pair.reference)


def test_fuseNeverOverwritesAnInput(logic, pair):
    from UniFuseSlicerLib.Errors import InputNodeError
    from UniFuseSlicerLib.Ownership import FusionNodes

    voxels = pair.reference.GetImageData()
    with pytest.raises(
        InputNodeError, match='"T1" is used as an input and cannot also be an output'
    ):
        logic().fuse(pair.degraded, pair.reference, outputs=FusionNodes(fused=pair.reference))
    assert pair.reference.GetImageData() is voxels


def test_missingPackagesAreNamedBeforeAnythingRuns(pair, fakeTool, tmp_path):
    from UniFuseSlicerLib.Errors import InstallError
    from UniFuseSlicerLib.Install import Dependencies, PackageState
    from UniFuseSlicerLib.Logic import UniFuseSlicerLogic

    states = {"torch": PackageState.MISSING, "safetensors": PackageState.READY}
    bare = UniFuseSlicerLogic(
        tool=fakeTool("work"),
        dependencies=Dependencies(state=lambda wanted: states[wanted.split(">=")[0]]),
    )
    with pytest.raises(InstallError, match="half installed: torch>=2.5"):
        bare.fuse(pair.degraded, pair.reference)
    with pytest.raises(InstallError, match="press Fuse once"):
        bare.fuseBatch(tmp_path, tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_anInterruptionEndsTheProcess(logic, pair):
    def interrupt(fraction, stage):
        if stage == "Running the network":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        logic("deafest").fuse(pair.degraded, pair.reference, progress=interrupt)


def casesIn(folder, names):
    for name in names:
        (folder / name).mkdir(parents=True)
        for stem in ("degraded", "reference"):
            (folder / name / f"{stem}.nii.gz").touch()


def test_batchOfAFolder(logic, tmp_path):
    casesIn(tmp_path / "cases", ["a", "b"])
    (tmp_path / "cases" / "notes").mkdir()
    rows = logic().fuseBatch(tmp_path / "cases", tmp_path / "results")
    assert [(r.name, r.ending, r.degradation) for r in rows] == [
        ("a", "done", "mr_motion"),
        ("b", "done", "mr_motion"),
    ]
    with (tmp_path / "results" / "batch.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [row["meanDisplacementMm"] for row in written] == ["4.2", "4.2"]
    assert [row["trust"] for row in written] == ["amber", "amber"]
    assert written[0]["reasons"] == "Only 62 % of the reference's body is covered."
    assert (tmp_path / "results" / "a" / "fused.nii.gz").is_file()


def test_aTableOfAnEarlierReleaseIsContinued(logic, tmp_path):
    from UniFuseSlicerLib.Batch import COLUMNS

    casesIn(tmp_path / "cases", ["b"])
    (tmp_path / "results").mkdir()
    old = ",".join(COLUMNS[:8]) + "\na,done,,out,clean,0.9,1.0,7.0\n"
    (tmp_path / "results" / "batch.csv").write_text(old, encoding="utf-8")
    logic().fuseBatch(tmp_path / "cases", tmp_path / "results")
    assert rowsIn(tmp_path / "results" / "batch.csv") == {"a": "done", "b": "done"}


def test_batchGoesOnAfterAFailure(logic, tmp_path):
    casesIn(tmp_path / "cases", ["a", "b"])
    rows = logic("refuse").fuseBatch(tmp_path / "cases", tmp_path / "results")
    assert [(r.ending, "overlap" in r.message) for r in rows] == [
        ("failed", True),
        ("failed", True),
    ]


def test_batchPathsAreThoseOfTheUser(logic, tmp_path, monkeypatch):
    """The tool runs in another working directory."""
    casesIn(tmp_path / "cases", ["a"])
    monkeypatch.chdir(tmp_path)
    (row,) = logic().fuseBatch("cases", "results")
    assert row.ending == "done"
    assert row.output == str(tmp_path / "results" / "a")
    assert (tmp_path / "results" / "a" / "fused.nii.gz").is_file()


def rowsIn(table):
    with table.open(encoding="utf-8") as file:
        return {row["name"]: row["ending"] for row in csv.DictReader(file)}


def test_repeatingOneCaseKeepsTheRowsOfTheOthers(logic, tmp_path):
    casesIn(tmp_path / "cases", ["a", "b"])
    logic("refuse").fuseBatch(tmp_path / "cases", tmp_path / "results")
    casesIn(tmp_path / "again", ["b"])
    logic().fuseBatch(tmp_path / "again", tmp_path / "results")
    assert rowsIn(tmp_path / "results" / "batch.csv") == {"a": "failed", "b": "done"}


def test_aTableOfAnotherToolStays(logic, tmp_path):
    from UniFuseSlicerLib.Errors import FusionError

    casesIn(tmp_path / "cases", ["a"])
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "batch.csv").write_text("patient,age\nx,50\n", encoding="utf-8")
    with pytest.raises(FusionError, match="was not created by UniFuse and will not be overwritten"):
        logic().fuseBatch(tmp_path / "cases", tmp_path / "results")
    assert (tmp_path / "results" / "batch.csv").read_text(encoding="utf-8") == "patient,age\nx,50\n"


def test_aTableThatIsOpenElsewhereDoesNotEndTheBatch(logic, tmp_path, monkeypatch):
    from UniFuseSlicerLib import Batch

    def locked(rows, path):
        raise PermissionError(13, "open in another program")

    monkeypatch.setattr(Batch, "writeRows", locked)
    casesIn(tmp_path / "cases", ["a", "b"])
    rows = logic().fuseBatch(tmp_path / "cases", tmp_path / "results")
    assert [row.ending for row in rows] == ["done", "done"]


def test_oneBadCaseDoesNotStopTheOthers(logic, tmp_path):
    lines: list[str] = []
    casesIn(tmp_path / "cases", ["a", "b", "c"])
    (tmp_path / "cases" / "b" / "reference.nii.gz").unlink()
    rows = logic().fuseBatch(tmp_path / "cases", tmp_path / "results", progress=lines.append)
    assert [row.ending for row in rows] == ["done", "failed", "done"]
    assert lines == ["1 of 3: a", "2 of 3: b", "3 of 3: c"]


@pytest.fixture
def tableNode(scene):
    """rows of (degraded, reference[, name]) → table node."""
    import vtk

    def make(rows, titles=("degraded", "reference", "name")):
        node = scene.AddNewNodeByClass("vtkMRMLTableNode", "pairs")
        for n, title in enumerate(titles):
            column = vtk.vtkStringArray()
            column.SetName(title)
            for row in rows:
                column.InsertNextValue(row[n])
            node.AddColumn(column)
        return node

    return make


def test_batchOfVolumesInTheScene(logic, pair, tableNode, tmp_path):
    """Names and IDs; a label map in their place is a row that says so."""
    scene = pair.degraded.GetScene()
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    table = tableNode(
        [
            ("T2", pair.reference.GetID(), "one"),
            (labels.GetName(), "T1", "two"),
            ("/no/such.nrrd", "T1", "three"),
        ]
    )
    rows = {row.name: row for row in logic().fuseBatch(table, tmp_path / "results")}
    assert {name: row.ending for name, row in rows.items()} == {
        "one": "done",
        "two": "failed",
        "three": "failed",
    }
    assert "is a label map" in rows["two"].message


def test_whatTheToolReadsIsWhatTheNodeHolds(pair, tableNode, tmp_path, referenceMatrix):
    from UniFuseSlicerLib.BatchInputs import inputsOf
    from UniFuseSlicerLib.Images import readImage
    from UniFuseSlicerLib.Nodes import imageFromNode
    from UniFuseSlicerLib.Options import FusionOptions

    inputs = inputsOf(tableNode([("T2", "T1", "one")]), tmp_path, tmp_path / "o", FusionOptions())
    inputs.write()
    with inputs.table.open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    written = readImage(Path(row["reference"]))
    np.testing.assert_allclose(written.ijkToRas, referenceMatrix, atol=1e-6)
    np.testing.assert_array_equal(written.array, imageFromNode(pair.reference).array)
    assert inputs.nodes == {"one": (pair.degraded.GetID(), pair.reference.GetID())}


@pytest.mark.parametrize("source", ["missing.csv", "empty node", "other columns"])
def test_withoutPairsNothingStarts(logic, tableNode, tmp_path, source):
    from UniFuseSlicerLib.Errors import FusionError

    nodes = {
        "empty node": tableNode([]),
        "other columns": tableNode([("a", "b")], ("patient", "age")),
    }
    with pytest.raises(FusionError, match="does not exist|No case found"):
        logic().fuseBatch(nodes.get(source, tmp_path / source), tmp_path / "results")


def test_aBatchRefusesWhatNoPairCanBeFusedWith(logic, tmp_path):
    from UniFuseSlicerLib.Errors import InputNodeError
    from UniFuseSlicerLib.Options import FusionOptions

    casesIn(tmp_path / "cases", ["a"])
    for options in (FusionOptions(workingSpacing=99), FusionOptions(weights=tmp_path / "none")):
        with pytest.raises(InputNodeError):
            logic().fuseBatch(tmp_path / "cases", tmp_path / "results", options=options)
    assert not (tmp_path / "results").exists()


def test_aToolThatStopsIsAnErrorInItsWords(logic, tmp_path):
    from UniFuseSlicerLib.Errors import RunFailed

    casesIn(tmp_path / "cases", ["a"])
    with pytest.raises(RunFailed, match="no kernel image"):
        logic("traceback").fuseBatch(tmp_path / "cases", tmp_path / "results")


def test_aCancelledBatchKeepsWhatIsDone(logic, tmp_path):
    from UniFuseSlicerLib.Options import FusionOptions

    casesIn(tmp_path / "cases", ["a", "b"])
    seen: list[object] = []
    bare = logic("polite")
    job = bare.makeBatch(tmp_path / "cases", tmp_path / "o", FusionOptions(), seen.append)
    job.start()
    while job.poll() is None:
        if seen:
            job.cancel()
    assert job.outcome.ending.value == "cancelled"
    assert "Finished cases stay" in job.outcome.message
    assert rowsIn(tmp_path / "o" / "batch.csv") == {"a": "done"}


@pytest.mark.parametrize("words", ["=HYPERLINK(1)", "+1", "-1", "@A1", "\t=1", "a, b"])
def test_cellsAreNoFormulasAndComeBack(tmp_path, words):
    from UniFuseSlicerLib.Batch import BatchRow, earlierRows, writeRows

    row = asdict(BatchRow("a", "failed", words, words))
    writeRows([row], tmp_path / "batch.csv")
    with (tmp_path / "batch.csv").open(newline="", encoding="utf-8") as file:
        (written,) = csv.DictReader(file)
    assert not written["message"].startswith(("=", "+", "-", "@", "\t"))
    assert earlierRows(tmp_path / "batch.csv")[0]["message"] == words


def test_optionsBecomeFlags():
    from UniFuseSlicerLib.Options import FusionOptions

    assert FusionOptions().arguments() == []
    assert FusionOptions(refinement=8).arguments() == ["--refine", "8"]
    options = FusionOptions("mr", "ct", "cpu", "float16", 1.5, "off", Path("/w.safetensors"))
    assert options.arguments() == [
        *(
            "--degraded-modality",
            "mr",
            "--reference-modality",
            "ct",
            "--device",
            "cpu",
            "--precision",
            "float16",
        ),
        *("--refine", "off", "--working-spacing", "1.5", "--weights", "/w.safetensors"),
    ]


def test_flagsOfABatchAreThoseOfTheTool():
    pytest.importorskip("UniFuseLib.cli")
    from UniFuseSlicerLib.Command import ToolCommand
    from UniFuseSlicerLib.Options import FusionOptions

    from UniFuseLib.cli import parser

    options = FusionOptions(
        "mr", "ct", "cpu", "float16", 1.5, "off", Path("/w.safetensors"), uncertainty=True
    )
    command = ToolCommand("python", {}, Path()).batch(Path("t"), Path("o"), options, Path("c"))
    args = parser().parse_args(command[command.index("UniFuseLib.cli") + 1 :])
    assert (args.progress, args.device, args.redo_changed) == ("json", "cpu", True)
    assert [str(args.table), str(args.cancel_file)] == ["t", "c"]


def test_flagsAreThoseOfTheTool():
    """The real parser takes what the panel can produce."""
    pytest.importorskip("UniFuseLib.cli")
    from UniFuseSlicerLib.Command import ToolCommand
    from UniFuseSlicerLib.Options import FusionOptions

    from UniFuseLib.cli import parser

    options = FusionOptions("mr", "ct", "cpu", "float16", 1.5, "off", Path("/w.safetensors"))
    command = ToolCommand("python", {}, Path()).fuse(
        Path("d"), Path("r"), Path("o"), options, Path("c")
    )
    args = parser().parse_args(command[command.index("UniFuseLib.cli") + 1 :])
    assert (args.progress, args.device, args.working_spacing) == ("json", "cpu", 1.5)
    assert np.array_equal([str(args.degraded), str(args.cancel_file)], ["d", "c"])
