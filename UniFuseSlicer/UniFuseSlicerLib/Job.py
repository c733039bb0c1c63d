"""One run from nodes to nodes: write the inputs, run the tool, read the results. Never blocks the
window.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Command import ToolCommand
from .Errors import FusionError
from .Guards import checkRun, modalitySentences
from .Guidance import NO_GUIDANCE, Guidance
from .Images import FusionImages, readResult
from .JobInputs import JobInputs
from .Options import FusionOptions
from .Outcome import Ending, cancelledOutcome, doneOutcome
from .Ownership import FusionNodes, checkDistinct, checkOverwriting
from .PolledJob import ProcessJob
from .Process import ToolProcess, ignore
from .Results import updateNodes

# Shares of the progress bar for writing the inputs, and for writing plus running.
WRITTEN, RUN = 0.03, 0.96


class FusionJob(ProcessJob):
    """Writes two volume nodes, runs `unifuse fuse` on them, and fills the output nodes.

    `start`, then `poll` from a timer until it returns an `Outcome`. File work happens in a thread,
    MRML is touched only inside `start` and `poll`, so call both on the main thread. Whatever the
    ending, no temporary file stays (unless `options.keepFiles`) and an unfinished run changes no
    node.

    Args:
        degraded: volume node; never changed.
        reference: volume node; never changed.
        outputs: nodes to fill in place; None means a new one.
        options: choices for this run.
        tool: interpreter and environment of `unifuse`.
        temporaryFolder: parent of the run's own folder; None is the system's.
        log: receives the log line by line.
        makeProcess: collaborator, replaced in tests.
        overwriteNodes: outputs without this module's mark that the user agreed to lose.
        guidance: nodes that steer the alignment; never changed.
    """

    def __init__(
        self,
        degraded: Any,
        reference: Any,
        outputs: FusionNodes,
        options: FusionOptions,
        tool: ToolCommand,
        temporaryFolder: Path | None = None,
        log: Callable[[str], None] = ignore,
        makeProcess: Callable[..., ToolProcess] = ToolProcess,
        overwriteNodes: Iterable[Any] = (),
        guidance: Guidance = NO_GUIDANCE,
    ) -> None:
        self._lines: list[str] = []
        self._listener = log
        ProcessJob.__init__(self, tool, temporaryFolder, self._keepLine, makeProcess)
        self.degraded = degraded
        self.reference = reference
        self.outputs = outputs
        self.options = options
        self.guidance = guidance
        self._nodes: FusionNodes | None = None
        self._overwriteNodes = tuple(overwriteNodes)
        self._inputs: JobInputs
        self._reading: Future[FusionImages] | None = None

    @property
    def nodes(self) -> FusionNodes:
        """The filled nodes; there are some once the run is done."""
        if self._nodes is None:
            raise RuntimeError("The job has no result.")
        return self._nodes

    @property
    def fraction(self) -> float:
        """0..1 of the whole run."""
        if self._process is None:
            return 0.0
        if self._reading is not None and self._reading.done():
            return 1.0
        return WRITTEN + (RUN - WRITTEN) * self._process.fraction

    @property
    def stage(self) -> str:
        """What is being done now, for the progress bar."""
        if self._cancelled:
            return _("Cancelling")
        if self._process is None:
            return _("Exporting volumes")
        if self._reading is not None:
            return _("Loading the result")
        return self._process.stage or _("Starting")

    def start(self) -> None:
        """Check the inputs and begin.

        Raises:
            InputNodeError: an input cannot be fused, or a node would be overwritten that the user
                did not agree to lose; nothing was started.
        """
        checkRun(self.degraded, self.reference, self.options)
        checkDistinct(self.outputs, self.degraded, self.reference)
        checkOverwriting(self.outputs, self.degraded, self.reference, self._overwriteNodes)
        self._inputs = JobInputs.ofNodes(self.degraded, self.reference, self.guidance)
        for line in modalitySentences(self.degraded, self.reference, self.options):
            self._log(line)
        self._begin(self._newFolder())
        self._writing = self._worker.submit(self._inputs.write, self.folder)

    @property
    def _place(self) -> Path:
        return self.folder

    def _step(self) -> None:
        if self._reading is not None:
            self._afterReading(self._reading)
        else:
            ProcessJob._step(self)

    def _command(self) -> Sequence[str]:
        return self._inputs.command(self.tool, self.folder, self.options)

    def _afterProcess(self, process: ToolProcess) -> None:
        outcome = process.poll()
        if outcome is None:
            return
        if outcome.ending is Ending.DONE and not self._cancelled:
            self._reading = self._worker.submit(readResult, self.folder / "out")
        else:
            self._finish(outcome)

    def _afterReading(self, reading: Future[FusionImages]) -> None:
        if not reading.done():
            return
        if self._cancelled:
            self._finish(cancelledOutcome())
            return
        images = reading.result()
        for node in (self.degraded, self.reference):
            if node.GetScene() is None:
                raise FusionError(
                    _('"{name}" was deleted during the run, so its result was discarded.').format(
                        name=node.GetName()
                    )
                )
        self._nodes = updateNodes(
            images, self.degraded, self.reference, self.outputs, self._overwriteNodes
        )
        self._finish(doneOutcome())

    def _keepLine(self, line: str) -> None:
        self._lines.append(line)
        self._listener(line)

    def _removeFiles(self) -> None:
        if not self.options.keepFiles:
            ProcessJob._removeFiles(self)
            return
        with contextlib.suppress(OSError):
            (self.folder / "log.txt").write_text("\n".join(self._lines), encoding="utf-8")
        self._listener(_("The files of this run are kept in {folder}").format(folder=self.folder))
