"""Which devices torch finds on this computer, with their free memory. A process of its own looks,
so that Slicer imports no torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Command import ToolCommand
from .Outcome import Ending
from .Process import ToolProcess

SECONDS = 60
SCRIPT = Path(__file__).resolve().with_name("DeviceScript.py")
POLL_MS = 100


class KnownDevices:
    """What has been found on this computer since the application started.

    Attributes:
        gpu: whether torch can use one; None: nobody has asked, or torch did not answer.
    """

    gpu: bool | None = None

    def take(self, found: Mapping[str, Any]) -> None:
        """
        Args:
            found: what `DeviceScript.py` printed.
        """
        if "gpus" in found:
            self.gpu = bool(found["gpus"])


KNOWN = KnownDevices()


def askForGpu(tool: ToolCommand) -> None:
    """Wait for the answer, where it is not known yet: for scripts.

    Args:
        tool: gives interpreter and environment.
    """
    if KNOWN.gpu is not None:
        return
    process = _process(tool)
    process.start()
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        time.sleep(POLL_MS / 1000)
    process.endNow()
    KNOWN.take(process.lastMessage)


def _process(tool: ToolCommand) -> ToolProcess:
    return ToolProcess([tool.python, str(SCRIPT)], tool.folder, tool.environment)


class DeviceCheck:
    """Runs `DeviceScript.py` in a process of its own and shows what it found.

    Args:
        tool: gives interpreter and environment.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        show: receives the sentence for the panel.
        onFound: called when it is known whether there is a GPU.
    """

    def __init__(
        self,
        tool: Callable[[], ToolCommand],
        makeTimer: Callable[..., Any],
        show: Callable[[str], None],
        onFound: Callable[[], None] = lambda: None,
    ) -> None:
        self._tool = tool
        self._show = show
        self._onFound = onFound
        self._timer = makeTimer(self.poll, POLL_MS)
        self._process: ToolProcess | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        if self.running:
            return
        self._process = _process(self._tool())
        self._process.start()
        self._show(_("Looking…"))
        self._timer.start()

    def poll(self) -> None:
        process = self._process
        outcome = process.poll() if process is not None else None
        if process is None or outcome is None:
            return
        self._timer.stop()
        self._process = None
        if outcome.ending is Ending.DONE:
            self._show(deviceSentence(process.lastMessage))
            KNOWN.take(process.lastMessage)
            self._onFound()
            return
        self._show(
            _("PyTorch could not be loaded. Press Fuse to install it. {reason}").format(
                reason=outcome.message
            )
        )

    def endNow(self) -> None:
        self._timer.stop()
        if self._process is not None:
            self._process.endNow()
            self._process = None


def deviceSentence(found: Mapping[str, Any]) -> str:
    """The sentence in the panel, e.g. `NVIDIA RTX A4000, 14 of 16 GB free`."""
    if found.get("gpus"):
        return "; ".join(
            _("{name}, {free:.0f} of {total:.0f} GB free").format(**gpu) for gpu in found["gpus"]
        )
    return _("No GPU that PyTorch {version} can use: runs on {threads} CPU threads").format(
        version=found.get("version", "?"), threads=found.get("threads", "?")
    )
