"""Mutual information and MIND-SSC descriptors of two volumes as one function of an affine.

One `AffineProblem` is one spacing. At the current A the degraded volume is resampled onto the
reference's grid and described anew, so the descriptors never turn with it. The score is

    S(A) = Σ_m weight_m · covered_m · (what measure m gives - what it gives by chance)

Chance is the same voxels in another order; what is not covered counts as chance, so an A that moves
the body out of the picture gains nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.registration.affine_descriptors import DescriptorFit
from UniFuseLib.registration.affine_expansion import Derivatives, Expansion
from UniFuseLib.registration.affine_fields import body_grid, comparable, eroded, on_grid, stacked
from UniFuseLib.registration.affine_generators import Generators
from UniFuseLib.registration.affine_parameters import RIGID
from UniFuseLib.registration.body_voxels import BodyVoxels
from UniFuseLib.registration.mutual_information import (
    BINS,
    IntensityRange,
    expand_information,
    intensity_range,
    mutual_information,
)
from UniFuseLib.spatial.mind import mind_ssc

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from UniFuseLib.registration.affine_measures import Measures
    from UniFuseLib.registration.affine_parameters import BodyFrame
    from UniFuseLib.registration.alignment_volume import AlignmentVolume


class _Share(NamedTuple):
    """What one measure adds to an `Expansion`."""

    score: float
    derive: Callable[[], Derivatives]


class AffineProblem:
    """Both volumes at one spacing.

    Args:
        degraded: the volume that is pulled.
        reference: whose body is compared.
        spacing: mm.
        frame: of the parameters.
        measures: what is compared.
    """

    def __init__(
        self,
        degraded: AlignmentVolume,
        reference: AlignmentVolume,
        spacing: float,
        frame: BodyFrame,
        measures: Measures,
    ) -> None:
        self.spacing = spacing
        self.frame = frame
        self.measures = measures
        self._modality = degraded.modality
        self.grid, body = body_grid(reference, spacing)
        self._moving = stacked(degraded, spacing, measures.by_bone)
        self._fixed = on_grid(reference, self.grid, measures.by_bone)
        self._body = body * self._fixed.inside
        weight = self._body * self._fixed.weight
        self._total = float(weight.sum().clamp(min=1e-6))
        self._voxels = BodyVoxels.of_mask(self._body)
        fixed_range = _range_within(self._fixed.values, self._body)
        positions = fixed_range.position(self._voxels.of(self._fixed.values)[0])
        self._fixed_bins = positions.round().long().clamp(max=BINS - 1)
        values, _, depth, *_ = self._moving.channels.split(1, dim=1)
        self._range = _range_within(values, depth)
        described = self._describe(self._fixed.values, reference.modality)
        self._fit = DescriptorFit(described, self._voxels, measures.loss, spacing)
        self._generators = Generators(self.grid, frame, self._voxels)
        self._chances: dict[str, float] = {}

    def expand(self, matrix: np.ndarray, freedom: int = RIGID) -> Expansion:
        """S at A, and its gradient and Hessian when they are read.

        Args:
            matrix: A, `(4, 4)` RAS mm.
            freedom: `RIGID` or `AFFINE`: generators to expand in.
        """
        moved = self._moving.pulled(matrix, self.grid)
        acquired = comparable(moved, self._fixed)
        compared = self._body * acquired
        weight = compared * self._fixed.weight * moved.weight
        shares = [_nothing(freedom)]
        if self.measures.information:
            shares.append(self._information(moved.values, weight, freedom))
        if self.measures.descriptors:
            described = weight * eroded(acquired)
            shares.append(self._descriptors(moved.values, described, freedom))
        covered = compared.sum() / self._body.sum().clamp(min=1)
        return Expansion(
            score=sum(share.score for share in shares),
            covered=float(covered),
            derive=lambda: _together([share.derive() for share in shares]),
        )

    def _information(self, values: Tensor, weight: Tensor, freedom: int) -> _Share:
        """The share of mutual information."""
        w = self._voxels.of(weight)[0]
        total = float(w.sum())
        if total == 0:
            return _nothing(freedom)
        positions = self._range.position(self._voxels.of(values)[0])
        value = mutual_information(self._fixed_bins, positions, w)

        def by_chance() -> float:
            seen = w > 0
            return mutual_information(self._fixed_bins[seen], _shuffled(positions[seen]), w[seen])

        chance = self._by_chance("information", by_chance)
        share = self.measures.information * total / self._total

        def derive() -> Derivatives:
            unit_per_voxel = self._voxels.gradient(values)[:, 0]
            bins_per_mm = unit_per_voxel * (self._range.bins_per_unit / self.spacing)
            derivative = self._generators.rows(bins_per_mm, freedom)
            found = expand_information(self._fixed_bins, positions, w, derivative)
            return Derivatives(share * found.gradient.numpy(), share * found.hessian.numpy())

        return _Share(share * (value - chance), derive)

    def _descriptors(self, values: Tensor, weight: Tensor, freedom: int) -> _Share:
        """The share of the descriptors."""
        w = self._voxels.of(weight)[0]
        total = float(w.sum())
        if total == 0:
            return _nothing(freedom)
        described = self._describe(values, self._modality)

        def by_chance() -> float:
            return self._fit.shuffled_loss(described, w, _order(int((w > 0).sum())))

        chance = self._by_chance("descriptors", by_chance)
        gain = chance - self._fit.loss(described, w) / total
        share = self.measures.descriptors / self._total

        def derive() -> Derivatives:
            g, h = self._generators.sums(*self._fit.slopes(described, w), freedom)
            return Derivatives(-share * g, share * h)

        return _Share(share * total * gain, derive)

    def _describe(self, values: Tensor, modality: str) -> Tensor:
        """MIND-SSC of the intensities, or of their power where the modality has one."""
        power = self.measures.contrast_power.get(modality, 1.0)
        if power != 1:
            values = values.clamp(min=0) ** power
        return mind_ssc(values, dilation=1)

    def _by_chance(self, measure: str, compute: Callable[[], float]) -> float:
        """What a measure gives by chance: computed at the first A, for it hardly depends on it."""
        if measure not in self._chances:
            self._chances[measure] = compute()
        return self._chances[measure]


def _range_within(values: Tensor, mask: Tensor) -> IntensityRange:
    seen = mask > 0
    inside = values[seen] if seen.any() else values.flatten()
    return intensity_range(inside)


def _order(count: int) -> Tensor:
    """A fixed permutation."""
    random = torch.Generator().manual_seed(0)
    return torch.randperm(count, generator=random)


def _shuffled(values: Tensor) -> Tensor:
    return values[_order(len(values))]


def _nothing(freedom: int) -> _Share:
    nothing = Derivatives(np.zeros(freedom), np.zeros((freedom, freedom)))
    return _Share(0.0, lambda: nothing)


def _together(parts: list[Derivatives]) -> Derivatives:
    gradients, hessians = zip(*parts, strict=True)
    return Derivatives(np.sum(gradients, axis=0), np.sum(hessians, axis=0))
