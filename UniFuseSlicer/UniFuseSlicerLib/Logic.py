"""What scripts call: `fuse` two nodes, `fuseBatch` many pairs; both block and work without a main
window.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from .Apply import applyTo
from .Batch import BatchRow
from .BatchJob import BatchJob
from .Blocking import temporaryFolder, waitFor
from .Command import ToolCommand
from .Devices import askForGpu
from .Direction import Destination
from .Errors import InstallError, RunFailed
from .ExportFiles import Format
from .ExportJob import ExportJob
from .Guards import needsGpu
from .Guidance import NO_GUIDANCE, Guidance
from .Install import Dependencies
from .Job import FusionJob
from .Measure import RegionFigures, measure
from .Options import FusionOptions
from .Outcome import Ending
from .Ownership import FusionNodes
from .Parameter import UniFuseParameterNode
from .Process import ToolProcess
from .Results import reportOf
from .SequenceJob import Field, SequenceJob
from .WaitingTool import WaitingTool


class UniFuseSlicerLogic(ScriptedLoadableModuleLogic):
    """
    >>> logic = UniFuseSlicerLogic()
    >>> nodes = logic.fuse(getNode("T2"), getNode("T1"))
    >>> logic.report(nodes.fused)["probabilities"]

    Args:
        parent: as Slicer passes it.
        tool: how to call `unifuse`; replaced in tests.
        dependencies: what `unifuse` needs; replaced in tests.
    """

    def __init__(
        self,
        parent: Any = None,
        tool: ToolCommand | None = None,
        dependencies: Dependencies | None = None,
    ) -> None:
        ScriptedLoadableModuleLogic.__init__(self, parent)
        # the class may be subclassed or imported under another name
        self.moduleName = "UniFuseSlicer"
        self._tool = tool
        self._dependencies = dependencies or Dependencies()
        self.waitingTool = WaitingTool(self.tool, self._isInstalled)

    def getParameterNode(self) -> UniFuseParameterNode:
        wrap: Any = UniFuseParameterNode  # Slicer's decorator gives it this constructor
        return wrap(super().getParameterNode())

    def fuse(
        self,
        degradedNode: Any,
        referenceNode: Any,
        *,
        outputs: FusionNodes | None = None,
        options: FusionOptions | None = None,
        overwriteNodes: Sequence[Any] = (),
        guidance: Guidance = NO_GUIDANCE,
        progress: Callable[[float, str], None] | None = None,
        log: Callable[[str], None] = logging.info,
    ) -> FusionNodes:
        """Fuse two volume nodes and wait for the result.

        Args:
            degradedNode: scalar or RGB volume with motion, metal, noise or low dose; left as it is.
            referenceNode: clean scalar volume of another modality or MR contrast; left as it is.
            outputs: the result of this pair, whose nodes are filled again; None makes new ones.
            options: choices for this run.
            overwriteNodes: those of `outputs` that UniFuse did not create, or that hold the result
                of other volumes: their content is replaced only when they are named here.
            guidance: a transform node to start from, and masks of what is compared.
            progress: called with (0..1, stage).
            log: called with every line of the log.

        Returns:
            Nodes on the reference grid: fused, restored, deformation (grid transform), report
                (table).

        Raises:
            InputNodeError: an input cannot be fused or is also an output, or a node would be
                overwritten that `overwriteNodes` does not name.
            InstallError: PyTorch or safetensors is missing.
            RunFailed: the tool did not start, failed, or crashed; see `.outcome`.
        """
        options = options or FusionOptions()
        self._prepare(options)
        job = self.makeJob(
            degradedNode,
            referenceNode,
            outputs or FusionNodes(),
            options,
            log,
            overwriteNodes,
            guidance,
        )
        outcome = waitFor(job, progress)
        if outcome.ending is not Ending.DONE:
            raise RunFailed(outcome)
        return job.nodes

    def fuseBatch(
        self,
        source: Any,
        output: str | Path,
        *,
        options: FusionOptions | None = None,
        progress: Callable[[str], None] = logging.info,
    ) -> list[BatchRow]:
        """Fuse every pair of a table or a folder into `output/<name>/` by `unifuse batch`, and
        write `batch.csv`, `summary.csv` and `summary.html` there.

        Args:
            source: table file or `vtkMRMLTableNode` with the columns degraded, reference (and name,
                and options of `unifuse fuse`), or a folder with one folder per case that holds
                `degraded.*` and `reference.*`. In a node, a cell may name a volume of the scene.
            output: finished cases stay unless their files or options have changed; cases of other
                tables stay, also in `batch.csv`.
            options: choices for every case.
            progress: called with one line per case, when it has ended.

        Returns:
            One row per case; a case that fails is a row, not an exception.

        Raises:
            FusionError: no cases, or an output that cannot be made. InstallError: PyTorch or
                safetensors is missing.
        """
        options = options or FusionOptions()
        self._prepare(options)

        def onRow(row: BatchRow) -> None:
            known, total = len(job.rows), max(job.total, len(job.rows))
            line = _("{number} of {count}: {name}")
            progress(line.format(number=known, count=total, name=row.name))

        job = self.makeBatch(source, output, options, onRow)
        outcome = waitFor(job)
        if outcome.ending is not Ending.DONE:
            raise RunFailed(outcome)
        return list(job.rows.values())

    def makeBatch(
        self,
        source: Any,
        output: str | Path,
        options: FusionOptions,
        onRow: Callable[[BatchRow], None],
        log: Callable[[str], None] = logging.debug,
    ) -> BatchJob:
        """A batch that is not started yet; poll it from a timer."""
        return BatchJob(source, output, options, self.tool(), temporaryFolder(), onRow, log)

    def fuseSequence(
        self,
        degradedNode: Any,
        referenceNode: Any,
        *,
        field: Field = "each",
        options: FusionOptions | None = None,
        progress: Callable[[float, str], None] | None = None,
        log: Callable[[str], None] = logging.info,
    ) -> SequenceJob:
        """Fuse the frames of a sequence with one reference; see `SequenceJob`.

        Args:
            degradedNode: volume that shows the frames (a proxy node of a sequence browser).
            referenceNode: clean volume; the same for all frames.
            field: `each` frame is fused on its own; `current`: the frame that is shown is fused,
                and its deformation moves all frames.
            options: choices for every run.
            progress: called with (0..1, stage).
            log: called with every line of the log.

        Returns:
            `.nodes` show the result of the chosen frame, `.aligned` (`current`) the moved one; they
            follow the browser. `.failed`: index value of a frame → why it has no result.

        Raises:
            FusionError: as `fuse`; a degraded volume of no sequence.
        """
        options = options or FusionOptions()
        self._prepare(options)
        job = self.makeSequence(degradedNode, referenceNode, field, options, NO_GUIDANCE, log)
        outcome = waitFor(job, progress)
        if outcome.ending is not Ending.DONE:
            raise RunFailed(outcome)
        return job

    def makeSequence(
        self,
        degradedNode: Any,
        referenceNode: Any,
        field: Field,
        options: FusionOptions,
        guidance: Guidance,
        log: Callable[[str], None],
    ) -> SequenceJob:
        """Runs on all frames that are not started yet; poll them from a timer."""

        def makeJob(
            degraded: Any,
            reference: Any,
            outputs: FusionNodes,
            log: Callable[[str], None],
            overwriteNodes: tuple[Any, ...],
        ) -> FusionJob:
            return self.makeJob(
                degraded, reference, outputs, options, log, overwriteNodes, guidance
            )

        return SequenceJob(degradedNode, referenceNode, field, makeJob, log)

    def exportResult(
        self,
        fusedNode: Any,
        place: str | Path,
        format: Format = "folder",
        log: Callable[[str], None] = logging.info,
    ) -> Path:
        """A result as files, in a new folder; nothing that is there is replaced.

        Args:
            fusedNode: fused volume of a result.
            place: folder that the new one is made in.
            format: `folder`: what `unifuse fuse` writes, with its overview; `dicom`: fused and
                restored as series in the study of the reference.
            log: called with every line of the log.

        Returns:
            The new folder.

        Raises:
            FusionError: no result, or no folder. RunFailed: it could not be written.
        """
        job = self.makeExport(fusedNode, Path(place), format, log)
        outcome = waitFor(job)
        if outcome.ending is not Ending.DONE:
            raise RunFailed(outcome)
        for warning in job.warnings:
            log(warning)
        return job.output

    def makeExport(
        self,
        fusedNode: Any,
        place: Path,
        format: Format,
        log: Callable[[str], None] = logging.debug,
    ) -> ExportJob:
        """An export that is not started yet; poll it from a timer."""
        return ExportJob(fusedNode, place, format, self.tool(), temporaryFolder(), log)

    def applyTo(
        self, fusedNode: Any, nodes: Sequence[Any], to: Destination = "reference"
    ) -> list[Any]:
        """Volumes, label maps, segmentations, markups and models of one scan at the places of the
        other, as new nodes; see `Apply.applyTo`.

        Args:
            fusedNode: fused volume of a result.
            nodes: of the degraded scan, or with `to="degraded"` of the reference.
            to: the scan whose places are wanted.

        Raises:
            FusionError: a node that cannot be moved; no node is made then.
        """
        return applyTo(fusedNode, nodes, to)

    def measure(
        self, fusedNode: Any, labels: Any = None, labelsOf: Destination = "reference"
    ) -> list[RegionFigures]:
        """Displacement, change of volume and folds of each segment, as `unifuse measure` gives
        them.

        Args:
            fusedNode: fused volume of a result.
            labels: segmentation or label map; None measures the whole field of view and the body.
            labelsOf: the scan that the labels were drawn on.

        Raises:
            FusionError: no result, or labels outside its field of view.
        """
        return measure(fusedNode, labels, labelsOf).rows

    def report(self, fusedNode: Any) -> dict[str, Any]:
        """The content of report.json of a fused volume."""
        return reportOf(fusedNode)

    def makeJob(
        self,
        degradedNode: Any,
        referenceNode: Any,
        outputs: FusionNodes,
        options: FusionOptions,
        log: Callable[[str], None],
        overwriteNodes: Sequence[Any] = (),
        guidance: Guidance = NO_GUIDANCE,
    ) -> FusionJob:
        """A run that is not started yet; poll it from a timer (`fuse` does it in a loop)."""
        return FusionJob(
            degradedNode,
            referenceNode,
            outputs,
            options,
            self.tool(),
            temporaryFolder(),
            log,
            partial(ToolProcess, launch=self.waitingTool.launch),
            overwriteNodes=overwriteNodes,
            guidance=guidance,
        )

    def _prepare(self, options: FusionOptions) -> None:
        """What has to be there, and to be known, before a script starts a run."""
        self._dependencies.check()
        if needsGpu(options):
            askForGpu(self.tool())

    def _isInstalled(self) -> bool:
        try:
            self._dependencies.check()
        except InstallError:
            return False
        return True

    def tool(self) -> ToolCommand:
        if self._tool is None:
            self._tool = ToolCommand.forThisApplication()
        return self._tool
