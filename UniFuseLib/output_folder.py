"""A result folder that appears complete, or not at all."""

from __future__ import annotations

import contextlib
import shutil
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from UniFuseLib.errors import OutputError


class ResultFolder:
    """Files are made in `working` and moved into `target` by `publish`.

    Attributes:
        target: where the user wants them. names: the only files that are ever replaced or removed there.
        working: a hidden folder on the same disk.
    """

    def __init__(self, target: Path, working: Path, names: tuple[str, ...]) -> None:
        self.target, self.working, self.names = target, working, names

    def publish(self) -> list[Path]:
        """Move what was made into `target`; results of a former run that were not made again go away."""
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
            raise OutputError(f"Cannot move the results into {self.target}: {error.strerror}.") from error
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
        OutputError: results are there already, an input would be replaced, or the place cannot be written.
    """
    target = target.expanduser().absolute()
    _check(target, names, overwrite, inputs)
    working = _hidden_folder(target)
    try:
        yield ResultFolder(target, working, names)
    finally:
        with _no_interruption():
            shutil.rmtree(working, ignore_errors=True)


def _check(target: Path, names: tuple[str, ...], overwrite: bool, inputs: tuple[Path, ...]) -> None:
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file; expected a folder for the results. Name another one.")
    present = [name for name in names if (target / name).exists()]
    replaced = [p for p in inputs for name in names if p.expanduser().resolve() == (target / name).resolve()]
    if replaced:
        raise OutputError(f"The input {replaced[0]} would be replaced by a result. Choose another output folder.")
    if present and not overwrite:
        raise OutputError(
            f"{target} already holds results ({', '.join(present)}). Choose another folder, or add --overwrite."
        )


def _hidden_folder(target: Path) -> Path:
    """A new folder that can be renamed to `target`, or whose files can be moved into it (one disk)."""
    place = target
    while not place.exists():
        place = place.parent
    working = place / f".unifuse-{uuid.uuid4().hex[:12]}"
    try:
        working.mkdir()
    except OSError as error:
        raise OutputError(
            f"Cannot write into {place}: {error.strerror}. Check the permission, or choose another folder."
        ) from error
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
