"""Bodies of volumes, the last ones kept: finding one takes longer than drawing in it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from .Body import bodyMask, nearest, positions
from .Nodes import imageFromNode

_MOST = 6  # masks: a million voxels are a megabyte
_kept: OrderedDict[tuple[Any, ...], np.ndarray] = OrderedDict()


def bodyOn(volume: Any, shape: tuple[int, ...], ijkToRas: np.ndarray) -> np.ndarray:
    """The body in a volume, boolean `(k, j, i)`, on other voxels; not to be written to.

    Args:
        volume: volume node.
        shape: of the voxels wanted, `(k, j, i)`.
        ijkToRas: `(4, 4)` of these voxels.
    """
    image = imageFromNode(volume)
    # no two data have one modification time, so another volume's mask is never taken
    key = (image.data.GetMTime(), image.ijkToRas.tobytes(), shape, ijkToRas.tobytes())
    if key not in _kept:
        _kept[key] = bodyMask(nearest(image, positions(shape, ijkToRas)).reshape(shape))
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]
