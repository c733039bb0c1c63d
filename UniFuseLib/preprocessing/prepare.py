"""Two volumes, checked and brought to one working grid: what the network reads, at run time and in
training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.postprocess import Source
from UniFuseLib.preprocessing.checks import (
    body_mask,
    canonical,
    check_volume,
    detect_modality,
    fit,
    luma,
    working_grid,
)
from UniFuseLib.preprocessing.intensity import BACKGROUND, MODALITIES
from UniFuseLib.registration.affine import Image, InitialAlignment, alignment_image
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.checkpoint import Contract

LARGEST_WORKING_GRID = 256**3


class Prepared(NamedTuple):
    """One input after its checks."""

    source: Source
    scalar: Volume  # luma of colours; axes as in `checks.canonical`
    body: np.ndarray  # bool, on the axes of `scalar`


class Work(NamedTuple):
    """Both inputs on the working grid, network intensities `(1, 1, d, h, w)`, CPU."""

    grid: Grid
    unaligned: Tensor
    degraded: Tensor
    reference: Tensor
    mask: Tensor  # bool: the body, where the degraded volume has content


def prepare(
    volume: Volume, name: str, modality: str, contract: Contract, warnings: list[str]
) -> Prepared:
    """One input: checked, its modality found, one channel on canonical axes, its body, its
    intensity rule fitted.

    Args:
        name: `degraded` or `reference`, for the sentences. modality: `auto`, `mr`, `ct` or `pet`.
        warnings: gets what the user should know.

    Raises:
        InputError: a modality that does not exist, or see `preprocess.check_volume`.
    """
    checked, found = check_volume(volume, name)
    warnings += found
    if modality not in ("auto", *MODALITIES):
        raise InputError(
            f"Unknown {name} modality {modality!r}. Expected auto, {', '.join(MODALITIES)}."
        )
    kind = detect_modality(checked) if modality == "auto" else modality
    scalar = canonical(luma(checked))
    body = body_mask(scalar.array, scalar.grid.spacing, kind)
    return Prepared(
        Source(checked, kind, fit(scalar.array, body, kind, contract.intensity)), scalar, body
    )


def shared_grid(reference: Grid, spacing: float, warnings: list[str]) -> Grid:
    """The isotropic grid over `reference` that the network works on; coarser than `spacing` mm
    where too large.

    Raises:
        InputError: the axes of `reference`, which the results will lie on, are not perpendicular.
    """
    if reference.sheared:
        raise InputError(
            "The axes of the reference volume are not perpendicular (a sheared grid, or a tilted scan), and no file "
            "can hold results on them. Resample it onto perpendicular axes and try again."
        )
    grid = working_grid(reference, spacing)
    voxels = float(np.prod(grid.shape))
    if voxels <= LARGEST_WORKING_GRID:
        return grid
    coarser = spacing * (voxels / LARGEST_WORKING_GRID) ** (1 / 3) * 1.01
    warnings.append(
        f"The reference field of view is large: worked at {coarser:.2f} mm instead of {spacing:.2f} mm. "
        "Crop the reference to the region of interest for a finer alignment."
    )
    return working_grid(reference, coarser)


def image_of(one: Prepared) -> Image:
    """What the affine alignment sees of it."""
    return alignment_image(one.scalar, one.body, one.source.modality, one.source.intensity)


def place(moving: Prepared, fixed: Prepared, grid: Grid, start: InitialAlignment) -> Work:
    """Both inputs on the working grid; degraded(A X) is its volume with the affine A⁻¹ · affine."""
    fill = BACKGROUND[moving.source.modality]
    forward = moving.source.intensity.forward
    here = forward(resample(moving.scalar, grid, fill)[0])
    pulled = Volume(moving.scalar.array, np.linalg.inv(start.matrix) @ moving.scalar.affine)
    values, coverage = resample(pulled, grid, fill)
    there, _ = resample(fixed.scalar, grid, BACKGROUND[fixed.source.modality])
    body, _ = resample(Volume(fixed.body, fixed.scalar.affine), grid, 0.0)
    return Work(
        grid,
        here,
        forward(values),
        fixed.source.intensity.forward(there),
        (body > 0.5) & (coverage > 0.5),
    )
