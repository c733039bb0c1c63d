"""Small faults that every scanner has: none is a class of its own, none moves the picture."""

from __future__ import annotations

import torch
from torch import Tensor

from UniFuseLib.simulation.parameters import Triple, local_generator
from UniFuseLib.spatial.displacement import interpolate_nodes, resize


def bias_field(volume: Tensor, deviation: float, points: int, seed: int) -> Tensor:
    """out = volume · exp(deviation · smooth noise), mean logarithm zero: coil sensitivity."""
    if deviation == 0:
        return volume
    generator = local_generator(seed)
    coarse = torch.randn(1, 1, points, points, points, generator=generator).to(volume.device)
    field = interpolate_nodes(coarse, volume.shape)[0, 0]
    return volume * torch.exp(deviation * (field - field.mean()))


def thick_slices(volume: Tensor, spacing_mm: Triple, slice_mm: float, axis: int) -> Tensor:
    """Means over slices of `slice_mm` along `axis`, interpolated back to the same grid.

    The faces of the first and last slices coincide. `(d, h, w)` → `(d, h, w)`, spacing in mm.
    """
    present = volume.shape[axis]
    count = round(present * spacing_mm[axis] / slice_mm) if slice_mm > 0 else present
    if count >= present or count < 2:
        return volume
    d, h, w = (count if k == axis else n for k, n in enumerate(volume.shape))
    thick = torch.nn.functional.adaptive_avg_pool3d(volume[None, None], (d, h, w))
    return resize(thick, volume.shape)[0, 0]
