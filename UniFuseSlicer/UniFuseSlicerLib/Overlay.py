"""The deformation over the slices: grid, arrows or contour lines, with a color scale in mm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from .BodyLines import BodyLines
from .Choices import ColorScaleChoice, OverlayChoice
from .FieldScale import LENGTH_COLOURS, Scale, lengthScale
from .InsideBody import insideBody, withoutRigid
from .Legends import AT_RIGHT, hideLegend, showLegend
from .Nodes import deformationImage, gridTransform, removeWithDisplay
from .Ownership import DEGRADED_ROLE
from .Pacer import Pacer
from .Results import MAXIMUM_ATTRIBUTE
from .RigidPart import RigidPart

LEAST_MAXIMUM_MM = 0.1
# Arrows shorter than this are not drawn; outside the body the drawn copy has none at all.
SHORTEST_ARROW_MM = 0.05
LONGEST_ARROW_MM = 1e4  # none is too long: where the patient was placed far off, all are
BODY_ROLE = "unifuseDrawnInBody"
DEFORMED_ROLE = "unifuseDrawnWithoutRigid"
DEFORMED_BODY_ROLE = "unifuseDrawnInBodyWithoutRigid"
COPIES = (BODY_ROLE, DEFORMED_ROLE, DEFORMED_BODY_ROLE)


@dataclass(frozen=True)
class OverlayStyle:
    """How to draw: `spacing` is mm between grid lines or arrows."""

    mode: OverlayChoice = OverlayChoice.GRID
    spacing: float = 10.0
    onlyInBody: bool = True
    legend: bool = True
    scale: ColorScaleChoice = ColorScaleChoice.AUTO


class Overlay:
    """Draws one deformation node through its own transform display node.

    Slicer draws *to parent*: an arrow starts where tissue lies in the degraded volume and ends
    where it lies in the reference. For "only inside the body" surfaces or a coarse copy are drawn
    instead, and without the motion of the whole body a copy; the deformation node itself is never
    changed.

    Args:
        colorLogic: class or object with `AddDefaultColorLegendDisplayNode`; None draws no legend.
        pacer: of the steps in which lines in the body are drawn; None: all at once.
    """

    def __init__(self, scene: Any, colorLogic: Any = None, pacer: Pacer | None = None) -> None:
        self._scene = scene
        self.colorLogic = colorLogic
        self._pacer = pacer or Pacer()
        self._lines = BodyLines(scene, self._pacer)
        self._shown: Any = None

    def show(
        self, deformation: Any, reference: Any, style: OverlayStyle, part: RigidPart | None = None
    ) -> Any:
        """Draw, and return the node that is drawn: a transform, or the first of the models that end
        where the body ends (None when off, and where these are still to be drawn).

        Args:
            deformation: grid transform node of a result.
            reference: volume node that shows the body.
            style: how to draw.
            part: the motion to take off; None: the total displacement.
        """
        self.hide(deformation)
        if style.mode is OverlayChoice.OFF:
            return None
        scale = scaleOf(deformation, style.scale, part)
        if style.onlyInBody and style.mode is not OverlayChoice.ARROWS:
            return self._showLines(deformation, reference, style, scale, part)
        self._shown = None
        self._pacer.start(self._drawing(deformation, reference, style, scale, part))
        return self._shown

    def _drawing(
        self,
        deformation: Any,
        reference: Any,
        style: OverlayStyle,
        scale: Scale,
        part: RigidPart | None,
    ) -> Iterator[None]:
        """By Slicer itself; what is drawn is found in one step and seen in the next."""
        drawn = self._drawn(deformation, reference, style, part)
        yield
        display = prepareDisplay(drawn, scale, reference)
        applyStyle(display, style, scale)
        yield
        if style.legend:
            self._showLegend(drawn, scale, style)
        if drawn is not deformation:
            keepOutOfFiles(drawn)
        yield
        display.SetVisibility2D(True)
        display.SetVisibility(True)
        self._shown = drawn

    def hide(self, deformation: Any) -> None:
        self._lines.hide()
        copies = [deformation.GetNodeReference(role) for role in COPIES]
        for node in (deformation, *copies):
            display = node.GetDisplayNode() if node is not None else None
            if display is not None:
                display.SetVisibility(False)
                hideLegend(node)

    def forget(self, deformation: Any) -> None:
        """Drop the drawn copies: the field has changed, or is about to be deleted."""
        self._lines.forget(deformation)
        for role in COPIES:
            copy = deformation.GetNodeReference(role)
            if copy is not None:
                removeWithDisplay(copy)

    def _showLines(
        self,
        deformation: Any,
        reference: Any,
        style: OverlayStyle,
        scale: Scale,
        part: RigidPart | None,
    ) -> Any:
        spacing = style.spacing if style.mode is OverlayChoice.GRID else None
        rigid = None if part is None else part.matrix

        def finish(model: Any) -> None:
            hideLegend(model)
            if style.legend:
                self._showLegend(model, scale, style)
            keepOutOfFiles(model)

        models = self._lines.show(deformation, reference, scale, rigid, spacing, finish)
        return models[0] if models else None

    def _drawn(
        self, deformation: Any, reference: Any, style: OverlayStyle, part: RigidPart | None
    ) -> Any:
        """The deformation itself, or a copy of what is drawn of it."""
        if style.onlyInBody and style.mode is OverlayChoice.ARROWS:
            role = BODY_ROLE if part is None else DEFORMED_BODY_ROLE
            copy = deformation.GetNodeReference(role)
            if copy is None:
                copy = self._unseen(deformation, _("{name} (arrows in the body)"))
                degraded = deformation.GetNodeReference(DEGRADED_ROLE)
                rigid = None if part is None else part.matrix
                image = insideBody(deformation, reference, degraded, rigid)
                copy.SetAndObserveTransformToParent(gridTransform(image))
                self._add(deformation, role, copy)
            return copy
        if part is None:
            return deformation
        copy = deformation.GetNodeReference(DEFORMED_ROLE)
        if copy is None:
            copy = self._unseen(deformation, _("{name} (without the rigid part)"))
            image = withoutRigid(deformation, part.matrix)
            copy.SetAndObserveTransformFromParent(gridTransform(image))
            self._add(deformation, DEFORMED_ROLE, copy)
        return copy

    def _unseen(self, deformation: Any, name: str) -> Any:
        """A new helper node: in no list, in no file, and in no scene before it is complete: views
        and lists would follow each step.
        """
        copy = slicer.vtkMRMLGridTransformNode()
        copy.SetName(name.format(name=deformation.GetName()))
        copy.SetSaveWithScene(False)
        copy.SetHideFromEditors(True)
        return copy

    def _add(self, deformation: Any, role: str, copy: Any) -> None:
        display = slicer.vtkMRMLTransformDisplayNode()
        display.SetSaveWithScene(False)
        display.SetHideFromEditors(True)
        display.SetVisibility(False)
        self._scene.AddNode(display)
        copy.SetAndObserveDisplayNodeID(display.GetID())
        self._scene.AddNode(copy)
        deformation.SetNodeReferenceID(role, copy.GetID())

    def _showLegend(self, drawn: Any, scale: Scale, style: OverlayStyle) -> None:
        if self.colorLogic is not None:
            title = millimetres(enlargement(style, scale))
            showLegend(drawn, self.colorLogic, title, labels=scale.labels, position=AT_RIGHT)


def keepOutOfFiles(copy: Any) -> None:
    """What belongs to a copy that is not saved would be left over in the saved scene."""
    displays = [copy.GetNthDisplayNode(n) for n in range(copy.GetNumberOfDisplayNodes())]
    colours = [d.GetColorNode() for d in displays if d.IsA("vtkMRMLTransformDisplayNode")]
    for node in (*displays, *colours):
        if node is not None:
            node.SetSaveWithScene(False)


def prepareDisplay(deformation: Any, scale: Scale, reference: Any) -> Any:
    """A display node whose colours run over this scale; Slicer's default is fixed at 1 to 10 mm."""
    if deformation.GetDisplayNode() is None:
        deformation.CreateDefaultDisplayNodes()
        deformation.GetDisplayNode().SetVisibility(False)
    display = deformation.GetDisplayNode()
    colours = vtk.vtkColorTransferFunction()
    for share, rgb in LENGTH_COLOURS:
        colours.AddRGBPoint(share * scale.high, *rgb)
    display.SetColorMap(colours)
    display.SetScalarVisibility(True)
    # shown in 3D only when the user asks for it; then around the reference
    display.SetVisibility3D(False)
    if display.GetRegionNode() is None:
        display.SetAndObserveRegionNode(reference)
    return display


