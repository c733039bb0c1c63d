"""`unifuse export-result`: a result in files is written again as the run itself would write it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from Testing.whole_path.small_pair import arguments, left_behind, make_pair
from UniFuseLib import cli
from UniFuseLib.commands.fuse_files import FILES, UNCERTAINTY
from UniFuseLib.io import volumes as io

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.slow
SPACING = ("--working-spacing", "6", "--quiet")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair, and its result as `unifuse fuse` writes it for people and for 3D Slicer."""
    folder = make_pair(tmp_path_factory.mktemp("inputs"))
    people, slicer = (folder / "people", *SPACING), (folder / "slicer", *SPACING)
    assert cli.main(arguments(folder, *people, "--uncertainty")) == 0
    raw = ("--uncertainty", "--uncompressed", "--no-overview")
    assert cli.main(arguments(folder, *slicer, *raw)) == 0
    return folder


def export(files: Path, output: Path, *more: str) -> int:
    return cli.main(["export-result", str(files / "slicer"), "-o", str(output), "--quiet", *more])


def inputs(files: Path) -> tuple[str, ...]:
    degraded, reference = files / "degraded.nrrd", files / "reference.nii.gz"
    return ("--degraded", str(degraded), "--reference", str(reference))


def test_the_folder_is_that_of_the_run(files: Path, tmp_path: Path) -> None:
    from matplotlib.image import imread

    assert export(files, tmp_path / "out", *inputs(files)) == 0
    assert left_behind(tmp_path / "out") == sorted([*FILES, UNCERTAINTY])
    places = (tmp_path / "out", files / "people")
    for name in ("fused.nii.gz", "restored.nii.gz", UNCERTAINTY):
        ours, theirs = (io.read_volume(place / name) for place in places)
        assert ours.grid.same_as(theirs.grid)
        np.testing.assert_allclose(ours.array, theirs.array, atol=1e-3 * np.ptp(theirs.array))
    page, wanted = (imread(place / "overview.png") for place in places)
    assert page.shape == wanted.shape
    assert (np.abs(page - wanted).max(-1) > 0.02).mean() < 2e-3


def test_nothing_is_replaced_and_a_missing_input_leaves_the_page_out(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(files, tmp_path / "out", "--progress", "json") == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["warnings"] == ["overview.png was not drawn: it needs both volumes."]
    assert "overview.png" not in left_behind(tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert export(files, tmp_path / "out", *inputs(files)) == 4
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_what_is_no_result_is_named(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["export-result", str(files / "people" / ".."), "-o", str(tmp_path / "out")])
    assert code == 3
    assert "it holds no fused.nii.gz" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_report_of_another_version_leaves_the_page_out(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(files / "slicer", tmp_path / "slicer")
    report = json.loads((tmp_path / "slicer" / "report.json").read_text("utf-8"))
    del report["coverage_percent"]
    (tmp_path / "slicer" / "report.json").write_text(json.dumps(report), encoding="utf-8")
    arguments_ = ["export-result", str(tmp_path / "slicer"), "-o", str(tmp_path / "out")]
    assert cli.main([*arguments_, "--progress", "json", *inputs(files)]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    (sentence,) = last["warnings"]
    assert "coverage_percent" in sentence
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8")) == report


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: change_report(folder, inputs=[]), "'inputs.degraded.shape': expected a"),
        (
            lambda folder: change_report(folder, degraded_modality=3),
            "'degraded_modality': expected",
        ),
        (lambda folder: (folder / "report.json").write_text("{ cut"), "report.json"),
        (lambda folder: copy_of(folder, "deformation.nrrd"), "holds two deformations"),
    ],
    ids=["inputs", "modality", "cut off", "two deformations"],
)
def test_what_is_damaged_is_a_sentence(
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], object],
    sentence: str,
) -> None:
    shutil.copytree(files / "slicer", tmp_path / "slicer")
    spoil(tmp_path / "slicer")
    out = tmp_path / "out"
    assert cli.main(["export-result", str(tmp_path / "slicer"), "-o", str(out)]) == 3
    told = capsys.readouterr().err
    assert sentence in told
    assert "Unexpected" not in told
    assert not out.exists()


def change_report(folder: Path, **changes: object) -> None:
    path = folder / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def copy_of(folder: Path, name: str) -> None:
    """The same deformation, as the other of both files."""
    io.write_displacement(*io.read_displacement(folder / name), folder / "deformation.nii.gz")
