"""Visual information fidelity in the pixel domain, multi-scale, for any number of axes."""

from __future__ import annotations

from typing import Literal

import numpy as np

from UniFuseLib.evaluation.metrics.similarity import gaussian_window, smooth

Border = Literal["mirror", "valid"]

SCALES = 4
NOISE_VARIANCE = 2.0  # σn² of the visual noise, for intensities on 0..255
_TINY = 1e-10


def vif(
    source: np.ndarray,
    distorted: np.ndarray,
    mask: np.ndarray | None = None,
    noise_variance: float = NOISE_VARIANCE,
    border: Border = "mirror",
) -> float:
    """VIF = Σ log(1 + g² σs² / (σv² + σn²)) / Σ log(1 + σs² / σn²) over voxels and four scales.

    Sheikh & Bovik 2006, doi 10.1109/TIP.2005.859378, in the pixel-domain form of their
    `vifp_mscale`, with the 2-D Gaussian windows (17, 9, 5, 3 taps, σ = taps / 5) made 3-D. g = σsd
    / σs² is the gain of the channel source → distorted, σv² = σd² - g σsd its noise. 1 for equal
    volumes, 0 when nothing of the source is left, above 1 when contrast was enhanced.

    Args:
        source: `(d, h, w)` on the scale that `noise_variance` belongs to (0..255 for 2.0).
        distorted: same shape and unit.
        mask: voxels whose windows count (by their centre); every voxel when None.
        noise_variance: σn², intensity².
        border: `mirror` keeps thin volumes measurable; `valid` drops every window that leaves the
            volume, as the authors do, and needs at least 41 voxels per axis.

    Raises:
        ValueError: unknown border, or an axis too short for `valid`.
    """
    if border not in ("mirror", "valid"):
        raise ValueError(f"Expected border mirror or valid, got {border!r}.")
    s, d = source.astype(np.float64), distorted.astype(np.float64)
    inside = np.ones(s.shape, bool) if mask is None else mask
    numerator = denominator = 0.0
    for scale in range(1, SCALES + 1):
        taps = 2 ** (SCALES - scale + 1) + 1
        window = gaussian_window(taps // 2, taps / 5)
        if scale > 1:
            halve = (slice(None, None, 2),) * s.ndim
            s, d = _filtered(s, window, border)[halve], _filtered(d, window, border)[halve]
            inside = _cropped(inside, window, border)[halve]
        kept, held = _information(s, d, window, noise_variance, border)
        counted = _cropped(inside, window, border)
        numerator += float(kept[counted].sum())
        denominator += float(held[counted].sum())
    # a constant source carries no information, so none can be lost
    return numerator / denominator if denominator > 0 else 1.0


def _information(
    s: np.ndarray, d: np.ndarray, window: np.ndarray, noise_variance: float, border: Border
) -> tuple[np.ndarray, np.ndarray]:
    """At every voxel: information that the distorted volume keeps of the source, that it holds."""
    mean_s, mean_d = _filtered(s, window, border), _filtered(d, window, border)
    var_s = np.maximum(_filtered(s * s, window, border) - mean_s**2, 0)
    var_d = np.maximum(_filtered(d * d, window, border) - mean_d**2, 0)
    covariance = _filtered(s * d, window, border) - mean_s * mean_d
    gain = covariance / (var_s + _TINY)
    noise = var_d - gain * covariance
    flat_s, flat_d = var_s < _TINY, var_d < _TINY
    gain = np.where(flat_s, 0, gain)
    noise = np.where(flat_s, var_d, noise)
    var_s = np.where(flat_s, 0, var_s)
    gain = np.where(flat_d, 0, gain)
    noise = np.where(flat_d, 0, noise)
    # an inverted contrast transmits nothing, whatever its noise
    gain, noise = np.maximum(gain, 0), np.maximum(noise, _TINY)
    return np.log1p(gain**2 * var_s / (noise + noise_variance)), np.log1p(var_s / noise_variance)


def _filtered(volume: np.ndarray, window: np.ndarray, border: Border) -> np.ndarray:
    return _cropped(smooth(volume, window), window, border)


def _cropped(volume: np.ndarray, window: np.ndarray, border: Border) -> np.ndarray:
    """Only the voxels whose window lies inside the volume (`valid`), or all (`mirror`)."""
    if border == "mirror":
        return volume
    r = len(window) // 2
    if min(volume.shape) <= 2 * r:
        raise ValueError(
            f"Expected at least {2 * r + 1} voxels per axis for border valid, got {volume.shape}."
        )
    return volume[(slice(r, -r),) * volume.ndim]
