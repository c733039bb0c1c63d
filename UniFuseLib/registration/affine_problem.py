"""Mutual information and MIND-SSC descriptors of two volumes as one function of an affine.

One `AffineProblem` is one spacing. At the current A the degraded volume is resampled onto the
reference's grid and described anew, so the descriptors never turn with it. The score is

    S(A) = Σ_m weight_m · covered_m · (what measure m gives - what it gives by chance)

Chance is the same voxels in another order; what is not covered counts as chance, so an A that moves
the body out of the picture gains nothing. The Hessian of the descriptors is Gauss-Newton's, with
the mean of both volumes' gradients (ESM, Malis 2004, doi 10.1109/ROBOT.2004.1308092).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.registration.affine_fields import (
    Fields,
    body_grid,
    eroded,
    homogeneous,
    on_grid,
    stacked,
)
from UniFuseLib.registration.affine_parameters import BASIS, RIGID
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
    from UniFuseLib.registration.affine_parameters import Frame
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

# A padded place is compared as air up to this depth inside the other volume's body: skin that two
# scans see in slightly different places is skin, a skull that was cut off is not
_AIR_REACH_MM = 8.0


class Expansion(NamedTuple):
    """S(A exp(δ)) ≈ score + gradientᵀ δ - ½ δᵀ hessian δ, in the generators of `BASIS`, mm."""

    score: float
    covered: float  # part of the reference's body that is compared, 0 to 1
    gradient: np.ndarray  # (k,)
    hessian: np.ndarray  # (k, k), positive semidefinite


class _Share(NamedTuple):
    """What one measure adds to an `Expansion`."""

    score: float
    gradient: np.ndarray  # (k,)
    hessian: np.ndarray  # (k, k)


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
        frame: Frame,
        measures: Measures,
    ) -> None:
        self.spacing, self.frame, self.measures = spacing, frame, measures
        self._modality = degraded.modality
        self.grid, body = body_grid(reference, spacing)
        self._moving = stacked(degraded, spacing, measures.by_bone)
        self._fixed = on_grid(reference, self.grid, measures.by_bone)
        self._body = body * self._fixed.inside
        self._total = float((self._body * self._fixed.weight).sum().clamp(min=1e-6))
        bins = _range_within(self._fixed.values, self._body).position(self._fixed.values)
        self._fixed_bins = bins.round().long().clamp(max=BINS - 1)
        values, _, depth, _ = self._moving.channels.split(1, dim=1)
        self._range = _range_within(values, depth)
        self._fixed_mind = self._describe(self._fixed.values, reference.modality)
        self._fixed_gradient = _gradient(self._fixed_mind)
        self._h = homogeneous(self.grid, frame)
        self._chances: dict[str, float] = {}

    def expand(self, matrix: np.ndarray, freedom: int = RIGID) -> Expansion:
        """S at A, its gradient and Hessian.

        Args:
            matrix: A, `(4, 4)` RAS mm.
            freedom: `RIGID` or `AFFINE`: generators to expand in.
        """
        moved = self._moving.pulled(matrix, self.grid)
        comparable = self._comparable(moved)
        weight = self._body * comparable * self._fixed.weight * moved.weight
        shares = [_nothing(freedom)]
        if self.measures.information:
            shares.append(self._information(moved.values, weight, freedom))
        if self.measures.descriptors:
            described = weight * eroded(comparable)
            shares.append(self._descriptors(moved.values, described, freedom))
        return Expansion(
            score=sum(share.score for share in shares),
            covered=float((self._body * comparable).sum() / self._body.sum().clamp(min=1)),
            gradient=np.sum([share.gradient for share in shares], axis=0),
            hessian=np.sum([share.hessian for share in shares], axis=0),
        )

    def _comparable(self, moved: Fields) -> Tensor:
        """Where both volumes were acquired: `(1, 1, d, h, w)` bool."""
        cut = (moved.padded > 0.01) & (self._fixed.depth_mm > _AIR_REACH_MM)
        cut |= (self._fixed.padded > 0.01) & (moved.depth_mm > _AIR_REACH_MM)
        return moved.inside & self._fixed.inside & ~cut

    def _information(self, values: Tensor, weight: Tensor, freedom: int) -> _Share:
        """The share of mutual information."""
        seen = weight[0, 0] > 0
        w = weight[0, 0][seen]
        total = float(w.sum())
        if total == 0:
            return _nothing(freedom)
        bins, positions = self._fixed_bins[0, 0][seen], self._range.position(values[0, 0][seen])
        slope = _gradient(values)[:, 0, seen] * (self._range.bins_per_unit / self.spacing)
        found = expand_information(bins, positions, w, self._rows(slope, seen, freedom))
        chance = self._by_chance(
            "information", lambda: mutual_information(bins, _shuffled(positions), w)
        )
        share = self.measures.information * total / self._total
        return _Share(
            share * (found.value - chance),
            share * found.gradient.numpy(),
            share * found.hessian.numpy(),
        )

    def _descriptors(self, values: Tensor, weight: Tensor, freedom: int) -> _Share:
        """The share of the descriptors."""
        seen = weight[0, 0] > 0
        w = weight[0, 0][seen]
        total = float(w.sum())
        if total == 0:
            return _nothing(freedom)
        moved = self._describe(values, self._modality)
        r = (moved - self._fixed_mind)[0][:, seen]
        q = r.square().mean(dim=0)
        value = float((self.measures.loss.value(q) * w).sum() / total)
        chance = self._by_chance("descriptors", lambda: self._shuffled_loss(moved, seen, w))
        gradient = (_gradient(moved) + self._fixed_gradient)[:, :, seen] / (2 * self.spacing)
        v = self.measures.loss.weight(q) * w / r.shape[0]
        slope = torch.einsum("ikn,kn,n->in", gradient, r, v)
        curvature = torch.einsum("ikn,jkn,n->ijn", gradient, gradient, v)
        g, h = self._into_generators(slope, curvature, seen, freedom)
        share = self.measures.descriptors / self._total
        return _Share(share * total * (chance - value), -share * g, share * h)

    def _into_generators(
        self, slope: Tensor, curvature: Tensor, seen: Tensor, freedom: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Σ_n of both by the generators, `(k,)` and `(k, k)`.

        Args:
            slope: `(3, n)` along d, h, w, per mm.
            curvature: `(3, 3, n)`, likewise.
            seen: `(d, h, w)` bool, the n voxels.
            freedom: k.
        """
        basis, axes, h = BASIS[:, :freedom], self.grid.directions, self._h[:, seen]
        rows = torch.einsum("in,an->ia", slope, h).double().numpy()
        blocks = torch.einsum("ijn,an,bn->iajb", curvature, h, h).double().numpy()
        # derivatives along the grid's axes → along R, A, S
        blocks = np.einsum("ki,lj,iajb->kalb", axes, axes, blocks).reshape(12, 12)
        return basis.T @ (axes @ rows).ravel(), basis.T @ blocks @ basis

    def _rows(self, slope: Tensor, seen: Tensor, freedom: int) -> Tensor:
        """Derivative by the generators, `(n, freedom)`, of what has `slope` `(3, n)`."""
        basis = torch.from_numpy(BASIS[:, :freedom].reshape(3, 4, freedom))
        axes = torch.from_numpy(self.grid.directions)
        turned = torch.einsum("ji,jak->iak", axes, basis).to(slope)
        by_axis = torch.einsum("iak,an->ikn", turned, self._h[:, seen])
        return torch.einsum("in,ikn->nk", slope, by_axis)

    def _describe(self, values: Tensor, modality: str) -> Tensor:
        power = self.measures.contrast_power.get(modality, 1.0)
        return mind_ssc(values if power == 1 else values.clamp(min=0) ** power, dilation=1)

    def _shuffled_loss(self, moved: Tensor, seen: Tensor, weight: Tensor) -> float:
        order = _order(int(seen.sum()))
        r = moved[0][:, seen][:, order] - self._fixed_mind[0][:, seen]
        loss = self.measures.loss.value(r.square().mean(dim=0))
        return float((loss * weight).sum() / weight.sum())

    def _by_chance(self, measure: str, compute: Callable[[], float]) -> float:
        """What a measure gives by chance: computed at the first A, for it hardly depends on it."""
        if measure not in self._chances:
            self._chances[measure] = compute()
        return self._chances[measure]


def _range_within(values: Tensor, mask: Tensor) -> IntensityRange:
    seen = mask > 0
    return intensity_range(values[seen] if seen.any() else values.flatten())


def _gradient(channels: Tensor) -> Tensor:
    """`(3, k, d, h, w)`: derivatives of `(1, k, d, h, w)` per voxel along d, h, w."""
    return torch.stack([torch.gradient(channels[0], dim=axis)[0] for axis in (1, 2, 3)])


def _order(count: int) -> Tensor:
    """A fixed permutation."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(0))


def _shuffled(values: Tensor) -> Tensor:
    return values[_order(len(values))]


def _nothing(freedom: int) -> _Share:
    return _Share(0.0, np.zeros(freedom), np.zeros((freedom, freedom)))
