"""The parts of the panel that make more than one result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .BatchResult import LoadedCase
from .BatchWidgets import BatchWidgets
from .Messages import Messages
from .Settings import MachineSettings


class Host(Protocol):
    """The panel that they belong to."""

    ui: Any
    messages: Messages

    @property
    def parameterNode(self) -> Any:
        """The current one."""

    def showCase(self, case: LoadedCase) -> None:
        """A result of a batch, with its volumes as inputs."""


class ManyWidgets:
    """Batch.

    Args:
        host: the panel.
        logic: makes jobs.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        settings: choices of this computer.
        ensure: installs what is missing.
        makeCell: (text, colour, tool tip) → an item of a table.
    """

    def __init__(
        self,
        host: Host,
        logic: Any,
        makeTimer: Callable[[Callable[[], None], int], Any],
        settings: MachineSettings,
        ensure: Callable[[], None],
        makeCell: Callable[[str, str, str], Any],
    ) -> None:
        self.batch = BatchWidgets(
            host.ui,
            host.messages,
            logic.makeBatch,
            makeTimer,
            lambda: host.parameterNode,
            lambda: host.parameterNode.options(settings),
            ensure,
            host.showCase,
            makeCell,
        )

    def endNow(self) -> None:
        """The application is closing."""
        self.batch.endNow()
