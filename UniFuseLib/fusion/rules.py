"""Fusion rules that need no training; both volumes aligned, normalised intensities, one grid.

A picture is a volume of one slice: an axis too short to halve is left alone.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch
from scipy.ndimage import correlate1d

from UniFuseLib.errors import MissingDependencyError
from UniFuseLib.spatial.displacement import resize

LEVELS = 4
_SHORTEST = 4  # voxels of an axis that is still halved
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
    pywt = wavelets()
    axes = tuple(axis for axis in range(3) if a.shape[axis] > 1)
    levels = min(3, pywt.dwt_max_level(min(a.shape[axis] for axis in axes), "db2"))
    first, second = (
        pywt.wavedecn(v, "db2", mode="symmetric", level=levels, axes=axes) for v in (a, b)
    )
    merged = [(first[0] + second[0]) / 2]
    merged += [
        {k: _stronger(x[k], y[k]) for k in x} for x, y in zip(first[1:], second[1:], strict=True)
    ]
    whole: np.ndarray = pywt.waverecn(merged, "db2", mode="symmetric", axes=axes)
    return whole[tuple(slice(n) for n in a.shape)]


def wavelets() -> Any:
    """The module `pywt`.

    Raises:
        MissingDependencyError: PyWavelets is not installed.
    """
    try:
        return importlib.import_module("pywt")
    except ImportError as error:
        raise MissingDependencyError(
            f"The fusion method 'wavelet' needs the package PyWavelets ({error}). Install it with: "
            "pip install PyWavelets, or choose another method."
        ) from error


def _pyramid(volume: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """(details from fine to coarse, base); detail + expanded base gives the level above exactly."""
    details = []
    current = volume.astype(np.float32)
    for _ in range(LEVELS):
        halved = [axis for axis in range(3) if current.shape[axis] > 1]
        if min((current.shape[axis] for axis in halved), default=0) < _SHORTEST:
            break
        steps = tuple(slice(None, None, 2 if axis in halved else 1) for axis in range(3))
        smaller = _smooth(current, halved)[steps]
        details.append(current - _expand(smaller, current.shape))
        current = smaller
    return details, current


def _smooth(volume: np.ndarray, axes: list[int]) -> np.ndarray:
    """The filter of Burt & Adelson along some axes; the border mirrors."""
    for axis in axes:
        volume = correlate1d(volume, _BURT, axis=axis, mode="reflect")
    return volume


def _expand(volume: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    size = (int(shape[0]), int(shape[1]), int(shape[2]))
    return resize(torch.from_numpy(np.ascontiguousarray(volume))[None, None], size)[0, 0].numpy()


def _stronger(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(np.abs(a) >= np.abs(b), a, b)


RULES = {
    "average": fuse_average,
    "maximum": fuse_maximum,
    "laplacian": fuse_laplacian,
    "wavelet": fuse_wavelet,
}
