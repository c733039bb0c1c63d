"""`result.apply(...)`: one volume or one set of points, without files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.apply.choices import background_of, interpolation_of
from UniFuseLib.apply.resampling import pull_towards, resample_frames
from UniFuseLib.errors import InputError
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.apply.interpolations import Choice
    from UniFuseLib.spatial.transform import Scan, Transform
    from UniFuseLib.spatial.volume import Grid

_NAMED = 5  # points that a message names


def apply_to_volume(
    transform: Transform,
    volume: Volume,
    to: Scan,
    modality: str,
    interpolation: Choice = "auto",
    grid: Grid | None = None,
) -> Volume:
    """The volume on the voxels of the other scan, in its own type and units.

    Args:
        transform: of the result.
        volume: of the other scan; scalars, labels or colours.
        to: the scan whose places are wanted.
        modality: `mr`, `ct` or `pet`, for the value outside the field of view.
        interpolation: `auto`: `label` for what looks like a label map, else `linear`.
        grid: onto which voxels; None: those of the scan `to`.

    Raises:
        InputError: fractions where labels were said, a grid that is not known, or no overlap.
    """
    frames = volume.array[None]
    chosen = interpolation_of(frames, interpolation)
    fill = background_of(frames, modality, chosen)
    pull = pull_towards(transform, to, grid)
    moved = resample_frames(frames, volume.grid, pull, chosen, fill)
    return Volume(moved[0], pull.grid.affine)


def apply_to_points(transform: Transform, points: np.ndarray, to: Scan) -> np.ndarray:
    """The places of the same anatomy in the other scan, `(n, 3)` RAS mm.

    Beyond the field of view of the reference, the displacement of the nearest border voxel counts.

    Args:
        transform: of the result.
        points: `(n, 3)` RAS mm in the other scan.
        to: the scan whose places are wanted.

    Raises:
        InputError: a point without inverse, because the field folds there; or no list of points.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError(f"Expected points of shape (n, 3) in RAS mm, got {points.shape}.")
    moved = transform.move(points, to)
    refuse_folded(moved.exists, lambda i: f"point {i}")
    return moved.points


def refuse_folded(exists: np.ndarray, name: Callable[[int], str]) -> None:
    """Stop where points have no single place in the reference.

    Args:
        exists: `(n,)` bool.
        name: number of a point → how the message calls it.

    Raises:
        InputError: at least one is False.
    """
    missing = np.flatnonzero(~exists)
    if not missing.size:
        return
    named = ", ".join(name(int(i)) for i in missing[:_NAMED])
    more = f" and {missing.size - _NAMED} more" if missing.size > _NAMED else ""
    raise InputError(
        f"The deformation folds at {named}{more}: {'it has' if missing.size == 1 else 'they have'} "
        "no single place in the reference. Remove what lies there, or fuse the volumes again with "
        "--align rigid."
    )
