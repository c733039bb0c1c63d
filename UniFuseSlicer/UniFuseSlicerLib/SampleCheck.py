"""*Check*: the sample pair that comes with the extension, fused on the chosen device; passed or
failed, how long it took, and how much memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Command import ToolCommand
from .Errors import FusionError
from .Options import FusionOptions
from .Outcome import Ending, Outcome
from .PolledJob import ProcessJob
from .Process import ToolProcess
from .Samples import SamplePair

POLL_MS = 200


class SampleCheck(ProcessJob):
    """`start`, then `poll` until it returns an `Outcome`; no node is touched.

    Args:
        pair: files, and the degradation that is in them.
        options: device and weights.
        tool: interpreter and environment of `unifuse`.
        temporaryFolder: parent of the run's own folder; None is the system's.

    Attributes:
        sentence: for the panel, once it has ended.
    """

    def __init__(
        self,
        pair: SamplePair,
        options: FusionOptions,
        tool: ToolCommand,
        temporaryFolder: Path | None = None,
    ) -> None:
        ProcessJob.__init__(self, tool, temporaryFolder)
        self.sentence = ""
        self._pair = pair
        self._options = options

    @property
    def fraction(self) -> float:
        """0..1."""
        return 0.0 if self._process is None else self._process.fraction

    def start(self) -> None:
        self._begin(self._newFolder())
        self._writing = self._worker.submit(_checkFiles, self._pair)

    @property
    def _place(self) -> Path:
        return self.folder

    def _command(self) -> Sequence[str]:
        pair, folder = self._pair, self.folder
        files = (pair.degraded, pair.reference, folder / "out")
        return self.tool.fuse(*files, self._options, folder / "cancel")

    def _afterProcess(self, process: ToolProcess) -> None:
        outcome = process.poll()
        if outcome is None:
            return
        if outcome.ending is Ending.DONE:
            text = (self.folder / "out" / "report.json").read_text(encoding="utf-8")
            self.sentence = judged(json.loads(text), self._pair.degradation)
        self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        if not self.sentence:
            reason = _("Sample pair: failed. {reason}").format(reason=outcome.message)
            isCancelled = outcome.ending is Ending.CANCELLED
            self.sentence = _("Sample pair: cancelled.") if isCancelled else reason
        ProcessJob._finish(self, outcome)


def judged(report: Mapping[str, Any], expected: str) -> str:
    """
    Args:
        report: content of report.json.
        expected: class of the degradation that is in the sample.
    """
    if report.get("class") != expected:
        return _("Sample pair: failed. Expected {expected}, found {found}.").format(
            expected=expected, found=report.get("class")
        )
    sentence = _("Sample pair: passed in {seconds:.0f} s, {memory:.1f} GB of memory, on {device}.")
    return sentence.format(
        seconds=report["seconds"]["total"],
        memory=report["peak_memory_mb"] / 1000,
        device=report["device"],
    )


def _checkFiles(pair: SamplePair) -> None:
    """
    Raises:
        FusionError: a file is not the one that was shipped.
    """
    for file, wanted in zip((pair.degraded, pair.reference), pair.checksums, strict=True):
        if hashlib.sha256(file.read_bytes()).hexdigest() != wanted:
            sentence = _("{file} is damaged. Install the extension again.")
            raise FusionError(sentence.format(file=file))


class SampleRun:
    """Drives one check at a time and shows how far it is.

    Args:
        makeJob: → a check that is not started yet.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        show: receives the sentence for the panel.
    """

    def __init__(
        self,
        makeJob: Callable[[], SampleCheck],
        makeTimer: Callable[..., Any],
        show: Callable[[str], None],
    ) -> None:
        self._makeJob = makeJob
        self._show = show
        self._timer = makeTimer(self.poll, POLL_MS)
        self._job: SampleCheck | None = None

    @property
    def running(self) -> bool:
        return self._job is not None and self._job.running

    def start(self) -> None:
        try:
            self._job = self._makeJob()
            self._job.start()
        except (FusionError, OSError) as error:
            self._show(_("Sample pair: failed. {reason}").format(reason=error))
            return
        self._timer.start()

    def cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def poll(self) -> None:
        """Timer: push it on by one step."""
        if self._job is None or self._job.poll() is not None:
            self._timer.stop()
        if self._job is not None and self._job.outcome is not None:
            self._show(self._job.sentence)
        elif self._job is not None:
            percent = round(100 * self._job.fraction)
            self._show(_("Sample pair: {percent} %").format(percent=percent))

    def endNow(self) -> None:
        self._timer.stop()
        if self._job is not None:
            self._job.endNow()
