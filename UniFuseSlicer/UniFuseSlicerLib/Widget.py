"""What a click does: joins parameter node, run, display and widgets, and decides nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import slicer
from slicer.i18n import tr as _

from .BatchResult import LoadedCase
from .BatchWidgets import noCell
from .BodySegment import hideBodies
from .Card import cardOf
from .Choices import LayerChoice
from .CompareWidgets import CompareWidgets
from .Display import Display, Shown, wantedBy
from .ExportWidgets import ExportWidgets
from .FieldWatch import FieldWatch
from .Flicker import Flicker, noShortcut
from .HandleWidgets import HandleWidgets
from .InAdvance import InAdvance
from .InputButtons import InputButtons
from .InputWidgets import InputWidgets
from .Install import Dependencies
from .Job import FusionJob
from .MachineWidgets import MachineWidgets
from .ManyWidgets import ManyWidgets
from .Messages import Messages
from .Normalise import ResultChoices, normalise
from .Outcome import Ending, Outcome
from .Ownership import FusionNodes, notMarked, overwriteQuestion
from .Process import ignore
from .Proposal import proposedPair
from .Results import DEFORMATION_ROLE, SECONDS_ATTRIBUTE
from .ResultSelector import ResultSelector, unanswered
from .ResultWidgets import ResultWidgets
from .Retry import Retry
from .Run import Run
from .Samples import loadSamplePair
from .SceneFollower import SceneFollower
from .Settings import MachineSettings
from .Steering import guidanceOfOthers
from .ThreeD import ThreeD
from .Undo import UndoButton
from .View import resolve


class Panel:
    """The module panel.

    Args:
        ui: widgets by name, as `slicer.util.childWidgetVariables` gives them.
        logic: makes jobs and owns the parameter node.
        isEntered: whether the module is the one on screen.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        dependencies: installs what is missing.
        settings: choices of this computer.
        display: the slice views.
        confirm: asks the user a question, returns True for yes.
        loadSample: returns the sample pair (degraded, reference).
        clock: seconds.
        showChart: brings a plot chart node into the layout.
        askText: (question, text) → a line of text, "" when the user cancels.
        makeShortcut: (key, callback) → object with `setEnabled(bool)`.
        makeCell: (text, colour, tool tip) → an item of a table.
        notify: says a sentence where it is seen from every module.
        spareLines: how many more lines of text the window has than a low one.
    """

    def __init__(
        self,
        ui: Any,
        logic: Any,
        isEntered: Callable[[], bool],
        makeTimer: Callable[[Callable[[], None], int], Any],
        dependencies: Dependencies,
        settings: MachineSettings,
        display: Display,
        confirm: Callable[[str], bool],
        loadSample: Callable[[], tuple[Any, Any]] = loadSamplePair,
        clock: Callable[[], float] = time.monotonic,
        showChart: Callable[[Any], None] = ignore,
        askText: Callable[[str, str], str] = unanswered,
        makeShortcut: Callable[[str, Callable[[], None]], Any] = noShortcut,
        makeCell: Callable[[str, str, str], Any] = noCell,
        notify: Callable[[str], None] = ignore,
        spareLines: Callable[[], int] = int,
    ) -> None:
        self.ui = ui
        self.logic = logic
        self.run = Run(makeTimer, clock, self.refresh, self.onRunEnded)
        self.machine = MachineWidgets(ui, settings, logic.tool, makeTimer, self.refresh)
        messages = self.messages = Messages(ui)
        buttons = InputButtons(ui, messages, lambda: self.parameterNode, loadSample)
        self._inAdvance = InAdvance(ui, logic.waitingTool, settings, makeTimer)
        self._retry = Retry(ui, messages, buttons.startCentred, self.onFuseButton)
        self.inputs = InputWidgets(ui, settings, self.refresh)
        selector = ResultSelector(ui, messages, lambda: self.parameterNode, confirm, askText)
        export = ExportWidgets(ui, messages, logic.makeExport, makeTimer)
        colorLogic = display.overlay.colorLogic
        self.result = ResultWidgets(
            ui, messages, showChart, self.showLayer, colorLogic, selector, export, spareLines
        )
        self._handles = HandleWidgets(
            ui, messages, display.layers, lambda: self.parameterNode, self._endComparing
        )
        flicker = Flicker(display.layers, makeTimer, makeShortcut)
        self._compare = CompareWidgets(ui, messages, display, flicker, lambda: self.parameterNode)
        scene = slicer.mrmlScene
        self._threeD = ThreeD(scene, colorLogic, makeTimer, messages.attempt, clock)
        self._dependencies = dependencies
        self._settings = settings
        self._display = display
        self._confirm = confirm
        self._isEntered, self._notify = isEntered, notify
        self._arrived: Any = None  # a result that came while another module was open
        ui.fuseButton.connect("clicked(bool)", self.onFuseButton)
        self._field = FieldWatch(makeTimer, self._redraw)
        self._undo = UndoButton(ui, self._showFilled)
        self.many = ManyWidgets(self, logic, makeTimer, settings, dependencies.ensure, makeCell)
        self._scene = SceneFollower(ui, logic.getParameterNode, isEntered, self)
        self._scene.enter()

    @property
    def parameterNode(self) -> Any:
        return self._scene.parameterNode

    # --- life of the panel -----------------------------------------------------------------------

    def enter(self) -> None:
        self._scene.enter()
        self._propose()
        arrived, self._arrived = self._arrived, None
        if arrived is not None and arrived is self.parameterNode.fused:
            self._display.forget(arrived.GetNodeReference(DEFORMATION_ROLE))
            self._showResult(wantedBy(self.parameterNode))

    def _propose(self) -> None:
        """Two volumes that were loaded for this need no choice."""
        p = self.parameterNode
        if p is None or p.degraded is not None or p.reference is not None or p.fused is not None:
            return
        pair = proposedPair(slicer.mrmlScene)
        if pair is not None:
            with slicer.util.NodeModify(p):
                p.degraded, p.reference = pair

    def exit(self) -> None:
        """Another module is shown: stop following the parameter node; a run goes on."""
        self._inAdvance.endNow()
        self._handles.release()
        self._compare.release()
        self._threeD.release()
        self.result.cursor.release()
        self._scene.exit()

    def cleanup(self) -> None:
        """The module or the application ends: leave no process, file, timer or clone behind."""
        self.run.endNow()
        self._inAdvance.endNow()
        self.machine.endNow()
        self.many.endNow()
        self.inputs.endNow()
        self._field.follow(None)
        self._handles.release()
        self._compare.endNow()
        self._threeD.release()
        self.result.endNow()
        self._scene.cleanup()
        self._display.removeClones()

    def onSceneClosing(self) -> None:
        self.run.endNow()
        self.many.onSceneClosing()
        self._field.follow(None)
        self._handles.release()
        self._compare.release()
        self._threeD.release()
        self.result.cursor.release()
        self._display.removeClones()

    def onSceneClosed(self) -> None:
        self._arrived = None
        self.result.clear()
        self._undo.clear()
        self.messages.clear()

    def onParameterNodeSet(self) -> None:
        """The views stay as they are: they show what was chosen when the module was left, or what
        the loaded scene shows.
        """
        wanted = wantedBy(self.parameterNode)
        self.messages.attempt(lambda: self._display.follow(self.parameterNode.fused, wanted))
        self.result.cursor.enter()
        self.refresh()

    def onParametersModified(self) -> None:
        self._normalise()
        self._retry.hide()
        wanted = wantedBy(self.parameterNode)
        if wanted.fused != self._display.shown.fused:
            self.messages.forgetLast()
        self.refresh()
        if wanted != self._display.shown:
            self._showResult(wanted)

    def onNodeAboutToBeRemoved(self, node: Any) -> None:
        self._handles.forget(node)
        self._compare.forget(node)
        self._threeD.forget(node)
        self._display.hide(node)

    # --- what the user does ----------------------------------------------------------------------

    def onFuseButton(self) -> None:
        """Start a run, or cancel the current one."""
        if self.run.justStarted:
            return
        if self.run.running:
            self.run.cancel()
        else:
            self.messages.attempt(self._dependencies.ensure, self._start)
        self.refresh()

    def showLayer(self, layer: LayerChoice, opacity: float) -> None:
        """Over the reference."""
        with slicer.util.NodeModify(self.parameterNode):
            self.parameterNode.layer, self.parameterNode.opacity = layer, opacity

    def _normalise(self) -> None:
        p = self.parameterNode
        self._dropForeignGuidance()
        chosen = ResultChoices(p.outputs(), p.layer, p.warpPercent, p.degraded, p.reference)
        normalised = normalise(chosen, self._display.shown)
        if normalised == chosen:
            return
        with self._scene.quietly():
            p.setOutputs(normalised.outputs)
            p.layer = normalised.layer
            p.degraded, p.reference = normalised.degraded, normalised.reference
        self._dropForeignGuidance()

    def _dropForeignGuidance(self) -> None:
        """A start or a mask that was made of other volumes."""
        p = self.parameterNode
        foreign = guidanceOfOthers(p)
        if foreign:
            with self._scene.quietly():
                for name in foreign:
                    setattr(p, name, None)

    # --- a run -----------------------------------------------------------------------------------

    def _start(self) -> None:
        self.machine.readWeights()
        p = self.parameterNode
        outputs = p.outputsToFill()
        notOurs = notMarked(outputs)
        if notOurs and not self._confirm(overwriteQuestion(notOurs)):
            self.messages.show(_("Not started. Nothing was overwritten."))
            return
        self.messages.startLog()
        hideBodies((p.degradedMask, p.referenceMask))
        self._undo.onStart(outputs)
        self._retry.hide()
        self.result.card.clear()
        options = p.options(self._settings)
        job = self.logic.makeJob(
            p.degraded, p.reference, outputs, options, self.messages.log, notOurs, p.guidance()
        )
        self.run.start(job)

    def onRunEnded(self, job: FusionJob, outcome: Outcome) -> None:
        self._inAdvance.renew()
        self._undo.onEnd(job.nodes if outcome.ending is Ending.DONE else None)
        if outcome.ending is not Ending.DONE:
            self._showFailure(outcome)
            if outcome.ending is Ending.FAILED:
                self._retry.offer(job.degraded, job.reference, job.guidance.initialTransform)
            return
        job.nodes.fused.SetAttribute(SECONDS_ATTRIBUTE, f"{self.run.seconds:.1f}")
        self._showFilled(job.nodes)

    def showCase(self, case: LoadedCase) -> None:
        """A result of a batch, with its volumes as inputs."""
        with self._scene.quietly() as p:
            p.degraded, p.reference = case.degraded, case.reference
        self._showFilled(case.nodes)

    def _showFilled(self, nodes: FusionNodes) -> None:
        self._display.forget(nodes.deformation)
        with slicer.util.NodeModify(self.parameterNode):
            self.parameterNode.setOutputs(nodes)
            self.parameterNode.layer, self.parameterNode.opacity = LayerChoice.FUSED, 1.0
            self.parameterNode.warpPercent = 100.0
        self.result.card.show(cardOf(nodes.fused))  # before any volume is shown
        if self._isEntered():
            self._showResult(wantedBy(self.parameterNode))
            return
        self._arrived = nodes.fused
        sentence = _("UniFuse: {name} is ready. It is shown when the module is opened.")
        self._notify(sentence.format(name=nodes.fused.GetName()))

    def _showFailure(self, outcome: Outcome) -> None:
        """Of a run; the result before it is still there, and its card comes back."""
        if outcome.ending is Ending.CANCELLED:
            self.messages.show(outcome.message)
            self.messages.log(outcome.message)
        else:
            self.messages.error(outcome.message)

    def refresh(self) -> None:
        """Button, progress and message from what is known now."""
        p = self.parameterNode
        chosen = self.inputs.follow(p)
        if p is not None:
            self.machine.follow(p.options(self._settings))
        view = resolve(self.run.state() if self.run.running else chosen)
        if self.many.filling:
            view = replace(view, buttonEnabled=False, inputsEnabled=False)
        self.inputs.show(view)
        canStart = view.buttonEnabled and not self.run.running
        self.inputs.showCost(p, canStart)
        self._prepare(canStart)
        self.many.follow(p, free=not self.run.running)
        self.messages.showProblem(chosen.problem)
        if p is not None and not self.run.running:
            self.result.follow(p)
        self._field.follow(p and p.fused)
        self._undo.follow(p and p.fused, free=not (self.run.running or self.many.filling))
        self._handles.follow(p, view.inputsEnabled)
        self._compare.follow()
        self._threeD.follow(p if self._isEntered() else None)

    def _prepare(self, free: bool) -> None:
        """Python and PyTorch start while the user still looks at both volumes."""
        p = self.parameterNode
        self._inAdvance.follow(*((p.degraded.GetID(), p.reference.GetID()) if free else ()))

    def _endComparing(self) -> None:
        self._compare.release()

    def _redraw(self) -> None:
        """The field under the drawn deformation has changed."""
        if self.parameterNode is not None and self.parameterNode.fused is not None:
            self._handles.release()
            with self._compare.paused():
                self.messages.attempt(lambda: self._display.redraw(self.parameterNode.fused))
            self._threeD.follow(self.parameterNode if self._isEntered() else None)

    def _showResult(self, wanted: Shown) -> None:
        self._handles.release()
        with self._compare.paused():
            self.messages.attempt(lambda: self._display.show(self.parameterNode.fused, wanted))
