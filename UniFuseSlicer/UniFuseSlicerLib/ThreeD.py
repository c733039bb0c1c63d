"""The 3-D view that a layout leaves empty: PET as a rotating maximum-intensity projection, for
other results the displacement as arrows in the outline of the body.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from slicer.i18n import tr as _

from .BodyMasks import bodyOn
from .BodyOutline import arrows, arrowSpacing, outline
from .Choices import ColorScaleChoice, FieldPartChoice
from .CoarseField import CoarseField, coarseField
from .FieldScale import Scale
from .Legends import AT_RIGHT, showLegend
from .NodeWatch import NodeWatch
from .Overlay import millimetres, scaleOf
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE, contains
from .Projection import coarse, colour, petOf, petWindow, renderingKind
from .Results import DEFORMATION_ROLE, RESTORED_ROLE, isResult
from .RigidPart import rigidPartOf
from .Spin import Spin
from .ThreeDNodes import ThreeDNodes
from .ThreeDView import giveBack, isEmpty, isLight, lookAt, startProjection, visibleView

WAIT_MS = 150  # slices first
OUTLINE_OPACITY = 0.22
FAINT = 0.07  # with PET: where the body ends, and no more
SPACING_MM = 4.0
MOST_VOXELS = 500_000
MOST_SPACINGS = 5.0  # no arrow is longer: of a volume that lay half a metre off they would hide it


class Wanted(NamedTuple):
    """Nodes by their IDs; `versions` change when one of them is filled again."""

    fused: str
    view: str
    versions: tuple[int, ...]
    part: FieldPartChoice
    scale: ColorScaleChoice
    spacing: float
    legend: bool

    def isSameExceptChoices(self, other: Wanted | None) -> bool:
        """Same result in the same view."""
        return other is not None and self[:3] == other[:3]


class ThreeD:
    """Helper nodes in the first visible 3-D view, and none without one.

    Args:
        scene: of the views.
        colorLogic: draws the scale in mm; None draws none.
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        attempt: runs a function and shows its error.
        clock: seconds.
    """

    def __init__(
        self,
        scene: Any,
        colorLogic: Any,
        makeTimer: Callable[[Callable[[], None], int], Any],
        attempt: Callable[[Callable[[], None]], Any],
        clock: Callable[[], float],
    ) -> None:
        self._scene = scene
        self._colorLogic = colorLogic
        self._attempt = attempt
        self._timer = makeTimer(self.settle, WAIT_MS)
        self._spin = Spin(makeTimer, clock)
        self._layout = NodeWatch(self._onLayout)
        self._window = NodeWatch(self._onWindow)
        self._parameterNode: Any = None
        self._shown: Wanted | None = None
        self._lookedAt: tuple[str, str] | None = None
        self._nodes: ThreeDNodes | None = None
        self._pet: Any = None
        self._colours: Any = None

    def follow(self, parameterNode: Any) -> None:
        """Soon what is chosen now; nothing of another result stays.

        Args:
            parameterNode: None where nothing is to be shown.
        """
        self._parameterNode = parameterNode
        wanted = self._wanted()
        layout = self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        self._layout.follow((layout,) if parameterNode is not None else ())
        if wanted == self._shown:
            self._timer.stop()
            return
        if self._shown is not None and (wanted is None or wanted[:2] != self._shown[:2]):
            self._remove()
        if wanted is not None:
            self._timer.start()

    def settle(self) -> None:
        """Timer: the slices are drawn, the layout stands."""
        self._timer.stop()
        wanted, before = self._wanted(), self._shown
        if wanted == before:
            return
        if wanted is None:
            self._remove()
            return
        self._shown = wanted
        self._attempt(lambda: self._show(wanted, before))

    def release(self) -> None:
        """The module is left, or the scene is closing: nothing of it stays."""
        self._timer.stop()
        self._parameterNode = None
        self._layout.follow(())
        self._remove()

    def forget(self, node: Any) -> None:
        """A node is about to be deleted.

        Args:
            node: any.
        """
        if self._shown is None:
            return
        fused, view = (self._scene.GetNodeByID(ident) for ident in self._shown[:2])
        if fused is None or contains((fused, view, *_madeOf(fused)), node):
            self._remove()

    def _wanted(self) -> Wanted | None:
        p = self._parameterNode
        if p is None or not p.threeD or not isResult(p.fused):
            return None
        view = visibleView(self._scene)
        made = _madeOf(p.fused)
        if view is None or None in made:
            return None
        versions = tuple(_versionOf(node) for node in made)
        choices = (p.fieldPart, p.colorScale, p.overlaySpacing, p.legend)
        return Wanted(p.fused.GetID(), view.GetID(), versions, *choices)

    def _show(self, wanted: Wanted, before: Wanted | None) -> None:
        fused, view = (self._scene.GetNodeByID(ident) for ident in wanted[:2])
        pet = petOf(fused) if renderingKind() is not None else None
        if pet is not None and self._pet is pet and wanted.isSameExceptChoices(before):
            return  # of these choices a projection knows none
        self._removeNodes()
        nodes = ThreeDNodes(self._scene, view, _("{name} (3-D)").format(name=fused.GetName()))
        self._nodes = nodes
        field = _fieldOf(fused)
        body = bodyOn(fused.GetNodeReference(REFERENCE_ROLE), field.shown.shape, field.ijkToRas)
        surface = outline(body, field.ijkToRas)
        self._lookOnce(view, surface, wanted)
        nodes.addOutline(surface, OUTLINE_OPACITY if pet is None else FAINT)
        if pet is None:
            self._showArrows(nodes, fused, field, wanted)
        else:
            self._showPet(nodes, pet, view)

    def _showPet(self, nodes: ThreeDNodes, pet: Any, view: Any) -> None:
        if startProjection(view):
            self._spin.start(view)

        def paint(colours: Any) -> None:
            colour(colours, petWindow(pet), isLight(view))

        self._colours = nodes.addVolume(coarse(pet), renderingKind(), paint)
        self._pet = pet
        self._window.follow((pet.GetDisplayNode(), view))

    def _showArrows(
        self, nodes: ThreeDNodes, fused: Any, field: CoarseField, wanted: Wanted
    ) -> None:
        part = rigidPartOf(fused) if wanted.part is FieldPartChoice.DEFORMED else None
        scale = scaleOf(fused.GetNodeReference(DEFORMATION_ROLE), wanted.scale, part)
        spacing = arrowSpacing(field, wanted.spacing)
        times = enlargement(spacing, scale.high)
        drawn = arrows(field, None if part is None else part.matrix, spacing, times)
        if not drawn.GetNumberOfPoints():
            return  # nothing moved: the outline alone, without a scale of no arrows
        model = nodes.addLengths(drawn, scale)
        if wanted.legend and self._colorLogic is not None:
            self._showLegend(model, wanted.view, scale, times)

    def _showLegend(self, model: Any, view: str, scale: Scale, times: float) -> None:
        title = millimetres(times)
        legend = showLegend(model, self._colorLogic, title, labels=scale.labels, position=AT_RIGHT)
        if legend is not None:
            legend.SetSaveWithScene(False)
            legend.SetHideFromEditors(True)
            legend.AddViewNodeID(view)

    def _lookOnce(self, view: Any, surface: Any, wanted: Wanted) -> None:
        """A reader who has turned the view, or has something else in it, is left alone."""
        if self._lookedAt == wanted[:2]:
            return
        self._lookedAt = wanted[:2]
        if surface.GetNumberOfPoints() and isEmpty(view):
            lookAt(view, surface.GetBounds())

    def _onLayout(self) -> None:
        self._timer.start()

    def _onWindow(self) -> None:
        """The slice views show PET in another window, or the view has another ground."""
        if self._pet is None or self._shown is None:
            return
        view = self._scene.GetNodeByID(self._shown.view)
        if view is not None:
            colour(self._colours, petWindow(self._pet), isLight(view))

    def _remove(self) -> None:
        self._shown = None
        self._spin.release()
        self._removeNodes()
        giveBack(self._scene)

    def _removeNodes(self) -> None:
        self._window.follow(())
        self._pet = self._colours = None
        if self._nodes is not None:
            self._nodes.remove()
        self._nodes = None


def _madeOf(fused: Any) -> tuple[Any, ...]:
    """The nodes of a result that are seen here."""
    roles = (REFERENCE_ROLE, RESTORED_ROLE, DEFORMATION_ROLE)
    return tuple(fused.GetNodeReference(role) for role in roles)


def _versionOf(node: Any) -> int:
    isTransform = node.IsA("vtkMRMLTransformNode")
    held = node.GetTransformFromParent() if isTransform else node.GetImageData()
    return 0 if held is None else int(held.GetMTime())


def _fieldOf(fused: Any) -> CoarseField:
    """On few voxels: what is drawn of it is an outline, and arrows that are farther apart."""
    deformation, reference, degraded = (
        fused.GetNodeReference(role) for role in (DEFORMATION_ROLE, REFERENCE_ROLE, DEGRADED_ROLE)
    )
    return coarseField(deformation, reference, degraded, SPACING_MM, MOST_VOXELS)


def enlargement(spacing: float, longest: float) -> float:
    """How many times longer arrows are drawn: the longest as far as the next one begins, never
    shorter than they are, unless they would hide the body.

    Args:
        spacing: mm between arrows.
        longest: mm.
    """
    if longest > MOST_SPACINGS * spacing:
        return float(f"{MOST_SPACINGS * spacing / longest:.1g}")
    return max(1, int(spacing / longest))
