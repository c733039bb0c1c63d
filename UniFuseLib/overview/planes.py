"""Anatomical display planes: where each pixel lies in RAS mm, and what a volume shows there.

Radiological convention: axial and coronal pictures have the patient's left on the picture's right;
sagittal pictures look at the patient from the left, so anterior is on the picture's left. Superior
and anterior are up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from scipy import ndimage

from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.resampling import inside

if TYPE_CHECKING:
    from UniFuseLib.spatial.composed import ComposedField
    from UniFuseLib.spatial.volume import Grid, Volume

T = TypeVar("T")
PlaneName = Literal["axial", "coronal", "sagittal"]
PLANE_NAMES: tuple[PlaneName, ...] = ("axial", "coronal", "sagittal")

_RIGHT, _ANTERIOR, _SUPERIOR = np.eye(3)
# picture's right, picture's down, in RAS
_PICTURE_AXES = {
    "axial": (-_RIGHT, -_ANTERIOR),
    "coronal": (-_RIGHT, -_SUPERIOR),
    "sagittal": (-_ANTERIOR, -_SUPERIOR),
}
_LETTERS = {
    "axial": ("R", "L", "A", "P"),
    "coronal": ("R", "L", "S", "I"),
    "sagittal": ("A", "P", "S", "I"),
}
_MOST_POINTS = 200_000


@dataclass(frozen=True)
class Plane:
    """A picture in space: pixel (r, c) lies at origin + pixel_mm · (r · down + c · right).

    Attributes:
        name: which anatomical plane.
        origin: `(3,)` RAS mm of the centre of pixel (0, 0), the upper left one.
        right, down: `(3,)` RAS unit vectors along the picture's columns and rows.
        shape: rows, columns.
        pixel_mm: side of the square pixels.
    """

    name: PlaneName
    origin: np.ndarray
    right: np.ndarray
    down: np.ndarray
    shape: tuple[int, int]
    pixel_mm: float

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """Side of the patient at the left, right, upper and lower edge: out of R L A P S I."""
        return _LETTERS[self.name]

    @cached_property
    def points(self) -> np.ndarray:
        """X[r, c] = origin + pixel_mm · (r · down + c · right): `(rows, columns, 3)` RAS mm."""
        rows, columns = (np.arange(n, dtype=np.float64) for n in self.shape)
        step = rows[:, None, None] * self.down + columns[None, :, None] * self.right
        return self.origin + self.pixel_mm * step

    def pixel_of(self, point: np.ndarray) -> tuple[float, float]:
        """(r, c) of a RAS point projected onto the picture."""
        offset = (np.asarray(point, dtype=np.float64) - self.origin) / self.pixel_mm
        return float(offset @ self.down), float(offset @ self.right)


Picture = Callable[[Plane], np.ndarray]  # what a volume shows on a plane, `(rows, columns, …)`


def plane_through(name: PlaneName, centre: np.ndarray, box: np.ndarray, pixel_mm: float) -> Plane:
    """The picture of plane `name` through `centre` that covers `box`.

    Args:
        name: which anatomical plane.
        centre: `(3,)` RAS mm.
        box: `(2, 3)` lowest and highest RAS mm to show.
        pixel_mm: side of a pixel.
    """
    right, down = _PICTURE_AXES[name]
    normal = 1 - np.abs(right) - np.abs(down)
    corner = np.where(right + down < 0, box[1], box[0])
    origin = np.where(normal > 0, centre, corner)
    size = box[1] - box[0]
    rows, columns = (
        max(2, 1 + int(np.ceil(np.abs(axis) @ size / pixel_mm))) for axis in (down, right)
    )
    return Plane(name, origin, right, down, (rows, columns), float(pixel_mm))


def once(made: Callable[[Plane], T]) -> Callable[[Plane], T]:
    """The same, made once for each of the three planes of a page: several columns show it."""
    found: dict[PlaneName, T] = {}

    def kept(plane: Plane) -> T:
        if plane.name not in found:
            found[plane.name] = made(plane)
        return found[plane.name]

    return kept


def sample_plane(
    volume: Volume, plane: Plane, order: int = 1, known: np.ndarray | None = None
) -> np.ndarray:
    """out[r, c] = volume at the place of pixel (r, c); NaN outside the volume's field of view.

    Args:
        volume: `(d, h, w)` or `(d, h, w, n)` through `Volume`; any grid, any axis codes.
        plane: the picture.
        order: 1 for intensities (linear), 0 for masks (nearest).
        known: `(d, h, w)` bool, where the volume has data; what reads other voxels is NaN as well.

    Returns:
        `(rows, columns)` float32, with a last axis of 3 for RGB or vectors.
    """
    scalar = volume.array.ndim == 3
    channels = volume.array[..., None] if scalar else volume.array
    picture = _sample(channels, volume.affine, plane, order, known)
    return picture[..., 0] if scalar else picture


def sample_mask(mask: Volume, plane: Plane) -> np.ndarray:
    """`(rows, columns)` bool: the nearest voxel; False outside the field of view."""
    return sample_plane(mask, plane, order=0) > 0.5


def sample_field(field: ComposedField, plane: Plane) -> np.ndarray:
    """u at the place of every pixel, `(rows, columns, 3)` RAS mm; NaN outside the field of view.

    Args:
        field: u, computed around the plane alone.
        plane: the picture.
    """
    return _sample(field, field.grid.affine, plane, order=1)


def _sample(
    channels: np.ndarray | ComposedField,
    affine: np.ndarray,
    plane: Plane,
    order: int,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """`(rows, columns, n)` float32 of `(d, h, w, n)`."""
    index = np.moveaxis(mapped(np.linalg.inv(affine), plane.points), -1, 0)
    covered = inside(index, channels.shape, axis=0)[0]
    # a block around the plane is enough: the volume may be large and the plane thin
    size = np.array(channels.shape[:3])
    low = np.clip(np.floor(index.min(axis=(1, 2))) - 1, 0, size - 1).astype(int)
    high = np.clip(np.ceil(index.max(axis=(1, 2))) + 2, low + 1, size).astype(int)
    d, h, w = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    block = channels[d, h, w]
    if known is not None:
        block = np.where(known[d, h, w, None], block, np.float32(np.nan))
    local = index - low[:, None, None]
    sampled = [
        ndimage.map_coordinates(channel.astype(np.float32), local, order=order, mode="nearest")
        for channel in np.moveaxis(block, -1, 0)
    ]
    picture = np.stack(sampled, axis=-1)
    picture[~covered] = np.nan
    return picture


def body_points(body: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Array indices `(n, 3)` and RAS mm `(n, 3)` of the body's voxels, thinned to 200 000.

    Of all voxels if the body is empty.
    """
    mask = np.ones(grid.shape, dtype=bool) if not body.any() else body.astype(bool)
    step = int(np.ceil((mask.sum() / _MOST_POINTS) ** (1 / 3)))
    thin = np.argwhere(mask[::step, ::step, ::step]) * step
    index = thin if len(thin) else np.argwhere(mask)
    return index, mapped(grid.affine, index)


