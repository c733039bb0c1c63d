"""Aligned pairs out of one label map: any number of heads, any contrast, exact truth."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.preprocessing.intensity import fit
from UniFuseLib.simulation.contrast import Style, apply_contrast, sample_contrast, split_soft_tissue
from UniFuseLib.simulation.nuisance import thick_slices
from UniFuseLib.simulation.parameters import choice, new_seed, uniform
from UniFuseLib.spatial.axes import WORKING_AXES
from UniFuseLib.spatial.volume import Grid
from UniFuseLib.training.data import PackedVolume

# in-plane and slice spacings, mm; few, so that projectors are reused
SCANNERS = {
    "mr": ((1.0,), (1.0, 3.0, 4.0)),
    "ct": ((1.0, 1.5, 2.0), (1.0, 2.0, 3.3)),
    "pet": ((4.0, 5.3), (3.3,)),
}
_MARGIN_MM = 36.0  # the misaligned crop reads beyond its own edge
# a third of the pairs have contrasts nobody has seen: the network learns structure, not modalities;
# CT, PET and MR are degraded about equally often
_PAIRS: tuple[tuple[Style, Style], ...] = (
    ("t2", "t1"),
    ("flair", "t1"),
    ("t1", "t2"),
    ("ct", "t1"),
    ("ct", "t2"),
    ("t1", "ct"),
    ("pet", "ct"),
    ("pet", "t1"),
    ("random", "random"),
    ("random", "random"),
    ("random", "ct"),
    ("ct", "random"),
    ("ct", "random"),
    ("pet", "ct"),
    ("pet", "random"),
)


def synthetic_pair(
    labels: PackedVolume,
    centre: np.ndarray,
    crop: int,
    spacing_mm: float,
    thick: float,
    generator: torch.Generator,
) -> tuple[PackedVolume, PackedVolume]:
    """Two scans of the head around `centre`.

    Args:
        labels: a label map.
        centre: RAS mm.
        crop: side in voxels of the cube that will be read; more is made around it.
        spacing_mm: of the cube and of what is made around it.
        thick: share of scans with thick slices along one axis.
        generator: of all draws.
    """
    side = crop + 2 * int(np.ceil(_MARGIN_MM / spacing_mm))
    grid = Grid((side, side, side), _axial_affine(centre, side, spacing_mm))
    names = torch.tensor(labels.labels, device=labels.codes.device)
    spacing = (spacing_mm, spacing_mm, spacing_mm)
    anatomy = split_soft_tissue(names[labels.read_labels(grid)], spacing, new_seed(generator))
    first, second = choice(generator, _PAIRS)
    return _scan(anatomy, grid, first, thick, generator), _scan(
        anatomy, grid, second, thick, generator
    )


def synthetic_scanner(scan: PackedVolume, spacing_mm: float, generator: torch.Generator) -> Grid:
    """Voxels as scanners make them, d → S, h → P, w → L.

    In-plane and slice spacing are drawn for the modality of `scan`.

    Args:
        scan: of the anatomy.
        spacing_mm: of the anatomy; nothing finer than this is there to be scanned.
        generator: of both draws.
    """
    in_plane, slices = SCANNERS[scan.kind]
    pixel = max(choice(generator, in_plane), spacing_mm)
    thickness = max(choice(generator, slices), spacing_mm)
    return Grid(
        (1, 1, 1),
        scan.grid.affine @ np.diag([thickness / spacing_mm, *[pixel / spacing_mm] * 2, 1.0]),
    )


def _axial_affine(centre: np.ndarray, side: int, spacing_mm: float) -> np.ndarray:
    """Isotropic, d → S, h → P, w → L, its middle at `centre`."""
    affine = np.eye(4)
    affine[:3, :3] = WORKING_AXES * spacing_mm
    affine[:3, 3] = centre - affine[:3, :3] @ np.full(3, (side - 1) / 2)
    return affine


def _scan(
    anatomy: Tensor, grid: Grid, style: Style, thick: float, generator: torch.Generator
) -> PackedVolume:
    """One contrast, coded like a packed volume."""
    kind = {"ct": "ct", "pet": "pet"}.get(style, "mr")
    d, h, w = (float(side) for side in grid.spacing)
    volume = apply_contrast(anatomy, (d, h, w), sample_contrast(generator, style))
    if uniform(generator, 0, 1) < thick:
        axis = choice(generator, (0, 0, 1, 2))  # axial slices are the most frequent
        volume = thick_slices(volume, (d, h, w), uniform(generator, 2.5, 6.0), axis)
    thinned = volume[::2, ::2, ::2].cpu().numpy()
    fitted = fit(thinned, anatomy[::2, ::2, ::2].cpu().numpy() > 0, kind)
    unit = fitted.forward(volume)
    top = max(float(unit.max()), 1e-6)
    return PackedVolume((unit * (255 / top)).round().to(torch.uint8), grid, kind, top, fitted)
