"""Traces of motion in MR: ghosts in the air, and what differs between the axes of the slice.

Movement while lines of k-space are read leaves ghosts along the phase-encoding axis, also in the
air beside the body; from pose to pose the energy of the lines steps; and detail along that axis is
blurred or rings. Which axis that is, no file says: it is taken to be the one with more in the air.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from UniFuseLib.severity.filters import inside_all, second_difference

if TYPE_CHECKING:
    from UniFuseLib.severity.filters import Spacing
    from UniFuseLib.severity.head import Traces

# Chosen on training patients (decision 0084)
_STEP = 2  # voxels of the differences inside the body
_MARGIN = 3  # voxels around the body that are not yet air
_SMOOTH_OVER = 7  # lines of k-space
_FIRST_LINE = 2  # below, the shape of the body decides
_FEW = 100  # voxels
_LEAST = 1e-3  # of the median tissue; keeps logarithms finite
#: name of the trace that says whether a scan moved at all (decision 0106)
ABOVE_NOISE = "ghost_above_noise"
_LEAST_GHOST = 0.01  # of the median tissue, likewise
_LEAST_EXTENT_MM = 40.0  # across the slices: of a slab the body is found less surely
_LEAST_KEPT = 0.1  # of the air: what is left of it where the background is masked says nothing
_WINDOW = 11  # voxels of the plane over which the air is averaged
_LEAST_OF_WINDOW = 0.5  # of it that is air
_QUIET = 10  # percentile of the averages
#: mean of a Rayleigh distribution over that percentile of its averages: 1 / (1 - 1.28 · 0.523 / 11)
_MEAN_OF_NOISE = 1.065


def mr_traces(values: np.ndarray, spacing_mm: Spacing, body: np.ndarray) -> Traces:
    """Ghosts, steps between lines, and detail along the ghosts' axis against the other one.

    Args:
        values: `(d, h, w)`, slices along d; any unit.
        spacing_mm: along (d, h, w).
        body: `(d, h, w)` bool.
    """
    inner = ndimage.binary_erosion(body)
    inner = inner if inner.sum() >= _FEW else body
    relative = values / max(float(np.median(values[inner])), 1e-6)
    ghosts = {axis: _ghost(relative, body, axis) for axis in (1, 2)}
    along = max(ghosts, key=lambda axis: ghosts[axis])
    across = 3 - along
    thin = body.shape[0] * spacing_mm[0] < _LEAST_EXTENT_MM
    return {
        "ghost": ghosts[along],
        ABOVE_NOISE: float("nan") if thin else _above_noise(values, relative, body, along),
        "line_steps": _line_steps(relative, along),
        "detail": _detail(relative, inner, along) - _detail(relative, inner, across),
    }


def _ghost(relative: np.ndarray, body: np.ndarray, axis: int) -> float:
    """Mean of the air on lines along `axis` that cross the body, in logarithms."""
    air = _air(body, axis)
    mean = float(np.clip(relative[air], 0, 1).mean()) if air.sum() >= _FEW else 0.0
    return float(np.log(mean + _LEAST))


def _above_noise(values: np.ndarray, relative: np.ndarray, body: np.ndarray, axis: int) -> float:
    """The same without the noise, √(mean² - noise²); NaN where hardly any air was kept.

    Noise is as strong in all of the air, also where a filter has smoothed it; ghosts are not. So it
    is read where the air is darkest, averaged over a window of the plane.
    """
    air = _air(body, axis)
    kept = air & (values > values.min())
    share = kept.sum() / max(1, air.sum())
    if kept.sum() < _FEW or share < _LEAST_KEPT:
        return float("nan")
    found = np.clip(relative, 0, 1) * kept
    mean = share * float(found[kept].mean())
    quiet = float(np.percentile(_averages(found, kept), _QUIET))
    noise = share * _MEAN_OF_NOISE * quiet
    return float(np.log(np.sqrt(max(mean**2 - noise**2, 0.0)) + _LEAST_GHOST))


def _averages(found: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Of windows around the voxels that were kept; their values where no window has enough."""
    window = (1, _WINDOW, _WINDOW)
    part = ndimage.uniform_filter(kept.astype(np.float32), window)
    enough = kept & (part > _LEAST_OF_WINDOW)
    if enough.sum() < _FEW:
        return np.asarray(found[kept])
    return np.asarray(ndimage.uniform_filter(found, window)[enough] / part[enough])


def _air(body: np.ndarray, axis: int) -> np.ndarray:
    """Beside the body, on lines along `axis` that cross it."""
    air: np.ndarray = ~ndimage.binary_dilation(body, iterations=_MARGIN)
    return air & body.any(axis=axis, keepdims=True)


def _line_steps(relative: np.ndarray, axis: int) -> float:
    """Deviation of the lines' log energy from that of their neighbours, lower half of k-space."""
    others = tuple(k for k in range(3) if k != axis)
    energy = (np.abs(np.fft.rfft(relative, axis=axis)) ** 2).sum(axis=others)
    lines = np.log(energy[_FIRST_LINE : max(_FIRST_LINE + 1, energy.size // 2)] + 1e-12)
    return float(np.std(lines - ndimage.uniform_filter1d(lines, _SMOOTH_OVER)))


def _detail(relative: np.ndarray, inner: np.ndarray, axis: int) -> float:
    """Mean second difference along one axis, in logarithms."""
    if relative.shape[axis] <= 2 * _STEP:
        return float(np.log(_LEAST))
    differences = second_difference(relative, axis, _STEP)[inside_all(inner, axis, _STEP)]
    mean = float(np.abs(differences).mean()) if differences.size else 0.0
    return float(np.log(mean + _LEAST))
