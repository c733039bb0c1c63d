"""A line of ours in Slicer's Data Probe, the corner that says what is under the mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

_METHOD = "generateViewDescription"  # which Slicer documents as the one to replace


def infoWidget() -> Any:
    """Of the Data Probe of this application; None without a main window."""
    instance = getattr(getattr(slicer, "modules", None), "DataProbeInstance", None)
    return getattr(instance, "infoWidget", None)


class DataProbeLine:
    """Below the description of the view, from `enter` to `release`.

    Args:
        widget: returns the Data Probe, or None; replaced in tests.
    """

    def __init__(self, widget: Callable[[], Any] = infoWidget) -> None:
        self._find = widget
        self._widget: Any = None
        self._ours: Any = None
        self._before: Any = None

    def enter(self, lineAt: Callable[[Any], str | None]) -> None:
        """
        Args:
            lineAt: place (R, A, S) in mm → line; "" keeps the line empty, None leaves it out.
        """
        self.release()
        widget = self._find()
        if not hasattr(widget, _METHOD):
            return
        describe = getattr(widget, _METHOD)

        def describeMore(xyz: Any, ras: Any, sliceNode: Any, sliceLogic: Any) -> str:
            text = str(describe(xyz, ras, sliceNode, sliceLogic))
            line = lineAt(ras)
            return text if line is None else f"{text}\n  {line}"

        self._before = vars(widget).get(_METHOD)
        self._widget, self._ours = widget, describeMore
        setattr(widget, _METHOD, describeMore)

    def release(self) -> None:
        """Leave the Data Probe as it was, unless another extension has replaced ours."""
        widget, self._widget = self._widget, None
        if widget is None or vars(widget).get(_METHOD) is not self._ours:
            return
        if self._before is None:
            delattr(widget, _METHOD)
        else:
            setattr(widget, _METHOD, self._before)
