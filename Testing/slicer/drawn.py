"""What a render window shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import vtk
from vtk.util.numpy_support import vtk_to_numpy

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


class Pictures:
    """A view with `window` and `size`, pixels."""

    window: Any
    size: tuple[int, int]

    def pixels(self) -> np.ndarray:
        """`(rows, columns, 3)` uint8 of what is drawn now."""
        data = vtk_to_numpy(self._grab().GetOutput().GetPointData().GetScalars())
        return data.reshape(self.size[1], self.size[0], -1)[::-1, :, :3].copy()

    def save(self, path: Path) -> None:
        """As PNG."""
        writer = vtk.vtkPNGWriter()
        grabber = self._grab()
        writer.SetInputConnection(grabber.GetOutputPort())
        writer.SetFileName(str(path))
        writer.Write()

    def _grab(self) -> Any:
        self.window.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.ReadFrontBufferOff()
        grabber.Update()
        return grabber
