"""Synthetic heads on scanners' grids: a label map of 1 mm → a scan with its contrast's voxels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.simulation.contrast import ContrastParameters, apply_contrast, split_soft_tissue
from UniFuseLib.simulation.degrade import slice_axis
from UniFuseLib.simulation.parameters import triple
from UniFuseLib.simulation.pet_low_dose import smooth
from UniFuseLib.spatial.displacement import resize
from UniFuseLib.spatial.volume import Volume, counted_from, with_larger_voxels

#: contrast: usual pixel and slice spacing, mm
SCANNER_MM: dict[str, tuple[float, float]] = {
    "random": (1.5, 1.5),
    "t1": (1.3, 1.3),
    "t2": (1.0, 3.0),
    "flair": (1.0, 4.0),
    "ct": (1.3, 2.5),
    "pet": (4.0, 3.3),
}
MARGIN_MM = 8.0


def crop_to_head(labels: Volume) -> Volume:
    """The part of a label map that is not background, with a margin of 8 mm where there is one."""
    found = np.argwhere(labels.array > 0)
    margin = np.ceil(MARGIN_MM / labels.grid.spacing).astype(int)
    first = np.maximum(found.min(0) - margin, 0)
    last = np.minimum(found.max(0) + margin + 1, labels.array.shape)
    part = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    return Volume(labels.array[part], counted_from(labels.affine, first))


def scan_head(labels: Volume, parameters: ContrastParameters, anatomy_seed: int) -> Volume:
    """A scan of the head in `labels` with the voxels of its contrast's scanner.

    Args:
        labels: `(d, h, w)` integers, SynthSeg's values.
        parameters: from `sample_contrast`.
        anatomy_seed: which soft tissue is fat; the same for every contrast of one head.

    Returns:
        float32, unit of the style.
    """
    spacing = triple(labels.grid.spacing)
    tissue = torch.from_numpy(labels.array.astype(np.int64))
    tissue = split_soft_tissue(tissue, spacing, anatomy_seed)
    picture = apply_contrast(tissue, spacing, parameters).numpy()
    return rescan(Volume(picture, labels.affine), parameters.style)


def rescan(volume: Volume, style: str) -> Volume:
    """The volume with the voxels of a scanner, averaged over their extent; faces coincide."""
    pixel, thick = SCANNER_MM[style]
    across = slice_axis(volume.grid)
    return coarsened(volume, [thick if axis == across else pixel for axis in range(3)])


def coarsened(volume: Volume, wanted_mm: list[float]) -> Volume:
    """The volume with voxels of about `wanted_mm`, averaged over their extent; faces coincide.

    Args:
        volume: any grid.
        wanted_mm: along (d, h, w); an axis whose voxels are larger already stays as it is.
    """
    old = volume.array.shape
    shape = [
        max(4, round(n * s / max(s, w)))
        for n, s, w in zip(old, volume.grid.spacing, wanted_mm, strict=True)
    ]
    ratio = np.array(old) / np.array(shape)
    affine = with_larger_voxels(volume.affine, ratio)
    array = torch.from_numpy(np.ascontiguousarray(volume.array, dtype=np.float32))
    averaged = _average(array, ratio.tolist())[None, None]
    return Volume(resize(averaged, torch.Size(shape))[0, 0].numpy(), affine)


def _average(array: Tensor, ratio: list[float]) -> Tensor:
    """A Gaussian as wide as the new voxels along each axis: coarser sampling must not alias."""
    for axis, r in enumerate(ratio):
        if r > 1.2:
            widths = [1e6, 1e6, 1e6]
            widths[axis] = 1 / r
            array = smooth(array, (widths[0], widths[1], widths[2]), 1.0)
    return array
