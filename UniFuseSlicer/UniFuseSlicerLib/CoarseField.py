"""A deformation on a coarse grid of the reference, quick enough to be looked at at once, and where
it means something: in the patient, as far as both volumes show him.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .Body import bodyMask, nearest, positions
from .Images import Image
from .Nodes import deformationImage, imageFromNode, worldFromIjk
from .Resample import Grid

SPACING_MM = 2.0  # a head has 10⁶ voxels of it: drawn within a quarter of a second


@dataclass(frozen=True)
class CoarseField:
    """
    Attributes:
        ijkToRas: `(4, 4)` of the coarse voxels.
        places: X, `(k, j, i, 3)` RAS mm on the reference.
        displacement: u(X), `(k, j, i, 3)` RAS mm.
        shown: `(k, j, i)` bool: X in the body, X + u(X) in the degraded field of view.
    """

    ijkToRas: np.ndarray
    places: np.ndarray
    displacement: np.ndarray
    shown: np.ndarray


def coarseField(deformation: Any, reference: Any, degraded: Any) -> CoarseField:
    """
    Args:
        deformation: grid transform node of a result.
        reference: volume node that shows the body; None where it was deleted: not clipped.
        degraded: volume node; None where it was deleted: not clipped to its field of view.
    """
    field = deformationImage(deformation)
    steps = stepsOf(field, SPACING_MM)
    array = field.array[:: steps[2], :: steps[1], :: steps[0]]
    matrix = field.ijkToRas.copy()
    matrix[:3, :3] *= steps
    places = positions(array.shape[:3], matrix).reshape(array.shape)
    shown = holds(degraded, places + array, deformation)
    if reference is not None:
        anatomy = nearest(imageFromNode(reference), places.reshape(-1, 3))
        shown &= bodyMask(anatomy.reshape(shown.shape))
    return CoarseField(matrix, places, array, shown)


def stepsOf(field: Image, spacing: float) -> np.ndarray:
    """`(3,)` voxels along (i, j, k) from one coarse voxel to the next.

    Args:
        field: of any spacing.
        spacing: wanted, mm; a coarser field stays as it is.
    """
    own = np.linalg.norm(field.ijkToRas[:3, :3], axis=0)
    return np.maximum(1, np.round(spacing / own).astype(int))


def holds(volume: Any, places: np.ndarray, deformation: Any) -> np.ndarray:
    """`(…)` bool: places within a volume; all where it is not known.

    Args:
        volume: volume node; None, or one under a non-linear transform: not known.
        places: `(…, 3)` RAS mm.
        deformation: that a volume may have been put under to be seen aligned.
    """
    if volume is None or volume.GetImageData() is None:
        return np.ones(places.shape[:-1], dtype=bool)
    parent = volume.GetParentTransformNode()
    if parent not in (None, deformation) and not parent.IsTransformToWorldLinear():
        return np.ones(places.shape[:-1], dtype=bool)
    grid = Grid.ofImage(volume.GetImageData(), worldFromIjk(volume, without=deformation))
    return grid.holds(places.reshape(-1, 3)).reshape(places.shape[:-1])
