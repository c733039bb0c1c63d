"""The deformation of a result in both directions, between the places of the two scans.

X + u(X) = Y: at place X of the reference lies what the degraded scan shows at place Y. All points
are RAS mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.spatial.field import DisplacementField
from UniFuseLib.spatial.inversion import invert
from UniFuseLib.spatial.resampling import block_places, row_blocks

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid

Scan = Literal["reference", "degraded"]
_CHECKED_POINTS = 100_000  # of the round trip: the share above 0.5 mm is known to 0.3 %
_VISIBLE_MM = 0.5


class Moved(NamedTuple):
    """Points of one scan at their places in the other."""

    points: np.ndarray  # (n, 3) RAS mm; NaN where there is no inverse
    exists: np.ndarray  # (n,) bool: False where the field folds; always True to the degraded side
    beyond: np.ndarray  # (n,) bool: the reference's place is outside its field of view, where the
    # displacement of the nearest voxel of the border was used


class RoundTrip(NamedTuple):
    """Distance between X and where X comes back to, over places X of the reference."""

    mean_mm: float
    p95_mm: float
    max_mm: float
    share_above_half_mm: float  # 0 to 1
    points: int  # that were followed


class InverseField(NamedTuple):
    """v with Y + v(Y) = X on the voxels Y of a grid."""

    displacement: np.ndarray  # (d, h, w, 3) float32 RAS mm; 0 where there is no inverse
    exists: np.ndarray  # (d, h, w) bool
    beyond: np.ndarray  # (d, h, w) bool: X lies outside the reference's field of view
    grid: Grid


@dataclass(frozen=True, eq=False)
class Transform:
    """Where the anatomy of one scan lies in the other.

    Attributes:
        displacement: u `(d, h, w, 3)` float32, RAS mm, on `grid`.
        grid: of the reference.
        degraded_grid: of the degraded volume; None where it is not known.
    """

    displacement: np.ndarray
    grid: Grid
    degraded_grid: Grid | None = None

    @cached_property
    def field(self) -> DisplacementField:
        """X ↦ X + u(X)."""
        return DisplacementField(self.displacement, self.grid)

    def grid_of(self, side: Scan) -> Grid:
        """The voxels of one of the two volumes.

        Args:
            side: which.

        Raises:
            InputError: the degraded volume's are not known.
        """
        if side == "reference":
            return self.grid
        if self.degraded_grid is None:
            raise InputError(
                "This result does not say where the voxels of the degraded volume lie (it was made "
                "by an earlier version). Name the degraded volume with --grid."
            )
        return self.degraded_grid

    def move(self, points: np.ndarray, to: Scan) -> Moved:
        """`to_degraded` or `to_reference`.

        Args:
            points: `(n, 3)` RAS mm, of the other scan.
            to: the scan whose places are wanted.
        """
        return self.to_degraded(points) if to == "degraded" else self.to_reference(points)

    def to_degraded(self, points: np.ndarray) -> Moved:
        """Y = X + u(X).

        Args:
            points: X `(n, 3)` RAS mm, places of the reference.
        """
        points = np.asarray(points, dtype=np.float64)
        exists = np.ones(len(points), dtype=bool)
        return Moved(self.field.moved(points), exists, ~self.field.holds(points))

    def to_reference(self, points: np.ndarray) -> Moved:
        """X with X + u(X) = Y, to 0.001 mm.

        Args:
            points: Y `(n, 3)` RAS mm, places of the degraded scan.
        """
        found, exists = invert(self.field, points)
        beyond = np.zeros(len(found), dtype=bool)
        beyond[exists] = ~self.field.holds(found[exists])
        return Moved(found, exists, beyond)

    def inverse(self, grid: Grid | None = None) -> InverseField:
        """v(Y) = X - Y on the voxels of the degraded volume, or of another grid.

        Args:
            grid: whose voxels are Y; None: those of the degraded volume.

        Raises:
            InputError: they are not known, and no grid was given.
        """
        grid = grid or self.grid_of("degraded")
        found = InverseField(
            displacement=np.zeros((*grid.shape, 3), dtype=np.float32),
            exists=np.empty(grid.shape, dtype=bool),
            beyond=np.empty(grid.shape, dtype=bool),
            grid=grid,
        )
        for rows in row_blocks(grid.shape):
            shape = found.exists[rows].shape
            places = block_places(grid.affine, grid.shape, rows)[0]
            at = np.ascontiguousarray(places.numpy().reshape(3, -1).T)
            moved = self.to_reference(at)
            found.displacement[rows] = np.nan_to_num(moved.points - at).reshape(*shape, 3)
            found.exists[rows] = moved.exists.reshape(shape)
            found.beyond[rows] = moved.beyond.reshape(shape)
        return found

    def round_trip(self, inverse: InverseField) -> RoundTrip:
        """How far X → Y = X + u(X) → Y + v(Y) ends from X, with v between its voxels trilinear.

        Of voxels X of the reference whose Y lies on the grid of v, between voxels that have an
        inverse.

        Args:
            inverse: v.
        """
        back = DisplacementField(inverse.displacement, inverse.grid)
        step = max(1, round((np.prod(self.grid.shape) / _CHECKED_POINTS) ** (1 / 3)))
        axes = [np.arange(0, n, step) for n in self.grid.shape]
        index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        places = index @ self.grid.linear.T + self.grid.origin
        there = self.field.moved(places)
        followed = back.holds(there) & _wholly(inverse, there)
        distance = np.linalg.norm(back.moved(there[followed]) - places[followed], axis=1)
        if not distance.size:
            return RoundTrip(0.0, 0.0, 0.0, 0.0, 0)
        return RoundTrip(
            mean_mm=float(distance.mean()),
            p95_mm=float(np.percentile(distance, 95)),
            max_mm=float(distance.max()),
            share_above_half_mm=float((distance > _VISIBLE_MM).mean()),
            points=len(distance),
        )


def _wholly(inverse: InverseField, points: np.ndarray) -> np.ndarray:
    """`(n,)` bool: all voxels around a point have an inverse inside the field of view."""
    known = (inverse.exists & ~inverse.beyond).astype(np.float32)
    three = np.repeat(known[..., None], 3, axis=-1)
    return DisplacementField(three, inverse.grid).at(points)[:, 0] > 1 - 1e-4
