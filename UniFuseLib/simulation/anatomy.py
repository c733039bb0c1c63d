"""Misalignments as two scans of one patient have them: rigid, with a bounded elastic part.

    scan[x] = clean(ψ(R⁻¹ B x))        ψ = R ∘ exp(v)        R⁻¹ B: affine of the moved scan

The rigid part R stands in the scan's header, so it resamples nothing and cuts nothing off: the
field of view goes with the patient, as it does where a technologist places it. Only the elastic
part is interpolated. `misalignment_field.py` gives φ, the label, as for every other misalignment.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.simulation.binned import body_points
from UniFuseLib.simulation.displacement_scale import scale_to_mean
from UniFuseLib.simulation.field_of_view import as_array, sees
from UniFuseLib.simulation.misalignment import Misalignment, MisalignmentRange, sample_misalignment
from UniFuseLib.simulation.misalignment_field import Deformation
from UniFuseLib.simulation.parameters import Triple, normal, triple, uniform
from UniFuseLib.simulation.tasks import BINS
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    import torch

#: two scans of one head: another pose, and what scanner and jaw distort
HEAD = MisalignmentRange(rotation_deg=20.0, translation_mm=30.0, scale=0.0, elastic_mm=2.0)
#: of a limb or torso: soft tissue yields
BODY = MisalignmentRange(rotation_deg=20.0, translation_mm=30.0, scale=0.0, elastic_mm=10.0)
#: degrees about any axis
LARGE_TURN = (30.0, 180.0)
#: mm between the spheres around both fields of view
GAP = (10.0, 60.0)
RANGES: dict[str, MisalignmentRange] = {"head": HEAD, "body": BODY, "turned": HEAD, "apart": HEAD}
#: as large as they are drawn
UNSCALED = ("turned", "apart")
_TRIES = 20


class Placed(NamedTuple):
    """A misalignment, and where it leaves the scan.

    Attributes:
        misalignment: ψ and φ.
        grid: of the moved scan.
        body: `(d, h, w)` bool on the reference grid: body voxels whose partner was seen.
    """

    misalignment: Misalignment
    grid: Grid
    body: np.ndarray


def place_by_anatomy(
    generator: torch.Generator,
    kind: str,
    view: Grid,
    reference: Grid,
    body: np.ndarray,
    bin_name: str,
) -> Placed:
    """Draw a misalignment whose mean displacement inside the body lies in the bin.

    The rigid part is scaled to a mean that is uniform in the inner 80 % of the bin; the elastic
    part stays as drawn. In the bin without an upper end nothing is scaled.

    Args:
        generator: of all draws.
        kind: key of `RANGES`.
        view: grid of the degraded scan before it moves.
        reference: the other scan's grid.
        body: `(d, h, w)` bool on `reference`, what can be compared.
        bin_name: key of `BINS`.

    Raises:
        InputError: no draw reaches the bin.
    """
    low, high = BINS[bin_name]
    for _ in range(_TRIES):
        drawn = sample_by_anatomy(generator, kind, view, reference)
        if high < math.inf:
            target = uniform(generator, low + 0.1 * (high - low), high - 0.1 * (high - low))
            points = body_points(generator, body, reference)
            drawn = scale_to_mean(drawn, points, target, scaled=rigidly_scaled)
        placed = _placed(drawn, view, reference, body)
        if _fits(placed, reference, kind, low, high):
            return placed
    raise InputError(f"no {kind} misalignment reaches a mean displacement of {bin_name} mm")


def sample_by_anatomy(
    generator: torch.Generator, kind: str, view: Grid, reference: Grid
) -> Misalignment:
    """One draw, as large as it comes; v is defined wherever the patient lies, moved or not.

    Args:
        generator: of all draws.
        kind: `head`, `body`; `turned`: a head turned by `LARGE_TURN`; `apart`: a head whose scans
            do not overlap.
        view: grid of the degraded scan before it moves.
        reference: R turns about its centre.
    """
    drawn = sample_misalignment(generator, (reference, view), RANGES[kind])
    if kind == "turned":
        angle = uniform(generator, *LARGE_TURN)
        drawn = replace(drawn, rotation_deg=_scaled(_direction(generator), angle))
    if kind == "apart":
        distance = _radius(reference) + _radius(view) + uniform(generator, *GAP)
        distance += float(np.linalg.norm(reference.corners().mean(0) - view.corners().mean(0)))
        drawn = replace(drawn, translation_mm=_scaled(_direction(generator), distance))
    return _covering(drawn, (view, reference))


def rigidly_scaled(misalignment: Misalignment, factor: float) -> Misalignment:
    """Turned and shifted `factor` times as far; the elastic part stays."""
    return replace(
        misalignment,
        rotation_deg=_scaled(misalignment.rotation_deg, factor),
        translation_mm=_scaled(misalignment.translation_mm, factor),
    )


def moved_grid(view: Grid, misalignment: Misalignment) -> Grid:
    """R⁻¹ B: the scan's grid, moved with the patient."""
    return Grid(view.shape, np.linalg.solve(misalignment.matrix, view.affine))


def _placed(drawn: Misalignment, view: Grid, reference: Grid, body: np.ndarray) -> Placed:
    grid = moved_grid(view, drawn)
    return Placed(drawn, grid, body & sees(grid, reference, _field(drawn, reference)))


def _fits(placed: Placed, reference: Grid, kind: str, low: float, high: float) -> bool:
    """True where scaling stayed within the range and the mean in the bin."""
    if not placed.body.any():
        return False
    field = _field(placed.misalignment, reference)
    mean = float(np.linalg.norm(field[placed.body], axis=1).mean())
    return low <= mean < high and (math.isinf(high) or _within(placed.misalignment, RANGES[kind]))


def _within(misalignment: Misalignment, ranges: MisalignmentRange) -> bool:
    return (
        max(map(abs, misalignment.rotation_deg)) <= ranges.rotation_deg
        and max(map(abs, misalignment.translation_mm)) <= ranges.translation_mm
    )


def _field(misalignment: Misalignment, grid: Grid) -> np.ndarray:
    """φ − id at the voxels of `grid`, `(d, h, w, 3)` RAS mm."""
    return as_array(Deformation(misalignment).phi(grid))


def _covering(drawn: Misalignment, grids: tuple[Grid, ...]) -> Misalignment:
    """The same, its box around both fields of view as they lie before and after the movement."""
    before = np.concatenate([grid.corners() for grid in grids])
    after = np.concatenate([moved_grid(grid, drawn).corners() for grid in grids])
    everything = np.concatenate([before, after])
    return replace(drawn, box_mm=(triple(everything.min(0)), triple(everything.max(0))))


def _direction(generator: torch.Generator) -> Triple:
    """A unit vector, every direction equally likely."""
    drawn = np.array([normal(generator) for _ in range(3)])
    return triple(drawn / np.linalg.norm(drawn))


def _radius(grid: Grid) -> float:
    """Of the sphere around the centres of the corner voxels, mm."""
    corners = grid.corners()
    return float(np.linalg.norm(corners - corners.mean(0), axis=1).max())


def _scaled(values: Triple, factor: float) -> Triple:
    return triple(factor * np.array(values))
