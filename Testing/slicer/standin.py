"""What the slicer-core wheel lacks of the application, just enough to run the module's own code
without Qt.

Set `UNIFUSE_SLICER_PYTHON` to the folder `Base/Python/slicer` of Slicer's sources to run the same
tests on Slicer's own `parameterNodeWrapper` and `ScriptedLoadableModule` instead of the small
stand-ins below.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import types
import typing
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "UniFuseSlicer"
UI_FILE = MODULE_FOLDER / "Resources" / "UI" / "UniFuseSlicer.ui"


class Signal:
    def __init__(self) -> None:
        self.slots: list[Any] = []

    def connect(self, slot: Any) -> None:
        self.slots.append(slot)

    def disconnect(self, slot: Any) -> None:
        self.slots.remove(slot)

    def emit(self, *args: Any) -> None:
        """As PythonQt: a slot that takes fewer arguments gets fewer."""
        for slot in list(self.slots):
            try:
                inspect.signature(slot).bind(*args)
            except TypeError:
                slot()
            else:
                slot(*args)


class Widget:
    """A widget as PythonQt shows it: properties are attributes, signals connect by object or by
    signature.
    """

    changes: typing.ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any) -> None:
        self.__dict__["properties"] = {}
        self.__dict__["signals"] = {}

    def property(self, name: str) -> Any:
        return self.properties.get(name)

    def connect(self, signature: str, slot: Any) -> None:
        getattr(self, signature.split("(")[0]).connect(slot)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.startswith("set"):
            return lambda *values: setattr(
                self, name[3].lower() + name[4:], values[0] if len(values) == 1 else values
            )
        if name in self.properties:
            return self.properties[name]
        return self.signals.setdefault(name, Signal())

    def __setattr__(self, name: str, value: Any) -> None:
        changed = self.properties.get(name) != value
        self.properties[name] = value
        if changed and name in self.changes:
            getattr(self, self.changes[name]).emit(value)


class QCheckBox(Widget):
    changes: typing.ClassVar = {"checked": "stateChanged"}


class QComboBox(Widget):
    changes: typing.ClassVar = {"currentIndex": "currentIndexChanged"}

    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.properties.update(currentIndex=-1, items=[])

    def addItem(self, text: str) -> None:
        self.properties["items"].append(text)

    def clear(self) -> None:
        self.properties.update(currentIndex=-1, items=[])


class QLabel(Widget):
    pass


class QPushButton(Widget):
    changes: typing.ClassVar = {"checked": "toggled"}


class QProgressBar(Widget):
    pass


class QSpinBox(Widget):
    changes: typing.ClassVar = {"value": "valueChanged"}


class QPlainTextEdit(Widget):
    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.properties["lines"] = []

    def appendPlainText(self, text: str) -> None:
        self.lines.append(text)

    def clear(self) -> None:
        self.properties["lines"] = []


class ctkCollapsibleButton(Widget):
    pass


class ctkSliderWidget(Widget):
    changes: typing.ClassVar = {"value": "valueChanged"}


class ctkPathLineEdit(Widget):
    changes: typing.ClassVar = {"currentPath": "currentPathChanged"}


class qMRMLNodeComboBox(Widget):
    def currentNode(self) -> Any:
        return self.properties.get("node")

    def setCurrentNode(self, node: Any) -> None:
        changed = self.properties.get("node") is not node
        self.properties["node"] = node
        if changed:
            self.currentNodeChanged.emit(node)


class qMRMLWidget(Widget):
    pass


WIDGETS = {
    c.__name__: c
    for c in (
        QCheckBox,
        QComboBox,
        QLabel,
        QPushButton,
        QProgressBar,
        QSpinBox,
        QPlainTextEdit,
        ctkCollapsibleButton,
        ctkSliderWidget,
        ctkPathLineEdit,
        qMRMLNodeComboBox,
        qMRMLWidget,
    )
}


class Timer:
    """Fires when the test says so."""

    def __init__(self, callback: Any, milliseconds: int) -> None:
        self.callback, self.milliseconds, self.active = callback, milliseconds, False

    def start(self) -> None:
        self.active = True

    def stop(self) -> None:
        self.active = False

    def fire(self) -> None:
        if self.active:
            self.callback()


def uiFromFile(path: Path = UI_FILE) -> Any:
    """Stand-in widgets by name, with the properties of the real .ui file."""
    ui = type("Ui", (), {})()
    for element in ElementTree.parse(path).iter("widget"):
        widget = WIDGETS[element.get("class")]()
        for entry in element.findall("property"):
            value = entry[0].text or ""
            widget.properties[entry.get("name")] = (
                value == "true" if entry[0].tag == "bool" else value
            )
        setattr(ui, element.get("name"), widget)
    return ui


def install() -> None:
    """Make `import qt`, `slicer.i18n`, `slicer.ScriptedLoadableModule` and
    `slicer.parameterNodeWrapper` work.

    Without the wheel, an empty `slicer` lets the files run that need none of MRML (processes,
    installation).
    """
    if importlib.util.find_spec("slicer") is None:
        _add("slicer", util=types.SimpleNamespace())
    import slicer

    for name in ("qt", "ctk"):
        sys.modules[name] = _anyClassModule(name)
    real = os.environ.get("UNIFUSE_SLICER_PYTHON")
    if real:
        slicer.__getattr__ = _dummyWidget
        slicer.__path__.append(real)
    else:
        _add("slicer.i18n", tr=lambda text: text, translate=lambda context, text: text)
        _add(
            "slicer.ScriptedLoadableModule",
            ScriptedLoadableModule=_Module,
            ScriptedLoadableModuleWidget=_ModuleWidget,
            ScriptedLoadableModuleLogic=_ModuleLogic,
            ScriptedLoadableModuleTest=object,
        )
        _add(
            "slicer.parameterNodeWrapper",
            parameterNodeWrapper=_wrap,
            WithinRange=lambda low, high: (low, high),
        )
    if str(MODULE_FOLDER) not in sys.path:
        sys.path.insert(0, str(MODULE_FOLDER))


def _add(name: str, **members: Any) -> None:
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module
    if "." in name:
        setattr(sys.modules["slicer"], name.split(".")[1], module)


def _dummyWidget(name: str) -> Any:
    if name.startswith(("q", "ctk")):
        return WIDGETS.get(name) or type(name, (), {})
    raise AttributeError(name)


def _anyClassModule(name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    made: dict[str, type] = dict(WIDGETS)

    def attribute(key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return made.setdefault(key, type(key, (Widget,), {}))

    module.__getattr__ = attribute
    return module


class _Module:
    def __init__(self, parent: Any) -> None:
        self.parent = parent


class _ModuleWidget:
    def __init__(self, parent: Any = None) -> None:
        self.parent = parent

    def setup(self) -> None:
        pass


class _ModuleLogic:
    def __init__(self, parent: Any = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self) -> Any:
        import slicer

        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.mrmlScene.AddNode(slicer.vtkMRMLScriptedModuleNode())
            node.SetSingletonTag(self.moduleName)
        return node


def _wrap(cls: type) -> type:
    """A parameter node wrapper that keeps values in Python; node references and bindings are
    Slicer's own business.
    """
    names = list(typing.get_type_hints(cls))
    defaults = {name: getattr(cls, name, None) for name in names}
    store: dict[str, dict[str, Any]] = {}

    def initialise(self: Any, node: Any) -> None:
        self.parameterNode = node
        self.values = store.setdefault(f"{id(node.GetScene())}{node.GetID()}", dict(defaults))

    def member(name: str) -> property:
        def write(self: Any, value: Any) -> None:
            if self.values[name] != value:
                self.values[name] = value
                self.parameterNode.Modified()

        return property(lambda self: self.values[name], write)

    def connectGui(self: Any, gui: Any) -> int:
        bound = {w.property("SlicerParameterName") for w in vars(gui).values()} - {None}
        unknown = bound - set(names)
        if unknown:
            raise ValueError(f"Cannot find a param with the given name: {unknown}")
        return 1

    for name in names:
        setattr(cls, name, member(name))
    cls.__init__ = initialise
    cls.connectGui = connectGui
    cls.disconnectGui = lambda self, tag: None
    cls.StartModify = lambda self: self.parameterNode.StartModify()
    cls.EndModify = lambda self, before: self.parameterNode.EndModify(before)
    cls.AddObserver = lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(
        event, callback, priority
    )
    cls.RemoveObserver = lambda self, tag: self.parameterNode.RemoveObserver(tag)
    cls.Modified = lambda self: self.parameterNode.Modified()
    cls.allParameters = dict.fromkeys(names)
    return cls
