"""Two checked volumes brought to one working grid, aligned: what the network reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.checks import fields_of_view, overlap
from UniFuseLib.registration.affine import AffineResult, Freedom, register, unmoved
from UniFuseLib.spatial.resampling import covered, resample
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from UniFuseLib.preprocessing.prepare import PreparedPair

Align = Literal["deformable", "affine", "rigid", "none"]
# how far the alignment may go → freedom of the motion before the network
FREEDOM: dict[str, Freedom | None] = {
    "deformable": "rigid",
    "affine": "affine",
    "rigid": "rigid",
    "none": None,
}
WHOLLY = 0.99  # of an interpolated mask: all that it was interpolated from
_AFFINE_SHARE = 0.9  # of the time of `working_pair` on the sample pair; resampling takes the rest


class WorkingPair(NamedTuple):
    """Both inputs on the working grid, network intensities `(1, 1, d, h, w)`, CPU."""

    grid: Grid
    degraded_unaligned: Tensor
    degraded: Tensor  # pulled through the affine
    reference: Tensor
    mask: Tensor  # bool: the body, where the degraded volume has content
    compared: Tensor  # bool: `mask`, as far as the user lets both volumes be compared
    # bool: the field of view without padding, as far as the user lets it be compared
    degraded_acquired: Tensor  # pulled as `degraded`
    reference_acquired: Tensor
    alignment: AffineResult


def working_pair(
    pair: PreparedPair,
    align: Align = "deformable",
    progress: Callable[[float], None] | None = None,
) -> WorkingPair:
    """Both inputs on the working grid, the degraded one moved to the reference.

    Args:
        pair: the checked inputs.
        align: how far the alignment may go; `none` keeps the geometry of the files.
        progress: called with the fraction done (0 to 1); may raise to stop.

    Raises:
        InputError: an `align` that does not exist, nothing of the degraded volume lies in the
            reference's field of view, neither before nor after the alignment, or the masks leave
            nothing to compare.
    """
    if align not in FREEDOM:
        raise InputError(f"Unknown align {align!r}. Expected {', '.join(FREEDOM)}.")

    def affine_progress(fraction: float) -> None:
        if progress is not None:
            progress(_AFFINE_SHARE * fraction)

    working = place(pair, _alignment(pair, FREEDOM[align], affine_progress))
    if pair.masked and not working.compared.any():
        raise InputError(
            "The masks leave nothing to compare: once the volumes are aligned, no place of the body"
            " lies inside both. Draw them on the same anatomy, or leave one out."
        )
    return working


def _alignment(
    pair: PreparedPair, freedom: Freedom | None, progress: Callable[[float], None]
) -> AffineResult:
    """What the volumes say about where they lie, or the geometry of the files."""
    grids = pair.degraded.source.volume.grid, pair.reference.source.volume.grid
    given = pair.given.matrices
    apart = overlap(*grids) == 0 and not given
    if freedom is None:
        found = unmoved(given)
    else:
        found = register(pair.degraded.side, pair.reference.side, freedom, progress, given)
    if apart and not found.followed:
        raise InputError(
            f"The fields of view do not overlap: {fields_of_view(*grids)}. "
            + ("" if freedom is None else "No pose was found in which the volumes agree. ")
            + "If both show the same patient, bring them together first (3D Slicer: Volumes > "
            "Volume Information > Center Volume, or a hardened transform) and try again."
        )
    if not apart:
        return found
    warning = (
        f"The fields of view do not overlap as the files place them ({fields_of_view(*grids)}): "
        "the pose was found from the intensities alone. Check it."
    )
    return found._replace(warnings=(warning, *found.warnings))


def place(pair: PreparedPair, start: AffineResult) -> WorkingPair:
    """Both inputs on the working grid; degraded(A X) is its volume with the affine A⁻¹ · affine."""
    degraded, reference, grid = pair.degraded, pair.reference, pair.grid
    moved = Volume(degraded.scalar.array, np.linalg.inv(start.matrix) @ degraded.scalar.affine)
    fill = degraded.source.background
    to_network = degraded.source.intensity.forward
    aligned, coverage = resample(moved, grid, fill)
    unaligned = aligned
    if start.followed:
        unaligned, _ = resample(degraded.scalar, grid, fill)
    reference_values, _ = resample(reference.scalar, grid, reference.source.background)
    body, _ = resample(Volume(reference.body, reference.scalar.affine), grid, 0.0)
    acquired = _wholly(Volume(degraded.acquired, moved.affine), grid)
    mask = (body > 0.5) & (coverage > 0.5) & acquired
    degraded_acquired = acquired
    if degraded.mask is not None:
        degraded_acquired = _wholly(Volume(degraded.compared, moved.affine), grid)
    reference_acquired = _wholly(Volume(reference.compared, reference.scalar.affine), grid)
    seen = to_network(aligned)
    return WorkingPair(
        grid=grid,
        degraded_unaligned=to_network(unaligned) if start.followed else seen,
        degraded=seen,
        reference=reference.source.intensity.forward(reference_values),
        mask=mask,
        compared=mask & degraded_acquired & reference_acquired if pair.masked else mask,
        degraded_acquired=degraded_acquired,
        reference_acquired=reference_acquired,
        alignment=start,
    )


def _wholly(mask: Volume, grid: Grid) -> Tensor:
    """bool `(1, 1, d, h, w)`: voxels of `grid` that read nothing from outside the mask."""
    if mask.array.all():
        return covered(mask.grid, grid)
    share, _ = resample(mask, grid, 0.0)
    return share > WHOLLY
