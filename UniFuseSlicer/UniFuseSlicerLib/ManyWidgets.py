"""The parts of the panel that make more than one result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .BatchResult import LoadedCase
from .BatchWidgets import BatchWidgets
from .Messages import Messages
from .SequenceWidgets import SequenceWidgets
from .Settings import MachineSettings


class Host(Protocol):
    """The panel that they belong to."""

    ui: Any
    messages: Messages

    @property
    def parameterNode(self) -> Any:
        """The current one."""

    def refresh(self) -> None:
        """Button, progress and message from what is known now."""

    def showCase(self, case: LoadedCase) -> None:
        """A result of a batch, with its volumes as inputs."""


class ManyWidgets:
    """Batch, and time series.

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

        self.sequence = SequenceWidgets(
            host.ui,
            host.messages,
            lambda field, log: logic.makeSequence(
                host.parameterNode.degraded,
                host.parameterNode.reference,
                field,
                host.parameterNode.options(settings),
                host.parameterNode.guidance(),
                log,
            ),
            makeTimer,
            ensure,
            host.showCase,
            host.refresh,
        )

    @property
    def filling(self) -> bool:
        """Whether results of a time series are being filled."""
        return self.sequence.running

    def follow(self, parameterNode: Any, *, free: bool) -> None:
        """What is chosen now.

        Args:
            parameterNode: None while a scene is closed.
            free: no other run fills nodes.
        """
        p = parameterNode
        if p is not None:
            self.sequence.follow(p.degraded, p.reference, free=free)

    def onSceneClosing(self) -> None:
        """A batch goes on: its files need no scene."""
        self.sequence.endNow()

    def endNow(self) -> None:
        """The application is closing."""
        self.sequence.endNow()
        self.batch.endNow()
