"""`unifuse fuse` as a user runs it: real files, its own process, every bad input of the
specification.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.whole_path.small_pair import PLAIN, arguments, left_behind, make_pair, start
from UniFuseLib import cli
from UniFuseLib.commands.fuse_files import FILES
from UniFuseLib.degradation import CLASSES
from UniFuseLib.errors import NOT_TRUSTED_EXIT_CODE, InputError
from UniFuseLib.io import volumes as io
from UniFuseLib.verdict.curves import AdditiveModel, Curve
from UniFuseLib.verdict.judge import Band, Judge

QUICK = ("--no-overview", "--working-spacing", "6")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pair(tmp_path_factory.mktemp("inputs"))


@pytest.mark.slow
def test_two_files_in_five_files_out(files: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    process = start(*arguments(files, tmp_path / "a" / "b", "--json"))
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert left_behind(tmp_path / "a" / "b") == sorted(FILES)
    assert left_behind(tmp_path / "a") == sorted(["b", *FILES])
    report = json.loads(stdout)
    assert report == json.loads((tmp_path / "a" / "b" / "report.json").read_text(encoding="utf-8"))
    assert report["degraded_modality"] == "ct"
    assert report["reference_modality"] == "mr"
    assert report["weights"]["name"] == "test"
    assert "Aligning the volumes" in stderr
    reference = sitk.ReadImage(str(files / "reference.nii.gz"))
    for name in ("fused", "restored", "deformation"):
        image = sitk.ReadImage(str(tmp_path / "a" / "b" / f"{name}.nii.gz"))
        sizes = {"deformation": tuple(report["stored_field"]["shape"][::-1])}
        assert image.GetSize() == sizes.get(name, reference.GetSize())
        np.testing.assert_allclose(image.GetOrigin(), reference.GetOrigin(), atol=1e-4)
        np.testing.assert_allclose(image.GetDirection(), reference.GetDirection(), atol=1e-5)
        assert np.isfinite(sitk.GetArrayFromImage(image)).all()


@pytest.fixture
def red(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every result is red, for one reason."""
    curve = Curve("covered", (0.0, 2.0), (9.0, 8.0), missing=9.0, usual=0.0)
    strict = AdditiveModel(0.0, (curve,))
    judge = Judge(strict, (1.0, 0.0), strict, (Band(1e9, 0.5, 2.0),), {}, {}, -5.0, 0.0)
    monkeypatch.setattr("UniFuseLib.verdict.judged.shipped_judge", lambda: judge)


