"""A lock that dies with its process: the operating system holds it as long as a file is open."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from UniFuseLib.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE = 30.0  # seconds; what is written under a waiting lock takes milliseconds
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class LocksUnsupportedError(OSError):
    """The file system knows no locks (some network drives)."""


def try_lock(path: Path) -> IO[bytes] | None:
    """Lock the file at `path`, which is made if needed; None: somebody else holds it.

    Closing the file frees the lock, and so does the end of the process, however it ends.

    Raises:
        LocksUnsupportedError: not on this file system.
        OSError: the file cannot be made.
    """
    while True:
        file = path.open("ab")
        try:
            held = _lock(file.fileno())
        except OSError as error:
            file.close()
            if error.errno in _UNSUPPORTED:
                raise LocksUnsupportedError(error.errno, "No locks here", str(path)) from error
            raise
        if held and _lies_at(path, file):
            return file
        file.close()
        if not held:
            return None
        # its last holder removed the file after it was opened here


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until the file at `path` is ours; it is removed afterwards.

    Raises:
        OutputError: others hold it for longer than a short write takes, or the disk refuses.
    """
    deadline = time.monotonic() + _PATIENCE
    while (file := _locked_if_possible(path)) is None:
        if time.monotonic() > deadline:
            raise OutputError(f"Another run holds {path}. Wait until it has ended and try again.")
        time.sleep(0.02)
    try:
        yield
    finally:
        remove_lock(path, file)


def remove_lock(path: Path, file: IO[bytes]) -> None:
    """Remove a lock file that is held, and free it."""
    if os.name == "nt":  # an open file cannot be removed there
        file.close()
    with contextlib.suppress(OSError):
        path.unlink()
    file.close()


def _locked_if_possible(path: Path) -> IO[bytes] | None:
    """As `try_lock`; where there are no locks, the open file alone."""
    try:
        return try_lock(path)
    except LocksUnsupportedError:
        return path.open("ab")
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {error.strerror or error}. Check permission and free space."
        ) from error


def _lies_at(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
