"""How well a displacement field undoes the true misalignment.

Displacements are `(d, h, w, 3)` RAS mm (R, A, S) on the reference grid, pull convention: the
reference point X shows what the degraded scan holds at X + u(X).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.evaluation.metrics.similarity import correlation, mean_squared_error, ssim
from UniFuseLib.spatial.displacement import jacobian_determinant, world_to_flow

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid


class ErrorFigures(NamedTuple):
    """Millimetres, over the voxels of the body."""

    mean: float
    median: float
    p95: float


class AlignmentFigures(NamedTuple):
    """The paper's Table 6: warped clean source against its aligned self."""

    mse: float
    cc: float
    ssim: float


def target_registration_error(
    displacement: np.ndarray, truth: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """TRE(X) = |u(X) - u_true(X)| for every X in the mask, `(n,)` mm.

    u and u_true pull from the degraded scan at the reference point X, so this is the distance in
    the degraded scan between the place that is shown at X and the place that belongs there
    (Fitzpatrick & West 2001, doi 10.1109/42.952729). The identity (u = 0) scores exactly |u_true|.

    Args:
        displacement: u, `(d, h, w, 3)` RAS mm on the reference grid.
        truth: u_true, likewise.
        mask: `(d, h, w)` bool, the body.

    Raises:
        ValueError: other shapes, an empty mask, or values that are not finite.
    """
    if displacement.shape != truth.shape or displacement.shape != (*mask.shape, 3):
        raise ValueError(
            f"Expected displacement and truth of shape {(*mask.shape, 3)} (d, h, w, RAS mm), "
            f"got {displacement.shape} and {truth.shape}."
        )
    difference = displacement[mask].astype(np.float64) - truth[mask].astype(np.float64)
    if difference.size == 0 or not np.isfinite(difference).all():
        raise ValueError("Expected finite displacements and a mask with at least one voxel.")
    return np.linalg.norm(difference, axis=1)


def tre_figures(displacement: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> ErrorFigures:
    """Mean, median and 95th percentile of `target_registration_error` over the mask, mm."""
    error = target_registration_error(displacement, truth, mask)
    return ErrorFigures(
        float(error.mean()), float(np.median(error)), float(np.percentile(error, 95))
    )


def folds_percent(displacement: np.ndarray, grid: Grid, mask: np.ndarray) -> float:
    """100 · |{X in mask: det(I + ∂u/∂X) ≤ 0}| / |mask|, the share of the body that folds.

    ∂u/∂X is taken in millimetres: with u = A·flow and X = A·x + t, I + ∂u/∂X = A (I + ∂flow/∂x)
    A⁻¹, whose determinant is that of the voxel map, so anisotropic and oblique grids need no
    further care.

    Args:
        displacement: u, `(d, h, w, 3)` RAS mm on `grid`; central differences, one-sided at the
            border.
        grid: where u lives.
        mask: `(d, h, w)` bool.
    """
    channels_first = np.ascontiguousarray(np.moveaxis(displacement, -1, 0), dtype=np.float64)
    world = torch.from_numpy(channels_first)[None]
    determinant = jacobian_determinant(world_to_flow(world, grid))[0].numpy()
    return float(100 * np.mean(determinant[mask] <= 0))


def dice(labels: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Dice = mean over labels l > 0 of 2 |A_l ∩ B_l| / (|A_l| + |B_l|).

    Dice 1945, doi 10.2307/1932409.

    Args:
        labels: A, `(d, h, w)` integers.
        truth: B, likewise; every label that occurs in either counts once.
        mask: only these voxels, all when None.
    """
    a, b = (labels.ravel(), truth.ravel()) if mask is None else (labels[mask], truth[mask])
    present = np.union1d(a, b)
    scores = [_overlap(a == label, b == label) for label in present[present > 0]]
    return float(np.mean(scores)) if scores else 1.0


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """2 |A ∩ B| / (|A| + |B|) of two bool arrays."""
    return float(2 * np.sum(a & b) / (np.sum(a) + np.sum(b)))


def alignment_figures(warped: np.ndarray, clean: np.ndarray, mask: np.ndarray) -> AlignmentFigures:
    """mse, cc, ssim of the clean source, pulled through the field, against its aligned self.

    The paper's Table 6, without restoration and fusion in between.

    Args:
        warped: the misaligned clean source after the pull, `(d, h, w)` on [0, 1], reference grid.
        clean: the aligned one, same grid and unit.
        mask: `(d, h, w)` bool.
    """
    return AlignmentFigures(
        mean_squared_error(warped, clean, mask),
        correlation(warped, clean, mask),
        ssim(warped, clean, mask),
    )
