"""The process and its machine: threads, freed memory, the memory it took, words for it.

Settings are for a process that is ours alone; a library call leaves its host as it is.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import math
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_GIVEN_BACK_BYTES = 512 << 20
_LARGE_VOXELS = 1 << 24  # of a reference: 256³; memory counts for more than time from here on
_LARGE_GIVEN_BACK_BYTES = 64 << 20
# freed in pieces, for it to be given back between two steps
_WORTH_GIVING_BACK_BYTES, _LARGE_WORTH_GIVING_BACK_BYTES = 1 << 30, 128 << 20
CALM_THREADS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}


def calm_threads() -> None:
    """Let idle OpenMP threads sleep; to be called before torch is imported.

    Threads that spin slow a shared machine up to 100 times.
    """
    for name, value in CALM_THREADS.items():
        os.environ.setdefault(name, value)


def keep_freed_memory() -> None:
    """Keep freed memory for the next tensor (glibc; elsewhere nothing happens).

    By default many temporaries are new mappings, whose pages the kernel fills with zeros first: a
    sixth (128³) to a third (192³) of a fusion's CPU seconds. The largest ones are given back all
    the same, they would cost as much memory.
    """
    _keep(_GIVEN_BACK_BYTES)


def spare_memory(voxels: int) -> int:
    """Keep less of it where the reference is large.

    At 512 × 512 × 400 voxels 3.8 instead of 4.0 GB, for 2 CPU seconds of the kernel. To save all
    that can be saved, 0.1 GB more, takes 20 seconds (docs/results/cost.md).

    Args:
        voxels: of the reference.

    Returns:
        What `give_back_freed_memory` is to be asked with.
    """
    if voxels < _LARGE_VOXELS:
        return _WORTH_GIVING_BACK_BYTES
    _keep(_LARGE_GIVEN_BACK_BYTES)
    return _LARGE_WORTH_GIVING_BACK_BYTES


def _keep(largest: int) -> None:
    """Keep what is freed in pieces of less than `largest` bytes."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return  # another C library
    mallopt(_M_MMAP_THRESHOLD, largest)
    mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


@contextmanager
def uncollected() -> Iterator[None]:
    """What is imported inside stays to the end: Python's collector never looks at it.

    It would look through all of torch again and again while that is imported, and once more at the
    end: 0.7 of the 2.6 CPU seconds of start and exit.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def run_process(main: Callable[[], int]) -> NoReturn:
    """Run `main` and end this process, which is ours alone, with the code that it returns.

    What others have registered for the end runs; then nothing is taken apart that the system frees
    anyway, 0.3 CPU seconds where torch is imported.
    """
    codes: list[int] = []
    atexit.register(_leave, codes)  # registered first, it runs last
    codes.append(main())
    sys.exit(codes[0])


def _leave(codes: list[int]) -> None:
    """End with the code, unless an error ends the process."""
    if codes:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(codes[0])


class _HeapInfo(ctypes.Structure):
    """`struct mallinfo2` of malloc.h."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
        )
    )


def give_back_freed_memory(least: int = _WORTH_GIVING_BACK_BYTES) -> None:
    """Give what `keep_freed_memory` has kept back to the system, where it is much.

    Between two steps of a run: what the first one has freed in pieces is of no use to the large
    arrays of the second, and would be a part of its peak. (glibc 2.33; elsewhere nothing happens.)

    Args:
        least: bytes that are worth it.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        library = ctypes.CDLL("libc.so.6")
        heap, trim = library.mallinfo2, library.malloc_trim
    except (OSError, AttributeError):
        return  # another C library, or an older one
    heap.restype = _HeapInfo
    if heap().fordblks >= least:
        trim(0)


def peak_memory_mb() -> float | None:
    """Largest resident memory of this process so far, MB; None where the system does not know."""
    status = Path("/proc/self/status")  # Linux: what getrusage says includes the parent's at fork
    if status.is_file():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 2**10, 1)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def in_bytes(count: float) -> str:
    """`2.1 GB`, `850 MB`, `12 kB`: powers of 1000, as drives and file managers count."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{math.ceil(count / 1e3)} kB"


def available_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not tell."""
    free = _free_memory()
    limit = _container_memory()
    if free is None or limit is None:
        return free if limit is None else limit
    return min(free, limit)


def _free_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        stated = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(stated.split()[1]) * 1024
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:  # macOS: what is free is not told; all of it is the most that can be asked for
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _container_memory() -> int | None:
    """What the control group of a container leaves (Linux, version 2)."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
        counts = dict(line.split() for line in (folder / "memory.stat").open(encoding="ascii"))
        used -= int(counts.get("inactive_file", 0))  # given up as soon as it is needed
        return None if limit == "max" else max(0, int(limit) - used)
    except (OSError, ValueError):
        return None
