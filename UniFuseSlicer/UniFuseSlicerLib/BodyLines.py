"""Grid and contour lines of a deformation that end where the body ends.

Slicer draws both over the whole slice. Here they are surfaces on the reference, which every slice
cuts to lines: no slice is computed again when it is turned or moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin
from vtk.util.numpy_support import numpy_to_vtk

from .CoarseField import CoarseField, coarseField
from .FieldScale import Scale, lengthColours
from .Nodes import matrixArray, removeWithDisplay
from .Ownership import DEGRADED_ROLE
from .Pacer import Pacer
from .Process import ignore
from .RigidPart import lengths, moved

GRID_ROLES = ("unifuseDrawnLinesI", "unifuseDrawnLinesJ", "unifuseDrawnLinesK")
CONTOUR_ROLE = "unifuseDrawnContours"
LENGTH_MM, IN_BODY = "mm", "in body"
SHEET_SPACING_MM = 4.0  # a grid's planes are smooth; finer voxels double the time and look the same


class BodyLines(VTKObservationMixin):
    """Hidden models that no scene file holds.

    A grid has one for each axis n of the reference, with the lines across n: it is seen in the
    views that look along another axis. What is parallel to a slice would cover it.

    Args:
        scene: of the models.
        pacer: of the steps in which they are drawn.
    """

    def __init__(self, scene: Any, pacer: Pacer) -> None:
        VTKObservationMixin.__init__(self)
        self._scene = scene
        self._pacer = pacer
        self._axes = np.eye(3)
        self._models: list[Any] = []

    def show(
        self,
        deformation: Any,
        reference: Any,
        scale: Scale,
        rigid: np.ndarray | None = None,
        gridSpacing: float | None = None,
        finish: Callable[[Any], None] = ignore,
    ) -> list[Any]:
        """Draw, and return the models that there are by now: three for a grid, one for contour
        lines, fewer where the window is let in between.

        Args:
            deformation: grid transform node of a result.
            reference: volume node that shows the body.
            scale: of the colours; contour lines lie at its ticks.
            rigid: B, `(4, 4)` RAS mm, the motion to take off; None: the total displacement.
            gridSpacing: mm between grid lines; None: contour lines.
            finish: called with every model.
        """
        self.hide()
        self._pacer.start(self._drawing(deformation, reference, scale, rigid, gridSpacing, finish))
        return list(self._models)

    def _drawing(
        self,
        deformation: Any,
        reference: Any,
        scale: Scale,
        rigid: np.ndarray | None,
        gridSpacing: float | None,
        finish: Callable[[Any], None],
    ) -> Iterator[None]:
        """Steps of about the same length."""
        field = coarseField(deformation, reference, deformation.GetNodeReference(DEGRADED_ROLE))
        yield
        if gridSpacing is None:
            surfaces = iter([contours(field, rigid, scale.levels)])
            roles: tuple[str, ...] = (CONTOUR_ROLE,)
        else:
            surfaces, roles = gridSheets(field, rigid, gridSpacing), GRID_ROLES
        for role in roles:
            surface = next(surfaces)
            yield
            model = self._model(deformation, surface, role, scale)
            self._models.append(model)
            yield
            finish(model)
            yield
        if gridSpacing is not None:
            self._axes = axesOf(field.ijkToRas)
            self._followViews()

    def hide(self) -> None:
        """Draw nothing, and stop following the slice views."""
        self._pacer.stop()
        self.removeObservers()
        for model in self._models:
            display = model.GetDisplayNode()
            if display is not None:
                display.SetVisibility(False)
        self._models = []

    def forget(self, deformation: Any) -> None:
        """Take the models of a deformation out of the scene."""
        self.hide()
        for role in (*GRID_ROLES, CONTOUR_ROLE):
            model = deformation.GetNodeReference(role)
            if model is not None:
                removeWithDisplay(model)

    def _model(self, deformation: Any, surface: Any, role: str, scale: Scale) -> Any:
        """The model of this role, made at its first use."""
        node = deformation.GetNodeReference(role) or self._made(deformation, role)
        display = node.GetDisplayNode()
        display.SetScalarRange(scale.low, scale.high)
        node.SetAndObserveMesh(surface)
        display.SetVisibility(role == CONTOUR_ROLE)  # a grid is seen once its views are known
        return node

    def _made(self, deformation: Any, role: str) -> Any:
        """Complete before it is in the scene, else views and lists would follow each step."""
        node, display = slicer.vtkMRMLModelNode(), slicer.vtkMRMLModelDisplayNode()
        for item in (node, display):
            item.SetSaveWithScene(False)
            item.SetHideFromEditors(True)
        display.SetVisibility(False)
        display.SetAndObserveColorNodeID(lengthColours(self._scene).GetID())
        display.SetActiveScalarName(LENGTH_MM)
        display.SetScalarRangeFlag(display.UseManualScalarRange)
        display.SetScalarVisibility(True)
        display.SetSliceIntersectionThickness(2)
        display.SetVisibility3D(False)
        display.SetVisibility2D(True)
        self._scene.AddNode(display)
        node.SetName(_("{name} (lines in the body)").format(name=deformation.GetName()))
        node.SetAndObserveDisplayNodeID(display.GetID())
        self._scene.AddNode(node)
        deformation.SetNodeReferenceID(role, node.GetID())
        return node

    def _followViews(self) -> None:
        self.addObserver(self._scene, self._scene.NodeAddedEvent, self._onNodeAdded)
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode", self._scene):
            self.addObserver(view, vtk.vtkCommand.ModifiedEvent, self._onView)
        self._onView()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, _caller: Any, _event: Any, node: Any) -> None:
        if node.IsA("vtkMRMLSliceNode"):
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onView)
            self._onView()

    def _onView(self, _caller: Any = None, _event: Any = None) -> None:
        """Every view sees the models but that of the axis that it looks along."""
        views: list[list[str]] = [[] for _axis in GRID_ROLES]
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode", self._scene):
            normal = matrixArray(view.GetSliceToRAS())[:3, 2]
            along = int(np.abs(normal @ self._axes).argmax())
            for axis in {0, 1, 2} - {along}:
                views[axis].append(view.GetID())
        for model, wanted in zip(self._models, views, strict=True):
            _showIn(model.GetDisplayNode(), wanted)


def contours(field: CoarseField, rigid: np.ndarray | None, levels: list[float]) -> Any:
    """`vtkPolyData`, RAS mm: where the displacement is so long, in the body.

    Args:
        field: T(X) = X + u(X).
        rigid: B, `(4, 4)` RAS mm, the motion to take off; None: none.
        levels: mm.
    """
    box = aroundBody(field)
    length = lengths(box, rigid)
    return _surface(box, length, levels, length)


def gridSheets(field: CoarseField, rigid: np.ndarray | None, spacing: float) -> Iterator[Any]:
    """The planes of a regular grid on the degraded volume, as they lie on the reference: places X
    with e · (B⁻¹ T(X) − o) = n · spacing, for each axis e of the reference.

    Args:
        field: T(X) = X + u(X); o is its first voxel.
        rigid: B, `(4, 4)` RAS mm, the motion to take off; None: none.
        spacing: mm.

    Yields:
        Three `vtkPolyData`, RAS mm.
    """
    box = thinned(aroundBody(field), SHEET_SPACING_MM)
    ends = box.places + box.displacement
    if rigid is not None:
        ends = moved(np.linalg.inv(rigid), ends)
    along = (ends - field.ijkToRas[:3, 3]) @ axesOf(field.ijkToRas)
    length = lengths(box, rigid)
    for n in range(3):
        levels = _multiples(along[..., n], box.shown > 0, spacing)
        yield _surface(box, along[..., n], levels, length)


def aroundBody(field: CoarseField) -> CoarseField:
    """Without the voxels, outside, that no line can reach."""
    index = np.nonzero(field.shown)
    if not index[0].size:
        return field
    first = [max(0, int(n.min()) - 1) for n in index]
    box = tuple(slice(start, int(n.max()) + 2) for start, n in zip(first, index, strict=True))
    matrix = field.ijkToRas.copy()
    matrix[:3, 3] = field.places[tuple(first)]
    return CoarseField(matrix, field.places[box], field.displacement[box], field.shown[box])


def thinned(field: CoarseField, spacing: float) -> CoarseField:
    """Every so many voxels; `shown` is the share that is shown around each of them, 0 to 1, so that
    an edge stays where it is.

    Args:
        field: its voxels.
        spacing: mm between those kept at most, unless the field's own are farther apart.
    """
    own = np.linalg.norm(field.ijkToRas[:3, :3], axis=0)
    steps = np.maximum(1, (spacing / own).astype(int))
    share = field.shown.astype(np.float32)
    for axis, step in enumerate(steps[::-1]):
        kept = np.arange(0, share.shape[axis], step)
        share = sum(
            share.take(kept + offset, axis, mode="clip")
            for offset in range(-(step // 2), step // 2 + 1)
        ) / (step // 2 * 2 + 1)
    every = tuple(slice(None, None, step) for step in steps[::-1])
    matrix = field.ijkToRas.copy()
    matrix[:3, :3] *= steps
    return CoarseField(matrix, field.places[every], field.displacement[every], share)


def axesOf(ijkToRas: np.ndarray) -> np.ndarray:
    """`(3, 3)`, unit vectors in columns."""
    axes = ijkToRas[:3, :3]
    return np.asarray(axes / np.linalg.norm(axes, axis=0))


def _multiples(values: np.ndarray, shown: np.ndarray, step: float) -> list[float]:
    inside = values[shown]
    if inside.size == 0:
        return []
    first, last = np.ceil(inside.min() / step), np.floor(inside.max() / step)
    return [float(step * n) for n in np.arange(first, last + 1)]


def _surface(
    field: CoarseField, values: np.ndarray, levels: list[float], length: np.ndarray
) -> Any:
    """`vtkPolyData`, RAS mm: where `values` have the levels, in the body; `length` is its scalar.

    Args:
        field: its voxels.
        values: `(k, j, i)`.
        levels: of the values.
        length: `(k, j, i)` mm.
    """
    # a level that is nowhere reached would leave vtkFlyingEdges3D without arrays
    lowest, highest = values.min(), values.max()
    reached = [level for level in levels if lowest < level <= highest]
    if not reached or min(values.shape) < 2:
        return vtk.vtkPolyData()
    clip = vtk.vtkClipPolyData()
    clip.SetInputData(_levelSurfaces(field, values, reached, length))
    clip.SetValue(0.5)
    clip.Update()
    surface = clip.GetOutput()
    surface.GetPointData().SetActiveScalars(LENGTH_MM)
    return surface


def _levelSurfaces(
    field: CoarseField, values: np.ndarray, levels: list[float], length: np.ndarray
) -> Any:
    """Not clipped yet; the active scalar is 1 in the body and 0 outside."""
    data = vtk.vtkImageData()
    data.SetDimensions(*values.shape[::-1])
    for name, array in (("level", values), (LENGTH_MM, length), (IN_BODY, field.shown)):
        kept = numpy_to_vtk(np.ascontiguousarray(array, np.float32).ravel(), deep=True)
        kept.SetName(name)
        data.GetPointData().AddArray(kept)
    data.GetPointData().SetActiveScalars("level")
    edges = vtk.vtkFlyingEdges3D()
    edges.SetInputData(data)
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    edges.InterpolateAttributesOn()
    for index, level in enumerate(levels):
        edges.SetValue(index, level)
    toRas = vtk.vtkMatrixToLinearTransform()
    toRas.SetInput(vtk.vtkMatrix4x4())
    toRas.GetInput().DeepCopy(field.ijkToRas.ravel())
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetTransform(toRas)
    placed.SetInputConnection(edges.GetOutputPort())
    placed.Update()
    placed.GetOutput().GetPointData().SetActiveScalars(IN_BODY)
    return placed.GetOutput()


def _showIn(display: Any, views: list[str]) -> None:
    if list(display.GetViewNodeIDs() or ()) == views and bool(display.GetVisibility()) == bool(
        views
    ):
        return
    display.RemoveAllViewNodeIDs()
    for view in views:
        display.AddViewNodeID(view)
    display.SetVisibility(bool(views))  # without a view named, it would be seen in all of them
