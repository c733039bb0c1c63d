"""What a scanner makes of the misaligned anatomy: degraded on the scan's own grid, then brought to
the crop.

Noise of a scanner's voxels, read at the spacing the network works at, is not noise made at that
spacing; the network has to meet what it will meet later.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.preprocessing.intensity import IntensityMap
from UniFuseLib.simulation.degrade import apply_degradation, sample_degradation, slice_axis
from UniFuseLib.spatial.displacement import affine_index, sample
from UniFuseLib.spatial.resampling import block_factors, blocks_of, mean_of_blocks
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# one map for every synthetic and every gained volume: MR and PET have no unit of their own
_UNITS = {
    "ct": IntensityMap(
        "knots", values=(-1024.0, -160.0, 240.0, 1600.0), units=(0.0, 0.15, 0.75, 1.0)
    ),
    "mr": IntensityMap("percentile", scale=1000.0, gamma=1.0, ceiling=2.0),
    "pet": IntensityMap("percentile", scale=4.0, gamma=0.5, ceiling=16.0),
}
_LEAST_EXTENT = (
    1.2  # side of the scanned region in sides of the crop: enough for six degrees of tilt
)
# the same in the slice plane: a head that turns moves most at its edge, and the noise of PET grows
# with the body around
_EXTENT = {"mr": 1.8, "ct": _LEAST_EXTENT, "pet": 2.0}
_LONGEST_MM = 250.0  # in the slice plane, unless the crop needs more
_ROUND_TO = 4  # voxels: few different sizes, so that projectors are reused


def scanner_grid(scanner: Grid, crop: Grid, kind: str) -> Grid:
    """Voxels of `scanner`'s size and directions around `crop`, the same number for every crop of
    one size.

    Args:
        scanner: of any extent.
        crop: what will be read.
        kind: `mr`, `ct` or `pet`.
    """
    side = float((np.array(crop.shape) * crop.spacing).max())
    across = slice_axis(scanner)
    least = _LEAST_EXTENT * side
    in_plane = max(least, min(_EXTENT[kind] * side, _LONGEST_MM))
    shape = [
        _ROUND_TO * math.ceil(((least if axis == across else in_plane) / spacing + 2) / _ROUND_TO)
        for axis, spacing in enumerate(scanner.spacing)
    ]
    middle = crop.corners().mean(axis=0)
    # on the scanner's own voxels: a scan that has not moved is not interpolated
    at = np.linalg.solve(scanner.affine, np.append(middle, 1.0))[:3]
    first = np.round(at - (np.array(shape) - 1) / 2)
    affine = scanner.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ first
    return Grid((shape[0], shape[1], shape[2]), affine)


def degrade(
    scanned: Tensor, kind: str, label: str, scanner: Grid, generator: torch.Generator
) -> Tensor:
    """I'_D on the scan's grid: to the modality's units, through the simulator of class `label`, and
    back.

    Args:
        scanned: `(1, 1, d, h, w)` network intensities on `scanner`.
        kind: `mr`, `ct` or `pet`.
        label: class of the degradation.
        scanner: grid of the scan.
        generator: draws the degradation.
    """
    if label == "clean":
        return scanned
    units = _UNITS[kind]
    volume = units.inverse(scanned)[0, 0]
    d, h, w = (float(side) for side in scanner.spacing)
    axis = slice_axis(scanner)
    parameters = sample_degradation(label, generator, volume, (d, h, w), slice_axis=axis)
    return units.forward(apply_degradation(volume, (d, h, w), parameters, axis)).float()[None, None]


def bring(volume: Tensor, scanner: Grid, crop: Grid) -> Tensor:
    """out[x] = volume at the place of index x of `crop`: trilinear after means of blocks, as
    `resampling.resample`.
    """
    factors = block_factors(scanner, tuple(float(s) for s in crop.spacing))
    to_blocks = crop.index_to_index(blocks_of(scanner, factors))
    return sample(mean_of_blocks(volume, factors), affine_index(to_blocks, crop.shape, volume))
