"""What a stage costs: CPU and wall seconds of its own work, and the peak memory of its process."""

from __future__ import annotations

import os
import platform
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.process import peak_memory_mb
from UniFuseLib.version import versions

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class ResourceUse:
    """What a stage used.

    Attributes:
        cpu_seconds: of the work itself (no imports, no files), summed over all threads.
        wall_seconds: likewise.
        peak_mb: of the whole process, its libraries too; None where it cannot be measured.
    """

    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_mb: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        return {
            "cpu_seconds": self.cpu_seconds,
            "wall_seconds": self.wall_seconds,
            "peak_mb": self.peak_mb,
        }


@contextmanager
def measured() -> Iterator[ResourceUse]:
    """Fill a `ResourceUse` with what the block uses."""
    used = ResourceUse()
    cpu, wall = time.process_time(), time.perf_counter()
    yield used
    used.cpu_seconds = time.process_time() - cpu
    used.wall_seconds = time.perf_counter() - wall
    used.peak_mb = resident_peak_mb()


def resident_peak_mb() -> float | None:
    """Largest resident memory of this process, MB.

    Linux hands a process its parent's peak along with `ru_maxrss`; `VmHWM` starts from zero with
    the program.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        if found:
            return round(int(found.group(1)) / 1024, 1)
    return peak_memory_mb()


def machine() -> dict[str, Any]:
    """Cores, memory, processor and versions, for the report."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {k: v for k, v in versions().items() if k != "platform"},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*:\s*(.+)", info.read_text(encoding="utf-8"))
        if found:
            return found.group(1).strip()
    return platform.processor() or "unknown"


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):  # Windows
        return None