@pytest.mark.usefixtures("red")
@pytest.mark.parametrize("asked", ["red", "amber"])
def test_a_red_verdict_fails_where_asked_and_all_files_are_there(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    code = cli.main(arguments(files, tmp_path / "out", *QUICK, "--fail-on", asked))
    assert code == NOT_TRUSTED_EXIT_CODE
    said = capsys.readouterr().err
    assert "unifuse: Red: do not use this result" in said
    assert re.search(r"unifuse: Only \d+ % of the reference's body is covered\.", said)
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["verdict"]["trust"] == "red"
    assert {"fused.nii.gz", "restored.nii.gz"} <= set(left_behind(tmp_path / "out"))


@pytest.mark.usefixtures("red")
def test_a_red_verdict_is_no_failure_unless_asked(files: Path, tmp_path: Path) -> None:
    assert cli.main(arguments(files, tmp_path / "out", *QUICK)) == 0


@pytest.mark.usefixtures("red")
def test_without_a_verdict_nothing_is_said_of_trust(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments(files, tmp_path / "out", *QUICK, "--no-verdict")) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["verdict"]["trust"] is None
    assert "do not use" not in capsys.readouterr().err


def test_progress_as_json_for_programs(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments(files, tmp_path / "out", "--progress", "json", *PLAIN)) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fractions = [line["fraction"] for line in lines[:-1]]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert lines[-1]["done"] is True
    assert lines[-1]["class"] in CLASSES
    assert all(Path(name).exists() for name in lines[-1]["files"])


def test_failure_ends_the_json_with_its_sentence(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = arguments(files, tmp_path / "out", "--progress", "json")
    argv[1] = str(tmp_path / "none.nii.gz")
    assert cli.main(argv) == 3
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["done"] is True
    assert "does not exist" in last["error"]
    assert last["exit_code"] == 3


def test_quiet_says_nothing(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments(files, tmp_path / "out", "--quiet")) == 0
    assert capsys.readouterr() == ("", "")


def test_results_are_kept_unless_told_otherwise(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "notes.txt").write_text("mine")
    (output / "report.json").write_text("old")
    assert cli.main(arguments(files, output, *PLAIN)) == 4
    assert "--overwrite" in capsys.readouterr().err
    assert left_behind(output) == ["notes.txt", "report.json"]
    assert (output / "report.json").read_text(encoding="utf-8") == "old"
    assert cli.main(arguments(files, output, *PLAIN, "--overwrite")) == 0
    assert (output / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert json.loads((output / "report.json").read_text(encoding="utf-8"))["class"] in CLASSES
    assert set(left_behind(output)) <= {*FILES, "notes.txt"}


def test_results_of_the_other_suffix_do_not_stay_beside_new_ones(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fused.nii.gz").write_text("of another pair")
    (tmp_path / "notes.nii.gz").write_text("mine")
    assert cli.main(arguments(files, tmp_path, "--quiet", "--uncompressed")) == 4
    assert "fused.nii.gz" in capsys.readouterr().err
    assert left_behind(tmp_path) == ["fused.nii.gz", "notes.nii.gz"]
    assert (
        cli.main(
            arguments(files, tmp_path, "--quiet", "--uncompressed", "--no-overview", "--overwrite")
        )
        == 0
    )
    volumes = {"fused.nrrd", "restored.nrrd", "deformation.nrrd"}
    assert set(left_behind(tmp_path)) == {*volumes, "notes.nii.gz", "report.json"}
    argv = arguments(files, tmp_path, "--overwrite")
    argv[1] = str(tmp_path / "restored.nrrd")  # would go away when .nii.gz are written
    assert cli.main(argv) == 4
    assert (tmp_path / "restored.nrrd").exists()


def test_an_input_is_never_overwritten(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (files / "reference.nii.gz").read_bytes()
    (tmp_path / "fused.nii.gz").write_bytes(content)
    argv = arguments(files, tmp_path, "--overwrite")
    argv[2] = str(tmp_path / "fused.nii.gz")
    assert cli.main(argv) == 4
    assert "would be replaced" in capsys.readouterr().err
    assert (tmp_path / "fused.nii.gz").read_bytes() == content


def test_restored_own_lies_where_the_degraded_volume_lies(files: Path, tmp_path: Path) -> None:
    """Also what `apply` and `measure` read is what was written here; the uncertainty likewise."""
    out = tmp_path / "out"
    more = "--restored-own", "--uncertainty", "--no-overview"
    assert cli.main(arguments(files, out, "--quiet", *more)) == 0
    degraded, own = (
        sitk.ReadImage(str(path)) for path in (files / "degraded.nrrd", out / "restored_own.nii.gz")
    )
    assert own.GetPixelID() == degraded.GetPixelID()
    assert own.GetSize() == degraded.GetSize()
    np.testing.assert_allclose(own.GetOrigin(), degraded.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(own.GetDirection(), degraded.GetDirection(), atol=1e-5)
    assert sitk.GetArrayFromImage(own).std() > 0

    moved = tmp_path / "moved"
    assert cli.main(["apply", str(out), str(files / "degraded.nrrd"), "-o", str(moved)]) == 0
    grids = [io.read_volume(p).grid for p in (moved / "degraded.nrrd", out / "fused.nii.gz")]
    assert grids[0].same_as(grids[1])
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    doubt, fused = (io.read_volume(out / f"{name}.nii.gz") for name in ("uncertainty", "fused"))
    assert doubt.grid.same_as(fused.grid)
    said = report["verdict"]["uncertainty_mm"]
    assert doubt.array[doubt.array > 0].mean() == pytest.approx(said["mean"], abs=2e-3)
    assert cli.main(["measure", str(out), "-o", str(tmp_path / "t.csv")]) == 0
    row = (tmp_path / "t.csv").read_text().splitlines()[1].split(",")
    assert float(row[7]) >= report["displacement_mm"]["max"] - 1e-3

    assert cli.main(arguments(files, out, "--quiet", "--overwrite", "--no-overview")) == 0
    assert not (out / "restored_own.nii.gz").exists()
    assert not (out / "uncertainty.nii.gz").exists()


def test_uncertainty_without_a_verdict_is_refused_before_any_work(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--uncertainty", "--no-verdict"
    assert cli.main(arguments(files, tmp_path / "out", *options)) == InputError.exit_code
    assert "takes its level from the verdict" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
