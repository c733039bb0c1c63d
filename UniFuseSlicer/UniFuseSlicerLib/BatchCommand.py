"""One case of a batch: the tool runs, and its result becomes a line of `batch.csv`."""

from __future__ import annotations

import json
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from .Batch import BatchCase, BatchRow
from .Command import ToolCommand
from .Options import FusionOptions
from .Outcome import Ending, Outcome
from .Process import ToolProcess

POLL_S = 0.05


def runCase(tool: ToolCommand, case: BatchCase, folder: Path, options: FusionOptions) -> BatchRow:
    """Fuse one pair of files and wait for it.

    Args:
        tool: interpreter and environment of `unifuse`.
        case: files and name.
        folder: of the results; those that are there are replaced.
        options: choices of the batch.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="uf-") as temporary:
        command = tool.fuse(
            case.degraded, case.reference, folder, options, Path(temporary) / "cancel"
        )
        process = ToolProcess(
            [*command, "--overwrite"],
            tool.folder,
            tool.environment,
            cancelFile=Path(temporary) / "cancel",
            log=logging.debug,
        )
        outcome = waitFor(process)
    return batchRow(case, folder, outcome, time.monotonic() - started)


def waitFor(process: ToolProcess) -> Outcome:
    """Start a process and block until it has ended; an interruption (Ctrl-C) ends it too."""
    process.start()
    try:
        while (outcome := process.poll()) is None:
            time.sleep(POLL_S)
    finally:
        process.endNow()
    return outcome


def batchRow(case: BatchCase, folder: Path, outcome: Outcome, seconds: float) -> BatchRow:
    """One line of `batch.csv`."""
    report: dict[str, Any] = {}
    if outcome.ending is Ending.DONE:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    label = report.get("class", "")
    judged = report.get("verdict") or {}
    return BatchRow(
        name=case.name,
        ending=outcome.ending.value,
        message=outcome.message,
        output=str(folder),
        degradation=label,
        probability=report.get("probabilities", {}).get(label, 0.0),
        meanDisplacementMm=report.get("displacement_mm", {}).get("mean", 0.0),
        seconds=round(seconds, 1),
        trust=judged.get("trust") or "",
        probabilityOffBy3Mm=judged.get("probability_off_by_3_mm"),
        reasons=" ".join(judged.get("reasons", [])),
    )
