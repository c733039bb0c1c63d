"""`unifuse fuse` where something is wrong: inputs, weights, places, the disk, an interruption."""

from __future__ import annotations

import errno
import json
import re
import signal
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.whole_path.small_pair import PLAIN, SHAPE, arguments, left_behind, make_pair, start
from UniFuseLib import cli
from UniFuseLib.commands.fuse_files import FILES
from UniFuseLib.errors import MissingDependencyError, OutputError
from UniFuseLib.io import volumes as io
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pair(tmp_path_factory.mktemp("inputs"))


@pytest.fixture
def listening() -> Iterator[None]:
    """A shell starts background jobs, perhaps these tests, deaf to SIGINT, and children inherit
    that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
    whole = io.write_nifti

    def cut(*args: Any) -> None:
        whole(*args)
        args[-1].write_bytes(args[-1].read_bytes()[:500])

    monkeypatch.setattr(io, "write_nifti", cut)
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
