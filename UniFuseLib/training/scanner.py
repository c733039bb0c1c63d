"""What a scanner makes of the misaligned anatomy.

It is degraded on the scan's own grid, then brought to the crop.

Noise of a scanner's voxels, read at the spacing the network works at, is not noise made at that
spacing; the network has to meet what it will meet later.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY, IntensityMap, fit
from UniFuseLib.simulation.degrade import apply_degradation, sample_degradation, slice_axis
from UniFuseLib.simulation.parameters import triple
from UniFuseLib.spatial.displacement import affine_index, sample_at
from UniFuseLib.spatial.resampling import block_factors, blocks_of, mean_of_blocks
from UniFuseLib.spatial.volume import Grid, counted_from

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# what is 1 in every synthetic and every gained volume: MR and PET have no unit of their own
_SCALE = {"mr": 1000.0, "pet": 4.0}
# side of the scanned region in sides of the crop: enough for six degrees of tilt
_LEAST_EXTENT = 1.2
# the same in the slice plane: a head that turns moves most at its edge, and the noise of PET grows
# with the body around
_EXTENT = {"mr": 1.8, "ct": _LEAST_EXTENT, "pet": 2.0}
_LONGEST_MM = 250.0  # in the slice plane, unless the crop needs more
_ROUND_TO = 4  # voxels: few different sizes, so that projectors are reused


def units_of(kind: str) -> IntensityMap:
    """Units of `kind` ↔ network intensities, by the default rule; one map for all volumes."""
    if kind not in _SCALE:
        return fit(np.empty(0), None, kind)  # HU: the rule looks at no volume
    rule = DEFAULT_INTENSITY[kind]
    return IntensityMap(
        "percentile",
        scale=_SCALE[kind],
        gamma=rule["gamma"],
        ceiling=rule["ceiling"],
    )


def scanner_grid(scanner: Grid, crop: Grid, kind: str) -> Grid:
    """Voxels of `scanner`'s size and directions around `crop`.

    Their number is the same for every crop of one size.

    Args:
        scanner: of any extent.
        crop: the cube that will be read.
        kind: `mr`, `ct` or `pet`.
    """
    shape = _scanned_shape(scanner, crop, kind)
    middle = crop.corners().mean(axis=0)
    homogeneous = np.append(middle, 1.0)
    at = np.linalg.solve(scanner.affine, homogeneous)[:3]
    # on the scanner's own voxels: a scan that has not moved is not interpolated
    first = np.round(at - (np.array(shape) - 1) / 2)
    return Grid(shape, counted_from(scanner.affine, first))


def _scanned_shape(scanner: Grid, crop: Grid, kind: str) -> tuple[int, int, int]:
    sides_mm = np.array(crop.shape) * crop.spacing
    side = float(sides_mm.max())
    least = _LEAST_EXTENT * side
    wanted = min(_EXTENT[kind] * side, _LONGEST_MM)
    extent = [max(least, wanted)] * 3
    extent[slice_axis(scanner)] = least
    d, h, w = (_voxels(mm, spacing) for mm, spacing in zip(extent, scanner.spacing, strict=True))
    return d, h, w


def _voxels(mm: float, spacing: float) -> int:
    """So many that cover `mm` with one more on each side, a multiple of `_ROUND_TO`."""
    least = mm / spacing + 2
    return _ROUND_TO * math.ceil(least / _ROUND_TO)


def degrade(
    scanned: Tensor, kind: str, label: str, scanner: Grid, generator: torch.Generator
) -> Tensor:
    """I'_D on the scan's grid: to the modality's units, through the simulator, and back.

    Args:
        scanned: `(1, 1, d, h, w)` network intensities on `scanner`.
        kind: `mr`, `ct` or `pet`.
        label: the class of degradation.
        scanner: the scan's grid.
        generator: of all draws.
    """
    if label == "clean":
        return scanned
    units = units_of(kind)
    volume = units.inverse(scanned)[0, 0]
    spacing = triple(scanner.spacing)
    axis = slice_axis(scanner)
    parameters = sample_degradation(label, generator, volume, spacing, slice_axis=axis)
    degraded = apply_degradation(volume, spacing, parameters, axis)
    return units.forward(degraded).float()[None, None]


def bring(volume: Tensor, scanner: Grid, crop: Grid) -> Tensor:
    """out[x] = volume at the place of index x of `crop`.

    Trilinear after means of blocks, as `resampling.resample`.
    """
    spacing = tuple(float(s) for s in crop.spacing)
    factors = block_factors(scanner, spacing)
    blocks = blocks_of(scanner, factors)
    means = mean_of_blocks(volume, factors)
    to_blocks = crop.index_to_index(blocks)
    index = affine_index(to_blocks, crop.shape, volume)
    return sample_at(means, index)
