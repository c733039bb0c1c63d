"""A deformation on a coarse grid of the reference, quick enough to be looked at at once, and where
it means something: in the patient, as far as both volumes show him.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .Body import positions
from .BodyMasks import bodyOn
from .FieldGrid import MOST_VOXELS, sampled
from .Nodes import deformationImage, worldFromIjk
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


def coarseField(
    deformation: Any,
    reference: Any,
    degraded: Any,
    spacing: float = SPACING_MM,
    most: int = MOST_VOXELS,
) -> CoarseField:
    """
    Args:
        deformation: grid transform node of a result.
        reference: volume node that shows the body; None where it was deleted: not clipped.
        degraded: volume node; None where it was deleted: not clipped to its field of view.
        spacing: mm between voxels, about.
        most: voxels, about; wider apart in a body so large that it would have more.
    """
    field = sampled(deformationImage(deformation), spacing, most)
    places = positions(field.array.shape[:3], field.ijkToRas).reshape(field.array.shape)
    shown = holds(degraded, places + field.array, deformation)
    if reference is not None:
        shown &= bodyOn(reference, shown.shape, field.ijkToRas)
    return CoarseField(field.ijkToRas, places, field.array, shown)


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
