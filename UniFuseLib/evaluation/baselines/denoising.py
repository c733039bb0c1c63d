"""Restoration before registration: nothing, and non-local means."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d

from UniFuseLib.evaluation.baselines.dependency import require
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.spatial.volume import Volume

# h / σ: the best of 0.8, 1.5, 3, 6, 12 on simulated validation cases; artefacts are correlated, so
# more than white noise of that σ has to be forgiven in CT, and next to nothing helps against motion
STRENGTH = {"ct": 6.0, "pet": 1.5, "mr": 6.0}


def restore_none(volume: Volume, _: str) -> Volume:
    """The volume unchanged."""
    return volume


def restore_non_local_means(volume: Volume, modality: str) -> Volume:
    """Non-local means in the volume's own units, h tuned per modality.

    Buades et al. 2005, doi 10.1109/CVPR.2005.38, in scikit-image's fast 3-D form: patches of 3³
    voxels, searched within 3 voxels; the noise level is measured inside the body.

    Args:
        volume: any grid, its own units.
        modality: key of `STRENGTH`.

    Raises:
        MissingDependencyError: scikit-image is not installed.
    """
    denoise = require("skimage.restoration", "scikit-image").denoise_nl_means
    array = volume.array.astype(np.float32)
    low, span = float(array.min()), float(np.ptp(array)) or 1.0
    unit = (array - low) / span
    sigma = noise_level(unit, body_mask(array, volume.grid.spacing, modality))
    if not sigma > 0:
        return Volume(array, volume.affine)
    h = STRENGTH[modality] * sigma
    quiet = denoise(unit, patch_size=3, patch_distance=3, h=h, fast_mode=True, preserve_range=True)
    return Volume((quiet * span + low).astype(np.float32), volume.affine)


def noise_level(array: np.ndarray, body: np.ndarray) -> float:
    """σ = 1.4826 · median |r| over the body, r = array * (1, -2, 1) / √6 along every axis.

    The filter leaves white noise at its σ and takes smooth anatomy away (Immerkær 1996,
    doi 10.1006/cviu.1996.0060, with the median of Donoho & Johnstone 1994 against edges).
    """
    remainder, second_difference = array, np.array([1.0, -2.0, 1.0]) / np.sqrt(6)
    for axis in range(array.ndim):
        remainder = convolve1d(remainder, second_difference, axis=axis)
    inside = (slice(1, -1),) * array.ndim  # the mirrored border has less noise
    seen = np.abs(remainder[inside][body[inside]])
    return float(1.4826 * np.median(seen)) if seen.size else 0.0
