"""Does the fused volume show what one source alone shows, and keep the other's contrast?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BRIGHT, _BRIGHTER = 0.6, 0.25  # of 0..1: 140 HU on the scale of CT; the margin over the reference
_SOFT = (0.15, 0.75)  # of the reference: -160 to 240 HU on the scale of CT
_LEAST_VOXELS = 50  # fewer say nothing
_LEAST_VARIANCE = 1e-8  # of the reference: rounding, not contrast


class RetentionFigures(NamedTuple):
    """1 where a source comes through whole, 0.5 for the mean of both; None: nothing to look at."""

    retention: float | None  # of what only the degraded source shows: bone on MR, uptake on CT
    soft_tissue_contrast: float | None  # of the reference, where the degraded source is not bright


def retention_figures(
    fused: np.ndarray, clean: np.ndarray, reference: np.ndarray, mask: np.ndarray
) -> RetentionFigures:
    """Retention Σ (I_fuse - I_R) / Σ (I_D - I_R) where I_D ≥ 0.6 and I_D - I_R ≥ 0.25; contrast,
    the slope of I_fuse over I_R where I_D < 0.6 and 0.15 ≤ I_R ≤ 0.75.

    Args:
        fused: `(d, h, w)` on [0, 1], reference grid.
        clean: I_D, clean and aligned, likewise.
        reference: I_R, likewise.
        mask: `(d, h, w)` bool, the body as far as the degraded scan covers it.
    """
    bright = clean >= _BRIGHT
    shown = mask & bright & (clean - reference >= _BRIGHTER)
    soft = mask & ~bright & (reference >= _SOFT[0]) & (reference <= _SOFT[1])
    return RetentionFigures(_share(fused, clean, reference, shown), _slope(fused, reference, soft))


def _share(
    fused: np.ndarray, clean: np.ndarray, reference: np.ndarray, shown: NDArray[np.bool_]
) -> float | None:
    if shown.sum() < _LEAST_VOXELS:
        return None
    base = reference[shown].astype(np.float64)
    return float((fused[shown] - base).sum() / (clean[shown] - base).sum())


def _slope(fused: np.ndarray, reference: np.ndarray, soft: NDArray[np.bool_]) -> float | None:
    if soft.sum() < _LEAST_VOXELS:
        return None
    x, y = reference[soft].astype(np.float64), fused[soft].astype(np.float64)
    x -= x.mean()
    spread = float(x @ x)
    return float(x @ y) / spread if spread > _LEAST_VARIANCE * x.size else None
