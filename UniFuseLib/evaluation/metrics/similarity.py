"""The point-wise and windowed comparisons of two volumes that the other metrics are made of."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

from UniFuseLib.evaluation.metrics.checks import masked

# stands for "equal": 10 log10(1 / 1e-10), so that a perfect score stays a finite number
PEAK_DB = 100.0
SSIM_SIGMA, SSIM_RADIUS = 1.5, 5  # 11 taps, as in Wang et al. 2004
_C1, _C2 = 0.01**2, 0.03**2  # ibid., for a data range of 1


def mean_squared_error(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """mse = mean (a - b)² over the mask, intensity²."""
    x, y = masked(a, b, mask)
    return float(np.mean((x - y) ** 2))


def psnr_of(mse: float) -> float:
    """PSNR = 10 log10(1 / mse) dB, peak 1 (Korhonen & You 2012); at most 100 dB: equal."""
    return float(min(PEAK_DB, -10.0 * np.log10(max(mse, 1e-300))))


def correlation(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """r = Σ (a - ā)(b - b̄) / √(Σ (a - ā)² Σ (b - b̄)²) over the mask (Pearson).

    0 where one of both is constant.
    """
    x, y = masked(a, b, mask)
    x, y = x - x.mean(), y - y.mean()
    power = float(np.sqrt((x @ x) * (y @ y)))
    # a constant that went through float32 keeps a rounding remainder, which is not structure
    return float(x @ y) / power if power > 1e-12 * x.size else 0.0


def gaussian_window(radius: int, sigma: float) -> np.ndarray:
    """g[i] = exp(-i² / 2σ²) / Σ: `(2 radius + 1,)` taps, σ in voxels."""
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return taps / taps.sum()


def smooth(volume: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Separable filter along every axis; the border mirrors (d c b a | a b c d | d c b a)."""
    for axis in range(volume.ndim):
        volume = correlate1d(volume, window, axis=axis, mode="reflect")
    return volume


def ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """SSIM = (2 μa μb + c1)(2 σab + c2) / ((μa² + μb² + c1)(σa² + σb² + c2)) at every voxel.

    Wang et al. 2004, doi 10.1109/TIP.2003.819861, with a 3-D separable Gaussian window of σ 1.5
    voxels cut at 5 voxels, population covariances, c1 = 0.01², c2 = 0.03² (data range 1). The
    border mirrors.

    Args:
        a: `(d, h, w)` (any number of axes) on [0, 1].
        b: same shape and unit.
    """
    window = gaussian_window(SSIM_RADIUS, SSIM_SIGMA)
    a, b = a.astype(np.float64), b.astype(np.float64)
    mean_a = smooth(a, window)
    mean_b = smooth(b, window)
    var_a = smooth(a * a, window) - mean_a**2
    var_b = smooth(b * b, window) - mean_b**2
    covariance = smooth(a * b, window) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return luminance * (2 * covariance + _C2) / (var_a + var_b + _C2)


def ssim(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """mean of `ssim_map` over the mask.

    Windows count by their centre and may look past the mask and the border.
    """
    values = ssim_map(a, b)
    return float(values.mean() if mask is None else values[mask].mean())
