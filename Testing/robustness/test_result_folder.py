"""Results appear all at once or not at all, whenever and however a run ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from folder_run import MADE, NAMES

from UniFuseLib.cli import main
from UniFuseLib.errors import OutputError
from UniFuseLib.io.hidden_folder import remove_leftovers
from UniFuseLib.io.output_folder import result_folder, sole_run

RUN = Path(__file__).with_name("folder_run.py")
OLD = dict.fromkeys(NAMES, "old")
NEW = dict.fromkeys(MADE, "new")
STEPS = 12  # more than publishing ever takes; a run that is not stopped ends as it should

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def start(folder: Path, *more: str, content: str = "new") -> subprocess.Popen[str]:
    command = [sys.executable, str(RUN), str(folder), content, *more]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def run(folder: Path, *more: str, content: str = "new") -> tuple[int, str]:
    process = start(folder, *more, content=content)
    _, stderr = process.communicate("\n", timeout=60)
    return process.returncode, stderr


def waiting(folder: Path, *more: str) -> subprocess.Popen[str]:
    """A run that has made its files and is about to publish."""
    process = start(folder, "--wait", *more)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def fill(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)


def files(folder: Path) -> dict[str, str]:
    """Name → content, without what is hidden."""
    visible = (path for path in folder.iterdir() if not path.name.startswith("."))
    return {path.name: path.read_text() for path in visible if path.is_file()}


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".*"))


@pytest.mark.parametrize("step", range(STEPS))
def test_kill_while_former_results_are_replaced(tmp_path: Path, step: int) -> None:
    out = tmp_path / "out"
    fill(out, OLD)
    run(out, "--overwrite", "--stop-at", str(step), str(int(signal.SIGKILL)))
    assert files(out) in (OLD, NEW)
    assert run(out, "--overwrite", content="newer")[0] == 0
    assert files(out) == dict.fromkeys(MADE, "newer")
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("step", range(STEPS))
def test_kill_in_a_folder_with_other_files_is_undone_by_the_next_run(
    tmp_path: Path, step: int
) -> None:
    out = tmp_path / "out"
    mine = {"notes.txt": "mine"}
    fill(out, OLD | mine)
    fill(out / "below", mine)
    run(out, "--overwrite", "--stop-at", str(step), str(int(signal.SIGKILL)))
    with result_folder(out, NAMES, overwrite=True):
        pass  # a next run that fails
    assert files(out) in (OLD | mine, NEW | mine)
    assert files(out / "below") == mine
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("mine", [{}, {"notes.txt": "mine"}], ids=["results alone", "other files"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_while_publishing_comes_too_late(
    tmp_path: Path, mine: dict[str, str], number: signal.Signals
) -> None:
    out = tmp_path / "out"
    fill(out, OLD | mine)
    for step in range(0, STEPS, 3):
        code, _ = run(out, "--overwrite", "--stop-at", str(step), str(int(number)))
        assert code == 0
        assert files(out) == NEW | mine
    assert hidden(tmp_path) == []


def test_a_killed_run_leaves_what_the_next_one_removes(tmp_path: Path) -> None:
    out = tmp_path / "above" / "out"
    process = waiting(out)
    process.kill()
    process.communicate()
    assert hidden(tmp_path) != []
    assert run(out) == (0, "")
    assert files(out) == NEW
    assert hidden(tmp_path) == []


def test_leftovers_are_removed_by_a_run_into_another_folder(tmp_path: Path) -> None:
    process = waiting(tmp_path / "one")
    process.kill()
    process.communicate()
    assert run(tmp_path / "two") == (0, "")
    assert hidden(tmp_path) == []


def test_hidden_folders_of_others_stay(tmp_path: Path) -> None:
    for name in (".unifuse-notes", ".other"):
        fill(tmp_path / name / "new", {"notes.txt": "mine"})
        fill(tmp_path / name, {"kept.txt": "mine"})
    alive = waiting(tmp_path / "one")
    assert run(tmp_path / "two") == (0, "")
    assert files(tmp_path / ".unifuse-notes" / "new") == {"notes.txt": "mine"}
    alive.communicate("\n")
    assert alive.returncode == 0
    assert files(tmp_path / "one") == NEW


def test_a_plan_of_another_user_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that all may write, it could name files of ours."""
    fill(tmp_path / "mine", {"notes.txt": "mine"})
    trap = tmp_path / ".unifuse-0123456789ab"
    for name in ("new", "old"):
        (trap / name).mkdir(parents=True)
    fill(trap, {"run.lock": "", "plan.json": '{"target": "mine", "names": ["notes.txt"]}'})
    monkeypatch.setattr("os.geteuid", lambda: trap.stat().st_uid + 1)
    remove_leftovers(tmp_path)
    assert files(tmp_path / "mine") == {"notes.txt": "mine"}
    assert trap.is_dir()


