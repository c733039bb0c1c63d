"""The panel's widgets by name, made of the real .ui file."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standin_selector import qMRMLCheckableNodeComboBox, qMRMLNodeComboBox
from standin_widgets import WIDGETS

if TYPE_CHECKING:
    from standin_widgets import QObject

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "UniFuseSlicer"
UI_FILE = MODULE_FOLDER / "Resources" / "UI" / "UniFuseSlicer.ui"
STANDINS: dict[str, type[QObject]] = {
    **WIDGETS,
    "qMRMLNodeComboBox": qMRMLNodeComboBox,
    "qMRMLCheckableNodeComboBox": qMRMLCheckableNodeComboBox,
}
_CONNECTION = ("sender", "signal", "receiver", "slot")


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
