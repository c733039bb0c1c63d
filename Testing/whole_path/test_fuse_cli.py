"""`unifuse fuse` as a user runs it: real files, its own process, every bad input of the
specification.
"""

from __future__ import annotations

import errno
import json
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.whole_path.small_pair import SHAPE, arguments, make_pair
from UniFuseLib import cli
from UniFuseLib.commands.fuse_files import FILES
from UniFuseLib.degradation import CLASSES
from UniFuseLib.errors import (
    NOT_TRUSTED_EXIT_CODE,
    InputError,
    MissingDependencyError,
    OutputError,
)
from UniFuseLib.io import volumes as io
from UniFuseLib.spatial.volume import Volume
from UniFuseLib.verdict.curves import AdditiveModel, Curve
from UniFuseLib.verdict.judge import Band, Judge

if TYPE_CHECKING:
    from collections.abc import Iterator


PLAIN = ("--no-overview", "--quiet")
QUICK = ("--no-overview", "--working-spacing", "6")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pair(tmp_path_factory.mktemp("inputs"))


def start(*argv: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "UniFuseLib", *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def left_behind(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*"))


@pytest.fixture
def listening() -> Iterator[None]:
    """A shell starts background jobs, perhaps these tests, deaf to SIGINT, and children inherit
    that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
        assert image.GetSize() == reference.GetSize()
        np.testing.assert_allclose(image.GetOrigin(), reference.GetOrigin(), atol=1e-4)
        np.testing.assert_allclose(image.GetDirection(), reference.GetDirection(), atol=1e-5)
        assert np.isfinite(sitk.GetArrayFromImage(image)).all()


@pytest.fixture
def red(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every result is red, for one reason."""
    curve = Curve("covered", (0.0, 2.0), (9.0, 8.0), missing=9.0, usual=0.0)
    strict = AdditiveModel(0.0, (curve,))
    judge = Judge(strict, (1.0, 0.0), strict, (Band(1e9, 0.5, 2.0),), {}, {}, -5.0, 0.0)
    monkeypatch.setattr("UniFuseLib.predict.shipped_judge", lambda: judge)


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


def bad_volumes(files: Path, folder: Path) -> dict[str, Path]:
    """One file per kind of bad input."""
    good = io.read_volume(files / "reference.nii.gz")
    kinds: dict[str, Path] = {"missing": folder / "none.nii.gz"}

    def put(name: str, array: np.ndarray, shift: float = 0.0) -> None:
        affine = good.affine.copy()
        affine[0, 3] += shift
        kinds[name] = folder / f"{name}.nii.gz"
        io.write_volume(Volume(array, affine), kinds[name])

    put("constant", np.full(SHAPE, 7.0, np.float32))
    put("all_nan", np.full(SHAPE, np.nan, np.float32))
    inside = np.zeros(SHAPE, dtype=bool)
    inside[2:-2, 2:-2, 2:-2] = True
    put("half_nan", np.where(inside, np.nan, good.array).astype(np.float32))
    noise = np.random.default_rng(3).random(SHAPE).astype(np.float32)
    put("far_away", noise, 900.0)
    put("thin", good.array[:2])
    for name, size in {"flat": (20, 30), "series": (9, 8, 7, 3)}.items():
        kinds[name] = folder / f"{name}.nii.gz"
        sitk.WriteImage(sitk.Image([*size], sitk.sitkFloat32), str(kinds[name]))
    kinds["unreadable"] = folder / "unreadable.nii"
    kinds["unreadable"].write_bytes(b"not an image" * 60)
    kinds["zero_spacing"] = folder / "zero_spacing.nii"
    io.write_volume(good, kinds["zero_spacing"])
    content = bytearray(kinds["zero_spacing"].read_bytes())
    struct.pack_into("<f", content, 76 + 8, 0.0)
    struct.pack_into("<h", content, 254, 0)  # no sform, so pixdim counts
    kinds["zero_spacing"].write_bytes(content)
    return kinds


SENTENCES = {
    "missing": "does not exist",
    "unreadable": "not a NIfTI file",
    "flat": "2-D image",
    "series": "4-D series",
    "constant": "constant",
    "all_nan": "every voxel is NaN",
    "half_nan": "% of the .* volume is NaN",
    "far_away": "do not overlap",
    "thin": "at least 4",
    "zero_spacing": "spacing",
}


@pytest.mark.parametrize("side", ["degraded", "reference"])
def test_bad_input_is_refused_in_a_sentence(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], side: str
) -> None:
    (tmp_path / "work").mkdir()
    for name, path in bad_volumes(files, tmp_path).items():
        argv = arguments(files, tmp_path / "work" / "out")
        argv[1 if side == "degraded" else 2] = str(path)
        assert cli.main(argv) == 3, name
        message = capsys.readouterr().err.splitlines()[-1]
        assert re.search(SENTENCES[name], message), (name, message)
        assert "Traceback" not in message
        assert left_behind(tmp_path / "work") == [], name


def test_few_broken_voxels_are_repaired_with_a_warning(files: Path, tmp_path: Path) -> None:
    good = io.read_volume(files / "reference.nii.gz")
    array = good.array.copy()
    array[4, 5, 6], array[9, 9, 9] = np.nan, np.inf
    io.write_volume(Volume(array, good.affine), tmp_path / "broken.nii.gz")
    argv = arguments(files, tmp_path / "out", *PLAIN)
    argv[2] = str(tmp_path / "broken.nii.gz")
    assert cli.main(argv) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert any("2 NaN or infinite voxels" in warning for warning in report["warnings"])


def test_unknown_device_and_usage_errors(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments(files, tmp_path / "out", "--device", "abacus")) == 6
    assert "Unknown device" in capsys.readouterr().err
    with pytest.raises(SystemExit) as usage:
        cli.main(arguments(files, tmp_path / "out", "--working-spacing", "-2"))
    assert usage.value.code == 2
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("damage", ["missing", "cut", "foreign", "no contract"])
def test_bad_weights_are_refused(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    weights = tmp_path / "w.safetensors"
    content = (files / "weights.safetensors").read_bytes()
    if damage != "missing":
        weights.write_bytes(
            {"cut": content[:-100], "foreign": b"PK" + content[2:]}.get(damage, content)
        )
    if damage != "no contract":
        (tmp_path / "w.json").write_bytes((files / "weights.json").read_bytes())
    before = left_behind(tmp_path)
    assert cli.main([*arguments(files, tmp_path / "out"), "--weights", str(weights)]) == 5
    assert "w.safetensors" in capsys.readouterr().err
    assert left_behind(tmp_path) == before


def test_places_that_cannot_be_written(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(arguments(files, tmp_path / "file")) == 4
    assert "is a file" in capsys.readouterr().err
    assert cli.main(arguments(files, tmp_path / "file" / "below")) == 4
    assert left_behind(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["mkdir", "exists"])
def test_no_permission(
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    def refuse(self: Path, *args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, call, refuse)  # root may write anywhere, so the refusal is played
    assert cli.main(arguments(files, tmp_path / "out")) == 4
    assert "Permission denied" in capsys.readouterr().err
    assert left_behind(tmp_path) == []


def test_full_disk(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sitk.WriteImage

    def cut(image: sitk.Image, name: str, *rest: Any) -> None:
        whole(image, name, *rest)
        Path(name).write_bytes(Path(name).read_bytes()[:500])

    monkeypatch.setattr(sitk, "WriteImage", cut)
    assert cli.main(arguments(files, tmp_path / "out")) == 4
    assert "No space left on device" in capsys.readouterr().err
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    "fault",
    [
        MissingDependencyError("matplotlib is not installed."),
        OutputError("Cannot write overview.png: No space left on device."),
        ValueError("matplotlib: a title that is no mathematics"),
        MemoryError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_failing_picture_costs_a_warning_not_the_run(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    from UniFuseLib import overview

    def failing(*args: object) -> None:
        raise fault

    monkeypatch.setattr(overview, "draw_overview", failing)
    assert cli.main(arguments(files, tmp_path / "out", "--quiet")) == 0
    assert left_behind(tmp_path / "out") == sorted(set(FILES) - {"overview.png"})
    warnings = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))[
        "warnings"
    ]
    expected = str(fault) or "MemoryError"
    assert any("was not drawn" in warning and expected in warning for warning in warnings)


def wait_for(process: subprocess.Popen[str], stage: str) -> None:
    """Read the progress until a stage begins."""
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("stage") == stage:
            return
    raise AssertionError(process.stderr.read() if process.stderr else "")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("listening")
def test_interruption_leaves_nothing_behind(
    files: Path, tmp_path: Path, number: signal.Signals
) -> None:
    process = start(*arguments(files, tmp_path / "new" / "out", "--progress", "json"))
    wait_for(process, "Aligning the volumes")
    assert any(name.startswith(".unifuse") for name in left_behind(tmp_path))
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(stdout.splitlines()[-1])["exit_code"] == 130
    assert "Traceback" not in stderr
    assert left_behind(tmp_path) == []


def test_cancel_file_stops_the_run(files: Path, tmp_path: Path) -> None:
    flag = tmp_path / "cancel"
    process = start(
        *arguments(files, tmp_path / "out", "--progress", "json", "--cancel-file", str(flag))
    )
    wait_for(process, "Aligning the volumes")
    flag.touch()
    began = time.monotonic()
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(stdout.splitlines()[-1]) == {
        "done": True,
        "error": json.loads(stdout.splitlines()[-1])["error"],
        "exit_code": 130,
    }
    assert time.monotonic() - began < 20
    assert left_behind(tmp_path) == ["cancel"]


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
