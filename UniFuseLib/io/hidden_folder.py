"""The hidden folder that results are made in, beside their place, and what killed runs left there.

.unifuse-<key>/run.lock    held as long as the run lives
               new/        results in the making
               plan.json   while files are moved one by one: what `undo` needs
               old/        likewise: the files that they replace
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from UniFuseLib.errors import OutputError
from UniFuseLib.io.file_lock import LocksUnsupportedError, try_lock

PREFIX = ".unifuse-"
_LOCK, _NEW, _OLD, _PLAN = "run.lock", "new", "old", "plan.json"
_OURS = {_LOCK, _NEW, _OLD, _PLAN, f"{_PLAN}.part"}
_TRIES, _PAUSE = 5, 0.1  # seconds: another run may be about to remove a leftover


@dataclass
class HiddenFolder:
    """One run's own; `close` removes it.

    Attributes:
        path: of the folder, beside `target` or in it.
        target: where the results will lie; below `path.parent`, or that itself.
        lock: held open.
    """

    path: Path
    target: Path
    lock: IO[bytes] | None = None

    @property
    def new(self) -> Path:
        return self.path / _NEW

    @property
    def old(self) -> Path:
        return self.path / _OLD

    def plan(self, names: list[str]) -> None:
        """Write down that files of these names are going to be moved into `target`."""
        self.old.mkdir()
        content = {"target": str(self.target.relative_to(self.path.parent)), "names": names}
        part = self.path / f"{_PLAN}.part"
        part.write_text(json.dumps(content), encoding="utf-8")
        part.replace(self.path / _PLAN)

    def fulfilled(self) -> None:
        """All files of the plan were moved: there is nothing to undo any more."""
        (self.path / _PLAN).unlink()

    def undo(self) -> None:
        """Put everything back as it was before `plan`; nothing happens without a plan."""
        plan = self.path / _PLAN
        if not plan.exists():
            return
        content = json.loads(plan.read_text(encoding="utf-8"))
        target = self.path.parent / _inside(content["target"])
        for name in map(_inside, content["names"]):
            _take_back(target / name, self.new / name)
        for replaced in self.old.iterdir():
            replaced.replace(target / replaced.name)
        plan.unlink()

    def close(self) -> None:
        """Remove the folder; the lock, which is its mark, goes last."""
        for folder in (self.new, self.old):
            shutil.rmtree(folder, ignore_errors=True)
        if os.name == "nt" and self.lock is not None:  # an open file cannot be removed there
            self.lock.close()
        if not self.new.exists() and not self.old.exists():
            shutil.rmtree(self.path, ignore_errors=True)
        if self.lock is not None:
            self.lock.close()


def take_hidden_folder(place: Path, target: Path) -> HiddenFolder:
    """The hidden folder for `target`, locked and empty.

    Args:
        place: an existing folder of the same disk: above `target`, or itself.
        target: where the results will lie.

    Raises:
        OutputError: another run is writing there, or something else has the folder's name.
        OSError: the disk refuses.
    """
    key = hashlib.sha256(os.fsencode(target.relative_to(place))).hexdigest()[:12]
    path = place / f"{PREFIX}{key}"
    for _ in range(_TRIES):
        folder = _locked(path, target)
        if folder is not None:
            _empty(folder)
            folder.new.mkdir()
            return folder
        time.sleep(_PAUSE)
    raise OutputError(
        f"Another run is writing into {target}. Wait until it has ended, or choose another folder."
    )


def remove_leftovers(place: Path) -> None:
    """Undo and remove what killed runs left in `place`; folders of live runs stay."""
    for path in place.glob(f"{PREFIX}*"):
        if not (path / _NEW).is_dir() or not _is_ours(path):
            continue
        with contextlib.suppress(OSError, ValueError, LookupError):
            lock = try_lock(path / _LOCK)
            if lock is not None:
                folder = HiddenFolder(path, place, lock)
                folder.undo()
                folder.close()


def _locked(path: Path, target: Path) -> HiddenFolder | None:
    """None: another process holds it, or is removing it just now."""
    found = path.is_dir()
    path.mkdir(exist_ok=True)
    if not _is_ours(path):
        raise OutputError(f"{path} is in the way, and no run made it. Move it away and try again.")
    try:
        lock = try_lock(path / _LOCK)
    except FileNotFoundError:
        return None
    except LocksUnsupportedError as error:
        if found:
            raise OutputError(
                f"{path} belongs to another run, or was left by one that was killed; this drive "
                "cannot tell. Remove it if no run is at work."
            ) from error
        return HiddenFolder(path, target)
    return None if lock is None else HiddenFolder(path, target, lock)


def _empty(folder: HiddenFolder) -> None:
    try:
        folder.undo()
    except (OSError, ValueError, LookupError) as error:
        raise OutputError(
            f"A run that was killed left {folder.path} with results that could not be put back "
            f"({error}). Look into its folders 'old' and 'new', then remove it."
        ) from error
    for leftover in (folder.new, folder.old):
        shutil.rmtree(leftover, ignore_errors=True)


def _is_ours(path: Path) -> bool:
    """By its mark, the lock file; an empty folder was left before the mark was made."""
    if path.is_symlink() or not path.is_dir():
        return False
    names = {entry.name for entry in path.iterdir()}
    return not names or (_LOCK in names and names <= _OURS)


def _take_back(published: Path, made: Path) -> None:
    """A file that was moved, or is about to be, is no longer published."""
    if not published.exists():
        return
    if not made.exists():
        published.rename(made)
    elif published.samefile(made):
        published.unlink()


def _inside(name: str) -> str:
    """A path of the plan that stays in its folder."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name} lies outside")
    return name
