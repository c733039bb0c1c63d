"""The widgets whose choices belong to this computer: device, weights file and folder of wheels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .Blocking import temporaryFolder
from .Choices import DeviceChoice
from .Command import ToolCommand
from .Devices import KNOWN, DeviceCheck
from .Guards import needsGpu
from .Options import FusionOptions
from .SampleCheck import SampleCheck, SampleRun
from .Samples import samplePair
from .Settings import MachineSettings


class MachineWidgets:
    """Shows the settings in the panel, and writes them when they are changed there.

    Args:
        ui: widgets by name.
        settings: read now and written at every change.
        tool: gives interpreter and environment for the question which devices there are.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        onFound: called when it is known whether there is a GPU.
    """

    def __init__(
        self,
        ui: Any,
        settings: MachineSettings,
        tool: Callable[[], ToolCommand],
        makeTimer: Callable[[Callable[[], None], int], Any],
        onFound: Callable[[], None],
    ) -> None:
        self._ui = ui
        self._settings = settings
        self.deviceCheck = DeviceCheck(tool, makeTimer, self._showDevices, self._onFound)
        self.sample = SampleRun(
            lambda: SampleCheck(samplePair(), self._options(), tool(), temporaryFolder()),
            makeTimer,
            self._showSample,
        )
        self._onDevices = onFound
        self._devices = ""
        self._isChecking = False
        self._asked = False
        for choice in DeviceChoice:
            ui.deviceComboBox.addItem(choice.label())
        ui.deviceComboBox.setCurrentIndex(list(DeviceChoice).index(settings.device))
        ui.deviceComboBox.connect("currentIndexChanged(int)", self.onDeviceChosen)
        ui.deviceButton.connect("clicked(bool)", self.onCheck)
        ui.weightsPathLineEdit.setCurrentPath(str(settings.weights or ""))
        ui.weightsPathLineEdit.connect("currentPathChanged(QString)", self.onWeightsChosen)
        # an emptied field, or a file that does not exist, is told by this signal alone
        ui.weightsPathLineEdit.connect("validInputChanged(bool)", self.readWeights)

        ui.wheelsPathLineEdit.setCurrentPath(str(settings.wheels or ""))
        ui.wheelsPathLineEdit.connect("currentPathChanged(QString)", self.onWheelsChosen)
        ui.wheelsPathLineEdit.connect("validInputChanged(bool)", self.readWheels)

    def onCheck(self) -> None:
        """Which devices there are, then the sample pair on the chosen one; again: cancel."""
        if self.sample.running:
            self.sample.cancel()
            return
        self._isChecking = True
        self.deviceCheck.start()

    def onDeviceChosen(self, index: int) -> None:
        self._settings.device = list(DeviceChoice)[index]

    def onWeightsChosen(self, path: str) -> None:
        self._settings.weights = Path(path) if path else None

    def onWheelsChosen(self, path: str) -> None:
        self._settings.wheels = Path(path) if path else None

    def readWheels(self) -> None:
        """An emptied field is told by another signal."""
        self.onWheelsChosen(self._ui.wheelsPathLineEdit.currentPath)

    def readWeights(self) -> None:
        """Take what stands in the field now, whether the field calls it valid or not."""
        self.onWeightsChosen(self._ui.weightsPathLineEdit.currentPath)

    def follow(self, options: FusionOptions) -> None:
        """Look for a GPU, once, where it decides whether these choices can be used.

        Args:
            options: choices of the panel.
        """
        if needsGpu(options) and KNOWN.gpu is None and not self._asked:
            self._asked = True
            self._isChecking = False  # of a check that found no torch: no sample now
            self.deviceCheck.start()

    def _options(self) -> FusionOptions:
        return FusionOptions(device=self._settings.device.value, weights=self._settings.weights)

    def _onFound(self) -> None:
        self._onDevices()
        if self._isChecking:
            self._isChecking = False
            self.sample.start()

    def _showDevices(self, sentence: str) -> None:
        self._devices = sentence
        self._ui.deviceLabel.setText(sentence)

    def _showSample(self, sentence: str) -> None:
        self._ui.deviceLabel.setText("\n".join((self._devices, sentence)))

    def endNow(self) -> None:
        self.deviceCheck.endNow()
        self.sample.endNow()
