"""Restoration before registration: nothing, and non-local means."""

from __future__ import annotations

import numpy as np

from UniFuseLib.evaluation.baselines.dependency import require
from UniFuseLib.volume import Volume


def restore_none(volume: Volume) -> Volume:
    """The volume as it came."""
    return volume


def restore_non_local_means(volume: Volume) -> Volume:
    """Non-local means with the noise level estimated from the volume itself, in its own units.

    Buades et al. 2005, doi 10.1109/CVPR.2005.38, in scikit-image's fast 3-D form: patches of 3³ voxels, searched
    within 4 voxels, h = 0.8 σ, σ from the finest wavelet coefficients (Donoho & Johnstone 1994).

    Raises:
        MissingDependencyError: scikit-image is not installed.
    """
    restoration = require("skimage.restoration", "scikit-image")
    require("pywt", "PyWavelets")  # what estimate_sigma itself is made of
    array = volume.array.astype(np.float32)
    low, span = float(array.min()), float(np.ptp(array)) or 1.0
    unit = (array - low) / span
    sigma = float(restoration.estimate_sigma(unit))
    if not sigma > 0:
        return Volume(array, volume.affine)
    quiet = restoration.denoise_nl_means(
        unit, patch_size=3, patch_distance=4, h=0.8 * sigma, sigma=sigma, fast_mode=True, preserve_range=True
    )
    return Volume((quiet * span + low).astype(np.float32), volume.affine)
