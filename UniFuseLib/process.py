"""How a process that is ours alone treats its machine; a library call leaves its host as it is."""

from __future__ import annotations

import ctypes
import os
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_GIVEN_BACK_BYTES = 128 << 20
CALM_THREADS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}


def calm_threads() -> None:
    """Idle OpenMP threads sleep: those that spin slow a shared machine up to 100 times. Before
    torch is imported.
    """
    for name, value in CALM_THREADS.items():
        os.environ.setdefault(name, value)


def keep_freed_memory() -> None:
    """Memory that was freed stays with the process, for the next tensor (glibc; elsewhere nothing
    happens).

    By default many a temporary is a new mapping, whose pages the kernel fills with zeros first: a
    sixth (128³) to a third (192³) of a fusion's CPU seconds. The largest ones go back all the same:
    they would cost as much memory.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return  # another C library
    mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK_BYTES)
    mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
