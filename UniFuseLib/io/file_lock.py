"""A lock that dies with its process: the operating system holds it as long as a file is open."""

from __future__ import annotations

import errno
import os
import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

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