def applyStyle(display: Any, style: OverlayStyle, scale: Scale) -> None:
    """Mode, spacing in mm and contour levels of a transform display node."""
    modes = {
        OverlayChoice.GRID: display.VIS_MODE_GRID,
        OverlayChoice.ARROWS: display.VIS_MODE_GLYPH,
        OverlayChoice.CONTOUR: display.VIS_MODE_CONTOUR,
    }
    display.SetVisualizationMode(modes[style.mode])
    display.SetGlyphType(display.GLYPH_TYPE_ARROW)
    display.SetGlyphSpacingMm(style.spacing)
    display.SetGlyphScalePercent(100 * enlargement(style, scale))
    display.SetGlyphDisplayRangeMinMm(SHORTEST_ARROW_MM)
    display.SetGlyphDisplayRangeMaxMm(LONGEST_ARROW_MM)
    display.SetGridSpacingMm(style.spacing)
    display.SetGridResolutionMm(max(0.5, style.spacing / 5))
    display.SetContourResolutionMm(max(1.0, style.spacing / 5))
    display.SetContourLevelsMm(scale.levels, len(scale.levels))
    display.SetSliceIntersectionThickness(2)


def enlargement(style: OverlayStyle, scale: Scale) -> int:
    """How many times longer arrows are drawn: the longest as far as the next one begins, never
    shorter than they are. A millimetre is a pixel or two.
    """
    if style.mode is not OverlayChoice.ARROWS:
        return 1
    return max(1, int(style.spacing / scale.high))


def millimetres(times: float) -> str:
    """Unit of the colours, and how many times longer arrows are drawn than they are."""
    return _("mm") if times == 1 else _("mm (arrows × {times})").format(times=f"{times:g}")


def scaleOf(deformation: Any, choice: ColorScaleChoice, part: RigidPart | None) -> Scale:
    """Of lengths: fixed, or up to the largest one in the body.

    Args:
        deformation: grid transform node of a result.
        choice: of the reader.
        part: the motion that is taken off; None: the total displacement.
    """
    if choice.millimetres is not None:
        return lengthScale(choice.millimetres)
    if part is None:
        return lengthScale(displacementMaximum(deformation))
    return lengthScale(max(LEAST_MAXIMUM_MM, part.restMaximum))


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
