"""A volume and the grid it lives on: array indices `(d, h, w)` and RAS millimetres, nothing else.

The affine maps *array indices in array order* to RAS mm, whatever the order is. An array from
nibabel (i, j, k) goes with nibabel's affine unchanged; an array from SimpleITK or
`slicer.util.arrayFromVolume` (k, j, i) goes with that affine's first three columns reversed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Grid:
    """Sampling positions of a volume.

    Attributes:
        shape: voxels along the three array axes (d, h, w).
        affine: `(4, 4)` float64, array index (d, h, w, 1) → RAS mm.

    Raises:
        InputError: the affine is not a finite, invertible 4×4 matrix, or an axis has no voxel.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray

    def __post_init__(self) -> None:
        affine = np.asarray(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise InputError(
                f"Expected a finite 4×4 affine, got {affine.tolist()}. Check the volume's header."
            )
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise InputError(
                f"Expected three axes with at least one voxel each, got shape {self.shape}."
            )
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        if spacing.min() <= 0 or abs(np.linalg.det(affine[:3, :3])) < 1e-9 * spacing.prod():
            raise InputError(
                "Expected a positive spacing and independent axes, got spacing "
                f"{spacing.round(4).tolist()} mm. Repair the volume's header (spacing and "
                "orientation) and try again."
            )
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @property
    def linear(self) -> np.ndarray:
        """`(3, 3)` mm: the affine without its origin; columns are steps along d, h, w."""
        return self.affine[:3, :3]

    @property
    def origin(self) -> np.ndarray:
        """`(3,)` RAS mm of index (0, 0, 0)."""
        return self.affine[:3, 3]

    @property
    def spacing(self) -> np.ndarray:
        """`(3,)` mm between neighbours along d, h, w."""
        return np.linalg.norm(self.linear, axis=0)

    @property
    def directions(self) -> np.ndarray:
        """`(3, 3)` unit columns: where d, h, w point in RAS."""
        return self.linear / self.spacing

    @property
    def sheared(self) -> bool:
        """True when the axes are so far from perpendicular that image files cannot store them."""
        unit = self.directions
        return bool(np.abs(unit.T @ unit - np.eye(3)).max() > 1e-3)

    def corners(self) -> np.ndarray:
        """`(8, 3)` RAS mm of the eight outermost voxel centres."""
        ends = [(0.0, n - 1.0) for n in self.shape]
        index = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
        return index @ self.linear.T + self.origin

    def index_to_index(self, other: Grid) -> np.ndarray:
        """`(4, 4)`: index of this grid → continuous index of `other` at the same place."""
        return np.linalg.solve(other.affine, self.affine)

    def same_as(self, other: Grid, tolerance_mm: float = 1e-3) -> bool:
        """True when both grids sample the same places."""
        if self.shape != other.shape:
            return False
        return bool(np.abs(self.corners() - other.corners()).max() <= tolerance_mm)


def affine_of(linear: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """x → linear · x + origin as a `(4, 4)` matrix.

    Args:
        linear: `(3, 3)` mm.
        origin: `(3,)` RAS mm.
    """
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = origin
    return affine


def counted_from(affine: np.ndarray, first: Sequence[float] | np.ndarray) -> np.ndarray:
    """The affine of a grid whose voxel 0 is voxel `first` of the grid with `affine`.

    Args:
        affine: `(4, 4)`, array indices → RAS mm.
        first: `(3,)` array index, also between voxels.
    """
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :3] @ first
    return moved


def with_larger_voxels(affine: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """The affine of voxels `ratio` times as large; the faces of the field of view stay.

    Args:
        affine: `(4, 4)`, array indices → RAS mm.
        ratio: `(3,)` along d, h, w.
    """
    larger = counted_from(affine, (ratio - 1) / 2)
    larger[:3, :3] = affine[:3, :3] * ratio
    return larger


def centred_affine(linear: np.ndarray, shape: tuple[int, ...], centre: np.ndarray) -> np.ndarray:
    """The `(4, 4)` affine of a grid whose middle lies at `centre`.

    Args:
        linear: `(3, 3)` mm.
        shape: (d, h, w).
        centre: `(3,)` RAS mm.
    """
    middle = (np.array(shape) - 1) / 2
    return affine_of(linear, centre - linear @ middle)


@dataclass(frozen=True)
class Volume:
    """Intensities on a grid.

    Attributes:
        array: `(d, h, w)`, or `(d, h, w, 3)` for RGB; any numeric type, any unit.
        affine: `(4, 4)` array index → RAS mm, see `Grid`.
    """

    array: np.ndarray
    affine: np.ndarray

    def __post_init__(self) -> None:
        if self.array.ndim not in (3, 4) or (self.array.ndim == 4 and self.array.shape[-1] != 3):
            raise InputError(
                "Expected a 3-D volume (d, h, w) or RGB (d, h, w, 3), got an array of shape "
                f"{self.array.shape}. Choose one 3-D volume (of a time series: one frame)."
            )
        object.__setattr__(self, "affine", self.grid.affine)

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        return Grid(self.array.shape[:3], self.affine)
