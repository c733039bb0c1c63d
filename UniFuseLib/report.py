"""`report.json`: what went in, what was found, what it cost, and how far to trust it. Plain numbers
and sentences.
"""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.mind import mind_ssc
from UniFuseLib.version import __version__

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid, Volume

NOTICE = "Research use only. Not for diagnosis or treatment."
_BINS = 48


def geometry_of(volume: Volume) -> dict[str, Any]:
    """Shape, spacing, directions and origin of an input, array order (d, h, w)."""
    grid = volume.grid
    return {
        "shape": list(volume.array.shape),
        "spacing_mm": [round(float(s), 5) for s in grid.spacing],
        "orientation": orientation_code(grid),
        "origin_ras_mm": [round(float(v), 4) for v in grid.affine[:3, 3]],
        "dtype": str(volume.array.dtype),
    }


def orientation_code(grid: Grid) -> str:
    """Toward which side of the patient d, h and w run, for example `SPL`; the nearest letter when
    oblique.
    """
    letters = (("L", "R"), ("P", "A"), ("I", "S"))
    axes = [int(np.argmax(np.abs(grid.directions[:, k]))) for k in range(3)]
    return "".join(letters[axis][int(grid.directions[axis, k] > 0)] for k, axis in enumerate(axes))


def displacement_statistics(displacement: np.ndarray, body: np.ndarray) -> dict[str, float]:
    """‖u‖ in mm inside the body; displacement `(d, h, w, 3)` RAS mm."""
    field = displacement[body] if body.any() else displacement.reshape(-1, 3)
    length = np.linalg.norm(field, axis=-1)
    return {
        "mean": round(float(length.mean()), 3),
        "median": round(float(np.median(length)), 3),
        "p95": round(float(np.percentile(length, 95)), 3),
        "max": round(float(length.max()), 3),
    }


def structure_agreement(first: Tensor, second: Tensor, mask: Tensor) -> float:
    """1 - mean |MIND-SSC(first) - MIND-SSC(second)| over the mask, on every second voxel's grid; 1
    is best.

    Args:
        first, second: `(1, 1, d, h, w)` network intensities. mask: `(1, 1, d, h, w)` bool.
    """
    first, second, weight = (halve(v.float()) for v in (first, second, mask))
    distance = (mind_ssc(first) - mind_ssc(second)).abs_().mean(dim=1, keepdim=True)
    return 1 - float((distance * weight).sum() / weight.sum().clamp(min=1))


def mutual_information(first: Tensor, second: Tensor, mask: Tensor) -> float:
    """(H(a) + H(b)) / H(a, b) of a 48 × 48 histogram over the mask: 1 independent, 2 identical
    (Studholme 1999).
    """
    inside = halve(mask.float()) > 0.5
    a, b = (halve(v)[inside].clip(0, 1).double().numpy() for v in (first, second))
    if a.size < _BINS:
        return 1.0
    joint = np.histogram2d(a, b, bins=_BINS, range=[[0, 1], [0, 1]])[0] / a.size
    return float(
        (_entropy(joint.sum(0)) + _entropy(joint.sum(1))) / max(_entropy(joint.ravel()), 1e-9)
    )


def halve(volume: Tensor) -> Tensor:
    """Means of 2³ blocks; axes shorter than 16 voxels stay."""
    factors = [2 if n >= 16 else 1 for n in volume.shape[2:]]
    return F.avg_pool3d(volume, factors) if max(factors) > 1 else volume


def versions() -> dict[str, str]:
    """Of all that takes part in a result."""
    import scipy
    import SimpleITK as sitk

    return {
        "unifuse": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "SimpleITK": sitk.Version_VersionString(),
        "platform": platform.platform(),
    }


def peak_memory_mb() -> float | None:
    """Largest resident memory of this process so far, MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def _entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())
