"""Does the fused volume show what one source alone shows, and keep the other's contrast?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BRIGHT, _BRIGHTER = (
    0.6,
    0.25,
)  # of 0..1: 140 HU on the scale of CT; and above the other source
_SOFT = (0.15, 0.75)  # of `under`: -160 to 240 HU on the scale of CT
_LEAST_VOXELS = 50  # fewer say nothing
_LEAST_VARIANCE = 1e-8  # of the reference: rounding, not contrast


class RetentionFigures(NamedTuple):
    """1 where a source comes through whole, 0.5 for the mean of both; None: nothing to look at."""

    retention: float | None  # of what only `over` shows: bone on MR, uptake on CT
    soft_tissue_contrast: float | None  # of `under`, where `over` is not bright


def retention_figures(
    fused: np.ndarray, over: np.ndarray, under: np.ndarray, mask: np.ndarray
) -> RetentionFigures:
    """Retention Σ (I_fuse - U) / Σ (O - U) where O ≥ 0.6 and O - U ≥ 0.25; contrast, the slope of
    I_fuse over U where O < 0.6 and 0.15 ≤ U ≤ 0.75.

    Args:
        fused: `(d, h, w)` on [0, 1], reference grid.
        over: O, the clean and aligned source that shows more bone or uptake, likewise.
        under: U, the source whose soft tissue is shown, likewise.
        mask: `(d, h, w)` bool, the body as far as the degraded scan covers it.
    """
    bright = over >= _BRIGHT
    shown = mask & bright & (over - under >= _BRIGHTER)
    soft = mask & ~bright & (under >= _SOFT[0]) & (under <= _SOFT[1])
    return RetentionFigures(_share(fused, over, under, shown), _slope(fused, under, soft))


def _share(
    fused: np.ndarray, over: np.ndarray, under: np.ndarray, shown: NDArray[np.bool_]
) -> float | None:
    if shown.sum() < _LEAST_VOXELS:
        return None
    base = under[shown].astype(np.float64)
    return float((fused[shown] - base).sum() / (over[shown] - base).sum())


def _slope(fused: np.ndarray, under: np.ndarray, soft: NDArray[np.bool_]) -> float | None:
    if soft.sum() < _LEAST_VOXELS:
        return None
    x, y = under[soft].astype(np.float64), fused[soft].astype(np.float64)
    x -= x.mean()
    spread = float(x @ x)
    return float(x @ y) / spread if spread > _LEAST_VARIANCE * x.size else None
