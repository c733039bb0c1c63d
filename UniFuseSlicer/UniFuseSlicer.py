"""UniFuse in 3D Slicer: module description, widget shell and self-test. What a click does is in
`UniFuseSlicerLib`.
"""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from UniFuseSlicerLib.Logic import UniFuseSlicerLogic
from UniFuseSlicerLib.Samples import registerSampleData
from UniFuseSlicerLib.SelfTest import SelfTest
from UniFuseSlicerLib.Words import notice

__all__ = ["UniFuseSlicer", "UniFuseSlicerLogic", "UniFuseSlicerTest", "UniFuseSlicerWidget"]


class UniFuseSlicer(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("UniFuse")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        parent.dependencies = []
        parent.contributors = ["The UniFuse for 3D Slicer developers"]
        purpose = _(
            "Restores a degraded, misaligned volume, aligns it with a clean reference of another "
            "modality or MR contrast, and fuses the two: select both volumes and press Fuse."
        )
        parent.helpText = f"{purpose} {notice()}"
        parent.acknowledgementText = _(
            "Implements the method of the paper UniFuse. "
            "The sample volumes are licensed CC BY; see the ATTRIBUTION.md that comes with them."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


class UniFuseSlicerWidget(ScriptedLoadableModuleWidget):
    """The module panel; hands every event on to `Panel`."""

    def __init__(self, parent: Any = None) -> None:
        self.panel: Any = None
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        from UniFuseSlicerLib.Application import panelOfThisApplication

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/UniFuseSlicer.ui"))
        self.layout.addWidget(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.panel = panelOfThisApplication(
            slicer.util.childWidgetVariables(uiWidget),
            UniFuseSlicerLogic(),
            lambda: self.parent.isEntered,
        )

    def cleanup(self) -> None:
        if self.panel is not None:
            self.panel.cleanup()

    def enter(self) -> None:
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        if self.panel is not None:
            self.panel.exit()

    def onReload(self) -> None:
        import sys

        for name in [name for name in sys.modules if name.split(".")[0] == "UniFuseSlicerLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class UniFuseSlicerTest(ScriptedLoadableModuleTest):
    """Runs in the application: Developer > Reload and Test, or ctest."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        for name in SelfTest.names():
            self.setUp()
            self.delayDisplay(name)
            getattr(SelfTest(self), name)()
