"""What a mask encloses within the planes of its array."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def filled_in_planes(mask: np.ndarray) -> np.ndarray:
    """With the holes that the planes across d have, then those across h, then across w.

    One labelling of all planes: a plane at a time takes six times as long.

    Args:
        mask: `(d, h, w)` bool.
    """
    within = ndimage.generate_binary_structure(3, 1)
    within[0] = within[2] = False  # neighbours lie in the same plane
    for axis in range(3):
        background = ~np.moveaxis(mask, axis, 0)
        framed = np.pad(background, ((0, 0), (1, 1), (1, 1)), constant_values=True)
        labels, _ = ndimage.label(framed, within)
        outside = labels == labels[:, :1, :1]
        mask = np.moveaxis(~outside[:, 1:-1, 1:-1], 0, axis)
    return mask
