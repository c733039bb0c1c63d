"""Two folders change their names in one step, where the system can do that."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HERE = -100  # AT_FDCWD of fcntl.h: paths are relative to the working folder
_LINUX_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h
_MACOS_SWAP = 2  # RENAME_SWAP of sys/stdio.h


def exchange(one: Path, other: Path) -> bool:
    """Swap two folders of one disk; False where system or file system cannot, or refuses."""
    first, second = os.fsencode(one.absolute()), os.fsencode(other.absolute())
    try:
        library = ctypes.CDLL(None)
        if sys.platform.startswith("linux"):
            return not library.renameat2(_HERE, first, _HERE, second, _LINUX_EXCHANGE)
        if sys.platform == "darwin":
            return not library.renamex_np(first, second, _MACOS_SWAP)
    except (AttributeError, OSError, TypeError):  # an older C library; Windows has no CDLL(None)
        return False
    return False
