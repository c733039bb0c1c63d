"""The command in odd surroundings: encodings, pipes, folders that are gone, no room."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from Testing.whole_path.small_pair import arguments, make_pair
from UniFuseLib import cli
from UniFuseLib.commands import resample
from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io.volumes import read_volume, write_volume
from UniFuseLib.spatial.volume import Volume

ROOT = Path(__file__).resolve().parents[2]
TOOL = [sys.executable, "-m", "UniFuseLib"]
# `info` counts operations of whole networks, which takes longer than all else here
QUICK_INFO = """
import sys
from UniFuseLib.network import cost
cost.flops = lambda *_, **__: 0.0
from UniFuseLib.cli import main
sys.exit(main(["info"]))
"""
# a machine without any folder for temporary files
WITHOUT_TEMPORARY = """
import sys, tempfile
def none():
    raise FileNotFoundError(2, "No usable temporary directory found")
tempfile._get_default_tempdir = none
from UniFuseLib.cli import main
sys.exit(main(sys.argv[1:]))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="pipes and folders of POSIX"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pair(tmp_path_factory.mktemp("inputs"))


def run(command: list[str], **options: str) -> subprocess.CompletedProcess[bytes]:
    """One call; `options` are added to the environment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options}
    return subprocess.run(command, capture_output=True, env=environment, check=False, timeout=300)


def tool(*argv: str, **options: str) -> subprocess.CompletedProcess[bytes]:
    return run([*TOOL, *argv], **options)


def shell(line: str, command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """A line of sh in which `"$@"` is the command."""
    return run(["sh", "-c", line, "sh", *command])


def odd_name(files: Path, folder: Path) -> list[str]:
    """A run whose names only UTF-8 holds, in the report and in the paths of the last line."""
    odd = folder / "é×→.nrrd"
    odd.write_bytes((files / "degraded.nrrd").read_bytes())
    argv = arguments(files, folder / "é×→", "--no-overview", "--refine", "off")
    argv[1] = str(odd)
    return argv


@pytest.mark.parametrize(
    ("encoding", "option"),
    [
        ("ascii", ("--json",)),
        ("latin-1", ("--json",)),
        ("cp1252", ("--progress", "json")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_json_in_any_encoding(
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    option: tuple[str, ...],
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    assert cli.main([*odd_name(files, tmp_path), *option]) == 0
    sys.stdout.flush()
    text = written.getvalue().decode(encoding)
    found = json.loads(text if option == ("--json",) else text.splitlines()[-1])
    assert "é×→" in json.dumps(found, ensure_ascii=False)


def test_json_where_the_interpreter_begins_with_ascii(files: Path, tmp_path: Path) -> None:
    argv = [*odd_name(files, tmp_path), "--progress", "json"]
    done = tool(*argv, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.decode("ascii").splitlines()[-1])
    assert "é×→" in json.dumps(last, ensure_ascii=False)


def test_a_page_for_people_in_ascii() -> None:
    done = run([sys.executable, "-c", QUICK_INFO], PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"unifuse" in done.stdout.lower()


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (
            '{ "$@"; echo $? >&3; } 3>&2 2>/dev/null | true',
            [sys.executable, "-c", QUICK_INFO],
        ),
        (
            '{ "$@" 2>&1 >/dev/null; echo $? >&3; } 3>&2 | true',
            [*TOOL, "resample", "/none.nii", "/none.nrrd"],
        ),
    ],
    ids=["stdout", "stderr"],
)
def test_a_reader_that_goes_away_is_no_error_to_report(line: str, command: list[str]) -> None:
    assert shell(line, command).stderr == b"141\n"


def test_a_full_disk_behind_stdout() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    done = shell('"$@" > /dev/full', [sys.executable, "-c", QUICK_INFO])
    assert done.returncode == OutputError.exit_code
    assert done.stderr == b"unifuse: No space left on device.\n"


def test_closed_streams_are_not_the_first_files_that_are_opened(
    files: Path, tmp_path: Path
) -> None:
    argv = arguments(files, tmp_path / "out", "--no-overview", "--refine", "off", "--json")
    assert shell('"$@" <&- >&- 2>&-', [*TOOL, *argv]).returncode == 0
    assert np.isfinite(read_volume(tmp_path / "out" / "fused.nii.gz").array).all()
    json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))


def test_a_deleted_working_folder(tmp_path: Path, files: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f'cd "{gone}" && rmdir "{gone}" && exec "$@"'
    done = shell(line, [*TOOL, *arguments(files, tmp_path / "out")])
    assert done.returncode == OutputError.exit_code
    assert done.stderr.startswith(b"unifuse: The working folder does not exist any more.")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("place", [1, 2, 4, 6])
def test_the_home_of_nobody(files: Path, tmp_path: Path, place: int) -> None:
    argv = arguments(files, tmp_path / "out")
    argv[place] = "~no.such.user/x"
    done = tool(*argv)
    assert done.returncode == InputError.exit_code
    assert b"home folder of a user who does not exist" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_the_shell_left(tmp_path: Path, files: Path) -> None:
    """`--output=~/x` reaches the program as it is typed."""
    done = tool("resample", str(files / "degraded.nrrd"), "~/x.nrrd", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.nrrd").exists()


def test_no_folder_for_temporary_files(tmp_path: Path, files: Path) -> None:
    """What needs none works; what does says so."""
    (tmp_path / "v.gipl").write_bytes(bytes(400))
    for name, code in (("degraded.nrrd", 0), ("v.gipl", InputError.exit_code)):
        path = files / name if code == 0 else tmp_path / name
        argv = ["resample", str(path), str(tmp_path / "out.nrrd")]
        command = [sys.executable, "-c", WITHOUT_TEMPORARY, *argv]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if code:
            (tmp_path / "out.nrrd").unlink()
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
        assert done.returncode == code, done.stderr
    assert b"No temporary folder" in done.stderr
    assert b"TMPDIR" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [("--precision", "float8", "Unknown precision"), ("--device", "abacus", "Unknown device")],
)
def test_a_wrong_choice_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, sentence: str
) -> None:
    """The inputs do not even exist."""
    none = str(tmp_path / "none.nii")
    code = cli.main(["fuse", none, none, "--output", str(tmp_path / "out"), option, value])
    assert code in (3, 6)
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["fifo", "dangling link", "directory"])
@pytest.mark.parametrize("place", [1, 2])
def test_what_is_no_file_is_refused_at_once(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, place: int
) -> None:
    odd = tmp_path / "v.nii"
    if kind == "fifo":
        os.mkfifo(odd)
    elif kind == "dangling link":
        odd.symlink_to(tmp_path / "gone.nii")
    else:
        odd.mkdir()
    argv = arguments(files, tmp_path / "out", "--quiet")
    argv[place] = str(odd)
    if kind == "fifo":  # one that is waited for would hold up all tests
        done = tool(*argv)
        code, said = done.returncode, done.stderr.decode()
    else:
        code, said = cli.main(argv), capsys.readouterr().err
    words = {"fifo": "pipe", "dangling link": "is a link to", "directory": "no DICOM series"}
    assert code == InputError.exit_code
    assert words[kind] in said
    assert len(said.splitlines()) == 1


def test_a_sidecar_that_is_a_pipe_is_not_waited_for(files: Path, tmp_path: Path) -> None:
    (tmp_path / "v.nrrd").write_bytes((files / "degraded.nrrd").read_bytes())
    os.mkfifo(tmp_path / "v.json")
    done = tool("resample", str(tmp_path / "v.nrrd"), str(tmp_path / "out.nrrd"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("thin", [0, 1, 2])
def test_voxels_of_micrometres_ask_for_no_memory(files: Path, tmp_path: Path, thin: int) -> None:
    """0.001 mm along one axis: 1.5 GB are enough for a pair of 64 000 voxels (was 11 GB)."""
    spacing = np.full(3, 3.0)
    spacing[thin] = 0.001
    rng = np.random.default_rng(4)
    for name in ("a", "b"):
        array = rng.normal(400, 60, (40, 40, 40)).astype(np.float32)
        affine = np.diag([*spacing, 1.0])[[2, 1, 0, 3]]
        write_volume(Volume(array, affine), tmp_path / f"{name}.nrrd")
    argv = arguments(files, tmp_path / "out", "--no-overview", "--refine", "off", "--json")
    argv[1:3] = [str(tmp_path / f"{name}.nrrd") for name in ("a", "b")]
    done = tool(*argv, "--degraded-modality", "mr", "--reference-modality", "mr")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["peak_memory_mb"] < 1500


def test_a_regular_grid_that_no_memory_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    affine = np.array([[3.0, 1, 0, 0], [0, 2, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    volume = Volume(np.ones((4, 5, 6), np.float32), affine)
    monkeypatch.setattr(resample, "available_memory", lambda: 1000)
    with pytest.raises(InputError, match="of memory; 1 kB are free"):
        resample.regular(volume)


def test_what_appears_while_a_volume_is_resampled_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = Volume(np.ones((4, 5, 6), np.float32), np.eye(4))
    (tmp_path / "v.nrrd").write_text("of somebody else")
    with pytest.raises(OutputError, match="--overwrite"):
        write_volume(volume, tmp_path / "v.nrrd", overwrite=False)
    assert (tmp_path / "v.nrrd").read_text() == "of somebody else"
    assert len(list(tmp_path.iterdir())) == 1
