"""The console API: `fuse` and `fuseBatch` block, return nodes or rows, and say what went wrong."""

from __future__ import annotations

import csv
import os
from dataclasses import asdict

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
        assert [row["meanDisplacementMm"] for row in csv.DictReader(file)] == ["4.2", "4.2"]
    assert (tmp_path / "results" / "a" / "fused.nii.gz").is_file()


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


def test_aTableThatIsOpenElsewhereDoesNotEndTheBatch(tmp_path, monkeypatch):
    from UniFuseSlicerLib import Batch

    def locked(rows, path):
        raise PermissionError(13, "open in another program")

    monkeypatch.setattr(Batch, "writeRows", locked)
    cases = [Batch.BatchCase(name, tmp_path, tmp_path) for name in "ab"]
    lines: list[str] = []
    rows = Batch.runCases(
        cases, tmp_path / "o", lambda c, f: Batch.BatchRow(c.name, "done", "", ""), lines.append
    )
    assert [row.name for row in rows] == ["a", "b"]
    assert sum("Cannot write" in line and "batch.csv" in line for line in lines) == 2


def test_whatBreaksACaseIsItsRow(tmp_path):
    from UniFuseSlicerLib.Batch import BatchCase, BatchRow, runCases

    def run(case, folder):
        if case.name == "a":
            raise OSError("No space left on device")
        return BatchRow(case.name, "done", "", str(folder))

    rows = runCases(
        [BatchCase(n, tmp_path, tmp_path) for n in "ab"], tmp_path / "o", run, lambda line: None
    )
    assert [(row.ending, row.message) for row in rows] == [
        ("failed", "OSError: No space left on device"),
        ("done", ""),
    ]


def test_batchOfATable(tmp_path, scene):
    import vtk
    from UniFuseSlicerLib.Batch import readCases

    (tmp_path / "cases.csv").write_text(
        "name,degraded,reference\nx,d.nrrd,r.nrrd\n", encoding="utf-8"
    )
    (case,) = readCases(tmp_path / "cases.csv")
    assert (case.name, case.degraded, case.reference) == (
        "x",
        tmp_path / "d.nrrd",
        tmp_path / "r.nrrd",
    )
    node = scene.AddNewNodeByClass("vtkMRMLTableNode")
    for title in ("degraded", "reference"):
        column = vtk.vtkStringArray()
        column.SetName(title)
        column.InsertNextValue(f"/data/{title}.nrrd")
        node.AddColumn(column)
    (case,) = readCases(node)
    assert (case.name, str(case.degraded)) == ("case001", "/data/degraded.nrrd")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("name,degraded\nx,d.nrrd\n", "Row 1 has no reference"),
        ("degraded,reference\n", "No case found"),
        ("name,degraded,reference\nx,a,b\nx,c,d\n", "Two cases are called x"),
        ("name,degraded,reference\n..,a,b\n", "Row 1: '..' cannot be the name"),
        ("name,degraded,reference\na/../../x,a,b\n", "cannot be the name"),
        ("name,degraded,reference\n/tmp/x,a,b\n", "cannot be the name"),
        ("name,degraded,reference\nC:x,a,b\n", "cannot be the name"),
        ("name,degraded,reference\n=1+1,a,b\n", "cannot be the name"),
        ("degraded,reference\nGröße.nrrd,b\n".encode("latin-1"), "is not UTF-8"),
        (None, "does not exist"),
    ],
)
def test_aBadTableIsRefusedInWords(tmp_path, table, words):
    from UniFuseSlicerLib.Batch import readCases
    from UniFuseSlicerLib.Errors import FusionError

    if table is not None:
        (tmp_path / "cases.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(FusionError, match=words):
        readCases(tmp_path / "cases.csv")


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
    from pathlib import Path

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


def test_flagsAreThoseOfTheTool():
    """The real parser takes what the panel can produce."""
    from pathlib import Path

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
