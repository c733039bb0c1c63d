"""How to call `unifuse` from here: the interpreter, the environment, the command line."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import slicer

from .Locations import libraryRoot
from .Options import FusionOptions


@dataclass(frozen=True)
class ToolCommand:
    """Interpreter and environment for the tool.

    Attributes:
        python: PythonSlicer inside the application, the running interpreter elsewhere.
        environment: variables for the process.
        folder: working directory; it holds `UniFuseLib/`, so that `python -m` finds it.
    """

    python: str
    environment: Mapping[str, str]
    folder: Path = field(default_factory=libraryRoot)

    @classmethod
    def forThisApplication(cls) -> ToolCommand:
        application = getattr(slicer, "app", None)
        if application is None:
            return cls(sys.executable, toolEnvironment(os.environ))
        python = shutil.which("PythonSlicer") or "PythonSlicer"
        return cls(python, toolEnvironment(slicer.util.startupEnvironment()))

    def module(self, name: str, arguments: Sequence[str]) -> list[str]:
        return [self.python, "-u", "-m", name, *arguments]

    def fuse(
        self,
        degraded: Path,
        reference: Path,
        output: Path,
        options: FusionOptions,
        cancelFile: Path,
    ) -> list[str]:
        """`unifuse fuse …` with progress as JSON lines."""
        arguments = ["fuse", str(degraded), str(reference), "--output", str(output)]
        return self.unifuse([*arguments, *options.arguments()], cancelFile)

    def batch(
        self, table: Path, output: Path, options: FusionOptions, cancelFile: Path
    ) -> list[str]:
        """`unifuse batch …`: finished cases stay unless their files or options have changed."""
        arguments = ["batch", str(table), "--output", str(output), "--redo-changed"]
        return self.unifuse([*arguments, *options.arguments()], cancelFile)

    def unifuse(self, arguments: Sequence[str], cancelFile: Path) -> list[str]:
        """Any command of `unifuse` that reports its progress as JSON lines."""
        following = ["--progress", "json", "--cancel-file", str(cancelFile)]
        return self.module("UniFuseLib.cli", [*arguments, *following])


# for files that only go into the scene: compressing them would take longer than the network
QUICK_FILES = ("--uncompressed", "--no-overview")


def toolEnvironment(base: Mapping[str, str]) -> dict[str, str]:
    """UTF-8 pipes on every system; PYTHONSAFEPATH would hide the working directory from `python
    -m`.
    """
    environment = {key: value for key, value in base.items() if key != "PYTHONSAFEPATH"}
    return environment | {
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
