"""Whether every verdict looks at the variations of its registration: a question of their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid

# Field of view of the reference: the variations of a torso take 15 CPU s and more
_LARGEST_LITRES = 30.0


def affordable(grid: Grid) -> bool:
    """Whether every verdict looks at the variations: not where the field of view is large.

    Args:
        grid: of the reference.
    """
    extent_mm = np.array(grid.shape) * grid.spacing
    return float(extent_mm.prod()) <= _LARGEST_LITRES * 1e6
