"""When the tool is started in advance: two volumes are chosen, or a result is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .Settings import MachineSettings
from .WaitingTool import WaitingTool

CHECK_MS = 5000


class InAdvance:
    """Keeps a process ready while volumes are chosen, and lets it go after two idle minutes.

    Args:
        ui: widgets by name.
        tool: the process that waits.
        settings: whether the user wants it.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
    """

    def __init__(
        self,
        ui: Any,
        tool: WaitingTool,
        settings: MachineSettings,
        makeTimer: Callable[[Callable[[], None], int], Any],
    ) -> None:
        self._tool = tool
        self._settings = settings
        self._timer = makeTimer(self.check, CHECK_MS)
        self._chosen: tuple[Any, ...] = ()
        ui.inAdvanceCheckBox.setChecked(settings.inAdvance)
        ui.inAdvanceCheckBox.connect("toggled(bool)", self.onToggled)

    def follow(self, *chosen: Any) -> None:
        """Volumes that can be fused now.

        Args:
            chosen: identifiers of both; none: there is nothing to fuse.
        """
        if chosen and chosen != self._chosen and self._settings.inAdvance:
            self._tool.prepare()
            self._timer.start()
        self._chosen = chosen or self._chosen

    def renew(self) -> None:
        """The same volumes count as chosen again: a run has ended."""
        self._chosen = ()

    def check(self) -> None:
        """Timer: nothing waits for ever."""
        self._tool.releaseIdle()
        if not self._tool.waiting:
            self._timer.stop()

    def onToggled(self, wanted: bool) -> None:
        self._settings.inAdvance = wanted
        if not wanted:
            self.endNow()

    def endNow(self) -> None:
        """The module is left."""
        self._timer.stop()
        self._tool.endNow()
        self.renew()
