"""Where the patient is, and where a file is only padded.

Imports no torch, which Slicer's own Python need not have.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from UniFuseLib.preprocessing.intensity import is_lifted
from UniFuseLib.spatial.holes import filled_in_planes

_BODY_MM = 3.0  # the body is found on about this spacing: noise averages out, and it is quick
_CT_BODY_HU = -400.0  # between lung or air and soft tissue
# Chosen by eye on real volumes, not fitted: the cap of the threshold, as a part of the mean root
# intensity of tissue; islands and bodies that are too small to be one
_CAP = {"mr": 0.45, "pet": 0.4}
_LEAST_BODY = 0.005  # of the voxels
_LEAST_ISLAND = 0.1  # of the largest one


def body_mask(
    array: np.ndarray, spacing: np.ndarray | tuple[float, float, float], modality: str
) -> np.ndarray:
    """Where the patient is: bool `(d, h, w)`.

    Holes are filled, islands (table, noise) dropped, both legs kept.

    Args:
        array: `(d, h, w)`, the volume's units.
        spacing: mm along d, h, w.
        modality: `ct` uses -400 HU; the others a threshold between background and tissue.

    Returns:
        all True where no background can be told from a body.
    """
    from UniFuseLib.spatial.resampling import block_mean

    factors = block_factors(array.shape, spacing)
    mask = coarse_body(block_mean(array, factors), modality)
    for axis, factor in enumerate(factors):
        mask = np.repeat(mask, factor, axis=axis)
    d, h, w = array.shape
    return np.ascontiguousarray(mask[:d, :h, :w])


def block_factors(
    shape: tuple[int, ...], spacing: np.ndarray | tuple[float, float, float]
) -> tuple[int, ...]:
    """Voxels along each axis of the blocks that the body is found on.

    Args:
        shape: of the volume.
        spacing: mm along the same axes.
    """
    steps = (round(_BODY_MM / float(s)) for s in spacing)
    return tuple(max(1, min(n // 4, step)) for n, step in zip(shape, steps, strict=True))


def coarse_body(coarse: np.ndarray, modality: str) -> np.ndarray:
    """`body_mask` of the means of blocks.

    Args:
        coarse: `(d, h, w)` means, the volume's units.
        modality: `ct`, `mr` or `pet`.
    """
    mask = ndimage.binary_opening(coarse > _body_threshold(coarse, modality))
    mask = _fill(_large_components(mask))
    return np.ones(coarse.shape, dtype=bool) if mask.mean() < _LEAST_BODY else mask


def acquired_mask(array: np.ndarray, modality: str) -> np.ndarray:
    """False where the file is padded: `(d, h, w)` bool.

    The edge of a padding is not anatomy. Padding is MR that is exactly constant in 3³ voxels and
    beyond, connected to the border. Air in CT and PET is physical even where it is clipped to a
    constant.

    Args:
        array: `(d, h, w)`, the volume's units.
        modality: `mr`, `ct` or `pet`.
    """
    if modality != "mr":
        return np.ones(array.shape, dtype=bool)
    lowest = np.pad(array == array.min(), 1, mode="edge")
    constant = _in_threes(np.pad(_in_threes(lowest, np.logical_and), 1), np.logical_or)
    labels, _ = ndimage.label(np.pad(constant, 1, constant_values=True))
    padding = labels == labels[0, 0, 0]
    return ~padding[1:-1, 1:-1, 1:-1]


def _in_threes(mask: np.ndarray, combine: np.ufunc) -> np.ndarray:
    """All or any of 3³ voxels, around each one that has all its neighbours.

    Args:
        mask: `(d, h, w)` bool.
        combine: `np.logical_and` or `np.logical_or`.
    """
    for axis in range(3):
        along = np.moveaxis(mask, axis, 0)
        mask = np.moveaxis(combine(combine(along[:-2], along[1:-1]), along[2:]), 0, axis)
    return mask


def _body_threshold(coarse: np.ndarray, modality: str) -> float:
    if modality == "ct":
        return _CT_BODY_HU
    # the root compresses hot spots and bright fat
    lowest = float(np.percentile(coarse, 1))
    lowest = lowest if is_lifted(coarse, lowest) else min(0.0, lowest)
    root = np.sqrt(np.clip(coarse - lowest, 0, None))
    level = float(root[root > root.mean()].mean())
    # Otsu may cut through a body that fills the picture: hence the cap
    return lowest + min(_otsu(root), _CAP[modality] * level) ** 2


def _otsu(values: np.ndarray) -> float:
    """The cut with the largest variance between the two classes.

    Otsu 1979, doi 10.1109/TSMC.1979.4310076.
    """
    counts, edges = np.histogram(values, bins=128)
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    mass = np.cumsum(counts * centres)
    total, whole = below[-1], mass[-1]
    difference = whole * below / total - mass
    between = difference**2 / np.maximum(below * (total - below), 1)
    return float(centres[np.argmax(between[:-1])])


def _large_components(mask: np.ndarray) -> np.ndarray:
    """The largest component and all that have a tenth of its voxels."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= _LEAST_ISLAND * sizes.max())[labels]


def _fill(mask: np.ndarray) -> np.ndarray:
    """Close cavities in space, and those that are closed in a plane of the array.

    Airways leave at the border of the volume.
    """
    return filled_in_planes(ndimage.binary_fill_holes(mask))
