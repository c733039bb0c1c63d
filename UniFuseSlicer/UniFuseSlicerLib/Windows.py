"""Windows as readers know them, and which one a volume comes up with."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from slicer.i18n import tr as _

from .Images import contentWindow


class Window(NamedTuple):
    """Values shown from black to white, in the unit of the volume."""

    low: float
    high: float


# width and level in HU: radiopaedia.org/articles/windowing-ct
CT_WINDOWS = {
    "brain": Window(0, 80),
    "soft": Window(-150, 250),
    "bone": Window(-500, 1300),
    "lung": Window(-1350, 150),
}
SUV_TOPS = (5, 7, 10, 20)
DEFAULT_SUV_TOP = 7
ROUND_TOPS = (1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0)  # quarters have one digit more
INSIDE_PERCENT = (1.0, 99.5)  # of what is not background, for values without a usual window


def windowTitle(name: str) -> str:
    """What the button says."""
    return {
        "brain": _("Brain"),
        "soft": _("Soft tissue"),
        "bone": _("Bone"),
        "lung": _("Lung"),
    }[name]


def windowOf(node: Any) -> Window | None:
    """The window that a reader (or DICOM) has set; None where Slicer chose one by itself.

    Args:
        node: volume node, or None.
    """
    display = node.GetDisplayNode() if node is not None else None
    if display is None or not display.IsA("vtkMRMLScalarVolumeDisplayNode"):
        return None
    if display.GetAutoWindowLevel():
        return None
    return Window(display.GetWindowLevelMin(), display.GetWindowLevelMax())


def setWindow(node: Any, window: Window) -> None:
    """Of a scalar volume; colours have none.

    Args:
        node: volume node, or None.
        window: to show.
    """
    display = node.GetDisplayNode() if node is not None else None
    if display is None or not display.IsA("vtkMRMLScalarVolumeDisplayNode"):
        return
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(window.low, window.high)


def usualWindow(array: np.ndarray, modality: str, unit: str) -> Window:
    """CT: soft tissue; PET in SUV: 0 to 7; else what the volume holds.

    Args:
        array: voxels `(k, j, i)`.
        modality: `mr`, `ct`, `pet`, or "".
        unit: `HU`, `SUV`, …, or "".
    """
    if modality == "ct":
        return CT_WINDOWS["soft"]
    if modality == "pet" and unit == "SUV":
        return Window(0, DEFAULT_SUV_TOP)
    low, high = contentWindow(array, INSIDE_PERCENT)
    return Window(0, roundTop(high)) if modality == "pet" else Window(low, high)


def roundTop(value: float) -> float:
    """The next number whose quarters are short as well, as labels of a color scale.

    Args:
        value: above 0; else it stays.
    """
    if value <= 0:
        return value
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in ROUND_TOPS if step * power >= value)
