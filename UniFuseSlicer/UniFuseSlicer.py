"""UniFuse in 3D Slicer: module description, widget shell and self-test. What a click does is in
`UniFuseSlicerLib`.
"""

from __future__ import annotations

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

__all__ = ["UniFuseSlicer", "UniFuseSlicerLogic", "UniFuseSlicerTest", "UniFuseSlicerWidget"]


class UniFuseSlicer(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("UniFuse")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        parent.dependencies = []
        parent.contributors = ["The UniFuse for 3D Slicer developers"]
        parent.helpText = _(
            "Restores a degraded, misaligned volume, aligns it with a clean reference of another modality and fuses "
            "the two: choose both volumes and press Fuse. Research use only, not for diagnosis or treatment."
        )
        parent.acknowledgementText = _(
            "After the method of the paper UniFuse. The sample volumes are CC BY, see ATTRIBUTION.md beside them."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


class UniFuseSlicerWidget(ScriptedLoadableModuleWidget):
    """The module panel; hands every event on to `Panel`."""

    def __init__(self, parent=None):
        self.panel = None
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from UniFuseSlicerLib.Widget import Panel

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/UniFuseSlicer.ui"))
        self.layout.addWidget(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.panel = Panel.forThisApplication(
            slicer.util.childWidgetVariables(uiWidget),
            UniFuseSlicerLogic(),
            lambda: self.parent.isEntered,
        )

    def cleanup(self):
        if self.panel is not None:
            self.panel.cleanup()

    def enter(self):
        if self.panel is not None:
            self.panel.enter()

    def exit(self):
        if self.panel is not None:
            self.panel.exit()

    def onReload(self):
        import sys

        for name in [name for name in sys.modules if name.split(".")[0] == "UniFuseSlicerLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class UniFuseSlicerTest(ScriptedLoadableModuleTest):
    """Runs in the application: Developer > Reload and Test, or ctest."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for name in SelfTest.names():
            self.setUp()
            self.delayDisplay(name)
            getattr(SelfTest(self), name)()
