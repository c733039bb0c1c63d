"""For scripts: wait for a job, and where its files may lie."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import slicer

from .Outcome import Outcome

POLL_S = 0.05


class Job(Protocol):
    """Something that goes on a step at every poll."""

    @property
    def fraction(self) -> float:
        """0..1."""

    @property
    def stage(self) -> str:
        """What is being done now."""

    def start(self) -> None:
        """Begin."""

    def poll(self) -> Outcome | None:
        """Go one step on; None while it still runs."""

    def endNow(self) -> None:
        """Stop at once."""


def waitFor(job: Job, progress: Callable[[float, str], None] | None = None) -> Outcome:
    """Start a job and block until it has ended; an interruption (Ctrl-C) ends it too.

    Args:
        job: not started yet.
        progress: called with (0..1, stage).
    """
    job.start()
    try:
        while (outcome := job.poll()) is None:
            if progress is not None:
                progress(job.fraction, job.stage)
            time.sleep(POLL_S)
    finally:
        job.endNow()
    return outcome


def temporaryFolder() -> Path | None:
    """Of this application; None is the system's."""
    application = getattr(slicer, "app", None)
    return Path(application.temporaryPath) if application is not None else None
