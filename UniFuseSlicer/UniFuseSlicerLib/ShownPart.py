"""Which part of a volume is seen over the reference: the squares of a checkerboard, or one side of
a curtain.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import vtk_to_numpy

from .Errors import InputNodeError
from .Images import Image
from .Legends import copyLegend
from .Nodes import imageFromNode, matrixArray, removeWithDisplay, updateVolume
from .Resample import Grid, resampled

# Of the volume's range below its lowest value: a pixel that is one millionth hidden is not drawn,
# so that no dark seam is interpolated between seen and hidden voxels
HIDDEN_BELOW = 1e6


def checkerboard(reference: Image, side: float) -> np.ndarray:
    """Cubes of one size, black and white in turn.

    Args:
        reference: its grid.
        side: mm of a cube.

    Returns:
        `(k, j, i)` bool: seen.
    """
    spacing = np.linalg.norm(reference.ijkToRas[:3, :3], axis=0)
    sizes = reference.data.GetDimensions()
    i, j, k = (
        ((np.arange(size) + 0.5) * step // side).astype(int)
        for size, step in zip(sizes, spacing, strict=True)
    )
    return np.asarray((k[:, None, None] + j[:, None] + i) % 2 == 1)


def curtain(reference: Image, screen: tuple[int, int], share: float) -> np.ndarray:
    """What lies to the right of a line on screen.

    Args:
        reference: its grid.
        screen: of `screenAxis`.
        share: 0..1 of the reference that lies left of the line, along its own axis.

    Returns:
        bool, seen; `(k, j, i)` with 1 voxel along the two other axes.
    """
    axis, sign = screen
    size = reference.data.GetDimensions()[axis]
    places = (np.arange(size) + 0.5) / size
    seen = (places if sign > 0 else 1 - places) > share
    shape = [1, 1, 1]
    shape[2 - axis] = size
    return np.asarray(seen.reshape(shape))


def screenAxis(reference: Image, right: np.ndarray) -> tuple[int, int]:
    """The reference's own axis that points to the right of the screen best.

    Args:
        reference: its grid.
        right: `(3,)` RAS direction to the right of the screen.

    Returns:
        Axis (0: i, 1: j, 2: k), and -1 where it points to the left.
    """
    axes = reference.ijkToRas[:3, :3]
    along = right @ (axes / np.linalg.norm(axes, axis=0))
    axis = int(np.abs(along).argmax())
    return axis, 1 if along[axis] > 0 else -1


class ShownPart:
    """Hidden copies of a volume on the grid of the reference, of which a part is seen.

    They have the window, the colours and the colour scale of the volume, also when those are
    changed, and are not saved with the scene.

    Args:
        volume: over the reference; a scalar volume.
        reference: volume node.

    Raises:
        InputNodeError: the volume is in colour, or the reference lies under a non-linear transform.
    """

    def __init__(self, volume: Any, reference: Any) -> None:
        _checkScalar(volume)
        self.grid = imageFromNode(reference)
        self._scene = volume.GetScene()
        self._volume = volume
        self._values = _onGrid(volume, self.grid)
        self._copies: dict[str, Any] = {}
        # also of a colour scale that is added or changed
        self._tag = volume.AddObserver(volume.DisplayModifiedEvent, self._onDisplay)

    def show(self, name: str, seen: np.ndarray) -> Any:
        """The copy of this name, made at its first use.

        Args:
            name: copies of several names may be seen at once.
            seen: bool, that can be broadcast to `(k, j, i)`.
        """
        values = self._values
        low, high = self._range
        hidden = np.float32(low - HIDDEN_BELOW * max(high - low, 1.0))
        image = Image.fromArray(np.where(seen, values, hidden), self.grid.ijkToRas, np.float32)
        if name not in self._copies:
            self._copies[name] = self._made()
        updateVolume(self._copies[name], image)
        return self._copies[name]

    def remove(self) -> None:
        """Take the copies out of the scene."""
        self._volume.RemoveObserver(self._tag)
        for node in self._copies.values():
            if node.GetScene() is self._scene:
                removeWithDisplay(node)
        self._copies = {}

    @property
    def _range(self) -> tuple[float, float]:
        """Lowest and highest value of the volume itself."""
        low, high = self._volume.GetImageData().GetScalarRange()
        return float(low), float(high)

    def _made(self) -> Any:
        name = _("{name} (compared)").format(name=self._volume.GetName())
        node = self._scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        node.CreateDefaultDisplayNodes()
        for item in (node, node.GetDisplayNode()):
            item.SetSaveWithScene(False)
            item.SetHideFromEditors(True)
        self._look(node)
        return node

    def _look(self, node: Any) -> None:
        """Window, colours, threshold, colour scale of the volume; below them nothing is drawn."""
        display = node.GetDisplayNode()
        if self._volume.GetDisplayNode() is not None:
            display.CopyContent(self._volume.GetDisplayNode())
        display.SetAutoWindowLevel(False)
        display.SetAutoThreshold(False)
        if not display.GetApplyThreshold():
            display.SetThreshold(*self._range)
            display.SetApplyThreshold(True)
        copyLegend(self._volume, node)

    def _onDisplay(self, _caller: Any, _event: Any) -> None:
        for node in self._copies.values():
            self._look(node)


def _checkScalar(volume: Any) -> None:
    data = volume.GetImageData()
    if data is None or data.GetNumberOfScalarComponents() != 1:
        raise InputNodeError(
            _(
                'Checkerboard and curtain need a volume with one value per voxel; "{name}" is in '
                "color. Choose Side by side."
            ).format(name=volume.GetName())
        )


def _onGrid(volume: Any, grid: Image) -> np.ndarray:
    """Values on the grid of the reference, `(k, j, i)` float32; below the range outside."""
    import slicer

    cast = vtk.vtkImageCast()
    cast.SetInputData(volume.GetImageData())
    cast.SetOutputScalarTypeToFloat()
    cast.Update()
    low, high = volume.GetImageData().GetScalarRange()
    reading = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        None, volume.GetParentTransformNode(), reading
    )
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    target = Grid.ofImage(grid.data, grid.ijkToRas)
    outside = low - HIDDEN_BELOW * max(high - low, 1.0)
    data = resampled(
        cast.GetOutput(), matrixArray(matrix), target, reading, "linear", float(outside)
    )
    voxels = vtk_to_numpy(data.GetPointData().GetScalars())
    return np.asarray(voxels.reshape(target.size[::-1]))
