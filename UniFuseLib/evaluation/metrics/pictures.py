"""The nine figures of the picture-fusion literature, for one fused grey picture and its sources.

Entropy, SF and AG reward noise as much as detail: they do not tell a better picture by themselves.
All pictures are `(h, w)`, 0..255; a coloured one enters with its luma.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import correlate

from UniFuseLib.evaluation.metrics.fusion import sum_of_correlations_of_differences
from UniFuseLib.evaluation.metrics.similarity import ssim
from UniFuseLib.evaluation.metrics.vif import vif

_LEVELS = 256
_SOBEL = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
# Γ, κ, σ of the strength and of the orientation, L: Xydeas & Petrović 2000
_STRENGTH = (0.9994, -15.0, 0.5)
_ORIENTATION = (0.9879, -22.0, 0.8)


class PictureFigures(NamedTuple):
    """Higher is better in the literature's reading, for all of them."""

    en: float  # bit
    sd: float  # grey levels
    sf: float  # grey levels
    ag: float  # grey levels
    mi: float  # bit, sum over both sources
    scd: float
    vif: float  # sum over both sources
    q_abf: float  # 0..1
    ssim: float  # sum over both sources


def picture_figures(fused: np.ndarray, a: np.ndarray, b: np.ndarray) -> PictureFigures:
    """All nine of F against A and B.

    - SCD: Aslantas & Bendes 2015, doi 10.1016/j.aeue.2015.09.004
    - VIF(A, F) + VIF(B, F): pixel domain, Sheikh & Bovik 2006, doi 10.1109/TIP.2005.859378
    - SSIM(A, F) + SSIM(B, F): Wang et al. 2004, doi 10.1109/TIP.2003.819861

    The others: see their functions.
    """
    f, first, second = (v.astype(np.float64) for v in (fused, a, b))
    return PictureFigures(
        en=entropy(f),
        sd=float(f.std()),
        sf=spatial_frequency(f),
        ag=average_gradient(f),
        mi=mutual_information(first, f) + mutual_information(second, f),
        scd=sum_of_correlations_of_differences(f, first, second),
        vif=vif(first, f) + vif(second, f),
        q_abf=q_abf(f, first, second),
        ssim=ssim(f / 255, first / 255) + ssim(f / 255, second / 255),
    )


def entropy(picture: np.ndarray) -> float:
    """EN = -Σ p log2 p over 256 grey levels, bit (Roberts et al. 2008, doi 10.1117/1.2945910)."""
    return _bits(np.bincount(_codes(picture).ravel(), minlength=_LEVELS))


def mutual_information(first: np.ndarray, second: np.ndarray) -> float:
    """MI = H(A) + H(F) - H(A, F), bit, from 256² bins (Qu et al. 2002, doi 10.1049/el:20020212)."""
    pairs = _codes(first).ravel() * _LEVELS + _codes(second).ravel()
    joint = np.bincount(pairs, minlength=_LEVELS**2)
    return entropy(first) + entropy(second) - _bits(joint)


def spatial_frequency(picture: np.ndarray) -> float:
    """SF = √(mean (∂_x F)² + mean (∂_y F)²), first differences (Eskicioglu & Fisher 1995, doi
    10.1109/26.477498).
    """
    rows, columns = np.diff(picture, axis=1), np.diff(picture, axis=0)
    return float(np.sqrt((rows**2).mean() + (columns**2).mean()))


def average_gradient(picture: np.ndarray) -> float:
    """AG = mean √(((∂_x F)² + (∂_y F)²) / 2), forward differences (Cui et al. 2015, doi
    10.1016/j.optcom.2014.12.032).
    """
    dx = np.diff(picture, axis=1)[:-1]
    dy = np.diff(picture, axis=0)[:, :-1]
    return float(np.sqrt((dx**2 + dy**2) / 2).mean())


def q_abf(fused: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Q^{AB/F}: how much of each source's edges F keeps, weighted by their strength (L = 1).

    Xydeas & Petrović 2000, doi 10.1049/el:20000267.
    """
    of_fused = _edges(fused)
    of_a, of_b = _edges(a), _edges(b)
    kept = _kept(of_a, of_fused) * of_a[0] + _kept(of_b, of_fused) * of_b[0]
    total = float((of_a[0] + of_b[0]).sum())
    return float(kept.sum()) / total if total > 0 else 0.0


def _edges(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Strength and orientation (radians, -π/2..π/2) of the Sobel gradient; the border mirrors."""
    gx, gy = correlate(picture, _SOBEL), correlate(picture, _SOBEL.T)
    angle = np.arctan(np.divide(gy, gx, out=np.full_like(gy, np.inf), where=gx != 0))
    return np.hypot(gx, gy), np.where((gx == 0) & (gy == 0), np.pi / 2, angle)


def _kept(
    source: tuple[np.ndarray, np.ndarray], fused: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Q_g · Q_α at every pixel."""
    greater, smaller = np.maximum(source[0], fused[0]), np.minimum(source[0], fused[0])
    strength = np.divide(smaller, greater, out=np.zeros_like(greater), where=greater > 0)
    orientation = 1 - np.abs(source[1] - fused[1]) / (np.pi / 2)
    return _sigmoid(strength, _STRENGTH) * _sigmoid(orientation, _ORIENTATION)


def _sigmoid(value: np.ndarray, parameters: tuple[float, float, float]) -> np.ndarray:
    top, slope, middle = parameters
    result: np.ndarray = top / (1 + np.exp(slope * (value - middle)))
    return result


def _codes(picture: np.ndarray) -> np.ndarray:
    codes: np.ndarray = picture.round().clip(0, _LEVELS - 1).astype(np.int64)
    return codes


def _bits(counts: np.ndarray) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum())
