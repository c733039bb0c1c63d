"""The deformation over the slices: grid, arrows or contour lines, with a color scale in mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk
from slicer.i18n import tr as _

from .Choices import OverlayChoice
from .InsideBody import insideBody
from .Nodes import deformationImage, gridTransform, removeWithDisplay
from .Results import MAXIMUM_ATTRIBUTE

# Displacement as a share of the largest one in the body → colour; red is the largest.
COLOURS = (
    (0.0, (0.35, 0.45, 0.60)),
    (0.25, (0.20, 0.75, 0.75)),
    (0.5, (0.30, 0.85, 0.25)),
    (0.75, (1.0, 0.90, 0.10)),
    (1.0, (0.95, 0.10, 0.05)),
)
LEAST_MAXIMUM_MM = 0.1
# Arrows shorter than this are not drawn; outside the body the drawn copy has none at all.
SHORTEST_ARROW_MM = 0.05
# Shares of the view, and points: small enough to leave the anatomy free.
LEGEND_SIZE, LEGEND_POSITION, LEGEND_FONT = (0.1, 0.35), (0.96, 0.5), 12
BODY_ROLE = "unifuseDrawnInBody"


@dataclass(frozen=True)
class OverlayStyle:
    """How to draw: `spacing` is mm between grid lines or arrows."""

    mode: OverlayChoice = OverlayChoice.GRID
    spacing: float = 10.0
    onlyInBody: bool = True
    legend: bool = True


class Overlay:
    """Draws one deformation node through its own transform display node.

    Slicer draws *to parent*: an arrow starts where tissue lies in the degraded volume and ends
    where it lies in the reference. For "only inside the body" a coarse copy, without displacement
    outside the body, is drawn instead; the deformation node itself is never changed.

    Args:
        colorLogic: class or object with `AddDefaultColorLegendDisplayNode`; None draws no legend.
    """

    def __init__(self, scene: Any, colorLogic: Any = None) -> None:
        self._scene = scene
        self.colorLogic = colorLogic

    def show(self, deformation: Any, reference: Any, style: OverlayStyle) -> Any:
        """Draw, and return the transform node that is drawn (None when off)."""
        self.hide(deformation)
        if style.mode is OverlayChoice.OFF:
            return None
        drawn = deformation
        if style.onlyInBody and style.mode is OverlayChoice.ARROWS:
            drawn = self._drawnInBody(deformation, reference)
        display = prepareDisplay(drawn, displacementMaximum(deformation), reference)
        applyStyle(display, style, displacementMaximum(deformation))
        display.SetVisibility2D(True)
        display.SetVisibility(True)
        if style.legend:
            self._showLegend(display)
        if drawn is not deformation:
            self._keepOutOfFiles(drawn)
        return drawn

    def hide(self, deformation: Any) -> None:
        for node in (deformation, deformation.GetNodeReference(BODY_ROLE)):
            display = node.GetDisplayNode() if node is not None else None
            if display is not None:
                display.SetVisibility(False)
                legend = self._legendOf(display)
                if legend is not None:
                    legend.SetVisibility(False)

    def forget(self, deformation: Any) -> None:
        """Drop the drawn copy: the field has changed."""
        copy = deformation.GetNodeReference(BODY_ROLE)
        if copy is not None:
            removeWithDisplay(copy)

    def _drawnInBody(self, deformation: Any, reference: Any) -> Any:
        copy = deformation.GetNodeReference(BODY_ROLE)
        if copy is None:
            name = _("{name} (arrows in the body)").format(name=deformation.GetName())
            copy = self._scene.AddNewNodeByClass("vtkMRMLGridTransformNode", name)
            copy.SetSaveWithScene(False)
            copy.SetHideFromEditors(True)
            copy.SetAndObserveTransformToParent(gridTransform(insideBody(deformation, reference)))
            deformation.SetNodeReferenceID(BODY_ROLE, copy.GetID())
        return copy

    def _keepOutOfFiles(self, copy: Any) -> None:
        """What belongs to a copy that is not saved would be left over in the saved scene."""
        displays = [copy.GetNthDisplayNode(n) for n in range(copy.GetNumberOfDisplayNodes())]
        colours = [d.GetColorNode() for d in displays if d.IsA("vtkMRMLTransformDisplayNode")]
        for node in (*displays, *colours):
            if node is not None:
                node.SetSaveWithScene(False)

    def _showLegend(self, display: Any) -> None:
        if self.colorLogic is None:
            return
        legend = self._legendOf(display) or self.colorLogic.AddDefaultColorLegendDisplayNode(
            display
        )
        if legend is None:
            return
        legend.SetTitleText(_("mm"))
        legend.SetLabelFormat("%.1f")
        legend.SetSize(*LEGEND_SIZE)
        legend.SetPosition(*LEGEND_POSITION)
        for text in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
            text.SetFontSize(LEGEND_FONT)
        legend.SetVisibility(True)

    def _legendOf(self, display: Any) -> Any:
        node = display.GetDisplayableNode()
        for index in range(node.GetNumberOfDisplayNodes() if node is not None else 0):
            candidate = node.GetNthDisplayNode(index)
            if candidate is not None and candidate.IsA("vtkMRMLColorLegendDisplayNode"):
                return candidate
        return None


def prepareDisplay(deformation: Any, maximum: float, reference: Any) -> Any:
    """A display node whose colours run from 0 to this field's maximum (Slicer's default is fixed at
    1 to 10 mm).
    """
    if deformation.GetDisplayNode() is None:
        deformation.CreateDefaultDisplayNodes()
        deformation.GetDisplayNode().SetVisibility(False)
    display = deformation.GetDisplayNode()
    colours = vtk.vtkColorTransferFunction()
    for share, rgb in COLOURS:
        colours.AddRGBPoint(share * maximum, *rgb)
    display.SetColorMap(colours)
    display.SetScalarVisibility(True)
    # shown in 3D only when the user asks for it; then around the reference
    display.SetVisibility3D(False)
    if display.GetRegionNode() is None:
        display.SetAndObserveRegionNode(reference)
    return display


def applyStyle(display: Any, style: OverlayStyle, maximum: float) -> None:
    """Mode, spacing in mm and contour levels of a transform display node."""
    modes = {
        OverlayChoice.GRID: display.VIS_MODE_GRID,
        OverlayChoice.ARROWS: display.VIS_MODE_GLYPH,
        OverlayChoice.CONTOUR: display.VIS_MODE_CONTOUR,
    }
    display.SetVisualizationMode(modes[style.mode])
    display.SetGlyphType(display.GLYPH_TYPE_ARROW)
    display.SetGlyphSpacingMm(style.spacing)
    display.SetGlyphDisplayRangeMinMm(SHORTEST_ARROW_MM)
    display.SetGlyphDisplayRangeMaxMm(max(100.0, maximum))
    display.SetGridSpacingMm(style.spacing)
    display.SetGridResolutionMm(max(0.5, style.spacing / 5))
    display.SetContourResolutionMm(max(1.0, style.spacing / 5))
    levels = contourLevels(maximum)
    display.SetContourLevelsMm(levels, len(levels))
    display.SetSliceIntersectionThickness(2)


def displacementMaximum(deformation: Any) -> float:
    """max |u| in mm inside the body from the report, else of the whole field (from at most about
    10⁶ vectors).

    The corners of the field of view move most and mean nothing; colours should be spent on the
    patient. At least `LEAST_MAXIMUM_MM`, so that colours stay apart.
    """
    reported = deformation.GetAttribute(MAXIMUM_ATTRIBUTE)
    if reported:
        return max(LEAST_MAXIMUM_MM, float(reported))
    field = deformationImage(deformation).array
    step = max(1, int(np.ceil((field[..., 0].size / 1e6) ** (1 / 3))))
    return max(
        LEAST_MAXIMUM_MM, float(np.linalg.norm(field[::step, ::step, ::step], axis=-1).max())
    )


def contourLevels(maximum: float) -> list[float]:
    """Three to nine round levels in mm below the maximum (steps of 1, 2 or 5 times a power of
    ten).
    """
    widest = maximum / 4 * 1.001
    power = 10.0 ** np.floor(np.log10(widest))
    step = power * max(s for s in (1, 2, 5) if s * power <= widest)
    return [float(level) for level in np.arange(1, 10) * step if level < 0.999 * maximum]
