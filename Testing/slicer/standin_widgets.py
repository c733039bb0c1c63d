"""Widgets as PythonQt shows them, without Qt: they hold properties and pass signals on. A name that
the real class does not have is an AttributeError, in code as in the .ui file.
"""

from __future__ import annotations

import inspect
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, ClassVar

import qt_classes

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "UniFuseSlicer"
UI_FILE = MODULE_FOLDER / "Resources" / "UI" / "UniFuseSlicer.ui"
SELECTORS_PRIORITY = -10.0  # qMRMLSceneModel::setMRMLScene


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


class QObject:
    """Properties are attributes, signals connect by attribute or by signature, slots are methods.

    Derived classes are named after the real ones and take their names from `qt_classes`.
    """

    changes: ClassVar[dict[str, tuple[str, ...]]] = {}

    def __init__(self, *_args: Any) -> None:
        self.__dict__["properties"] = {}
        self.__dict__["signals"] = {s: Signal() for s in qt_classes.signals(self.className())}

    @classmethod
    def className(cls) -> str:
        return cls.__name__

    def property(self, name: str) -> Any:
        return self.properties.get(name)

    def setProperty(self, name: str, value: Any) -> None:
        """What the .ui loader does with `stdset="0"`."""
        self.properties[name] = value

    def connect(self, signature: str, slot: Any) -> None:
        """PythonQt would only return False for a signal that does not exist."""
        self._signal(signature).connect(slot)

    def _signal(self, signature: str) -> Signal:
        if signature not in self.signals:
            raise AttributeError(f"{self.className()} has no signal {signature}")
        return self.signals[signature]

    def __getattr__(self, name: str) -> Any:
        kind = self.className()
        if name in qt_classes.readable(kind):
            return self.properties.get(name)
        for signature in qt_classes.signals(kind):
            if signature.split("(")[0] == name:
                return self.signals[signature]
        property_ = name[3:4].lower() + name[4:]
        if name.startswith("set") and property_ in qt_classes.writable(kind):
            return lambda value: setattr(self, property_, value)
        if name in qt_classes.methods(kind):
            raise NotImplementedError(f"The stand-in of {kind} does not do {name} yet")
        raise AttributeError(f"{kind} has no property, signal or method {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in qt_classes.writable(self.className()):
            raise AttributeError(f"{self.className()} has no property {name} that can be set")
        changed = self.properties.get(name) != value
        self.properties[name] = value
        if changed:
            for signature in self.changes.get(name, ()):
                self._signal(signature).emit(value)


class QWidget(QObject):
    def isWidgetType(self) -> bool:
        return True


class QCheckBox(QWidget):
    changes: ClassVar = {"checked": ("stateChanged(int)", "toggled(bool)")}


class QComboBox(QWidget):
    changes: ClassVar = {"currentIndex": ("currentIndexChanged(int)",)}

    def __init__(self, *_args: Any) -> None:
        super().__init__()
        self.__dict__["items"] = []
        self.properties.update(currentIndex=-1)

    def addItem(self, text: str) -> None:
        self.items.append(text)

    def clear(self) -> None:
        self.items.clear()
        self.properties.update(currentIndex=-1)


class QLabel(QWidget):
    pass


class QPushButton(QWidget):
    changes: ClassVar = {"checked": ("toggled(bool)",)}


class QProgressBar(QWidget):
    pass


class QPlainTextEdit(QWidget):
    def __init__(self, *_args: Any) -> None:
        super().__init__()
        self.__dict__["lines"] = []

    def appendPlainText(self, text: str) -> None:
        self.lines.append(text)

    def clear(self) -> None:
        self.lines.clear()


class ctkCollapsibleButton(QWidget):
    changes: ClassVar = {"collapsed": ("contentsCollapsed(bool)",)}


class ctkSliderWidget(QWidget):
    changes: ClassVar = {"value": ("valueChanged(double)",)}


class ctkPathLineEdit(QWidget):
    changes: ClassVar = {"currentPath": ("currentPathChanged(QString)",)}


class qMRMLNodeComboBox(QWidget):
    """Lists the nodes of a scene; when the current one is deleted, its neighbour becomes current,
    as QComboBox does it.
    """

    def __init__(self, *_args: Any) -> None:
        super().__init__()
        self.__dict__.update(scene=None, node=None)

    def mrmlScene(self) -> Any:
        return self.scene

    def setMRMLScene(self, scene: Any) -> None:
        import vtk

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def removed(_caller: Any, _event: Any, node: Any) -> None:
            self._beforeRemoval(node)

        self.__dict__["scene"] = scene
        scene.AddObserver(scene.NodeAboutToBeRemovedEvent, removed, SELECTORS_PRIORITY)

    def nodes(self) -> list[Any]:
        nodes = [self.scene.GetNthNode(n) for n in range(self.scene.GetNumberOfNodes())]
        return [node for node in nodes if self._isListed(node)]

    def currentNode(self) -> Any:
        return self.node

    def setCurrentNode(self, node: Any) -> None:
        if node is not None and self.scene is not None and not self._isListed(node):
            node = None
        if self.node is not node:
            self.__dict__["node"] = node
            self.currentNodeChanged.emit(node)

    def addNode(self) -> Any:
        """The menu entry *Create new*."""
        node = self.scene.AddNewNodeByClass(self.nodeTypes[0], self.baseName or "")
        self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        """The menu entry *Delete current*."""
        self.scene.RemoveNode(self.node)

    def _isListed(self, node: Any) -> bool:
        if node.GetHideFromEditors() or any(node.IsA(c) for c in self.hideChildNodeTypes or ()):
            return False
        if self.showChildNodeTypes is False:
            return node.GetClassName() in self.nodeTypes
        return any(node.IsA(kind) for kind in self.nodeTypes)

    def _beforeRemoval(self, node: Any) -> None:
        if node is not self.node or self.scene.IsClosing():
            return
        row = self.nodes().index(node)
        others = [other for other in self.nodes() if other is not node]
        self.setCurrentNode(others[min(row, len(others) - 1)] if others else None)


class qMRMLWidget(QWidget):
    def setMRMLScene(self, scene: Any) -> None:
        self.mrmlSceneChanged.emit(scene)


class QTimer(QObject):
    """Fires when the test says so."""

    def __init__(self, *_args: Any) -> None:
        super().__init__()
        self.properties.update(interval=0, active=False)

    def start(self) -> None:
        self.properties["active"] = True

    def stop(self) -> None:
        self.properties["active"] = False

    def fire(self) -> None:
        """The time has passed; not of the real class."""
        if self.active:
            self.timeout.emit()


class QSettings(QObject):
    def __init__(self, *_args: Any) -> None:
        super().__init__()
        self.__dict__["stored"] = {}

    def value(self, key: str) -> Any:
        return self.stored.get(key)

    def setValue(self, key: str, value: Any) -> None:
        self.stored[key] = value


STANDINS: dict[str, type[QObject]] = {
    c.__name__: c
    for c in (
        QWidget,
        QCheckBox,
        QComboBox,
        QLabel,
        QPushButton,
        QProgressBar,
        QPlainTextEdit,
        ctkCollapsibleButton,
        ctkSliderWidget,
        ctkPathLineEdit,
        qMRMLNodeComboBox,
        qMRMLWidget,
        QTimer,
        QSettings,
    )
}


def makeTimer(callback: Any, milliseconds: int) -> QTimer:
    """As the panel makes its timers."""
    timer = QTimer()
    timer.setInterval(milliseconds)
    timer.connect("timeout()", callback)
    return timer


def uiFromFile(scene: Any = None, path: Path = UI_FILE) -> Any:
    """Widgets by name with the properties and connections of the .ui file, on a scene.

    Raises:
        AttributeError: the file names a property, signal or slot that its class does not have.
    """
    root = ElementTree.parse(path).getroot()  # noqa: S314  a file of ours
    ui = type("Ui", (), {})()
    for element in root.iter("widget"):
        setattr(ui, element.attrib["name"], _widget(element))
    for connection in root.iter("connection"):
        sender, signal, receiver, slot = (connection.findtext(tag) or "" for tag in _CONNECTION)
        getattr(ui, sender).connect(signal, getattr(getattr(ui, receiver), slot.split("(")[0]))
    if scene is not None:
        getattr(ui, root.findtext("class") or "").setMRMLScene(scene)
    return ui


_CONNECTION = ("sender", "signal", "receiver", "slot")


def _widget(element: ElementTree.Element) -> QObject:
    widget = STANDINS[element.attrib["class"]]()
    for entry in element.findall("property"):
        name, value = entry.attrib["name"], _value(entry[0])
        if entry.get("stdset") == "0":
            widget.setProperty(name, value)
        else:
            setattr(widget, name, value)
    return widget


def _value(element: ElementTree.Element) -> Any:
    if element.tag == "stringlist":
        return [text.text for text in element]
    text = element.text or ""
    if element.tag == "bool":
        return text == "true"
    kinds: dict[str, Any] = {"number": int, "double": float}
    return kinds.get(element.tag, str)(text)
