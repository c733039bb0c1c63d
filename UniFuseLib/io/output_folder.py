"""Where results go: a folder that appears complete or not at all, and sentences for what the disk
refuses.
"""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from UniFuseLib.errors import OutputError
from UniFuseLib.io.file_lock import LocksUnsupportedError, remove_lock, try_lock
from UniFuseLib.io.hidden_folder import HiddenFolder, remove_leftovers, take_hidden_folder
from UniFuseLib.io.json_files import remove_unfinished
from UniFuseLib.io.publication import present_in, publish, refuse_present

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_RUN_LOCK = ".unifuse.lock"
_INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM)


class ResultFolder:
    """Files are made in `working` and moved into `target` by `publish`.

    Attributes:
        target: where the user wants them. names: the only files that are ever replaced or removed
            there.
        working: in a hidden folder on the same disk.
    """

    def __init__(self, hidden: HiddenFolder, names: tuple[str, ...], overwrite: bool) -> None:
        self._hidden, self.names, self._overwrite = hidden, names, overwrite
        self.target, self.working = hidden.target, hidden.new

    def publish(self) -> list[Path]:
        """Move what was made into `target`, all of it or nothing; see `publication.publish`."""
        with disk_advice(self.target), _no_interruption(), self._alone():
            return publish(self._hidden, self.names, overwrite=self._overwrite)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Also for runs that began after a folder above the target was made."""
        if _place_of(self.target) in (self._hidden.path.parent, self.target):
            yield
            return
        with contextlib.closing(_taken(self.target)):
            yield


@contextmanager
def result_folder(
    target: Path, names: tuple[str, ...], overwrite: bool | None, inputs: tuple[Path, ...] = ()
) -> Iterator[ResultFolder]:
    """Check `target` before any work is done, and leave nothing behind when the work fails.

    Other runs into `target` are refused meanwhile, and what killed ones left is removed.

    Args:
        target: folder; need not exist.
        names: files that will be made.
        overwrite: replace files of these names that are there already; None: there is no such
            option.
        inputs: never replaced.

    Raises:
        OutputError: results are there already, an input would be replaced, another run is writing
            there, or the place cannot be written.
    """
    target = real_place(target)
    with disk_advice(target):
        _check(target, names, overwrite, inputs)
        hidden = _taken(target)
    try:
        yield ResultFolder(hidden, names, bool(overwrite))
    finally:
        with _no_interruption():
            hidden.close()


def real_place(path: Path) -> Path:
    """The absolute path without links and `~`.

    Raises:
        OutputError: `~name` of an unknown user, or a relative path in a deleted working folder.
    """
    try:
        return path.expanduser().resolve()
    except RuntimeError as error:  # also a circle of links
        raise OutputError(f"{path} cannot be resolved ({error}). Check the path.") from error
    except OSError as error:
        raise OutputError(
            f"Cannot use {path}: the working folder does not exist any more. Change into another "
            "folder, or give an absolute path."
        ) from error


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it before any work is done, and see that it takes files.

    Raises:
        OutputError: a file is in the way, or no permission.
    """
    with disk_advice(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()


@contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Make `folder`; other runs into it are refused until this one ends, however it ends.

    Raises:
        OutputError: another run is at work there, a file is in the way, or no permission.
    """
    make_folder(folder)
    path = folder / _RUN_LOCK
    with disk_advice(path):
        try:
            lock = try_lock(path)
        except LocksUnsupportedError:
            lock = path.open("ab")
    if lock is None:
        raise OutputError(
            f"Another run is writing into {folder}. Wait until it has ended, or choose another "
            "folder."
        )
    try:
        remove_unfinished(folder)
        yield
    finally:
        remove_lock(path, lock)


def is_taken(path: Path) -> bool:
    """True when `path` exists; OutputError when nobody may look."""
    with disk_advice(path):
        return path.exists()


def check_files(outputs: Sequence[Path], overwrite: bool, inputs: Sequence[Path] = ()) -> None:
    """Single files that a command will write, looked at before any work is done.

    Args:
        outputs: of one run.
        overwrite: replace files that are there already.
        inputs: files that are read; never replaced.

    Raises:
        OutputError: two outputs are one file, an input would be replaced, or a file is there.
    """
    seen: dict[Path, Path] = {}
    for path in outputs:
        with disk_advice(path):
            place = path.resolve()
        if place in seen:
            raise OutputError(f"{path} is named for two outputs. Choose another name for one.")
        seen[place] = path
    for source in inputs:
        with disk_advice(source):
            place = source.resolve()
        if place in seen:
            raise OutputError(f"The input {source} would be replaced. Choose another name.")
    for path in outputs:
        if is_taken(path) and not overwrite:
            raise OutputError(f"{path} exists. Choose another name, or add --overwrite.")


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


def _check(
    target: Path, names: tuple[str, ...], overwrite: bool | None, inputs: tuple[Path, ...]
) -> None:
    if target.exists() and not target.is_dir():
        raise OutputError(
            f"{target} is a file; expected a folder for the results. Choose another folder."
        )
    replaced = [p for p in inputs for name in names if real_place(p) == (target / name).resolve()]
    if replaced:
        raise OutputError(
            f"The input {replaced[0]} would be replaced or removed. Choose another output folder."
        )
    if not overwrite:
        refuse_present(target, present_in(target, names), optional=overwrite is not None)


def _taken(target: Path) -> HiddenFolder:
    """A hidden folder that can be renamed to `target`, or whose files can be moved into it."""
    place = _place_of(target)
    try:
        hidden = take_hidden_folder(place, target)
    except PermissionError:
        if place == target or not target.exists():
            raise
        place, hidden = target, take_hidden_folder(target, target)
    remove_leftovers(place)
    if target.exists():
        remove_leftovers(target)
    return hidden


def _place_of(target: Path) -> Path:
    """The next existing folder above; `target` itself where that is another disk."""
    place = target.parent
    while not place.exists():
        place = place.parent
    if target.exists() and (target.is_mount() or target.stat().st_dev != place.stat().st_dev):
        return target
    return place


@contextmanager
def _no_interruption() -> Iterator[None]:
    """Neither Ctrl-C nor SIGTERM stops what must be done as a whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [n for n in _INTERRUPTIONS if signal.getsignal(n) is not None]  # not a host's own
    before = {number: signal.signal(number, signal.SIG_IGN) for number in known}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
