"""Fusion rules that need no training; both volumes aligned, normalised intensities, one grid."""

from __future__ import annotations

import numpy as np
import torch

from UniFuseLib.evaluation.baselines.dependency import require
from UniFuseLib.evaluation.metrics.similarity import smooth
from UniFuseLib.spatial.displacement import resize

LEVELS = 4
_BURT = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16


def fuse_average(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """F = (A + B) / 2, `(d, h, w)`."""
    return (a + b) / 2


def fuse_maximum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """F = max(A, B), `(d, h, w)`."""
    return np.maximum(a, b)


def fuse_laplacian(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Laplacian pyramid: of each detail coefficient the one with the larger magnitude, the bases
    averaged.

    Burt & Adelson 1983, doi 10.1109/TCOM.1983.1095851; four levels, fewer where an axis is short.
    """
    details_a, base_a = _pyramid(a)
    details_b, base_b = _pyramid(b)
    out = (base_a + base_b) / 2
    for detail_a, detail_b in zip(reversed(details_a), reversed(details_b), strict=True):
        out = _expand(out, detail_a.shape) + _stronger(detail_a, detail_b)
    return out


def fuse_wavelet(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """3-D wavelets (Daubechies 2, up to three levels): the stronger detail, the averaged
    approximation.

    Li et al. 1995, doi 10.1006/gmip.1995.1022.

    Raises:
        MissingDependencyError: PyWavelets is not installed.
    """
    pywt = require("pywt", "PyWavelets")
    levels = min(3, pywt.dwt_max_level(min(a.shape), "db2"))
    first = pywt.wavedecn(a, "db2", mode="symmetric", level=levels)
    second = pywt.wavedecn(b, "db2", mode="symmetric", level=levels)
    merged = [(first[0] + second[0]) / 2]
    merged += [
        {k: _stronger(x[k], y[k]) for k in x} for x, y in zip(first[1:], second[1:], strict=True)
    ]
    whole = pywt.waverecn(merged, "db2", mode="symmetric")
    return whole[tuple(slice(n) for n in a.shape)]


def _pyramid(volume: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """(details from fine to coarse, base); detail + expanded base gives the level above exactly."""
    details = []
    current = volume.astype(np.float32)
    for _ in range(LEVELS):
        if min(current.shape) < 4:
            break
        smaller = smooth(current, _BURT)[::2, ::2, ::2]
        details.append(current - _expand(smaller, current.shape))
        current = smaller
    return details, current


def _expand(volume: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    size = (int(shape[0]), int(shape[1]), int(shape[2]))
    return resize(torch.from_numpy(np.ascontiguousarray(volume))[None, None], size)[0, 0].numpy()


def _stronger(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(np.abs(a) >= np.abs(b), a, b)
