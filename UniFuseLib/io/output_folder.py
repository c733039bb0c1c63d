"""Where results go: a folder that appears complete or not at all, and sentences for what the disk
refuses.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from UniFuseLib.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ResultFolder:
    """Files are made in `working` and moved into `target` by `publish`.

    Attributes:
        target: where the user wants them. names: the only files that are ever replaced or removed
            there.
        working: a hidden folder on the same disk.
    """

    def __init__(self, target: Path, working: Path, names: tuple[str, ...]) -> None:
        self.target, self.working, self.names = target, working, names

    def publish(self) -> list[Path]:
        """Move what was made into `target`; results of a former run that were not made again go
        away.
        """
        made = [name for name in self.names if (self.working / name).exists()]
        try:
            if not self.target.exists():
                self.target.parent.mkdir(parents=True, exist_ok=True)
                self.working.rename(self.target)
                return [self.target / name for name in made]
            for name in made:
                (self.working / name).replace(self.target / name)
            for name in set(self.names) - set(made):
                (self.target / name).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"Cannot move the results into {self.target}: {error.strerror}."
            ) from error
        return [self.target / name for name in made]


@contextmanager
def result_folder(
    target: Path, names: tuple[str, ...], overwrite: bool, inputs: tuple[Path, ...] = ()
) -> Iterator[ResultFolder]:
    """Check `target` before any work is done, and leave nothing behind when the work fails.

    Args:
        target: folder; need not exist.
        names: files that will be made.
        overwrite: replace files of these names that are there already.
        inputs: never replaced.

    Raises:
        OutputError: results are there already, an input would be replaced, or the place cannot be
            written.
    """
    target = target.expanduser().absolute()
    with disk_advice(target):
        _check(target, names, overwrite, inputs)
        working = _hidden_folder(target)
    try:
        yield ResultFolder(target, working, names)
    finally:
        with _no_interruption():
            shutil.rmtree(working, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it before any work is done, and see that it takes files.

    Raises:
        OutputError: a file is in the way, or no permission.
    """
    with disk_advice(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()


def is_taken(path: Path) -> bool:
    """True when `path` exists; OutputError when nobody may look."""
    with disk_advice(path):
        return path.exists()


@contextmanager
def disk_advice(path: Path) -> Iterator[None]:
    """Turn what the disk refuses on the way to `path` into an OutputError with its remedy."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {error.strerror or error}. Check permission and free space, or "
            "choose another place."
        ) from error


def _check(target: Path, names: tuple[str, ...], overwrite: bool, inputs: tuple[Path, ...]) -> None:
    if target.exists() and not target.is_dir():
        raise OutputError(
            f"{target} is a file; expected a folder for the results. Name another one."
        )
    present = [name for name in names if (target / name).exists()]
    replaced = [
        p for p in inputs for name in names if p.expanduser().resolve() == (target / name).resolve()
    ]
    if replaced:
        raise OutputError(
            f"The input {replaced[0]} would be replaced or removed. Choose another output folder."
        )
    if present and not overwrite:
        raise OutputError(
            f"{target} already holds results ({', '.join(present)}). Choose another folder, or add "
            "--overwrite."
        )


def _hidden_folder(target: Path) -> Path:
    """A new folder that can be renamed to `target`, or whose files can be moved into it (one
    disk).
    """
    place = target
    while not place.exists():
        place = place.parent
    working = place / f".unifuse-{uuid.uuid4().hex[:12]}"
    working.mkdir()
    return working


@contextmanager
def _no_interruption() -> Iterator[None]:
    """A second Ctrl-C must not stop the tidying up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        yield
    signal.signal(signal.SIGINT, before)
