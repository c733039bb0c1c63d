"""Paths as they are typed, before anything is opened."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = (
    (stat.S_ISFIFO, "a pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def expanded(path: Path | str) -> Path:
    """The path with `~` resolved.

    Raises:
        InputError: `~name` of a user who does not exist.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(
            f"{path} starts with the home folder of a user who does not exist. Check the path."
        ) from error


def readable_path(path: Path | str) -> Path:
    """The path of a regular file or a folder that exists.

    Raises:
        InputError: missing, a dangling link, a pipe, socket or device, or no permission.
    """
    path = expanded(path)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise InputError(_why_not_there(path, error)) from error
    for is_kind, name in _KINDS:
        if is_kind(mode):
            raise InputError(
                f"{shown(path)} is {name}; expected a file or a folder. "
                "Save its content as a file and give that file."
            )
    return path


def shown(path: Path | str) -> str:
    """The path as text that any encoding can hold; names that are not UTF-8 get `?`."""
    return os.fsencode(path).decode("utf-8", "replace").replace("\ufffd", "?")


def holds_utf8(path: Path | str) -> bool:
    """False for a name that SimpleITK cannot take: it ends the process on one."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def named_for_itk(path: Path) -> Iterator[Path]:
    """A path to the same file or folder whose name, and those inside it, SimpleITK can take."""
    inside = list(path.iterdir()) if path.is_dir() else []
    if all(holds_utf8(name) for name in (path, *inside)):
        yield path
        return
    with temporary_folder() as folder:
        if not path.is_dir():
            link = Path(folder) / f"input{_plain_suffix(path)}"
            link.symlink_to(path.absolute())
            yield link
            return
        for number, file in enumerate(sorted(inside)):
            link = Path(folder) / f"{number:06d}{_plain_suffix(file)}"
            link.symlink_to(file.absolute())
        yield Path(folder)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Where copies for other readers lie for a moment.

    Raises:
        InputError: no place for temporary files.
    """
    try:
        return tempfile.TemporaryDirectory(prefix="unifuse-")
    except OSError as error:
        raise InputError(
            f"No temporary folder can be written to ({error.strerror or error}). Set TMPDIR to a "
            "folder with free space."
        ) from error


def _plain_suffix(path: Path) -> str:
    suffix = "".join(path.suffixes[-2:])
    return suffix if suffix.isascii() else ""


def _why_not_there(path: Path, error: OSError | ValueError) -> str:
    name = shown(str(path).replace("\0", "?"))
    with contextlib.suppress(OSError, ValueError):
        if path.is_symlink():
            target = shown(path.readlink())
            return f"{name} is a link to {target}, which cannot be reached. Check the link."
    if isinstance(error, (FileNotFoundError, NotADirectoryError, ValueError)):
        return f"{name} does not exist. Check the path."
    return f"Cannot read {name}: {error.strerror}. Check the path and its permission."
