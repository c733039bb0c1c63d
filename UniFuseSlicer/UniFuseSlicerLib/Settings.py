"""Choices that belong to this computer, not to a scene: the device and the weights file."""

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
