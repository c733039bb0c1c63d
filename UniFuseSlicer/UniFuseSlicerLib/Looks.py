"""Views by what was fused: PET on CT in colour, bone on MR, MR on MR.

Only display nodes are written: those of our restored volume, and windows that a reader asks for by
a button.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import slicer
from slicer.i18n import tr as _

from .HotIron import hotIronNode
from .Legends import labelEvenly, legendOf
from .Nodes import imageFromNode
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE
from .Results import RESTORED_ROLE, isResult, reportOf
from .VolumeFacts import factsOf
from .Windows import CT_WINDOWS, SUV_TOPS, Window, setWindow, usualWindow, windowOf

GREY = "vtkMRMLColorTableNodeGrey"
INVERTED = "vtkMRMLColorTableNodeInvertedGrey"
BONE = "vtkMRMLColorTableNodeYellow"
# below this share of the window PET is transparent: at 0.1 resting muscle covered a leg in patches
PET_THRESHOLD = 0.2
BONE_FROM_HU = 200.0  # cortical and most trabecular bone; contrast-free soft tissue stays below
BONE_WINDOW = Window(-300, 1000)  # so that bone is bright from its threshold on
_ROUNDED = 1e-5  # of the window; a scene file has six digits


class PetColour(Enum):
    WARM = "warm"
    INVERTED = "inverted"

    def label(self) -> str:
        return {"warm": _("Warm colors"), "inverted": _("Inverted gray")}[self.value]


@dataclass(frozen=True)
class Fused:
    """What was fused.

    Attributes:
        degraded: `mr`, `ct`, `pet` or "".
        reference: the same.
        unit: of the degraded volume, as it states it.
    """

    degraded: str = ""
    reference: str = ""
    unit: str = ""

    @property
    def hasCt(self) -> bool:
        return "ct" in (self.degraded, self.reference)

    @property
    def hasSuv(self) -> bool:
        """PET whose values may be SUV."""
        return self.degraded == "pet" and self.unit in ("", "SUV")

    @property
    def title(self) -> str:
        """Of the view for this pair."""
        if (self.degraded, self.reference) == ("ct", "mr"):
            return _("Bone on MR")
        return _("{degraded} on {reference}").format(
            degraded=self.degraded.upper(), reference=self.reference.upper()
        )


def fusedBy(fused: Any) -> Fused:
    """What the result of a fused volume was made of; nothing where it is no result.

    Args:
        fused: fused volume, or anything else.
    """
    if not isResult(fused):
        return Fused()
    report = reportOf(fused)
    return Fused(
        report.get("degraded_modality", ""),
        report.get("reference_modality", ""),
        factsOf(fused.GetNodeReference(RESTORED_ROLE)).unit,
    )


def showPair(fused: Any, colour: PetColour = PetColour.WARM) -> float:
    """Give the restored volume the look of its modality over the reference.

    Args:
        fused: fused volume of a result.
        colour: of PET.

    Returns:
        Opacity of the restored volume over the reference, 0 to 1.
    """
    made = fusedBy(fused)
    restored = fused.GetNodeReference(RESTORED_ROLE)
    reference = fused.GetNodeReference(REFERENCE_ROLE)
    if windowOf(reference) is None and reference is not None:
        array = imageFromNode(reference).array
        setWindow(reference, usualWindow(array, made.reference, factsOf(reference).unit))
    if made.degraded == "pet":
        return _showPet(restored, colour)
    if (made.degraded, made.reference) == ("ct", "mr"):
        setWindow(restored, BONE_WINDOW)
        _setColour(restored, BONE)
        setThreshold(restored, BONE_FROM_HU)
        return 0.8
    _setColour(restored, GREY)
    setThreshold(restored, None)
    return 0.5


def showWindow(fused: Any, name: str) -> bool:
    """A CT window, on whatever of the pair is CT; a restored CT in grey, without threshold.

    Args:
        fused: fused volume of a result.
        name: key of `CT_WINDOWS`.

    Returns:
        Whether the restored volume is what has to be looked at.
    """
    made = fusedBy(fused)
    if made.reference == "ct":
        setWindow(fused.GetNodeReference(REFERENCE_ROLE), CT_WINDOWS[name])
    if made.degraded == "ct":
        for role in (RESTORED_ROLE, DEGRADED_ROLE):
            setWindow(fused.GetNodeReference(role), CT_WINDOWS[name])
        restored = fused.GetNodeReference(RESTORED_ROLE)
        _setColour(restored, GREY)
        setThreshold(restored, None)
    return made.degraded == "ct"


def showSuv(fused: Any, top: float) -> None:
    """PET from 0 to `top`, the restored and the degraded alike, so that they can be compared.

    Args:
        fused: fused volume of a result.
        top: SUV; one of `SUV_TOPS`.
    """
    if top not in SUV_TOPS:
        raise ValueError(f"Expected one of {SUV_TOPS}, got {top}.")
    for role in (RESTORED_ROLE, DEGRADED_ROLE):
        node = fused.GetNodeReference(role)
        setWindow(node, Window(0, top))
        if node is not None and _threshold(node) is not None:
            setThreshold(node, PET_THRESHOLD * top)
    labelEvenly(fused.GetNodeReference(RESTORED_ROLE))


def setThreshold(node: Any, lower: float | None) -> None:
    """Values below are transparent; None: nothing is.

    Args:
        node: volume node, or None.
        lower: in the unit of the volume.
    """
    display = node.GetDisplayNode() if node is not None else None
    if display is None or not display.IsA("vtkMRMLScalarVolumeDisplayNode"):
        return
    display.SetAutoThreshold(False)
    display.SetApplyThreshold(lower is not None)
    if lower is not None:
        display.SetThreshold(lower, max(lower, node.GetImageData().GetScalarRange()[1]))


def mendWindows() -> None:
    """A scene file keeps window and level rounded: what began at 0 begins at -5e-06 when it is
    read, and the colour scale says so.
    """
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        window = windowOf(node) if legendOf(node) is not None else None
        if window is None or window.low == 0:
            continue
        if abs(window.low) < _ROUNDED * (window.high - window.low):
            setWindow(node, Window(0, window.high))


def _showPet(restored: Any, colour: PetColour) -> float:
    array = imageFromNode(restored).array
    window = windowOf(restored) or usualWindow(array, "pet", factsOf(restored).unit)
    setWindow(restored, window)
    if colour is PetColour.INVERTED:
        _setColour(restored, INVERTED)
        setThreshold(restored, None)
        return 1.0
    restored.GetDisplayNode().SetAndObserveColorNodeID(hotIronNode(restored.GetScene()).GetID())
    setThreshold(restored, window.low + PET_THRESHOLD * (window.high - window.low))
    return 0.6


def _threshold(node: Any) -> float | None:
    display = node.GetDisplayNode()
    if display is None or not display.GetApplyThreshold():
        return None
    return float(display.GetLowerThreshold())


def _setColour(node: Any, colourId: str) -> None:
    """Where the scene has that colour table, as every scene of the application has."""
    display = node.GetDisplayNode() if node is not None else None
    if display is not None and node.GetScene().GetNodeByID(colourId) is not None:
        display.SetAndObserveColorNodeID(colourId)
