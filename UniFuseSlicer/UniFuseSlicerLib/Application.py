"""The panel with the collaborators of the running application: timers, settings, dialogs, views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from .CardFit import spareLines
from .Display import Display
from .Flicker import noShortcut
from .Install import Dependencies
from .Layers import Layers
from .LiveWarp import LiveWarp
from .Overlay import Overlay
from .Pacer import Pacer
from .Settings import MachineSettings
from .SliceViews import SliceViews
from .View import TEXT_ON_COLOUR
from .Widget import Panel

NOTICE_MS = 20000


def panelOfThisApplication(ui: Any, logic: Any, isEntered: Callable[[], bool]) -> Panel:
    """Qt is imported here, so that everything else runs without it."""
    import qt

    def makeTimer(callback: Callable[[], None], milliseconds: int) -> Any:
        timer = qt.QTimer()
        timer.setInterval(milliseconds)
        timer.connect("timeout()", callback)
        return timer

    scene = slicer.mrmlScene
    settings = MachineSettings(qt.QSettings())
    return Panel(
        ui,
        logic,
        isEntered,
        makeTimer,
        Dependencies(wheels=lambda: settings.wheels),
        settings,
        Display(
            Overlay(scene, getattr(slicer, "vtkSlicerColorLogic", None), Pacer(makeTimer)),
            Layers(scene, showWhole, layOut),
            LiveWarp(scene),
            SliceViews(scene),
        ),
        confirm,
        showChart=showChart,
        askText=askText,
        makeShortcut=makeShortcut,
        makeCell=makeCell,
        notify=notify,
        spareLines=lambda: spareLines(windowHeight()),
    )


def makeCell(text: str, colour: str, toolTip: str) -> Any:
    """An item of a table that nobody edits; on a colour the text is dark, in both styles."""
    import qt

    item = qt.QTableWidgetItem(text)
    item.setFlags(item.flags() ^ qt.Qt.ItemIsEditable)
    item.setToolTip(toolTip)
    if colour:
        item.setBackground(qt.QBrush(qt.QColor(colour)))
        item.setForeground(qt.QBrush(qt.QColor(TEXT_ON_COLOUR)))
    return item


def windowHeight() -> float:
    """Pixels; 0 without a window."""
    window = slicer.util.mainWindow()
    return 0.0 if window is None else float(window.height)


def notify(sentence: str) -> None:
    """In the status bar, which every module shows."""
    slicer.util.showStatusMessage(sentence, NOTICE_MS)


def makeShortcut(key: str, callback: Callable[[], None]) -> Any:
    """Pressed anywhere in the main window; `setEnabled(False)` gives the key back. Without a window
    there are no keys.
    """
    import qt

    window = slicer.util.mainWindow()
    if window is None:
        return noShortcut(key, callback)
    shortcut = qt.QShortcut(qt.QKeySequence(key), window)
    shortcut.connect("activated()", callback)
    return shortcut


def showWhole(volume: Any) -> None:
    """All of a volume, along its own axes, in every slice view."""
    SliceViews(volume.GetScene()).turnTo(volume)
    slicer.util.resetSliceViews()


def layOut() -> None:
    """The views get the size that the layout just chosen gives them; clicks wait."""
    import qt

    slicer.app.processEvents(qt.QEventLoop.ExcludeUserInputEvents)


def showChart(chart: Any) -> None:
    """In the layout on screen; Slicer switches to one with a plot where it has none."""
    slicer.modules.plots.logic().ShowChartInLayout(chart)


def confirm(question: str) -> bool:
    """In testing mode Slicer answers every question with yes; nothing is lost then."""
    if slicer.app.testingEnabled():
        return False
    return bool(slicer.util.confirmOkCancelDisplay(question, _("UniFuse")))


def askText(question: str, text: str) -> str:
    """One line of text; "" when the user cancels."""
    import qt

    return str(qt.QInputDialog.getText(None, _("UniFuse"), question, qt.QLineEdit.Normal, text))
