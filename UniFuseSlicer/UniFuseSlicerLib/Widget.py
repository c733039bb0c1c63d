"""What a click does. Decides nothing about pixels or processes: it joins parameter node, job,
display and widgets.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from .Choices import DeviceChoice, LayerChoice
from .Devices import DeviceCheck
from .Display import Display, Shown
from .Errors import FusionError
from .Install import Dependencies
from .Job import FusionJob
from .Layers import Layers
from .LiveWarp import LiveWarp
from .Nodes import checkInput
from .Options import FusionOptions
from .Overlay import Overlay, OverlayStyle
from .Process import Ending, Outcome
from .Results import DEFORMATION_ROLE, FusionNodes, checkOutputs, nodesOf, ofThisPair, reportOf
from .Samples import loadSamplePair
from .Settings import MachineSettings
from .View import PanelState, resolve, verdict

POLL_MS = 100
FLICKER_MS = 600


class Panel(VTKObservationMixin):
    """The module panel.

    Args:
        ui: widgets by name, as `slicer.util.childWidgetVariables` gives them.
        logic: makes jobs and owns the parameter node.
        isEntered: whether the module is the one on screen.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        dependencies, settings, display, loadSample, clock: collaborators.
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
        loadSample: Callable[[], tuple[Any, Any]] = loadSamplePair,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        VTKObservationMixin.__init__(self)
        self.ui = ui
        self.logic = logic
        self._isEntered = isEntered
        self._pollTimer = makeTimer(self.poll, POLL_MS)
        self._flickerTimer = makeTimer(display.layers.flicker, FLICKER_MS)
        self._deviceCheck = DeviceCheck(logic.tool, makeTimer, ui.deviceLabel.setText)
        self._dependencies = dependencies
        self._settings = settings
        self._display = display
        self._loadSample = loadSample
        self._clock = clock
        self._parameterNode: Any = None
        self._guiTag: Any = None
        self._job: FusionJob | None = None
        self._startedAt = 0.0
        self._problem = ""
        self._connectWidgets()
        self._connectScene()
        self.initializeParameterNode()

    @classmethod
    def forThisApplication(cls, ui: Any, logic: Any, isEntered: Callable[[], bool]) -> Panel:
        """With the collaborators of the running application."""
        import qt

        def makeTimer(callback: Callable[[], None], milliseconds: int) -> Any:
            timer = qt.QTimer()
            timer.setInterval(milliseconds)
            timer.connect("timeout()", callback)
            return timer

        scene = slicer.mrmlScene
        return cls(
            ui,
            logic,
            isEntered,
            makeTimer,
            Dependencies(),
            MachineSettings(qt.QSettings()),
            Display(
                Overlay(scene, getattr(slicer, "vtkSlicerColorLogic", None)),
                Layers(scene, fit=slicer.util.resetSliceViews),
                LiveWarp(scene),
            ),
        )

    # --- life of the panel -----------------------------------------------------------------------

    def enter(self) -> None:
        self.initializeParameterNode()

    def exit(self) -> None:
        """Another module is shown: stop following the parameter node; a run goes on."""
        self.ui.flickerButton.setChecked(False)
        self._disconnectParameterNode()

    def cleanup(self) -> None:
        """The module is unloaded or the application ends: leave no process, file, timer or clone
        behind.
        """
        self._endRun()
        self._flickerTimer.stop()
        self._deviceCheck.endNow()
        self.setParameterNode(None)
        self._display.liveWarp.remove()
        self.removeObservers()

    def onSceneStartClose(self, caller: Any = None, event: Any = None) -> None:
        self._endRun()
        self.ui.flickerButton.setChecked(False)
        self.setParameterNode(None)
        self._display.liveWarp.remove()

    def onSceneEndClose(self, caller: Any = None, event: Any = None) -> None:
        self.ui.verdictLabel.setText("")
        self.ui.messageLabel.setText("")
        self._problem = ""
        if self._isEntered():
            self.initializeParameterNode()

    def onSceneStartImport(self, caller: Any = None, event: Any = None) -> None:
        """A scene is being read: its parameters come before the nodes that they name, so they are
        not shown yet.
        """
        self._disconnectParameterNode()

    def onSceneEndImport(self, caller: Any = None, event: Any = None) -> None:
        if self._isEntered():
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Follow the scene's parameter node; which volume is the degraded one is never guessed."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode: Any) -> None:
        self._disconnectParameterNode()
        self._parameterNode = parameterNode
        if parameterNode is None:
            return
        self._guiTag = parameterNode.connectGui(self.ui)
        self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        wanted = self._wanted()
        self._tellWhatFails(lambda: self._display.follow(parameterNode.fused, wanted))
        self._showVerdict(wanted)
        self.refresh()

    def _disconnectParameterNode(self) -> None:
        if self._parameterNode is not None and self._guiTag is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self._guiTag = None
            self.removeObserver(
                self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified
            )

    def _connectScene(self) -> None:
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)

    def _connectWidgets(self) -> None:
        ui = self.ui
        ui.fuseButton.connect("clicked(bool)", self.onFuseButton)
        ui.swapButton.connect("clicked(bool)", self.onSwapButton)
        ui.sampleButton.connect("clicked(bool)", self.onSampleButton)
        ui.flickerButton.connect("toggled(bool)", self.onFlicker)
        ui.deviceButton.connect("clicked(bool)", self._deviceCheck.start)
        for choice in DeviceChoice:
            ui.deviceComboBox.addItem(choice.label())
        ui.deviceComboBox.setCurrentIndex(list(DeviceChoice).index(self._settings.device))
        ui.deviceComboBox.connect("currentIndexChanged(int)", self.onDeviceChosen)
        weights = self._settings.weights
        ui.weightsPathLineEdit.setCurrentPath(str(weights) if weights else "")
        ui.weightsPathLineEdit.connect("currentPathChanged(QString)", self.onWeightsChosen)

    # --- what the user does ----------------------------------------------------------------------

    def onFuseButton(self, *args: Any) -> None:
        """Start a run, or cancel the one that goes on."""
        if self._job is not None:
            self._job.cancel()
            self.refresh()
            return
        self._tellWhatFails(self._dependencies.ensure, self._start)
        self.refresh()

    def onSwapButton(self, *args: Any) -> None:
        p = self._parameterNode
        with slicer.util.NodeModify(p):
            p.degraded, p.reference = p.reference, p.degraded
            p.degradedModality, p.referenceModality = p.referenceModality, p.degradedModality

    def onSampleButton(self, *args: Any) -> None:
        self._tellWhatFails(self._chooseSample)

    def _chooseSample(self) -> None:
        degraded, reference = self._loadSample()
        with slicer.util.NodeModify(self._parameterNode):
            self._parameterNode.degraded, self._parameterNode.reference = degraded, reference

    def onFlicker(self, on: bool) -> None:
        if on:
            self._flickerTimer.start()
            return
        self._flickerTimer.stop()
        self._display.layers.endFlicker()

    def onDeviceChosen(self, index: int) -> None:
        self._settings.device = list(DeviceChoice)[index]

    def onWeightsChosen(self, path: str) -> None:
        self._settings.weights = Path(path) if path else None

    def onParametersModified(self, caller: Any = None, event: Any = None) -> None:
        self.refresh()
        wanted = self._wanted()
        if wanted == self._display.shown:
            return
        if (
            wanted.fused
            and wanted.fused != self._display.shown.fused
            and self._choseAnotherResult()
        ):
            return  # comes back here
        if self._display.slid(wanted) and wanted.layer is not LayerChoice.DEGRADED:
            self._parameterNode.layer = LayerChoice.DEGRADED  # comes back here
            return
        self._showResult(wanted)

    def _choseAnotherResult(self) -> bool:
        """Take restored, deformation and report along with the fused volume; whether that changed
        anything.
        """
        p = self._parameterNode
        if p.outputs() == (nodes := nodesOf(p.fused)):
            return False
        with slicer.util.NodeModify(p):
            p.setOutputs(nodes)
        return True

    # --- a run -----------------------------------------------------------------------------------

    def _start(self) -> None:
        p = self._parameterNode
        self.ui.logTextEdit.clear()
        self.ui.verdictLabel.setText("")
        self.ui.messageLabel.setText("")
        job = self.logic.makeJob(
            p.degraded, p.reference, self._outputs(), self.options(), self._log
        )
        job.start()
        self._job = job
        self._startedAt = self._clock()
        self._pollTimer.start()

    def _outputs(self) -> FusionNodes:
        """The chosen outputs; what another pair has given stays."""
        p = self._parameterNode
        return ofThisPair(p.outputs(), p.degraded, p.reference)

    def options(self) -> FusionOptions:
        p = self._parameterNode
        return FusionOptions(
            degradedModality=p.degradedModality.value,
            referenceModality=p.referenceModality.value,
            device=self._settings.device.value,
            precision=p.precision.value,
            workingSpacing=p.workingSpacing,
            refinement=p.refinement.value,
            weights=self._settings.weights,
            keepFiles=p.keepFiles,
        )

    def poll(self) -> None:
        """Timer: push the run on by one step and show how far it is."""
        if self._job is None:
            self._pollTimer.stop()
            return
        outcome = self._job.poll()
        if outcome is not None:
            self._pollTimer.stop()
            job, self._job = self._job, None
            self._finished(job, outcome)
        self.refresh()

    def _finished(self, job: FusionJob, outcome: Outcome) -> None:
        if outcome.ending is not Ending.DONE:
            self._tell(outcome.message, failed=outcome.ending is not Ending.CANCELLED)
            self._showVerdict(self._wanted())  # of the result that is still there
            return
        self._display.forget(job.nodes.deformation)
        with slicer.util.NodeModify(self._parameterNode):
            self._parameterNode.setOutputs(job.nodes)
            self._parameterNode.layer = LayerChoice.FUSED
            self._parameterNode.warpPercent = 100.0
        self._showResult(self._wanted())
        report = reportOf(job.nodes.fused)
        self.ui.verdictLabel.setText(verdict(report, self._clock() - self._startedAt))
        self.ui.messageLabel.setText("\n".join(report.get("warnings", [])))

    def _endRun(self) -> None:
        self._pollTimer.stop()
        if self._job is not None:
            self._job.endNow()
            self._job = None

    # --- what is seen ----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Button, progress and message from what is known now."""
        view = resolve(self._state())
        ui = self.ui
        ui.fuseButton.setText(view.buttonText)
        ui.fuseButton.setEnabled(view.buttonEnabled)
        ui.fuseButton.setToolTip(view.buttonToolTip)
        for group in (ui.inputsCollapsibleButton, ui.outputsCollapsibleButton):
            group.setEnabled(view.inputsEnabled)
        ui.progressBar.setVisible(view.progressVisible)
        ui.progressBar.setValue(view.progressPercent)
        ui.progressBar.setFormat(view.progressText)
        self._showProblem()

    def _showProblem(self) -> None:
        """The long form of what is wrong with the inputs, only when it changes: a run's last words
        stay readable.
        """
        problem = self._inputProblem()
        if problem != self._problem:
            self._problem = problem
            self.ui.messageLabel.setText(problem)

    def _state(self) -> PanelState:
        p, job = self._parameterNode, self._job
        if job is not None:
            return PanelState(
                running=True,
                cancelling=job.cancelling,
                fraction=job.fraction,
                stage=job.stage,
                seconds=self._clock() - self._startedAt,
            )
        if p is None:
            return PanelState()
        return PanelState(
            degraded=p.degraded is not None,
            reference=p.reference is not None,
            same=p.degraded is not None and p.degraded is p.reference,
            problem=self._inputProblem(),
        )

    def _inputProblem(self) -> str:
        p = self._parameterNode
        if p is None or p.degraded is None or p.reference is None or p.degraded is p.reference:
            return ""
        try:
            checkInput(p.degraded, "degraded")
            checkInput(p.reference, "reference")
            checkOutputs(self._outputs(), p.degraded, p.reference)
        except FusionError as error:
            return str(error)
        return ""

    def _wanted(self) -> Shown:
        """What the parameter node asks the views to show; nothing before there is a result."""
        p = self._parameterNode
        if p is None or p.fused is None or p.fused.GetNodeReference(DEFORMATION_ROLE) is None:
            return Shown()
        style = OverlayStyle(p.overlay, p.overlaySpacing, p.onlyInBody, p.legend)
        return Shown(p.fused.GetID(), p.layer, p.opacity, style, p.warpPercent)

    def _showResult(self, wanted: Shown) -> None:
        self._tellWhatFails(lambda: self._display.show(self._parameterNode.fused, wanted))
        self._showVerdict(wanted)

    def _showVerdict(self, wanted: Shown) -> None:
        self.ui.verdictLabel.setText(
            verdict(reportOf(self._parameterNode.fused)) if wanted.fused else ""
        )

    def _tellWhatFails(self, *steps: Callable[[], Any]) -> None:
        """Do one after the other; what goes wrong is said in the panel, never lost in the
        console.
        """
        try:
            for step in steps:
                step()
        except FusionError as error:
            self._tell(str(error))
        except Exception as error:
            logging.exception("UniFuse")
            self._tell(
                _("{kind}: {reason}. The log says more.").format(
                    kind=type(error).__name__, reason=error
                )
            )

    def _tell(self, sentence: str, failed: bool = True) -> None:
        self.ui.messageLabel.setText(sentence)
        self._log(sentence)
        if failed:
            logging.error("UniFuse: %s", sentence)
            self.ui.logCollapsibleButton.collapsed = False

    def _log(self, line: str) -> None:
        self.ui.logTextEdit.appendPlainText(line)
        logging.info("UniFuse: %s", line)
