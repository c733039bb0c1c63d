"""Misalignments whose mean displacement inside the body lies in a given bin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.simulation.displacement_scale import scale_to_mean
from UniFuseLib.simulation.field_of_view import as_array, sees
from UniFuseLib.simulation.misalignment import FULL, Misalignment, sample_misalignment
from UniFuseLib.simulation.misalignment_field import Deformation
from UniFuseLib.simulation.parameters import uniform
from UniFuseLib.simulation.tasks import BINS
from UniFuseLib.spatial.linear import mapped

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid, Volume

BODY_POINTS = 4000
_TRIES = 20


def sample_for_bin(
    generator: torch.Generator, degraded: Grid, reference: Volume, modality: str, bin_name: str
) -> tuple[Misalignment, np.ndarray]:
    """A misalignment whose mean displacement lies in the bin, and the mask it is measured in.

    The mask holds reference voxels of the body whose partner exists: inside the clean scan's field
    of view before the movement, and inside the degraded scan's after it.

    Args:
        generator: of all draws.
        degraded: grid of the scan that will be moved.
        reference: the other scan.
        modality: of the reference.
        bin_name: key of `BINS`.

    Raises:
        InputError: the scans hardly overlap.
    """
    low, high = BINS[bin_name]
    target = uniform(generator, low + 0.1 * (high - low), high - 0.1 * (high - low))
    grid = reference.grid
    body = body_mask(reference.array, grid.spacing, modality)
    body &= sees(degraded, grid, np.zeros((*grid.shape, 3)))
    points = body_points(generator, body, grid)
    for _ in range(_TRIES):
        drawn = sample_misalignment(generator, (grid, degraded))
        misalignment = scale_to_mean(drawn, points, target)
        seen = body & sees(degraded, grid, _field(misalignment, grid))
        if not seen.any():
            continue
        misalignment = scale_to_mean(misalignment, body_points(generator, seen, grid), target)
        field = _field(misalignment, grid)
        seen = body & sees(degraded, grid, field)
        mean = float(np.linalg.norm(field[seen], axis=1).mean()) if seen.any() else 0.0
        if low <= mean < high and _within_range(misalignment):
            return misalignment, seen
    raise InputError(f"the scans overlap too little to simulate a {bin_name} mm misalignment")


def _field(misalignment: Misalignment, grid: Grid) -> np.ndarray:
    """φ − id at the voxels of `grid`, `(d, h, w, 3)` RAS mm."""
    return as_array(Deformation(misalignment).phi(grid))


def _within_range(misalignment: Misalignment) -> bool:
    """True when scaling to the bin did not leave the range that single values are drawn from."""
    return (
        max(map(abs, misalignment.rotation_deg)) <= FULL.rotation_deg
        and max(map(abs, misalignment.translation_mm)) <= FULL.translation_mm
        and max(map(abs, misalignment.log_scale)) <= np.log1p(FULL.scale)
        and misalignment.elastic_mm <= FULL.elastic_mm
    )


def body_points(generator: torch.Generator, mask: np.ndarray, grid: Grid) -> np.ndarray:
    """Up to `BODY_POINTS` random points of the mask, `(n, 3)` RAS mm."""
    found = np.argwhere(mask)
    if len(found) == 0:
        raise InputError(
            "the scans do not overlap inside the body; both have to show the same patient, aligned"
        )
    chosen = torch.randperm(len(found), generator=generator)[:BODY_POINTS].numpy()
    return mapped(grid.affine, found[chosen])
