"""The deformation as a colour wash over the reference: displacement, mm, or change of volume, %.

Only where it means something: in the body, as far as the degraded field of view reaches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from slicer.i18n import tr as _

from .Choices import ColorScaleChoice, FieldPartChoice, LayerChoice
from .CoarseField import CoarseField, coarseField
from .FieldScale import Scale, changeColours, changeScale, lengthColours
from .Folds import determinant
from .Images import Image
from .Legends import hideLegend, showLegend
from .Nodes import removeWithDisplay, updateVolume
from .Overlay import scaleOf
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE
from .Results import DEFORMATION_ROLE
from .RigidPart import lengths, rigidPartOf
from .Windows import Window, setWindow

FIELD_LAYERS = (LayerChoice.DISPLACEMENT, LayerChoice.VOLUME_CHANGE)
HIDDEN = -1e6  # far below every value
TAIL_PERCENT = 99.9  # of the body: single outliers would squeeze the colours of the rest
LEAST_CHANGE_PERCENT = 1.0  # so that colours stay apart
_NO_VOLUME = -100.0  # %; below lie folds
_BELOW = 1e-3  # the lowest value, mm or %: what is mixed with a hidden voxel is far lower


class FieldLook(NamedTuple):
    """What of a deformation is seen, and how.

    Attributes:
        layer: one of `FIELD_LAYERS`.
        part: of the displacement.
        scale: of the colours.
    """

    layer: LayerChoice
    part: FieldPartChoice
    scale: ColorScaleChoice


class FieldMap:
    """A helper volume that no selector offers and no scene file holds.

    Args:
        scene: of the volume.
        colorLogic: class or object with `AddDefaultColorLegendDisplayNode`; None draws no legend.
    """

    def __init__(self, scene: Any, colorLogic: Any) -> None:
        self._scene = scene
        self._colorLogic = colorLogic
        self._node: Any = None
        self._scale = Scale(0.0, 1.0, 1.0)
        self._made: tuple[Any, ...] = ()

    def show(self, fused: Any, look: FieldLook) -> Any:
        """Fill the volume and return it.

        Args:
            fused: fused volume of a result whose reference is in the scene.
            look: what is seen.
        """
        deformation = fused.GetNodeReference(DEFORMATION_ROLE)
        transform = deformation.GetTransformFromParent()
        made = (fused.GetID(), transform.GetMTime(), look)
        if self._node is None or self._node.GetScene() is not self._scene or made != self._made:
            self._fill(fused, look)
            self._made = made
        return self._node

    def showLegend(self, look: FieldLook, *, shown: bool) -> None:
        """The colour scale, or none; Slicer draws it only when its volume is in the views already.

        Args:
            look: as of `show`.
            shown: whether there is one.
        """
        if shown and self._colorLogic is not None:
            labels = self._scale.labels
            legend = showLegend(self._node, self._colorLogic, _title(look), labels=labels)
            legend.SetSaveWithScene(False)
        elif self._node is not None:
            hideLegend(self._node)

    def isOf(self, deformation: Any) -> bool:
        """Whether the volume was made of this node."""
        node = self._node
        return node is not None and node.GetNodeReference(DEFORMATION_ROLE) is deformation

    def remove(self) -> None:
        """Take it out of the scene."""
        if self._node is not None and self._node.GetScene() is self._scene:
            removeWithDisplay(self._node)
        self._node, self._made = None, ()

    def _fill(self, fused: Any, look: FieldLook) -> None:
        deformation, reference, degraded = (
            fused.GetNodeReference(role)
            for role in (DEFORMATION_ROLE, REFERENCE_ROLE, DEGRADED_ROLE)
        )
        field = coarseField(deformation, reference, degraded)
        if look.layer is LayerChoice.DISPLACEMENT:
            part = rigidPartOf(fused) if look.part is FieldPartChoice.DEFORMED else None
            values = lengths(field, None if part is None else part.matrix)
            scale = scaleOf(deformation, look.scale, part)
        else:
            values = changes(field)
            scale = _changeScale(values[field.shown], look.scale)
        image = Image.fromArray(np.where(field.shown, values, HIDDEN), field.ijkToRas, np.float32)
        self._put(deformation, image, look, scale)

    def _put(self, deformation: Any, image: Image, look: FieldLook, scale: Scale) -> None:
        self.remove()
        name = _("{name} (color wash)").format(name=deformation.GetName())
        node = self._scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        setWindow(node, Window(scale.low, scale.high))  # first, else Slicer would search for one
        updateVolume(node, image)
        isChange = look.layer is LayerChoice.VOLUME_CHANGE
        colours = (changeColours if isChange else lengthColours)(self._scene)
        display.SetAndObserveColorNodeID(colours.GetID())
        display.SetAutoThreshold(False)
        seen = image.array[image.array > HIDDEN]
        lowest = float(seen.min()) if seen.size else scale.low
        display.SetThreshold(lowest - _BELOW, max(scale.high, float(image.array.max())))
        display.SetApplyThreshold(True)
        for item in (node, display):
            item.SetSaveWithScene(False)
            item.SetHideFromEditors(True)
        node.SetNodeReferenceID(DEFORMATION_ROLE, deformation.GetID())
        self._node, self._scale = node, scale


def changes(field: CoarseField) -> np.ndarray:
    """100 (det J − 1), `(k, j, i)` %: above 0 the anatomy is larger in the degraded volume.

    A turn or shift changes no volume. A field that is one coarse voxel thin has no change.
    """
    if min(field.shown.shape) < 2:
        return np.zeros(field.shown.shape, np.float32)
    image = Image.fromArray(np.ascontiguousarray(field.displacement), field.ijkToRas, np.float32)
    return np.asarray(np.maximum(100 * (determinant(image) - 1), _NO_VOLUME))


def _changeScale(inBody: np.ndarray, choice: ColorScaleChoice) -> Scale:
    if choice.percent is not None:
        return changeScale(choice.percent)
    largest = float(np.percentile(np.abs(inBody), TAIL_PERCENT)) if inBody.size else 0.0
    return changeScale(max(LEAST_CHANGE_PERCENT, largest))


def _title(look: FieldLook) -> str:
    if look.layer is LayerChoice.VOLUME_CHANGE:
        return _("Volume, %")
    if look.part is FieldPartChoice.DEFORMED:
        return _("Deformed, mm")
    return _("Displaced, mm")
