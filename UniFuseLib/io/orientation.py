"""From what a header says to a grid: an orientation that is missing, axes that are not square."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.file_header import LPS_TO_RAS
from UniFuseLib.io.nifti_geometry import VISIBLE_MM, corner_distance
from UniFuseLib.io.paths import shown

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.file_header import FileHeader, Orientation

_ROUNDED_MM = 0.01  # at the corners: what float32 rounds away, not worth a word
_FARTHEST_MM = 1e6  # from the world's origin
_FINEST_MM, _COARSEST_MM = 1e-4, 100.0  # of a voxel
_FLATTEST = 1e-3  # determinant of the directions
_SIDES = {
    "LPS": "left, posterior and superior",
    "RAS": "right, anterior and superior",
}


class Placement(NamedTuple):
    """Where the voxels were put."""

    affine: np.ndarray  # (4, 4) index (i, j, k) → RAS mm; sheared where `shear_mm` > 0.1
    shear_mm: float  # at the corners, of what was left sheared; else 0
    warnings: tuple[str, ...]


def placement(path: Path, header: FileHeader, assumed: Orientation | None) -> Placement:
    """The affine of a file, with its axes made perpendicular where they nearly are.

    Args:
        path: for the sentences.
        header: of the file.
        assumed: directions of the axes of a file that has none.

    Raises:
        InputError: no orientation, and none was assumed; or no voxel size.
    """
    warnings: tuple[str, ...] = ()
    affine = header.affine
    if affine is None:
        affine, warnings = _assumed(path, header, assumed)
    _check_coordinates(path, affine)
    square = perpendicular(affine, last := _last(header))
    apart = corner_distance(affine, square, last)
    if apart > VISIBLE_MM:
        sentence = (
            f"{shown(path)} has axes that are not perpendicular ({apart:.1f} mm at the corners); "
            "it was resampled from its sheared grid."
        )
        return Placement(affine, apart, (*warnings, sentence))
    if apart > _ROUNDED_MM:
        warnings += (
            f"{shown(path)}: its axes were made perpendicular (moved by {apart:.2f} mm at most).",
        )
    return Placement(square if apart > _ROUNDED_MM else affine, 0.0, warnings)


def perpendicular(affine: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The affine with the nearest perpendicular axes of the same lengths, about the same centre.

    Polar decomposition of the directions: D = U V^T of their singular vectors.

    Args:
        affine: `(4, 4)` index (i, j, k) → mm.
        last: `(3,)` index of the last voxel along i, j, k.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    u, _, v = np.linalg.svd(affine[:3, :3] / spacing)
    square = affine.copy()
    square[:3, :3] = (u @ v) * spacing
    square[:3, 3] += (affine[:3, :3] - square[:3, :3]) @ (last / 2)
    return square


def _check_coordinates(path: Path, affine: np.ndarray) -> None:
    """Numbers that no scanner writes would overflow what is computed from them."""
    if not np.isfinite(affine).all() or np.abs(affine).max() > _FARTHEST_MM:
        raise InputError(
            f"{shown(path)} places its voxels {np.abs(affine).max():.3g} mm away. Its header is "
            "damaged (spacing, unit or origin); export the file again."
        )
    size = np.linalg.norm(affine[:3, :3], axis=0)
    sized = size.min() >= _FINEST_MM and size.max() <= _COARSEST_MM
    if not sized or abs(np.linalg.det(affine[:3, :3] / size)) < _FLATTEST:
        raise InputError(
            f"{shown(path)} gives voxels of {' × '.join(f'{v:.4g}' for v in size)} mm, or axes in "
            "one plane: no scanner makes these. Repair its header (spacing, unit, orientation)."
        )


def _assumed(
    path: Path, header: FileHeader, assumed: Orientation | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Axes along the assumed directions, the first voxel at the origin."""
    if assumed is None:
        raise InputError(
            f"{shown(path)} does not say which side of the patient is left or right. If you know "
            "how its voxels are stored, add --assume-orientation LPS or RAS (the directions in "
            "which i, j and k run); else export it again in a format that keeps the orientation."
        )
    spacing = np.array(header.spacing)
    warnings: tuple[str, ...] = (
        f"{shown(path)} has no orientation; its axes were assumed to run towards "
        f"{_SIDES[assumed]}, from 0, 0, 0.",
    )
    if not np.isfinite(spacing).all():
        spacing = np.where(np.isfinite(spacing), spacing, 1.0)
        sizes = " × ".join(f"{s:g}" for s in spacing)
        warnings += (f"{shown(path)} has no voxel size; {sizes} mm was assumed.",)
    affine = np.diag([*spacing, 1.0])
    return (LPS_TO_RAS @ affine if assumed == "LPS" else affine), warnings


def _last(header: FileHeader) -> np.ndarray:
    """`(3,)` index of the last voxel along i, j, k."""
    space = header.data.shape[:-1] if header.components > 1 else header.data.shape
    return np.array(space[-3:][::-1], dtype=np.float64) - 1
