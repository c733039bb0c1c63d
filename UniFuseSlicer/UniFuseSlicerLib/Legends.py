"""Colour scales of volumes and fields, seen where these are seen."""

from __future__ import annotations

from typing import Any

import slicer

from .Windows import windowOf

LEGEND_LABELS = {5.0: 6, 7.0: 8, 10.0: 6, 20.0: 5}  # top of the window → whole numbers
# Shares of the view, and points: small enough to leave the anatomy free.
LEGEND_SIZE, LEGEND_FONT = (0.1, 0.35), 12
LABEL_FORMAT = "%3.3g"  # Slicer widens labels of one digit until they fill their box
AT_LEFT, AT_RIGHT = (0.08, 0.5), (0.96, 0.5)


def legendOf(node: Any) -> Any:
    """Display node of the colour scale of a node that is displayed; None without one."""
    displays = (node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes()))
    return next((d for d in displays if d and d.IsA("vtkMRMLColorLegendDisplayNode")), None)


def showLegend(
    node: Any,
    colorLogic: Any,
    title: str,
    *,
    labels: int | None = None,
    position: tuple[float, float] = AT_LEFT,
) -> Any:
    """The colour scale of a node, at an edge of the views; returns its display node.

    Args:
        node: volume, transform or model node with a display node.
        colorLogic: class or object with `AddDefaultColorLegendDisplayNode`.
        title: unit of the values.
        labels: numbers beside the colours; None: as suits the window of a volume.
        position: its middle, shares of the view from the left and from below.
    """
    display = node.GetDisplayNode()
    legend = legendOf(node) or colorLogic.AddDefaultColorLegendDisplayNode(display)
    if legend is None:
        return None
    legend.SetTitleText(title)
    legend.SetLabelFormat(LABEL_FORMAT)
    legend.SetSize(*LEGEND_SIZE)
    legend.SetPosition(*position)
    for text in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
        text.SetFontSize(LEGEND_FONT)
    legend.SetVisibility(True)
    if labels is None:
        labelEvenly(node)
    else:
        legend.SetNumberOfLabels(labels)
    return legend


def hideLegend(node: Any) -> None:
    """The colour scale of a node, if it has one, is not seen."""
    legend = legendOf(node)
    if legend is not None:
        legend.SetVisibility(False)


def labelEvenly(node: Any) -> None:
    """Whole numbers at the colour scale where the window ends with one of the SUV buttons."""
    legend = legendOf(node) if node is not None else None
    window = windowOf(node)
    if legend is not None and window is not None:
        legend.SetNumberOfLabels(LEGEND_LABELS.get(window.high, 5))


def copyLegend(node: Any, copy: Any) -> None:
    """A copy of a volume has its colour scale, seen as that of the volume is; saved with no scene.

    Args:
        node: volume node.
        copy: volume node with a display node.
    """
    legend, copied = legendOf(node), legendOf(copy)
    if legend is None:
        return
    if copied is None:
        copied = copy.GetScene().AddNewNodeByClass("vtkMRMLColorLegendDisplayNode")
        copied.SetSaveWithScene(False)
        copied.SetHideFromEditors(True)
        copied.SetAndObservePrimaryDisplayNode(copy.GetDisplayNode())
        copy.AddAndObserveDisplayNodeID(copied.GetID())
    copied.CopyContent(legend)


def redrawLegends(scene: Any) -> None:
    """After other volumes were put into views: Slicer looks at its colour scales again only when
    the mouse has put them there, or a scale itself has changed.

    Args:
        scene: of the views.
    """
    for legend in slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode", scene):
        legend.Modified()
