"""A panel on stand-in widgets made from the real .ui file, and a stand-in of the tool."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def click(button: Any) -> None:
    button.clicked.emit(True)


def runToTheEnd(s: Any, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while s.panel.run.running:
        s.timers["Run.poll"].fire()
        assert time.monotonic() < end
        time.sleep(0.01)


class PanelBuilder:
    """Makes panels on a pair.

    Args:
        scene: that the panels follow.
        pair: the sample, chosen at the start unless told otherwise.
        fakeTool: mode → stand-in of `unifuse`.
    """

    def __init__(self, scene: Any, pair: Any, fakeTool: Any) -> None:
        self.panels: list[Any] = []
        self._scene, self._pair, self._fakeTool = scene, pair, fakeTool

    def __call__(
        self,
        mode: str = "work",
        ensure: Any = lambda: None,
        loadSample: Any = None,
        settings: Any = None,
        chosen: bool = True,
        answer: bool = True,
        text: str = "",
        clock: Any = None,
        isEntered: Any = lambda: True,
        spareLines: Any = int,
    ) -> SimpleNamespace:
        """A panel, its widgets, timers, parameter node, and the questions it asked."""
        import standin_ui
        import standin_widgets
        from UniFuseSlicerLib.Display import Display
        from UniFuseSlicerLib.Layers import Layers
        from UniFuseSlicerLib.LiveWarp import LiveWarp
        from UniFuseSlicerLib.Logic import UniFuseSlicerLogic
        from UniFuseSlicerLib.Overlay import Overlay
        from UniFuseSlicerLib.Settings import MachineSettings
        from UniFuseSlicerLib.SliceViews import SliceViews
        from UniFuseSlicerLib.Widget import Panel

        scene, pair = self._scene, self._pair
        timers: dict[str, Any] = {}
        questions: list[str] = []
        charts: list[Any] = []
        notices: list[str] = []

        def makeTimer(callback: Any, milliseconds: int) -> Any:
            timers[callback.__qualname__] = standin_widgets.makeTimer(callback, milliseconds)
            return timers[callback.__qualname__]

        def confirm(question: str) -> bool:
            questions.append(question)
            return answer

        def askText(question: str, _text: str) -> str:
            questions.append(question)
            return text

        ui = standin_ui.uiFromFile(scene)
        store = settings
        if store is None:
            store = standin_widgets.QSettings()
            store.setValue("UniFuse/InAdvance", "off")  # one process less in every test
        display = Display(Overlay(scene), Layers(scene), LiveWarp(scene), SliceViews(scene))
        panel = Panel(
            ui,
            UniFuseSlicerLogic(tool=self._fakeTool(mode)),
            isEntered,
            makeTimer,
            SimpleNamespace(ensure=ensure),
            MachineSettings(store),
            display,
            confirm,
            loadSample or (lambda: (pair.degraded, pair.reference)),
            showChart=charts.append,
            askText=askText,
            makeCell=lambda *cell: cell,
            notify=notices.append,
            spareLines=spareLines,
            # a second passes at every look, so that a click right after the start cancels
            clock=clock or itertools.count().__next__,
        )
        self.panels.append(panel)
        if chosen:
            panel.parameterNode.degraded = pair.degraded
            panel.parameterNode.reference = pair.reference
        return SimpleNamespace(
            panel=panel,
            ui=ui,
            timers=timers,
            p=panel.parameterNode,
            questions=questions,
            charts=charts,
            notices=notices,
            liveWarp=display.liveWarp,
        )


class FakeTool:
    """mode → ToolCommand that runs a stand-in for `unifuse`.

    Attributes:
        result: folder whose files the stand-in leaves as its result.
    """

    def __init__(self, folder: Path) -> None:
        package = folder / "tool" / "UniFuseLib"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        shutil.copy(Path(__file__).with_name("fake_tool.py"), package / "cli.py")
        self._folder = package.parent
        self.result = folder / "result"
        self.result.mkdir()

    def __call__(self, mode: str) -> Any:
        from UniFuseSlicerLib.Command import ToolCommand, toolEnvironment

        added = {"FAKE_MODE": mode, "FAKE_RESULT": str(self.result)}
        return ToolCommand(sys.executable, toolEnvironment(os.environ) | added, self._folder)
