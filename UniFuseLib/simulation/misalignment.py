"""Known misalignments: an affine after a smooth diffeomorphism, with the exact inverse as label.

    moved[x] = clean(ψ(X(x)))        ψ = R ∘ exp(v)          makes the misaligned scan
    clean(X) = moved(φ(X))           φ = exp(−v) ∘ R⁻¹       the label

φ(X) is where reference point X lies in the moved scan. Drawn and described here, evaluated in
`misalignment_field.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from UniFuseLib.simulation.parameters import (
    Triple,
    new_seed,
    triple,
    tupled,
    uniform,
    uniforms,
)
from UniFuseLib.spatial.linear import cross_matrix

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid


@dataclass(frozen=True)
class MisalignmentRange:
    """Largest values; rotation, translation and scale are uniform in ± these, per axis.

    Attributes:
        rotation_deg: degrees about each of R, A, S.
        translation_mm: mm along each of R, A, S.
        scale: relative, 0.08 is ±8 % along each axis.
        elastic_mm: the peak of |v| is uniform in [0, elastic_mm].
        control_mm: the distance of the B-spline control points is uniform in this interval.
    """

    rotation_deg: float = 10.0
    translation_mm: float = 12.0
    scale: float = 0.08
    elastic_mm: float = 10.0
    control_mm: tuple[float, float] = (35.0, 80.0)

    def times(self, factor: float) -> MisalignmentRange:
        """All of it `factor` times as large, at the same distance of the control points."""
        names = ("rotation_deg", "translation_mm", "scale", "elastic_mm")
        return replace(self, **{name: factor * getattr(self, name) for name in names})


FULL = MisalignmentRange()
#: what an affine stage leaves over: most of the motion is elastic, the affine part is its error
REMAINDER = MisalignmentRange(rotation_deg=1.2, translation_mm=1.5, scale=0.012, elastic_mm=8.0)


@dataclass(frozen=True)
class Misalignment:
    """Frozen parameters of ψ and φ; JSON-able.

    Attributes:
        rotation_deg: rotation vector (R, A, S), its length is the angle in degrees.
        translation_mm: (R, A, S) mm.
        log_scale: natural logarithm of the scale along R, A, S.
        elastic_mm: peak of |v| in mm.
        control_mm: distance of the B-spline control points.
        seed: of the control points.
        centre_mm: RAS point about which R rotates and scales.
        box_mm: lower and upper RAS corner of everything that has to be covered.
        field_mm: spacing of the field grid.
    """

    rotation_deg: Triple
    translation_mm: Triple
    log_scale: Triple
    elastic_mm: float
    control_mm: float
    seed: int
    centre_mm: Triple
    box_mm: tuple[Triple, Triple]
    field_mm: float

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Misalignment:
        return cls(**{name: tupled(value) for name, value in values.items()})

    def scaled(self, factor: float) -> Misalignment:
        """The same motion, `factor` times as far: the transform's generators are multiplied."""
        return replace(
            self,
            rotation_deg=_times(self.rotation_deg, factor),
            translation_mm=_times(self.translation_mm, factor),
            log_scale=_times(self.log_scale, factor),
            elastic_mm=self.elastic_mm * factor,
        )

    @cached_property
    def matrix(self) -> np.ndarray:
        """R: X → c + exp(L)(X − c) + t, `(4, 4)` RAS mm; L = [rotation]× + diag(log scale)."""
        generator = cross_matrix(np.deg2rad(self.rotation_deg)) + np.diag(self.log_scale)
        matrix, centre = np.eye(4), np.array(self.centre_mm)
        matrix[:3, :3] = torch.linalg.matrix_exp(torch.from_numpy(generator)).numpy()
        matrix[:3, 3] = centre + np.array(self.translation_mm) - matrix[:3, :3] @ centre
        return matrix


def sample_misalignment(
    generator: torch.Generator,
    grids: tuple[Grid, ...],
    ranges: MisalignmentRange = FULL,
    field_mm: float = 4.0,
) -> Misalignment:
    """Draw a misalignment defined over the fields of view of all `grids`.

    Args:
        generator: of all draws.
        grids: R turns about the centre of the first.
        ranges: largest values.
        field_mm: spacing of the grid that velocities are integrated on.
    """
    corners = np.concatenate([grid.corners() for grid in grids])
    lower, upper = corners.min(0), corners.max(0)
    limit = ranges.rotation_deg
    log_limit = math.log1p(ranges.scale)
    return Misalignment(
        rotation_deg=triple(uniforms(generator, -limit, limit, 3)),
        translation_mm=triple(
            uniforms(generator, -ranges.translation_mm, ranges.translation_mm, 3)
        ),
        log_scale=triple(uniforms(generator, -log_limit, log_limit, 3)),
        elastic_mm=uniform(generator, 0.0, ranges.elastic_mm),
        control_mm=uniform(generator, *ranges.control_mm),
        seed=new_seed(generator),
        centre_mm=triple(grids[0].corners().mean(0)),
        box_mm=(triple(lower), triple(upper)),
        field_mm=field_mm,
    )


def _times(values: Triple, factor: float) -> Triple:
    return (values[0] * factor, values[1] * factor, values[2] * factor)
