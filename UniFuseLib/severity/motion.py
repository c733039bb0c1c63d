"""Traces of motion in MR: what repeats or rings along one axis of the slice alone.

Movement while lines of k-space are read leaves ghosts along the phase-encoding axis, also in the
air beside the body, and ringing or blur inside it. Which axis that is, a file does not say: both
are measured, and the larger and the smaller of the two are the traces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from UniFuseLib.severity.filters import inside_all, second_difference, spread

if TYPE_CHECKING:
    from UniFuseLib.severity.filters import Spacing
    from UniFuseLib.severity.traces import Traces

_STEPS = (1, 2, 4)  # voxels
_MARGIN = 3  # voxels around the body that are not yet air
_FEW = 200  # voxels
_LEAST = 1e-3  # of the median tissue; keeps logarithms finite


def mr_traces(values: np.ndarray, _: Spacing, body: np.ndarray) -> Traces:
    """Ghosts in the air and roughness of tissue, in logarithms relative to the median tissue.

    Args:
        values: `(d, h, w)`, slices along d; any unit.
        _: k-space knows voxels, not mm.
        body: `(d, h, w)` bool.
    """
    inner = ndimage.binary_erosion(body)
    inner = inner if inner.sum() >= _FEW else body
    relative = values / max(float(np.median(values[inner])), 1e-6)
    ghosts = [_ghost(relative, body, axis) for axis in (1, 2)]
    found = {"ghost_most": max(ghosts), "ghost_least": min(ghosts)}
    for step in _STEPS:
        rough = [_roughness(relative, inner, axis, step) for axis in (1, 2)]
        found |= {f"rough_{step}_most": max(rough), f"rough_{step}_least": min(rough)}
    return found


def _ghost(relative: np.ndarray, body: np.ndarray, axis: int) -> float:
    """Mean of the air on lines along `axis` that cross the body."""
    air = ~ndimage.binary_dilation(body, iterations=_MARGIN)
    air &= body.any(axis=axis, keepdims=True)
    mean = float(np.clip(relative[air], 0, 1).mean()) if air.sum() >= _FEW else 0.0
    return float(np.log(mean + _LEAST))


def _roughness(relative: np.ndarray, inner: np.ndarray, axis: int, step: int) -> float:
    if relative.shape[axis] <= 2 * step:
        return float(np.log(_LEAST))
    differences = second_difference(relative, axis, step)[inside_all(inner, axis, step)]
    return float(np.log(spread(differences) + _LEAST))
