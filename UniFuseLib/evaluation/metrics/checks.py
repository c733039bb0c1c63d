"""One check for all metrics: same shapes, a mask that holds something, finite numbers."""

from __future__ import annotations

import numpy as np


def masked(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(a[mask], b[mask]) in float64, `(n,)` each; the whole arrays when `mask` is None.

    Raises:
        ValueError: shapes differ, the mask is empty, or a value inside it is not finite.
    """
    if a.shape != b.shape or (mask is not None and mask.shape != a.shape):
        shape = None if mask is None else mask.shape
        raise ValueError(
            f"Expected arrays of one shape, got {a.shape}, {b.shape} and mask {shape}."
        )
    x, y = (a.ravel(), b.ravel()) if mask is None else (a[mask], b[mask])
    if x.size == 0:
        raise ValueError(
            "Expected a mask with at least one voxel, got an empty one: nothing can be measured."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("Expected finite intensities inside the mask, got NaN or infinity.")
    return x.astype(np.float64), y.astype(np.float64)
