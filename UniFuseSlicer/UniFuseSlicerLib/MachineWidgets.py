"""The widgets whose choices belong to this computer: device and weights file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .Choices import DeviceChoice
from .Command import ToolCommand
from .Devices import KNOWN, DeviceCheck
from .Guards import needsGpu
from .Options import FusionOptions
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
        self.deviceCheck = DeviceCheck(tool, makeTimer, ui.deviceLabel.setText, onFound)
        self._asked = False
        for choice in DeviceChoice:
            ui.deviceComboBox.addItem(choice.label())
        ui.deviceComboBox.setCurrentIndex(list(DeviceChoice).index(settings.device))
        ui.deviceComboBox.connect("currentIndexChanged(int)", self.onDeviceChosen)
        ui.deviceButton.connect("clicked(bool)", self.deviceCheck.start)
        ui.weightsPathLineEdit.setCurrentPath(str(settings.weights or ""))
        ui.weightsPathLineEdit.connect("currentPathChanged(QString)", self.onWeightsChosen)
        # an emptied field, or a file that does not exist, is told by this signal alone
        ui.weightsPathLineEdit.connect("validInputChanged(bool)", self.readWeights)

    def onDeviceChosen(self, index: int) -> None:
        self._settings.device = list(DeviceChoice)[index]

    def onWeightsChosen(self, path: str) -> None:
        self._settings.weights = Path(path) if path else None

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
            self.deviceCheck.start()

    def endNow(self) -> None:
        self.deviceCheck.endNow()
