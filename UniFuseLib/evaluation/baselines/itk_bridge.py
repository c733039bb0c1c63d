"""Volumes ↔ the ITK family (SimpleITK, itk-elastix, ANTs), which measures in LPS mm.

With SimpleITK's array order (k, j, i) an image's axes i, j, k are our w, h, d.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import SimpleITK as sitk

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid, Volume

_LPS = np.array([-1.0, -1.0, 1.0])


class ItkGrid(NamedTuple):
    """A grid as ITK describes it; all in the order i, j, k and in LPS mm."""

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: np.ndarray  # (3, 3), columns: where i, j, k point


def itk_grid(grid: Grid) -> ItkGrid:
    """The same grid for ITK: columns (d, h, w) reversed to (i, j, k), RAS → LPS."""
    direction = (_LPS[:, None] * grid.directions)[:, ::-1]
    d, h, w = grid.shape
    spacing = grid.spacing[::-1].tolist()
    origin = (_LPS * grid.affine[:3, 3]).tolist()
    return ItkGrid(
        (w, h, d),
        (spacing[0], spacing[1], spacing[2]),
        (origin[0], origin[1], origin[2]),
        direction,
    )


def to_image(volume: Volume) -> sitk.Image:
    """A float32 SimpleITK image at the same place."""
    itk = itk_grid(volume.grid)
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.array, dtype=np.float32))
    image.SetSpacing(itk.spacing)
    image.SetOrigin(itk.origin)
    image.SetDirection(itk.direction.ravel().tolist())
    return image


def to_ras(field: np.ndarray) -> np.ndarray:
    """u `(d, h, w, 3)` float32: LPS mm → RAS mm."""
    return (field * _LPS).astype(np.float32)


def displacement_of(transform: sitk.Transform, grid: Grid) -> np.ndarray:
    """u(X) = T(X) - X, `(d, h, w, 3)` RAS mm on `grid`.

    ITK transforms map fixed points to moving points.
    """
    itk = itk_grid(grid)
    field = sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        itk.size,
        itk.origin,
        itk.spacing,
        itk.direction.ravel().tolist(),
    )
    return to_ras(sitk.GetArrayFromImage(field))
