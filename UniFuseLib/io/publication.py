"""Results that were made elsewhere come to their place: all of them, or none.

A folder that does not exist yet, or holds nothing but former results, is swapped as a whole. Into
any other one the files are moved one by one, with a plan by which an interrupted move is undone.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from UniFuseLib.errors import OutputError
from UniFuseLib.io.exchange import exchange

if TYPE_CHECKING:
    from UniFuseLib.io.hidden_folder import HiddenFolder

_COMPLETE = "report.json"  # goes first and comes last: where it lies, the others do


def publish(hidden: HiddenFolder, names: tuple[str, ...], *, overwrite: bool) -> list[Path]:
    """Move `hidden.new` into `hidden.target`; former results that were not made again go away.

    Args:
        hidden: with the complete results.
        names: the only files that are ever replaced or removed.
        overwrite: replace files of these names that are there.

    Raises:
        OutputError: files of these names appeared, or the disk refuses; nothing was changed.
    """
    made = [name for name in names if (hidden.new / name).exists()]
    try:
        if not _moved_whole(hidden) and not _swapped(hidden, names, overwrite=overwrite):
            _move_files(hidden, made, names, overwrite=overwrite)
    except OSError as error:
        raise OutputError(
            f"Cannot move the results into {hidden.target}: {error.strerror or error}. Check that "
            "no other program has a file of it open. Nothing was changed there."
        ) from error
    return [hidden.target / name for name in made]


def refuse_present(target: Path, present: list[str], *, optional: bool = True) -> None:
    """Raise OutputError where results of the same names are there already.

    Args:
        target: folder.
        present: names of the results.
        optional: whether `--overwrite` is an option of the command.
    """
    if present:
        way_out = ", or add --overwrite" if optional else ""
        raise OutputError(
            f"{target} already holds results ({', '.join(present)}). Choose another "
            f"folder{way_out}."
        )


def present_in(target: Path, names: tuple[str, ...]) -> list[str]:
    """Those of `names` that lie in `target`, broken links included."""
    return [name for name in names if os.path.lexists(target / name)]


def _moved_whole(hidden: HiddenFolder) -> bool:
    """False when the target exists by now."""
    hidden.target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(hidden.target):
        return False
    try:
        hidden.new.rename(hidden.target)  # fails where a folder with content appeared
    except OSError:
        if os.path.lexists(hidden.target):
            return False
        raise
    return True


def _swapped(hidden: HiddenFolder, names: tuple[str, ...], *, overwrite: bool) -> bool:
    """The whole folder at once, where it holds nothing else and nobody stands in it."""
    target = hidden.target
    if hidden.path.parent == target or not target.is_dir() or _is_working_folder(target):
        return False
    if not {entry.name for entry in target.iterdir()} <= set(names):
        return False
    if not overwrite:
        refuse_present(target, present_in(target, names))
    shutil.copymode(target, hidden.new)
    if not exchange(hidden.new, target):
        return False
    _return_strangers(hidden, names, overwrite=overwrite)
    return True


def _return_strangers(hidden: HiddenFolder, names: tuple[str, ...], *, overwrite: bool) -> None:
    """What came into the former folder in the last moment is not a result and goes back."""
    appeared = [] if overwrite else present_in(hidden.new, names)
    if appeared:
        exchange(hidden.new, hidden.target)
        refuse_present(hidden.target, appeared)
    for entry in hidden.new.iterdir():
        if entry.name not in names:
            entry.rename(hidden.target / entry.name)


def _is_working_folder(target: Path) -> bool:
    """A shell in a swapped folder would stand in a removed one."""
    try:
        return Path.cwd().is_relative_to(target)
    except FileNotFoundError:
        return False


def _move_files(
    hidden: HiddenFolder, made: list[str], names: tuple[str, ...], *, overwrite: bool
) -> None:
    target = hidden.target
    present = present_in(target, names)
    if not overwrite:
        refuse_present(target, present)
    hidden.plan(made)
    try:
        for name in sorted(present, key=lambda name: name != _COMPLETE):
            (target / name).rename(hidden.old / name)
        for name in sorted(made, key=lambda name: name == _COMPLETE):
            move_new(hidden.new / name, target / name)
    except FileExistsError:
        hidden.undo()
        refuse_present(target, present_in(target, names))
        raise
    except BaseException:
        hidden.undo()
        raise
    hidden.fulfilled()


def move_new(source: Path, goal: Path) -> None:
    """Rename that never replaces.

    Raises:
        FileExistsError: something has the name `goal`.
    """
    if os.name == "nt":
        source.rename(goal)
        return
    try:
        goal.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:  # a drive without hard links
        if os.path.lexists(goal):
            raise FileExistsError(errno.EEXIST, "File exists", str(goal)) from None
        source.rename(goal)
        return
    source.unlink()
