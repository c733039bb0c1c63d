"""Accuracy and calibration of the predicted degradation class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

ECE_BINS = 10  # of equal width over [0, 1]; the bin is (lower, upper], the first one includes 0


def confusion_matrix(
    truth: Sequence[str], found: Sequence[str], classes: Sequence[str]
) -> np.ndarray:
    """m[i, j] = cases of class i that were predicted as j, `(c, c)` counts.

    Raises:
        ValueError: lengths differ, or a name is not in `classes`.
    """
    unknown = sorted((set(truth) | set(found)) - set(classes))
    if unknown or len(truth) != len(found):
        raise ValueError(
            f"Expected equal lengths and names of {list(classes)}, got {unknown} in addition."
        )
    matrix = np.zeros((len(classes), len(classes)), dtype=int)
    for t, f in zip(truth, found, strict=True):
        matrix[classes.index(t), classes.index(f)] += 1
    return matrix


def class_accuracy(matrix: np.ndarray) -> tuple[float, list[float | None]]:
    """Accuracy overall, Σ m[i, i] / Σ m, and per class, m[i, i] / Σ_j m[i, j].

    None for a class without cases.
    """
    rows = matrix.sum(axis=1)
    per_class = [float(matrix[i, i] / n) if n else None for i, n in enumerate(rows)]
    return float(np.trace(matrix) / max(matrix.sum(), 1)), per_class


def calibration_error(
    confidence: Sequence[float], correct: Sequence[bool], bins: int = ECE_BINS
) -> float:
    """ECE = Σ_b (n_b / n) |accuracy_b - mean confidence_b| over `bins` bins of equal width.

    Guo et al. 2017, arXiv 1706.04599, eq. 5. With few cases it is biased upwards.

    Args:
        confidence: `(n,)` probability of the predicted class.
        correct: `(n,)` whether it is the true one.
        bins: number of bins over [0, 1].
    """
    p = np.asarray(confidence, dtype=float)
    hit = np.asarray(correct, dtype=float)
    if p.shape != hit.shape or p.size == 0 or p.min() < 0 or p.max() > 1:
        raise ValueError("Expected probabilities on [0, 1], one per prediction, at least one.")
    where = np.clip(np.ceil(p * bins).astype(int) - 1, 0, bins - 1)
    error = 0.0
    for b in range(bins):
        inside = where == b
        if inside.any():
            error += inside.mean() * abs(hit[inside].mean() - p[inside].mean())
    return float(error)
