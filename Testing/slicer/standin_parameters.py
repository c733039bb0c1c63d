"""A parameter node wrapper that keeps what Slicer's own keeps, where it keeps it: values as
parameters and nodes as references of the MRML node, so that they are saved, loaded, and dropped
when a node is deleted; widgets and parameters follow each other by `SlicerParameterName`.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import slicer
import vtk

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class WithinRange:
    minimum: float
    maximum: float


def nodeKinds(annotation: Any) -> tuple[type, ...]:
    """Classes of a node, or of `Union[Node, …, None]`; () for anything else, as in util.py of the
    wrapper.
    """
    isUnion = typing.get_origin(annotation) is typing.Union
    found = typing.get_args(annotation) if isUnion else (annotation,)
    return tuple(
        kind for kind in found if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)
    )


class Parameter:
    """One member: how it is written to the MRML node and read from it."""

    def __init__(self, name: str, annotation: Any, default: Any) -> None:
        self.name = name
        self.default = default
        self.range: WithinRange | None = None
        self.type: Any = annotation
        if typing.get_origin(annotation) is typing.Annotated:
            self.type, self.range = typing.get_args(annotation)
        self.kinds = nodeKinds(self.type)
        self.isNode = bool(self.kinds)

    def isIn(self, node: Any) -> bool:
        return bool(node.HasParameter(self.name))

    def read(self, node: Any) -> Any:
        if self.isNode:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if self.type is bool:
            return text == "True"
        return self.type[text] if issubclass(self.type, Enum) else self.type(text)

    def write(self, node: Any, value: Any) -> None:
        self._check(value)
        if self.isNode:
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, None if value is None else value.GetID())
        else:
            node.SetParameter(self.name, value.name if isinstance(value, Enum) else str(value))

    def _check(self, value: Any) -> None:
        kind = (int, float) if self.type is float else self.kinds or self.type
        if not isinstance(value, kind) and not (self.isNode and value is None):
            raise ValueError(f"{self.name} is a {self.type}, got {value!r}")
        if self.range and not self.range.minimum <= value <= self.range.maximum:
            raise ValueError(f"{self.name} is within {self.range}, got {value}")


class Connector:
    """One widget and its parameter."""

    def __init__(self, widget: Any, parameter: Parameter) -> None:
        self._widget = widget
        self._callback: Callable[[], None] | None = None
        self._choices: list[Any] = []
        kind = type(widget).__name__
        self._property, signal = {
            "QCheckBox": ("checked", "stateChanged"),
            "QComboBox": ("currentIndex", "currentIndexChanged"),
            "ctkSliderWidget": ("value", "valueChanged"),
            "qMRMLNodeComboBox": ("", "currentNodeChanged"),
        }[kind]
        self._signal = getattr(widget, signal)
        if kind == "QComboBox":
            self._choices = list(parameter.type)
            widget.clear()
            for choice in self._choices:
                widget.addItem(choice.label())
        elif kind == "ctkSliderWidget":
            if parameter.range is None:
                raise RuntimeError(f"The slider of {parameter.name} needs a range")
            widget.minimum, widget.maximum = parameter.range.minimum, parameter.range.maximum
        elif kind == "qMRMLNodeComboBox":
            widget.nodeTypes = [kind.__name__ for kind in parameter.kinds]

    def read(self) -> Any:
        if not self._property:
            return self._widget.currentNode()
        value = getattr(self._widget, self._property)
        return self._choices[value] if self._choices else value

    def write(self, value: Any) -> None:
        if not self._property:
            self._widget.setCurrentNode(value)
            return
        shown = self._choices.index(value) if self._choices else value
        setattr(self._widget, self._property, shown)

    def connect(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._signal.connect(callback)

    def disconnect(self) -> None:
        self._signal.disconnect(self._callback)


class Binding:
    """All widgets of one panel, as `connectGui` binds them."""

    def __init__(self, wrapper: Any, widgets: dict[str, Any]) -> None:
        self._wrapper = wrapper
        self._updating = False
        self._connectors = {
            name: Connector(widget, wrapper.allParameters[name]) for name, widget in widgets.items()
        }
        self._writeWidgets()
        for name, connector in self._connectors.items():
            connector.connect(self._reader(name))
        self._tag = wrapper.AddObserver(
            vtk.vtkCommand.ModifiedEvent, lambda _caller, _event: self._writeWidgets()
        )

    def end(self) -> None:
        for connector in self._connectors.values():
            connector.disconnect()
        self._wrapper.RemoveObserver(self._tag)

    def _reader(self, name: str) -> Callable[[], None]:
        def read() -> None:
            if not self._updating:
                with slicer.util.NodeModify(self._wrapper):
                    setattr(self._wrapper, name, self._connectors[name].read())

        return read

    def _writeWidgets(self) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            for name, connector in self._connectors.items():
                connector.write(getattr(self._wrapper, name))
        finally:
            self._updating = False


def parameterNodeWrapper(cls: type) -> type:
    """The class decorator."""
    hints = typing.get_type_hints(cls, include_extras=True)
    parameters = {
        name: Parameter(name, hint, getattr(cls, name, None)) for name, hint in hints.items()
    }
    members: dict[str, Any] = {name: _member(parameter) for name, parameter in parameters.items()}
    members |= {
        "allParameters": parameters,
        "connectGui": _connectGui,
        "disconnectGui": lambda self, tag: self.bindings.pop(tag).end(),
        "StartModify": lambda self: self.parameterNode.StartModify(),
        "EndModify": lambda self, before: self.parameterNode.EndModify(before),
        "AddObserver": lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(
            event, callback, priority
        ),
        "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
    }
    for name in set(members) - set(parameters):
        if hasattr(cls, name):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
    for name, member in members.items():
        setattr(cls, name, member)
    cls.__init__ = _initialise  # type: ignore[misc]
    return cls


def _initialise(self: Any, node: Any) -> None:
    self.parameterNode = node
    self.bindings = {}
    for parameter in self.allParameters.values():
        if not parameter.isIn(node):
            parameter.write(node, parameter.default)


def _member(parameter: Parameter) -> property:
    return property(
        lambda self: parameter.read(self.parameterNode),
        lambda self, value: parameter.write(self.parameterNode, value),
    )


def _connectGui(self: Any, gui: Any) -> int:
    widgets = {w.property("SlicerParameterName"): w for w in vars(gui).values()}
    widgets.pop(None, None)
    for name in widgets:
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
    tag = len(self.bindings)
    self.bindings[tag] = Binding(self, widgets)
    return tag
