"""Brings the views from what they show to what is wanted, touching only what has changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from slicer.i18n import tr as _

from .Choices import FieldPartChoice, LayerChoice, OverlayChoice
from .Compare import ComparedPair
from .FieldMap import FIELD_LAYERS, FieldLook, FieldMap
from .Layers import Layers
from .Legends import hideLegend, showLegend
from .LiveWarp import LiveWarp
from .Overlay import Overlay, OverlayStyle
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE
from .Results import DEFORMATION_ROLE, RESTORED_ROLE, isResult
from .RigidPart import rigidPartOf
from .SliceViews import SliceViews
from .Uncertainty import OPACITY, uncertaintyOf


@dataclass(frozen=True)
class Shown:
    """Display choices for one result; `fused` is the node ID of its fused volume, "" when there is
    none.
    """

    fused: str = ""
    layer: LayerChoice = LayerChoice.FUSED
    opacity: float = 1.0
    style: OverlayStyle = field(default_factory=OverlayStyle)
    part: FieldPartChoice = FieldPartChoice.TOTAL
    warpPercent: float = 100.0

    @property
    def overlay(self) -> tuple[str, OverlayStyle, FieldPartChoice]:
        """All that the drawn deformation depends on."""
        return self.fused, self.style, self.part

    @property
    def foreground(self) -> tuple[Any, ...]:
        """All that the volume over the reference depends on, without the live warp."""
        return self.fused, self.layer, self.fieldLook, self.style.legend

    @property
    def fieldLook(self) -> FieldLook | None:
        """Of the colour wash; None where another layer is shown."""
        if self.layer not in FIELD_LAYERS:
            return None
        return FieldLook(self.layer, self.part, self.style.scale)

    @property
    def isMap(self) -> bool:
        """Whether colours lie over the anatomy."""
        return self.layer is LayerChoice.UNCERTAINTY or self.layer in FIELD_LAYERS

    @property
    def ofLayer(self) -> float:
        """Opacity of the layer: a map never hides the anatomy."""
        return self.opacity * (OPACITY if self.isMap else 1.0)


def wantedBy(parameterNode: Any) -> Shown:
    """What the parameters ask the views to show; nothing before there is a result."""
    p = parameterNode
    if p is None or not isResult(p.fused):
        return Shown()
    style = OverlayStyle(p.overlay, p.overlaySpacing, p.onlyInBody, p.legend, p.colorScale)
    return Shown(p.fused.GetID(), p.layer, p.opacity, style, p.fieldPart, p.warpPercent)


def isCopyDrawn(shown: Shown) -> bool:
    """Whether a helper node is drawn, which no scene file holds."""
    mode = shown.style.mode
    isPart = shown.part is FieldPartChoice.DEFORMED
    return mode is not OverlayChoice.OFF and (shown.style.onlyInBody or isPart)


class Display:
    """One result in the slice views: layers, overlay, live warp, and where the views look.

    Attributes:
        shown: the choices that were applied last.
    """

    def __init__(
        self, overlay: Overlay, layers: Layers, liveWarp: LiveWarp, views: SliceViews
    ) -> None:
        self._views = views
        self.overlay = overlay
        self.layers = layers
        self.liveWarp = liveWarp
        self._fieldMap = FieldMap(views.scene, overlay.colorLogic)
        self.shown = Shown()
        self._drawn: Any = None

    def follow(self, fused: Any, current: Shown) -> None:
        """Take `current` as shown (a scene was loaded, the module was entered): the views stay.

        Only the copies that are not saved with a scene are made and drawn again: the warped
        degraded volume, and the points for "only in the body".
        """
        self.shown = current
        self.layers.follow(current.ofLayer)
        if not current.fused:
            return
        reference, deformation = _seen(fused)
        if reference is None or deformation is None:
            return
        self._drawn = deformation
        if isCopyDrawn(current):
            self._showOverlay(fused, current)
        if current.layer is LayerChoice.DEGRADED or current.fieldLook is not None:
            self.layers.show(reference, self._foreground(fused, current), current.ofLayer)
            self._showFieldScale(current)

    def redraw(self, fused: Any) -> None:
        """Another frame of a sequence was chosen: the field has changed, the choices have not.

        Args:
            fused: fused volume that is shown.
        """
        reference, deformation = _seen(fused)
        if self.shown.fused != fused.GetID() or reference is None or deformation is None:
            return
        self.overlay.forget(deformation)
        self._showOverlay(fused, self.shown)
        if self.shown.layer is LayerChoice.DEGRADED or self.shown.fieldLook is not None:
            self.layers.show(reference, self._foreground(fused, self.shown), self.shown.ofLayer)
            self._showFieldScale(self.shown)

    def forget(self, deformation: Any) -> None:
        """The nodes of a result were filled again: everything is drawn again."""
        self._keepViews()
        self.overlay.forget(deformation)
        self.shown = Shown()

    def hide(self, deformation: Any) -> None:
        """A node is about to be deleted: if it is the drawn deformation, its copies go as well."""
        if self._fieldMap.isOf(deformation):
            self._fieldMap.remove()
        if deformation is self._drawn:
            self._hideDrawn()
            self.overlay.forget(deformation)

    def show(self, fused: Any, wanted: Shown) -> None:
        """Apply what differs from what is shown; without a result, or without its reference, no
        layer is touched.

        The deformation of another result is no longer drawn; the views look where they looked when
        this result was left.

        Raises:
            InputNodeError: the degraded volume cannot be warped.
        """
        if wanted.fused != self.shown.fused:
            self._keepViews()
            self._hideDrawn()
        before, self.shown = self.shown, wanted
        if not wanted.fused:
            return
        reference, deformation = _seen(fused)
        if reference is None or deformation is None:
            return
        if wanted.overlay != before.overlay:
            self._showOverlay(fused, wanted)
            self._drawn = deformation
        if wanted.foreground != before.foreground:
            self.layers.show(reference, self._foreground(fused, wanted), wanted.ofLayer)
            self._showScale(uncertaintyOf(fused), wanted.layer is LayerChoice.UNCERTAINTY)
            self._showFieldScale(wanted)
        elif wanted.warpPercent != before.warpPercent:
            self._foreground(fused, wanted)
        if wanted.opacity != before.opacity:
            self.layers.setOpacity(wanted.ofLayer)
        if wanted.fused != before.fused:
            self._views.bringBack(fused)

    def compared(self, fused: Any) -> ComparedPair | None:
        """The reference and the volume over it; the fused one where only the reference is shown.

        Args:
            fused: fused volume of a result.
        """
        reference = fused.GetNodeReference(REFERENCE_ROLE)
        if reference is None:
            return None
        other = self._foreground(fused, self.shown) or fused
        return ComparedPair(reference, other, self.shown.ofLayer if self.shown.isMap else 1.0)

    def removeClones(self) -> None:
        """Take out of the scene what is made again when it is shown."""
        self.liveWarp.remove()
        self._fieldMap.remove()

    def _keepViews(self) -> None:
        fused = self._views.scene.GetNodeByID(self.shown.fused) if self.shown.fused else None
        if fused is not None:
            self._views.keep(fused)

    def _showOverlay(self, fused: Any, wanted: Shown) -> None:
        """The deformation in its style, all of it or without the motion of the whole body."""
        reference, deformation = _seen(fused)
        isDrawn = wanted.style.mode is not OverlayChoice.OFF
        isPart = isDrawn and wanted.part is FieldPartChoice.DEFORMED
        part = rigidPartOf(fused) if isPart else None
        self.overlay.show(deformation, reference, wanted.style, part)

    def _hideDrawn(self) -> None:
        if self._drawn is not None and self._drawn.GetScene() is not None:
            self.overlay.hide(self._drawn)
        self._drawn = None

    def _showScale(self, mapped: Any, shown: bool) -> None:
        """The colour scale of the uncertainty, where its map lies over the reference."""
        if mapped is None or mapped.GetDisplayNode() is None:
            return
        if shown and self.overlay.colorLogic is not None:
            showLegend(mapped, self.overlay.colorLogic, _("Uncertainty, mm"))
        else:
            hideLegend(mapped)

    def _showFieldScale(self, shown: Shown) -> None:
        """Of the colour wash; without one, the volume behind it goes."""
        look = shown.fieldLook
        if look is None:
            self._fieldMap.remove()
        else:
            self._fieldMap.showLegend(look, shown=shown.style.legend)

    def _foreground(self, fused: Any, wanted: Shown) -> Any:
        """The volume over the reference."""
        if wanted.layer is LayerChoice.FUSED:
            return fused
        if wanted.layer is LayerChoice.RESTORED:
            return fused.GetNodeReference(RESTORED_ROLE)
        if wanted.layer is LayerChoice.UNCERTAINTY:
            return uncertaintyOf(fused)
        look = wanted.fieldLook
        if look is not None:
            return self._fieldMap.show(fused, look)
        degraded = fused.GetNodeReference(DEGRADED_ROLE)
        if wanted.layer is LayerChoice.REFERENCE or degraded is None:
            return None
        return self.liveWarp.show(
            degraded, fused.GetNodeReference(DEFORMATION_ROLE), wanted.warpPercent
        )


def _seen(fused: Any) -> tuple[Any, Any]:
    """Reference and deformation of a result."""
    return fused.GetNodeReference(REFERENCE_ROLE), fused.GetNodeReference(DEFORMATION_ROLE)
