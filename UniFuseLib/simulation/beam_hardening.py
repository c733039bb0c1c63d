"""What a polychromatic beam measures behind water, bone and metal, and the scanner's correction."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.simulation.spectrum import (
    MEAN_MU_WATER,
    MU_BONE,
    MU_METAL,
    MU_WATER,
    WEIGHT,
    Metal,
)

#: −ln(I) behind 700 mm of water
CALIBRATED_TO = 14.9


def log_signal(water_mm: Tensor, bone_mm: Tensor, metal_mm: Tensor, metal: Metal) -> Tensor:
    """−ln Σ_E w(E) exp(−Σ_m μ_m(E) p_m): rays of any shape, lengths in mm.

    In blocks, to save memory.
    """
    attenuation = np.stack([MU_WATER, MU_BONE, MU_METAL[metal]])
    table = torch.as_tensor(attenuation, dtype=water_mm.dtype, device=water_mm.device)
    log_weight = torch.as_tensor(np.log(WEIGHT), dtype=water_mm.dtype, device=water_mm.device)
    rays = torch.stack([water_mm, bone_mm, metal_mm], dim=-1).reshape(-1, 3)
    # logsumexp, since gold stops every photon that a float could count
    logs = [-torch.logsumexp(log_weight - block @ table, dim=1) for block in rays.split(1 << 16)]
    return torch.cat(logs).reshape(water_mm.shape)


def water_log_signal(water_mm: Tensor) -> Tensor:
    """−ln Σ_E w(E) exp(−μ_water(E) p) as a polynomial in p.

    The inverse of `precorrect` up to a factor.
    """
    return _horner(water_mm, _beam_hardening()[0])


def precorrect(log_signal: Tensor) -> Tensor:
    """g: measured −ln(I) → −ln(I) of a monochromatic beam, exact for water.

    This is the scanner's calibration. Beyond the calibrated range, where hardly a photon arrives,
    it continues as a line.
    """
    inside = log_signal.clamp(max=CALIBRATED_TO)
    return _horner(inside, _beam_hardening()[1]) + (log_signal - inside) * 1.4


@lru_cache(maxsize=1)
def _beam_hardening() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Coefficients, lowest first, of p(length in mm) and of g(p) = μ_water · length.

    Both without constant term.
    """
    length = np.linspace(0.5, 800, 800)
    signal = -np.log((WEIGHT * np.exp(-length[:, None] * MU_WATER)).sum(1))
    return _fit(length / 100, signal, 100.0), _fit(signal, length * MEAN_MU_WATER, 1.0)


def _fit(x: np.ndarray, y: np.ndarray, unit: float, degree: int = 5) -> tuple[float, ...]:
    powers = x[:, None] ** np.arange(1, degree + 1)
    coefficients = np.linalg.lstsq(powers / y[:, None], np.ones_like(y), rcond=None)[0]
    return (0.0, *(float(c) / unit**k for k, c in enumerate(coefficients, start=1)))


def _horner(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    out = torch.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        out = out * x + c
    return out
