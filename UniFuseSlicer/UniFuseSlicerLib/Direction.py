"""One direction of a result: from the degraded scan to the places of the reference, or back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from slicer.i18n import tr as _

from .Body import positions, transformed
from .Errors import FusionError, InputNodeError
from .Folds import foldedCells
from .Images import Image
from .Nodes import deformationImage, gridTransform, matrixOfVolume, worldFromIjk
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE
from .Resample import Grid
from .Results import DEFORMATION_ROLE, isResult
from .Words import nameSentence

Destination = Literal["reference", "degraded"]
# a hundredth of the smallest error that matters here; VTK's own default is 0.01 mm
INVERSE_TOLERANCE_MM = 0.001
ROUND_TRIP_MM = 0.05  # a point that misses by more has no single place: the field folds there
FAR_AWAY_MM = 1e6  # outside every field of view: read as background


@dataclass(frozen=True)
class Direction:
    """How nodes of one scan reach the other.

    Attributes:
        to: the scan whose places are wanted.
        target: its volume node.
        deformation: grid transform node of the result.
        grid: voxels of the target in the world.
        known: voxels of the reference, where the displacement is known.
        points: `vtkAbstractTransform`, RAS mm in the source → RAS mm in the target.
        reading: its inverse, which images are read with.
        field: x → x + u(x) on the reference, RAS mm; one of the two above.
    """

    to: Destination
    target: Any
    deformation: Any
    grid: Grid
    known: Grid
    points: Any
    reading: Any
    field: Any

    def exist(self, places: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """`(n,)` bool: points with one place in the target.

        On the way to the reference, the way back has to end where a point came from, and no cell
        that folds may cover it.

        Args:
            places: `(n, 3)` RAS mm in the source.
            moved: `(n, 3)` RAS mm in the target.
        """
        if self.to == "degraded":
            return np.ones(len(places), dtype=bool)
        back = transformed(self.field, moved)
        closed = np.linalg.norm(back - places, axis=1) <= ROUND_TRIP_MM
        return closed & ~_isCovered(places, *foldedCells(deformationImage(self.deformation)))

    def outside(self, places: np.ndarray, moved: np.ndarray) -> int:
        """How many points lie beyond the field of view of the reference, where its border counts.

        Args:
            places: `(n, 3)` RAS mm in the source.
            moved: `(n, 3)` RAS mm in the target.
        """
        inReference = moved if self.to == "reference" else places
        return int((~self.known.holds(inReference)).sum())


def directionOf(fused: Any, to: Destination) -> Direction:
    """
    Args:
        fused: fused volume of a result.
        to: the scan whose places are wanted.

    Raises:
        FusionError: no such direction, no result, or its deformation or a volume is gone.
    """
    checkResult(fused, to)
    deformation = fused.GetNodeReference(DEFORMATION_ROLE)
    target = fused.GetNodeReference(REFERENCE_ROLE if to == "reference" else DEGRADED_ROLE)
    if target is None or target.GetImageData() is None:
        raise FusionError(
            _("The {to} volume of this result is no longer in the scene. Load it again.").format(
                to=to
            )
        )
    field = gridTransform(deformationImage(deformation))
    field.SetInverseTolerance(INVERSE_TOLERANCE_MM)
    place = worldFromIjk(target, without=deformation)
    grid = Grid.ofImage(target.GetImageData(), place)
    known = Grid.ofImage(fused.GetImageData(), matrixOfVolume(fused))
    if to == "reference":
        return Direction(to, target, deformation, grid, known, field.GetInverse(), field, field)
    reading = gridTransform(_inverseOn(grid, field))
    return Direction(to, target, deformation, grid, known, field, reading, field)


def checkResult(fused: Any, to: Destination) -> None:
    """
    Raises:
        FusionError: no such direction, no result, or its deformation lies under a transform.
    """
    if to not in get_args(Destination):
        raise FusionError(
            _('Expected "reference" or "degraded" as the destination, got "{to}".').format(to=to)
        )
    if isinstance(fused, str):
        raise InputNodeError(nameSentence(fused))
    if not isResult(fused):
        raise FusionError(
            _("Expected the fused volume of a result, got {name}. Press Fuse first.").format(
                name=_("none") if fused is None else fused.GetName()
            )
        )
    parent = fused.GetNodeReference(DEFORMATION_ROLE).GetParentTransformNode()
    if parent is not None:
        raise FusionError(
            _(
                'The deformation of this result is under the transform "{name}". '
                "Remove it from the transform (Transforms module) and try again."
            ).format(name=parent.GetName())
        )


def _isCovered(places: np.ndarray, centres: np.ndarray, radius: float) -> np.ndarray:
    """`(n,)` bool: within `radius` mm of a centre `(m, 3)`."""
    if not len(centres):
        return np.zeros(len(places), dtype=bool)
    from scipy.spatial import cKDTree

    distance, _nearest = cKDTree(centres).query(places, distance_upper_bound=radius)
    return np.isfinite(distance)


def _inverseOn(grid: Grid, field: Any) -> Image:
    """v with y + v(y) = x where x + u(x) = y, `(k, j, i, 3)` RAS mm on `grid`.

    Where the field folds, v points far away. Once per direction, however many volumes follow.
    """
    shape = grid.size[::-1]
    inverse = field.GetInverse()
    found = np.empty((*shape, 3), np.float32)
    for k in range(shape[0]):
        matrix = grid.ijkToWorld.copy()
        matrix[:3, 3] += matrix[:3, 2] * k
        places = positions((1, *shape[1:]), matrix)
        moved = transformed(inverse, places)
        missed = np.linalg.norm(transformed(field, moved) - places, axis=1) > ROUND_TRIP_MM
        moved[missed] = FAR_AWAY_MM
        found[k] = (moved - places).reshape(*shape[1:], 3)
    return Image.fromArray(found, grid.ijkToWorld)