def body_values(volume: Volume, body: np.ndarray) -> np.ndarray:
    """`(n,)` or `(n, 3)`: the volume at `body_points`."""
    index, _ = body_points(body, volume.grid)
    return volume.array[tuple(index.T)]


def view_box(body: np.ndarray, grid: Grid, margin_mm: float = 8.0) -> np.ndarray:
    """`(2, 3)` RAS mm box around the body with a margin, never larger than the field of view."""
    points = body_points(body, grid)[1]
    corners = grid.corners()
    low = np.maximum(points.min(axis=0) - margin_mm, corners.min(axis=0))
    high = np.minimum(points.max(axis=0) + margin_mm, corners.max(axis=0))
    return np.stack([low, np.maximum(high, low + grid.spacing.min())])


def view_centre(
    body: np.ndarray, weight: Callable[[np.ndarray], np.ndarray], grid: Grid
) -> np.ndarray:
    """The body voxel nearest to Σ w X / Σ w: `(3,)` RAS mm where the planes cross.

    Args:
        body: `(d, h, w)` mask on `grid`.
        weight: voxels `(n, 3)` → `(n,)` ≥ 0, what the picture should go through (displacement,
            uptake).
        grid: of both.
    """
    index, points = body_points(body, grid)
    w = np.nan_to_num(np.asarray(weight(index)).astype(np.float64))
    w = w if w.sum() > 0 else np.ones(len(points))
    centre = (w[:, None] * points).sum(axis=0) / w.sum()
    candidates = points[w > 0]
    return candidates[np.argmin(((candidates - centre) ** 2).sum(axis=1))]
