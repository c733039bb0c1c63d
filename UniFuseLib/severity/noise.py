"""Traces of noise and metal in CT, of few counts in PET.

What lies at a distance across the slices shares its anatomy, but not its noise. So the second
difference over that distance is mostly noise; in bands of the plane it also says how the scan was
filtered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from UniFuseLib.severity.filters import (
    bands,
    inside_all,
    middle,
    second_difference,
    spread,
    step_of,
)

if TYPE_CHECKING:
    from UniFuseLib.severity.filters import Spacing
    from UniFuseLib.severity.head import Traces

# Distances, widths and ranges were chosen on the rows of training patients (decision 0084)
_CT_FAR_MM = 10.5
_CT_WIDTHS = (1.0, 1.6, 2.6)  # voxels of the plane, where a scanner's noise lives
_SOFT_HU = (-200.0, 200.0)
METAL_HU = 2500.0
LEAST_METAL_ML = 0.01  # keeps logarithms finite
_PET_FAR_MM = 10.0
_PET_WIDTHS_MM = (2.5, 4.0, 6.0, 9.0)  # of the plane
_PET_ROUND_MM = (2.0, 3.0, 4.5, 6.5)  # of all three axes
_LEVEL_MM = 12.0  # uptake is averaged over this before noise is compared with it
_HOT = 80.0  # percentile of the uptake from which on a voxel is left out
_LEAST = 1e-4  # relative noise; keeps logarithms finite
_FEW = 200  # voxels


def ct_traces(hu: np.ndarray, spacing_mm: Spacing, body: np.ndarray) -> Traces:
    """Noise of soft tissue in logarithms of HU, how heavy its tails are, and the metal.

    Args:
        hu: `(d, h, w)`, slices along d, three at least.
        spacing_mm: along (d, h, w).
        body: `(d, h, w)` bool.
    """
    soft = _soft_tissue(hu, body)
    far = step_of(_CT_FAR_MM, spacing_mm[0], hu.shape[0])
    _, fine, _ = bands(hu, [(0.0, width, width) for width in _CT_WIDTHS])
    sharp = hu - ndimage.gaussian_filter(hu, (0.0, _CT_WIDTHS[-1], _CT_WIDTHS[-1]))
    crossed = second_difference(second_difference(hu, 1, 1), 2, 1)
    corner = np.abs(crossed[middle(middle(soft, 1, 1), 2, 1)])
    return {
        "far": _log_hu(_differences(hu, soft, 0, far)),
        "far_fine": _log_hu(_differences(fine, soft, 0, far)),
        "near_sharp": _log_hu(_differences(sharp, soft, 0, 1)),
        "rows": _log_hu(_differences(hu, soft, 1, 1)),
        "columns": _log_hu(_differences(hu, soft, 2, 1)),
        "tails": float(np.log((np.percentile(corner, 95) + 1) / (np.median(corner) + 1))),
        "metal": float(np.log(metal_ml(hu, spacing_mm) + LEAST_METAL_ML)),
        "area": _log_area(body, spacing_mm),
    }


def pet_traces(suv: np.ndarray, spacing_mm: Spacing, body: np.ndarray) -> Traces:
    """Noise relative to the uptake around it, in logarithms, the uptake, and the patient's size.

    Args:
        suv: `(d, h, w)`, slices along d, three at least.
        spacing_mm: along (d, h, w).
        body: `(d, h, w)` bool.
    """
    mm = np.array(spacing_mm)
    level = ndimage.gaussian_filter(suv, _LEVEL_MM / mm) + 1e-3
    inner = _inner(body, 1)
    quiet = inner & (level < np.percentile(level[inner], _HOT))
    far = step_of(_PET_FAR_MM, spacing_mm[0], suv.shape[0])
    in_plane = bands(suv, [(0.0, w / mm[1], w / mm[2]) for w in _PET_WIDTHS_MM])
    around = bands(suv, [tuple(w / mm) for w in _PET_ROUND_MM])
    here = middle(level, 0, far)
    found = {
        f"far_{number}": _log_relative(
            (second_difference(band, 0, far) / here)[_some(inside_all(quiet, 0, far))]
        )
        for number, band in enumerate(in_plane)
    }
    found |= {
        f"band_{number}": _log_relative((band / level)[quiet]) for number, band in enumerate(around)
    }
    return {
        **found,
        "uptake": float(np.log(max(level[inner].mean(), 0.0) + 1e-6)),  # signed maps lie below 0
        "area": _log_area(body, spacing_mm),
    }


def metal_ml(hu: np.ndarray, spacing_mm: Spacing | np.ndarray) -> float:
    """Millilitres of what no tissue is as dense as.

    Args:
        hu: any shape.
        spacing_mm: along its axes.
    """
    return float((hu > METAL_HU).sum()) * float(np.prod(spacing_mm)) / 1000


def metal_of(traces: Traces) -> float:
    """Millilitres of metal again.

    Args:
        traces: of `ct_traces`.
    """
    return max(0.0, float(np.exp(traces["metal"])) - LEAST_METAL_ML)


def without_metal(traces: Traces) -> Traces:
    """Those of the same scan if it held no metal.

    Args:
        traces: of any modality.
    """
    none = float(np.log(LEAST_METAL_ML))
    return {name: none if name == "metal" else value for name, value in traces.items()}


def _soft_tissue(hu: np.ndarray, body: np.ndarray) -> np.ndarray:
    inner = _inner(body, 2)
    mean = ndimage.uniform_filter(hu, 3)
    soft = inner & (mean > _SOFT_HU[0]) & (mean < _SOFT_HU[1])
    return soft if soft.sum() >= _FEW else inner


def _inner(body: np.ndarray, voxels: int) -> np.ndarray:
    """Without the surface, whose edges are no noise; all of a body that is too thin for that."""
    inner = ndimage.binary_erosion(body, np.ones((3, 3, 3)), iterations=voxels)
    return inner if inner.sum() >= _FEW else body


def _differences(volume: np.ndarray, soft: np.ndarray, axis: int, step: int) -> np.ndarray:
    return second_difference(volume, axis, step)[_some(inside_all(soft, axis, step))]


def _some(mask: np.ndarray) -> np.ndarray:
    """The mask, or all where it is empty."""
    return mask if mask.any() else np.ones_like(mask)


def _log_hu(values: np.ndarray) -> float:
    return float(np.log(spread(values) + 1))


def _log_relative(values: np.ndarray) -> float:
    return float(np.log(spread(values) + _LEAST))


def _log_area(body: np.ndarray, spacing_mm: Spacing) -> float:
    """Of the body in the median slice, mm²: photons are lost on their way through it."""
    voxels = body.sum(axis=(1, 2))
    found = voxels[voxels > 0]
    median = float(np.median(found)) if found.size else 1.0
    return float(np.log(median * spacing_mm[1] * spacing_mm[2]))
