"""The stand-ins are as strict as what they stand for: a misspelt Qt call is an error."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import qt_classes
import standin_selector
import standin_ui
import standin_widgets
from standin_ui import MODULE_FOLDER, STANDINS, UI_FILE


@pytest.mark.parametrize(
    "misspelt",
    [
        lambda button: button.setEnabeld(False),
        lambda button: button.setEnabled2(False),
        lambda button: setattr(button, "enabeld", False),
        lambda button: button.enabeld,
        lambda button: button.connect("clickd(bool)", print),
        lambda button: button.connect("clicked(int)", print),
        lambda button: button.clickd.connect(print),
        lambda button: button.setCurrentNode(None),  # of another class
        lambda button: setattr(button, "sizeHint", 3),  # read-only
    ],
)
def test_aMisspeltNameIsAnError(misspelt):
    with pytest.raises(AttributeError, match="QPushButton has no"):
        misspelt(STANDINS["QPushButton"]())


def test_aMethodWithoutStandInSaysSo():
    with pytest.raises(NotImplementedError, match="QComboBox does not do findText"):
        assert STANDINS["QComboBox"]().findText


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('name="noneEnabled"', 'name="noneEnabeld"'),
        ('name="wordWrap"', 'name="wordwrap"'),
        ("<signal>mrmlSceneChanged(vtkMRMLScene*)", "<signal>mrmlSceneChange(vtkMRMLScene*)"),
        ("<slot>setMRMLScene(vtkMRMLScene*)", "<slot>setMrmlScene(vtkMRMLScene*)"),
    ],
)
def test_aMisspeltNameInTheUiFileIsAnError(tmp_path, right, wrong):
    text = UI_FILE.read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "misspelt.ui").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(AttributeError, match="has no"):
        standin_ui.uiFromFile(path=tmp_path / "misspelt.ui")


@pytest.mark.slicer
@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("InputWidgets.py", "ui.fuseButton.setEnabled(", "ui.fuseButton.setEnabeld("),
        ("InputButtons.py", '"clicked(bool)", self.onSwap', '"click(bool)", self.onSwap'),
        ("InputWidgets.py", '"nodeAddedByUser(vtkMRMLNode*)"', '"nodeAddedByUsr(vtkMRMLNode*)"'),
        ("Messages.py", "logTextEdit.appendPlainText(", "logTextEdit.appendPlainTxt("),
        ("MachineWidgets.py", '"currentPathChanged(QString)"', '"currentPathChange(QString)"'),
        ("Application.py", "timer.setInterval(", "timer.setIntervall("),
        ("Application.py", '"timeout()"', '"timeOut()"'),
        ("Application.py", "qt.QTimer()", "qt.QTimr()"),
    ],
)
def test_aMisspeltCallInTheModuleIsSeen(tmp_path, scene, monkeypatch, file, right, wrong):
    """Each file that talks to Qt, with one letter changed, and the panel used once."""
    with pytest.raises(AttributeError):
        useThePanel(misspeltModule(tmp_path, monkeypatch, file, right, wrong), monkeypatch, scene)


@pytest.mark.slicer
def test_theModuleItselfPassesTheSameUse(tmp_path, scene, monkeypatch):
    """So that the test above goes red for the misspelling and nothing else."""
    useThePanel(misspeltModule(tmp_path, monkeypatch, "Widget.py", "", ""), monkeypatch, scene)


def misspeltModule(tmp_path, monkeypatch, file, right, wrong):
    """A copy of the module's library under another name."""
    import importlib
    import shutil
    import sys

    name = f"Misspelt{abs(hash((file, wrong)))}"
    copy = tmp_path / name
    shutil.copytree(MODULE_FOLDER / "UniFuseSlicerLib", copy)
    text = (copy / file).read_text(encoding="utf-8")
    assert right in text
    (copy / file).write_text(text.replace(right, wrong), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    module = importlib.import_module(f"{name}.Application")
    for loaded in [key for key in sys.modules if key.split(".")[0] == name]:
        monkeypatch.setitem(sys.modules, loaded, sys.modules[loaded])
    return module


def useThePanel(module, monkeypatch, scene):
    import importlib

    import slicer

    monkeypatch.setattr(slicer.util, "resetSliceViews", lambda: None, raising=False)
    monkeypatch.setattr(slicer.util, "mainWindow", lambda: None, raising=False)
    logic = importlib.import_module(f"{module.__package__}.Logic").UniFuseSlicerLogic()
    ui = standin_ui.uiFromFile(scene)
    try:
        panel = module.panelOfThisApplication(ui, logic, lambda: True)
        panel.messages.log("a line")
        panel.cleanup()
    finally:  # a panel that failed halfway is not called any more
        scene.RemoveAllObservers()


def test_everyClassIsDerivedFromAListedOne():
    for name in qt_classes.CLASSES:
        assert qt_classes.lineage(name)[-1] is qt_classes.CLASSES["QObject"]


def test_everyQtClassTheModuleUsesIsListed():
    used = set()
    for path in MODULE_FOLDER.rglob("*.py"):
        used |= set(re.findall(r"\bqt\.(\w+)", Path(path).read_text(encoding="utf-8")))
    # the panel gets a function in their place
    cells = {"QTableWidgetItem", "QBrush", "QColor", "Qt"}
    injected = cells | {"QInputDialog", "QLineEdit", "QEventLoop", "QShortcut", "QKeySequence"}
    assert used == {"QTimer", "QSettings", *injected}
    assert used - injected <= set(STANDINS)


def test_standInsHaveOnlyMethodsOfTheRealClass():
    """What a stand-in does, the real class does; helpers of the tests are named here."""
    helpers = {"nodes", "fire", "isWidgetType", "className", "property", "connect"}
    files = (standin_widgets.__file__, standin_selector.__file__)
    trees = [ast.parse(Path(str(file)).read_text(encoding="utf-8")) for file in files]
    for node in (node for tree in trees for node in tree.body):
        if isinstance(node, ast.ClassDef) and node.name in STANDINS:
            done = {f.name for f in node.body if isinstance(f, ast.FunctionDef)}
            own = {name for name in done - helpers if not name.startswith("_")}
            assert own <= qt_classes.methods(node.name), node.name