@pytest.mark.parametrize("exists", [True, False])
def test_the_second_run_into_a_folder_is_refused_until_the_first_is_dead(
    tmp_path: Path, exists: bool
) -> None:
    out = tmp_path / "out"
    if exists:
        fill(out, {"notes.txt": "mine"})
    first = waiting(out)
    code, sentence = run(out, "--overwrite")
    assert code == 4
    assert "Another run is writing" in sentence
    first.kill()
    first.communicate()
    assert run(out) == (0, "")


def test_a_folder_that_is_made_meanwhile_does_not_let_a_second_run_in(tmp_path: Path) -> None:
    out = tmp_path / "above" / "out"
    first = waiting(out)
    out.mkdir(parents=True)
    second = waiting(out)
    _, sentence = first.communicate("\n")
    assert first.returncode == 4
    assert "Another run is writing" in sentence
    second.communicate("\n")
    assert files(out) == NEW


@pytest.mark.parametrize("existing", [{}, {"notes.txt": "mine"}, None])
@pytest.mark.parametrize("appeared", ["fused.nii.gz", "report.json"])
def test_what_appears_meanwhile_is_not_replaced(
    tmp_path: Path, existing: dict[str, str] | None, appeared: str
) -> None:
    out = tmp_path / "out"
    if existing is not None:
        fill(out, existing)
    process = waiting(out)
    fill(out, {appeared: "of somebody else"})
    _, sentence = process.communicate("\n")
    assert process.returncode == 4
    assert "--overwrite" in sentence
    assert files(out) == {appeared: "of somebody else", **(existing or {})}
    assert hidden(tmp_path) == []


def test_a_file_that_appears_in_the_last_moment_stops_the_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    fill(out, {"notes.txt": "mine"})
    link = Path.hardlink_to

    def late(self: Path, target: Path) -> None:
        if self.name == "report.json":
            self.write_text("of somebody else")
        link(self, target)

    monkeypatch.setattr(Path, "hardlink_to", late)
    with result_folder(out, NAMES, overwrite=False) as results:
        fill(results.working, NEW)
        with pytest.raises(OutputError, match="--overwrite"):
            results.publish()
    assert files(out) == {"notes.txt": "mine", "report.json": "of somebody else"}
    assert hidden(tmp_path) == []


def test_a_file_in_use_leaves_the_former_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    fill(out, OLD | {"notes.txt": "mine"})
    rename = Path.rename

    def in_use(self: Path, goal: Path) -> Path:
        if self == out / "restored.nii.gz":
            raise PermissionError(13, "Permission denied")
        return rename(self, goal)

    monkeypatch.setattr(Path, "rename", in_use)
    with result_folder(out, NAMES, overwrite=True) as results:
        fill(results.working, NEW)
        with pytest.raises(OutputError, match="Nothing was changed"):
            results.publish()
    assert files(out) == OLD | {"notes.txt": "mine"}


def test_the_folder_of_the_shell_stays_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, OLD)
    before = tmp_path.stat().st_ino
    monkeypatch.chdir(tmp_path)
    with result_folder(Path(), NAMES, overwrite=True) as results:
        fill(results.working, NEW)
        results.publish()
    assert tmp_path.stat().st_ino == before
    assert files(tmp_path) == NEW


def test_the_mode_of_a_swapped_folder_is_kept(tmp_path: Path) -> None:
    fill(tmp_path / "out", OLD)
    (tmp_path / "out").chmod(0o710)
    assert run(tmp_path / "out", "--overwrite") == (0, "")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o710


def test_a_link_to_a_folder_is_written_through(tmp_path: Path) -> None:
    fill(tmp_path / "real", OLD)
    (tmp_path / "out").symlink_to(tmp_path / "real")
    assert run(tmp_path / "out", "--overwrite") == (0, "")
    assert (tmp_path / "out").is_symlink()
    assert files(tmp_path / "real") == NEW


def test_many_runs_at_once_leave_the_results_of_one(tmp_path: Path) -> None:
    runs = [start(tmp_path / "out", content=str(number)) for number in range(6)]
    for process in runs:
        process.communicate("\n", timeout=60)
    assert sorted(process.returncode for process in runs)[0] == 0
    assert {process.returncode for process in runs} <= {0, 4}
    assert len(set(files(tmp_path / "out").values())) == 1
    assert sum(process.returncode == 0 for process in runs) == 1
    assert hidden(tmp_path) == []


@pytest.mark.parametrize(
    "command",
    [
        ("train", "default", "--data", "train.pack", "--validation", "val.pack"),
        (
            "train-dmfnet",
            "train.pack",
            "--validation",
            "val.pack",
            "--stage",
            "1",
            "--minutes",
            "1",
        ),
    ],
)
def test_a_second_training_run_into_a_folder_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    with sole_run(tmp_path / "run"):
        assert main([*command, "--output", "run"]) == 4
    assert "Another run is writing" in capsys.readouterr().err
