"""Reference and another volume compared in the slice views, until it is ended."""

from __future__ import annotations

from typing import Any, NamedTuple

from .Choices import CompareChoice
from .Layers import Layers
from .Legends import redrawLegends
from .Nodes import matrixArray
from .ShownPart import ShownPart, checkerboard, curtain, screenAxis
from .SliceViews import SliceViews, place, placeOf
from .ViewsBefore import ViewsBefore, compositesOf, sliceNodesOf

SIDE_BY_SIDE_LAYOUT = 29  # vtkMRMLLayoutNode.SlicerLayoutSideBySideView
LEFT, RIGHT = "Red", "Yellow"  # layout names of its two views


class ComparedPair(NamedTuple):
    """Two volume nodes, and the opacity of the second."""

    reference: Any
    other: Any
    opacity: float = 1.0


class Compare:
    """Layout, linking, layers and orientation come back when it is ended.

    Args:
        layers: of the slice views.
    """

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._scene = layers.scene
        self._before: ViewsBefore | None = None
        self._part: ShownPart | None = None
        self._pair: ComparedPair | None = None

    def start(self, pair: ComparedPair, mode: CompareChoice, amount: float) -> None:
        """Compare; what was compared before is ended.

        Args:
            pair: what.
            mode: how; not `OFF`.
            amount: mm of a square, or % of the reference left of the curtain.

        Raises:
            InputNodeError: the second volume is in color and the mode cannot show it, or a volume
                lies under a transform that it cannot follow.
        """
        self.end()
        isPart = mode in (CompareChoice.CHECKERBOARD, CompareChoice.CURTAIN)
        part = ShownPart(pair.other, pair.reference) if isPart else None
        self._before, self._part, self._pair = self._seen(), part, pair
        self._turn(pair.reference)
        if mode is CompareChoice.SIDE_BY_SIDE:
            self._sideBySide(pair)
        elif mode is CompareChoice.FLICKER:
            for composite in compositesOf(self._scene):
                showOver(composite, pair.reference, pair.other, pair.opacity)
        else:
            self.move(mode, amount)
        redrawLegends(self._scene)

    def move(self, mode: CompareChoice, amount: float) -> None:
        """Another size of the squares, or place of the curtain.

        Args:
            mode: checkerboard or curtain.
            amount: as of `start`.
        """
        if self._part is None or self._pair is None:
            return
        grid = self._part.grid
        if mode is CompareChoice.CHECKERBOARD:
            squares = self._part.show("squares", checkerboard(grid, amount))
            copies = {view.GetID(): squares for view in sliceNodesOf(self._scene)}
        else:
            copies = self._curtains(amount / 100)
        for view, composite in self._views():
            copy = copies[view.GetID()]
            showOver(composite, self._pair.reference, copy, self._pair.opacity)

    def end(self) -> None:
        """The views are as they were before."""
        before, self._before = self._before, None
        if before is not None:
            before.bringBack()
        part, self._part, self._pair = self._part, None, None
        if part is not None:
            part.remove()
        if before is not None:
            redrawLegends(self._scene)

    def _seen(self) -> ViewsBefore:
        return ViewsBefore(self._scene, self._layers.layOut)

    def _curtains(self, share: float) -> dict[str, Any]:
        """ID of slice node → copy: views with one axis of the reference across share theirs."""
        part, copies = self._part, {}
        if part is None:
            return {}
        made: dict[tuple[int, int], Any] = {}
        for view in sliceNodesOf(self._scene):
            right = matrixArray(view.GetSliceToRAS())[:3, 0]
            axis = screenAxis(part.grid, right)
            if axis not in made:
                made[axis] = part.show(f"curtain {axis}", curtain(part.grid, axis, share))
            copies[view.GetID()] = made[axis]
        return copies

    def _turn(self, reference: Any) -> None:
        """Along the reference's own axes; views that showed another volume show all of it."""
        ids = {composite.GetBackgroundVolumeID() for composite in compositesOf(self._scene)}
        SliceViews(self._scene).turnTo(reference)
        if ids == {reference.GetID()}:
            return
        for composite in compositesOf(self._scene):
            composite.SetBackgroundVolumeID(reference.GetID())
        self._layers.fit(reference)

    def _sideBySide(self, pair: ComparedPair) -> None:
        """The reference on the left, the other volume on the right, linked."""
        layout = self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        if layout is not None:
            layout.SetViewArrangement(SIDE_BY_SIDE_LAYOUT)
            self._layers.layOut()
        for view, composite in self._views():
            composite.SetLinkedControl(False)
            other = pair.other if view.GetLayoutName() == RIGHT else None
            showOver(composite, pair.reference, other, pair.opacity)
        self._layers.fit(pair.reference)
        views = {view.GetLayoutName(): view for view in sliceNodesOf(self._scene)}
        if LEFT in views and RIGHT in views:
            place(views[RIGHT], placeOf(views[LEFT]))
        for composite in compositesOf(self._scene):
            composite.SetHotLinkedControl(True)
            composite.SetLinkedControl(True)

    def _views(self) -> list[tuple[Any, Any]]:
        """Slice node and composite node of each view."""
        composites = {node.GetLayoutName(): node for node in compositesOf(self._scene)}
        views = sliceNodesOf(self._scene)
        return [
            (view, composites[view.GetLayoutName()])
            for view in views
            if view.GetLayoutName() in composites
        ]


def showOver(composite: Any, reference: Any, other: Any, opacity: float) -> None:
    """
    Args:
        composite: layers of one slice view.
        reference: volume node below.
        other: volume node above, or None.
        opacity: of the second.
    """
    composite.SetBackgroundVolumeID(reference.GetID())
    composite.SetForegroundVolumeID(other.GetID() if other is not None else None)
    composite.SetForegroundOpacity(opacity)
