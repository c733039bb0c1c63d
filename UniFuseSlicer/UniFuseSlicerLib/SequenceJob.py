"""A time series: every frame fused, or the field of one frame applied to all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from slicer.i18n import tr as _

from .Blocking import temporaryFolder
from .Direction import directionOf
from .Frames import Series, frame, newSequence, seriesOf, synchronize
from .Hierarchy import placeBeside
from .Job import FusionJob
from .Moved import movedVolume
from .Nodes import removeWithDisplay
from .Outcome import Ending, Outcome, cancelledOutcome
from .Ownership import DEGRADED_ROLE, SEQUENCE_ATTRIBUTE, FusionNodes, mark
from .PolledJob import Part, PolledJob
from .Process import ignore
from .Results import reportOf
from .ToolWords import panelWords

Field = Literal["each", "current"]
MakeJob = Callable[[Any, Any, FusionNodes, Callable[[str], None], tuple[Any, ...]], FusionJob]


class SequenceJob(PolledJob):
    """`start`, then `poll` from a timer until it returns an `Outcome`; both on the main thread.

    Results become sequences of the browser that the frames have; a run that is cancelled or fails
    leaves none.

    Args:
        degraded: volume that shows the frames of a sequence.
        reference: volume node; the same for all frames.
        field: `each` frame has its own; that of the `current` frame moves all of them.
        makeJob: (degraded, reference, outputs, log, overwriteNodes) → a run of one frame.
        log: receives the log line by line.

    Attributes:
        series: the frames.
        nodes: result of the chosen frame; they follow the browser, where each frame has one.
        aligned: all frames on the reference, by the field of one of them.
        failed: index value of a frame → why it has no result.

    Raises:
        InputNodeError: the degraded volume is of no sequence.
    """

    def __init__(
        self,
        degraded: Any,
        reference: Any,
        field: Field,
        makeJob: MakeJob,
        log: Callable[[str], None] = ignore,
    ) -> None:
        PolledJob.__init__(self)
        self.series: Series = seriesOf(degraded)
        self.nodes = FusionNodes()
        self.aligned: Any = None
        self.failed: dict[str, str] = {}
        self.reference = reference
        self._field = field
        self._makeJob = makeJob
        self._log = log
        self._frames = list(range(self.series.count)) if field == "each" else [self.series.current]
        self._done = 0
        self._moving = 0
        self._helper: Any = None
        self._job: FusionJob | None = None
        self._made: dict[Any, Any] = {}  # sequence → node that shows its chosen item

    @property
    def fraction(self) -> float:
        """0..1; moving frames counts as one more of them."""
        if self._job is None:
            return 0.0
        total = len(self._frames) + (self._field == "current")
        ended = self._done + self._moving / self.series.count
        return (ended + (self._job.fraction if self._job.running else 0.0)) / total

    @property
    def stage(self) -> str:
        """Which frame, and what is being done with it."""
        if self._job is None or self._cancelled:
            return _("Cancelling") if self._cancelled else _("Starting")
        if self._field == "current" and self._done:
            return _("Moving frame {number} of {count}").format(
                number=self._moving + 1, count=self.series.count
            )
        return _("Frame {number} of {count}: {stage}").format(
            number=self._done + 1, count=len(self._frames), stage=panelWords(self._job.stage)
        )

    def start(self) -> None:
        """
        Raises:
            InputNodeError: the first frame cannot be fused with the reference.
        """
        self._next()
        self._started = True

    @property
    def _part(self) -> Part | None:
        return self._job

    @property
    def _place(self) -> Path:
        return temporaryFolder() or Path(tempfile.gettempdir())

    def _next(self) -> None:
        """Start the run of the next frame."""
        self._removeHelper()
        self._helper = frame(self.series, self._frames[self._done])
        # the nodes of the frame before are filled again; its content is in the sequences by now
        filled = self.nodes
        try:
            self._job = self._makeJob(
                self._helper, self.reference, filled, self._log, tuple(filled.chosen())
            )
            self._job.start()
        except Exception:
            self._removeHelper()
            raise

    def _step(self) -> None:
        if self._job is not None and self._job.running:
            outcome = self._job.poll()
            if outcome is not None:
                self._afterFrame(outcome)
        elif self._cancelled:
            self._finish(cancelledOutcome())
        else:
            self._moveNext()

    def _afterFrame(self, outcome: Outcome) -> None:
        if outcome.ending is Ending.CANCELLED:
            self._finish(outcome)
            return
        value = self.series.value(self._frames[self._done])
        if outcome.ending is Ending.DONE and self._job is not None:
            self._keep(self._job.nodes, value)
        else:
            self.failed[value] = outcome.message
            self._log(_("Frame {value}: {reason}").format(value=value, reason=outcome.message))
        self._done += 1
        if self._done < len(self._frames):
            self._next()
        elif self._field == "each" or self.nodes.fused is None:
            self._finish(self._ending())

    def _keep(self, nodes: FusionNodes, value: str) -> None:
        """The frame shown by these nodes becomes an item of their sequences."""
        self.nodes = nodes
        for node in nodes.chosen():
            node.SetNodeReferenceID(DEGRADED_ROLE, self.series.proxy.GetID())
            if self._field == "each":
                self._append(node, node, value)

    def _append(self, shown: Any, content: Any, value: str) -> None:
        """
        Args:
            shown: node that shows the chosen item of this sequence.
            content: of the new item; its attributes come back with it.
            value: of the index.
        """
        sequence = next((s for s, node in self._made.items() if node is shown), None)
        if sequence is None:
            sequence = newSequence(self.series, shown)
            self._made[sequence] = shown
        mark(content)
        content.SetAttribute(SEQUENCE_ATTRIBUTE, "1")
        sequence.SetDataNodeAtValue(content, value)

    def _moveNext(self) -> None:
        """One frame by the field of the current one: a step of its own, the window stays alive."""
        fused = self.nodes.fused
        self._removeHelper()
        self._helper = frame(self.series, self._moving)
        modality = reportOf(fused).get("degraded_modality", "")
        moved = movedVolume(self._helper, directionOf(fused, "reference"), modality)
        if self.aligned is None:
            self.aligned = moved
            placeBeside(moved, self.reference)
        self._append(self.aligned, moved, self.series.value(self._moving))
        if moved is not self.aligned:
            removeWithDisplay(moved)
        self._moving += 1
        if self._moving == self.series.count:
            self._finish(self._ending())

    def _ending(self) -> Outcome:
        count = len(self._frames)
        if self.nodes.fused is None:
            return Outcome(Ending.FAILED, next(iter(self.failed.values()), ""))
        if self.failed:
            sentence = _("{done} of {count} frames are fused; frame {value}: {reason}")
            value, reason = next(iter(self.failed.items()))
            return Outcome(
                Ending.DONE,
                sentence.format(
                    done=count - len(self.failed), count=count, value=value, reason=reason
                ),
                0,
            )
        if self._field == "each":
            return Outcome(Ending.DONE, _("{count} frames are fused.").format(count=count), 0)
        sentence = _('{count} frames follow the field of the current one: "{name}".')
        name = self.aligned.GetName()
        return Outcome(Ending.DONE, sentence.format(count=self.series.count, name=name), 0)

    def _finish(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._removeHelper()
        if outcome.ending is Ending.DONE:
            synchronize(self.series, self._made)
            return
        for node in (*self._made, *self.nodes.chosen(), self.aligned):
            if node is not None:
                removeWithDisplay(node)
        self.nodes, self._made, self.aligned = FusionNodes(), {}, None

    def _removeHelper(self) -> None:
        if self._helper is not None and self._helper.GetScene() is not None:
            removeWithDisplay(self._helper)
        self._helper = None
