"""Starting and ending a process with all its children: PythonSlicer is a launcher, ending it alone
would leave the tool running.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

WINDOWS_TIMEOUT_S = 2


def startOptions() -> dict[str, Any]:
    """Keywords for `subprocess.Popen`: a process group of its own, no console window on Windows."""
    if os.name != "nt":
        return {"start_new_session": True}
    newGroup = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    return {"creationflags": newGroup | _noWindow()}


def endTree(pid: int, force: bool) -> None:
    """Ask a process and its children to end, or end them.

    Args:
        pid: of the process that leads the group.
        force: end them at once instead of asking.
    """
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if os.name == "nt":
            endTreeOnWindows(pid, force)
        else:
            os.killpg(pid, signal.SIGKILL if force else signal.SIGTERM)


def endTreeOnWindows(pid: int, force: bool) -> None:
    """By `taskkill /T`, which waits for the tree."""
    system = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32"
    flags = ["/F"] if force else []
    subprocess.run(
        [str(system / "taskkill.exe"), "/T", *flags, "/PID", str(pid)],
        capture_output=True,
        timeout=WINDOWS_TIMEOUT_S,
        check=False,
        creationflags=_noWindow(),
    )


def _noWindow() -> int:
    return getattr(subprocess, "CREATE_NO_WINDOW", 0)
