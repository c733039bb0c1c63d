"""One export from nodes to a new folder: write files, let `unifuse` make of them what is wanted.
Never blocks the window, never replaces anything, leaves nothing half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Command import ToolCommand
from .ExportFiles import ExportFiles, Format, newFolder
from .PolledJob import ProcessJob
from .Process import ToolProcess, ignore


class ExportJob(ProcessJob):
    """`start`, then `poll` from a timer until it returns an `Outcome`.

    Args:
        fused: fused volume of a result; no node is changed.
        place: folder that a new one is made in.
        format: `folder`: what `unifuse fuse` writes; `dicom`: two series.
        tool: interpreter and environment of `unifuse`.
        temporaryFolder: parent of the run's own folder; None is the system's.
        log: receives the log line by line.
        makeProcess: collaborator, replaced in tests.

    Attributes:
        output: the new folder; it is there, complete, once the job is done.
        warnings: what could not be made, in sentences.
    """

    def __init__(
        self,
        fused: Any,
        place: Path,
        format: Format,
        tool: ToolCommand,
        temporaryFolder: Path | None = None,
        log: Callable[[str], None] = ignore,
        makeProcess: Callable[..., ToolProcess] = ToolProcess,
    ) -> None:
        ProcessJob.__init__(self, tool, temporaryFolder, log, makeProcess)
        self._fused = fused
        self._chosen = place
        self._format = format
        self._files: ExportFiles
        self.output = place
        self.warnings: list[str] = []

    @property
    def fraction(self) -> float:
        """0..1."""
        return 0.0 if self._process is None else self._process.fraction

    @property
    def stage(self) -> str:
        """What is being done now."""
        running = "" if self._process is None else self._process.stage
        return running or _("Exporting volumes")

    def start(self) -> None:
        """
        Raises:
            FusionError: no result, or no folder; nothing was started.
        """
        self.output = newFolder(self._fused, self._chosen, self._format)
        self._files = ExportFiles.ofResult(self._fused)
        self._begin(self._newFolder())
        self._writing = self._worker.submit(self._files.write, self.folder)

    @property
    def _place(self) -> Path:
        return self.folder

    def _command(self) -> Sequence[str]:
        arguments = self._files.arguments(self.folder, self._format, self.output)
        return self.tool.unifuse(arguments, self.folder / "cancel")

    def _onMessage(self, message: dict[str, Any]) -> None:
        self.warnings = [str(warning) for warning in message.get("warnings", self.warnings)]
