"""Widgets as PythonQt shows them, without Qt: they hold properties and pass signals on. A name that
the real class does not have is an AttributeError, in code as in the .ui file.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import qt_classes


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


class QTableWidget(QWidget):
    """Cells are whatever the panel puts into them."""

    def __init__(self, *_args: Any) -> None:
        super().__init__()
        self.__dict__["cells"] = {}
        self.properties.update(rowCount=0)

    def setItem(self, row: int, column: int, item: Any) -> None:
        if row >= self.rowCount:
            raise IndexError(f"No row {row}")
        self.cells[row, column] = item


class QTabWidget(QWidget):
    changes: ClassVar = {"currentIndex": ("currentChanged(int)",)}


class ctkCollapsibleButton(QWidget):
    changes: ClassVar = {"collapsed": ("contentsCollapsed(bool)",)}


class ctkSliderWidget(QWidget):
    changes: ClassVar = {"value": ("valueChanged(double)",)}


class ctkPathLineEdit(QWidget):
    """As ctkPathLineEdit::updateHasValidInput: an empty path is told by `validInputChanged`."""

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.properties.get(name)
        super().__setattr__(name, value)
        if name != "currentPath" or before == value:
            return
        if value:
            self.currentPathChanged.emit(value)
        if bool(value) != bool(before):
            self.validInputChanged.emit(bool(value))


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


WIDGETS: dict[str, type[QObject]] = {
    c.__name__: c
    for c in (
        QWidget,
        QCheckBox,
        QComboBox,
        QLabel,
        QPushButton,
        QProgressBar,
        QPlainTextEdit,
        QTableWidget,
        QTabWidget,
        ctkCollapsibleButton,
        ctkSliderWidget,
        ctkPathLineEdit,
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
