"""Bodies of volumes, kept until the volume changes: finding one takes longer than drawing in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk

from .Body import bodyMask, nearest, positions
from .Nodes import imageFromNode

Made = tuple[int, bytes]  # modification time of the data, and their place
_KEPT: dict[str, tuple[Made, dict[Any, np.ndarray]]] = {}  # address of a node → grid → mask


def bodyOn(volume: Any, shape: tuple[int, ...], ijkToRas: np.ndarray) -> np.ndarray:
    """The body in a volume, boolean `(k, j, i)`, on other voxels; not to be written to.

    Masks are kept until their node is deleted, as it is when its scene is closed.

    Args:
        volume: volume node.
        shape: of the voxels wanted, `(k, j, i)`.
        ijkToRas: `(4, 4)` of these voxels.
    """
    image = imageFromNode(volume)
    # no two data have one modification time, so another volume's mask is never taken
    made = (image.data.GetMTime(), image.ijkToRas.tobytes())
    address = volume.GetAddressAsString("vtkObject")
    if address not in _KEPT:
        volume.AddObserver(vtk.vtkCommand.DeleteEvent, lambda *_: _KEPT.pop(address, None))
    if _KEPT.get(address, (None,))[0] != made:
        _KEPT[address] = (made, {})
    masks = _KEPT[address][1]
    grid = (shape, ijkToRas.tobytes())
    if grid not in masks:
        masks[grid] = bodyMask(nearest(image, positions(shape, ijkToRas)).reshape(shape))
    return masks[grid]
