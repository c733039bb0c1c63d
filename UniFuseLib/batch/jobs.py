"""How many pairs a machine works on at the same time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from UniFuseLib.commands.batch_options import arguments_of
from UniFuseLib.commands.cost import cost_of
from UniFuseLib.errors import UniFuseError
from UniFuseLib.process import available_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from UniFuseLib.batch.case import Task

_LOOKED_AT = 50  # headers: the cases of a batch are of one kind


def jobs_for(tasks: Sequence[Task], device: str) -> int:
    """One per GPU; without one, one per core, as far as the estimated memory goes.

    Args:
        tasks: of the batch.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
    """
    if device.startswith("cuda:"):
        return 1
    gpus = 0 if device == "cpu" else _gpus()
    if gpus:
        return 1 if device == "cuda" else gpus
    return max(1, min(cores(), _that_fit(tasks)))


def threads_for(jobs: int) -> int:
    """Of each worker: its share of the cores."""
    return max(1, cores() // jobs)


def cores() -> int:
    """That this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _that_fit(tasks: Sequence[Task]) -> int:
    """By the largest of the first pairs; the number of tasks where nothing is known."""
    available = available_memory()
    needed = [_memory(task) for task in tasks[:_LOOKED_AT]]
    largest = max(needed, default=0)
    return len(tasks) if available is None or not largest else available // largest


def _memory(task: Task) -> int:
    """Bytes; 0 where a header cannot be read, or only with all of its voxels (DICOM folders)."""
    if Path(task.degraded).is_dir() or Path(task.reference).is_dir():
        return 0
    try:
        return cost_of(arguments_of(task)).memory_bytes
    except UniFuseError:  # the run says why
        return 0
