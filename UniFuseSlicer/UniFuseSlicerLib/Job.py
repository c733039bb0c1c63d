"""One run from nodes to nodes: write the inputs, run the tool, read the results. Never blocks the
window.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
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
from .Outcome import Ending, Outcome, cancelledOutcome, doneOutcome, errorOutcome
from .Ownership import FusionNodes, checkDistinct, checkOverwriting
from .Process import ToolProcess, ignore
from .Results import updateNodes

# Shares of the progress bar for writing the inputs, and for writing plus running.
WRITTEN, RUN = 0.03, 0.96


class FusionJob:
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
        self.degraded = degraded
        self.reference = reference
        self.outputs = outputs
        self.options = options
        self.tool = tool
        self.guidance = guidance
        self.outcome: Outcome | None = None
        self._nodes: FusionNodes | None = None
        self._folder: Path | None = None
        self._temporaryFolder = temporaryFolder
        self._overwriteNodes = tuple(overwriteNodes)
        self._lines: list[str] = []
        self._inputs: JobInputs
        self._log = log
        self._makeProcess = makeProcess
        self._process: ToolProcess | None = None
        self._worker = ThreadPoolExecutor(1, "UniFuse files")
        self._writing: Future[None] | None = None
        self._reading: Future[FusionImages] | None = None
        self._cancelled = False

    @property
    def folder(self) -> Path:
        """Of this run's files; there is one once the run was started."""
        if self._folder is None:
            raise RuntimeError("The job has not been started.")
        return self._folder

    @property
    def nodes(self) -> FusionNodes:
        """The filled nodes; there are some once the run is done."""
        if self._nodes is None:
            raise RuntimeError("The job has no result.")
        return self._nodes

    @property
    def running(self) -> bool:
        return self._folder is not None and self.outcome is None

    @property
    def cancelling(self) -> bool:
        return self.running and self._cancelled

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
            self._keepLine(line)
        self._folder = Path(tempfile.mkdtemp(prefix="uf-", dir=self._temporaryFolder))
        self._writing = self._worker.submit(self._inputs.write, self._folder)

    def poll(self) -> Outcome | None:
        """Go one step on; None while it still runs."""
        if not self.running:
            return self.outcome
        try:
            self._step()
        except Exception as error:
            # whatever goes wrong with files or nodes is reported, never lost in a timer
            self._finish(errorOutcome(error, self.folder))
        return self.outcome

    def cancel(self) -> None:
        """Stop soon and without a trace; `poll` reports it."""
        self._cancelled = True
        if self._process is not None:
            self._process.cancel()

    def endNow(self) -> None:
        """Stop at once: the scene or the application is closing."""
        if not self.running:
            return
        self._cancelled = True
        if self._process is not None:
            self._process.endNow()
        self._finish(cancelledOutcome())

    def _step(self) -> None:
        if self._writing is not None:
            self._afterWriting(self._writing)
        elif self._reading is not None:
            self._afterReading(self._reading)
        elif self._process is not None:
            self._afterRunning(self._process)

    def _afterWriting(self, writing: Future[None]) -> None:
        if not writing.done():
            return
        writing.result()
        self._writing = None
        if self._cancelled:
            self._finish(cancelledOutcome())
            return
        command = self._inputs.command(self.tool, self.folder, self.options)
        self._keepLine(" ".join(command))
        self._process = self._makeProcess(
            command,
            self.tool.folder,
            self.tool.environment,
            self.folder / "cancel",
            self._keepLine,
        )
        self._process.start()

    def _afterRunning(self, process: ToolProcess) -> None:
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
        self._log(line)

    def _finish(self, outcome: Outcome) -> None:
        self.outcome = outcome
        if self._process is not None:
            self._process.endNow()
        self._worker.shutdown(wait=True)
        if self.options.keepFiles:
            with contextlib.suppress(OSError):
                (self.folder / "log.txt").write_text("\n".join(self._lines), encoding="utf-8")
            self._log(_("The files of this run are kept in {folder}").format(folder=self.folder))
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
