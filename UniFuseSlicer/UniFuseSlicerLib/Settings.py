"""Choices that belong to this computer, not to a scene: the device, the weights file, a folder of
wheels, and whether the tool is started in advance.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .Choices import DeviceChoice


class MachineSettings:
    """Reads and writes the application settings.

    Args:
        store: an object with `value(key)` and `setValue(key, value)`, such as `qt.QSettings()`.
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    @property
    def device(self) -> DeviceChoice:
        try:
            return DeviceChoice(str(self._store.value("UniFuse/Device") or "auto"))
        except ValueError:
            return DeviceChoice.AUTO

    @device.setter
    def device(self, choice: DeviceChoice) -> None:
        self._store.setValue("UniFuse/Device", choice.value)

    @property
    def weights(self) -> Path | None:
        text = str(self._store.value("UniFuse/Weights") or "")
        return Path(text) if text else None

    @weights.setter
    def weights(self, path: Path | None) -> None:
        self._store.setValue("UniFuse/Weights", str(path) if path else "")

    @property
    def wheels(self) -> Path | None:
        """Folder of packages for a computer without internet."""
        text = str(self._store.value("UniFuse/Wheels") or "")
        return Path(text) if text else None

    @wheels.setter
    def wheels(self, path: Path | None) -> None:
        self._store.setValue("UniFuse/Wheels", str(path) if path else "")

    @property
    def inAdvance(self) -> bool:
        """Whether the tool is started while volumes are chosen."""
        return str(self._store.value("UniFuse/InAdvance") or "on") == "on"

    @inAdvance.setter
    def inAdvance(self, wanted: bool) -> None:
        self._store.setValue("UniFuse/InAdvance", "on" if wanted else "off")
