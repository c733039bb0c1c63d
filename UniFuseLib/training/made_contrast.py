"""A partner for a scan that has none: its own anatomy in another contrast, perfectly aligned.

A CT becomes MR-like tissue by tissue, an MR gets its greys another order. Figures that rest on such
pairs are figures of MR-like contrast made from CT, not of MR.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.preprocessing.intensity import IntensityMap
from UniFuseLib.simulation.degrade import slice_axis
from UniFuseLib.simulation.nuisance import bias_field
from UniFuseLib.simulation.parameters import choice, local_generator, new_seed, uniform
from UniFuseLib.spatial.mind import box_mean
from UniFuseLib.spatial.volume import Grid
from UniFuseLib.training.data import PackedVolume
from UniFuseLib.training.synthesis import SCANNERS

if TYPE_CHECKING:
    from collections.abc import Sequence

#: HU between which a tissue is itself; in between two tissues share the voxel
_TISSUES: tuple[tuple[str, tuple[float, float]], ...] = (
    ("air", (-1024.0, -850.0)),
    ("fat", (-120.0, -75.0)),
    ("fluid", (0.0, 10.0)),
    ("muscle", (40.0, 75.0)),
    ("spongy bone", (180.0, 330.0)),
    ("cortical bone", (750.0, 1600.0)),
)
#: MR of a tissue, lowest and highest, 1 is the brightest of the body; cortical bone, poor in
#: protons, is dark in all of them
_LOOKS: dict[str, dict[str, tuple[float, float]]] = {
    "t1": {
        "fat": (0.75, 1.0),
        "fluid": (0.3, 0.5),
        "muscle": (0.3, 0.5),
        "spongy bone": (0.4, 0.7),
    },
    "t2": {
        "fat": (0.45, 0.8),
        "fluid": (0.4, 0.9),
        "muscle": (0.15, 0.35),
        "spongy bone": (0.3, 0.55),
    },
    "any": {
        "fat": (0.05, 1.0),
        "fluid": (0.05, 1.0),
        "muscle": (0.1, 1.0),
        "spongy bone": (0.05, 1.0),
    },
}
_CORTICAL = (0.02, 0.1)
_UNITS = IntensityMap("percentile", scale=1000.0, gamma=1.0, ceiling=2.0)
_FINE_MM = 3.0  # voxels finer than this hold noise that the tissues must not follow


def made_pair(
    scan: PackedVolume,
    centre: np.ndarray,
    reach_mm: float,
    spacing_mm: float,
    generator: torch.Generator,
) -> tuple[PackedVolume, PackedVolume, Grid]:
    """(degraded, reference, scanner of the degraded one) made of `scan` around `centre`.

    Args:
        scan: CT or MR.
        centre: RAS mm.
        reach_mm: from the centre, mm; no more is made.
        spacing_mm: of the crop.
        generator: draws the contrasts.
    """
    box = _around(scan, centre, reach_mm)
    if scan.kind == "ct":
        roles = choice(
            generator,
            (("ct", "t1"), ("ct", "t1"), ("ct", "t2"), ("ct", "any"), ("t2", "t1"), ("t2", "ct")),
        )
    else:
        roles = choice(generator, (("any", "own"), ("own", "any")))
    first, second = (
        box if role in ("ct", "own") else made_mr(box, role, generator) for role in roles
    )
    return first, second, _scanner(first, spacing_mm, generator)


def _around(scan: PackedVolume, centre: np.ndarray, reach_mm: float) -> PackedVolume:
    """Only the voxels whose index lies within `reach_mm` of the centre, along each axis."""
    middle = np.linalg.solve(scan.grid.affine, np.append(centre, 1.0))[:3]
    for axis in range(3):
        size = scan.codes.shape[axis]
        reach = reach_mm / float(scan.grid.spacing[axis])
        first = min(max(math.floor(middle[axis] - reach), 0), size - 1)
        last = min(max(math.ceil(middle[axis] + reach), first), size - 1)
        scan = scan.narrowed(axis, first, last - first + 1)
    return scan


def made_mr(scan: PackedVolume, look: str, generator: torch.Generator) -> PackedVolume:
    """`scan` as an MR of this look: tissues' intensities, coil, noise."""
    values = scan.codes.float() * (scan.top / 255)
    if scan.kind == "ct" and float(min(scan.grid.spacing)) < _FINE_MM:
        values = box_mean(values[None, None], 1)[0, 0]
    knots = _tissue_knots(scan, look, generator) if scan.kind == "ct" else _grey_knots(generator)
    picture = piecewise_linear(values, *knots)
    picture = bias_field(picture, uniform(generator, 0.0, 0.15), 4, new_seed(generator))
    return _coded(_with_noise(picture, uniform(generator, 0.005, 0.03), generator), scan.grid)


def _tissue_knots(
    scan: PackedVolume, look: str, generator: torch.Generator
) -> tuple[Sequence[float], Sequence[float]]:
    """Network intensities of CT where tissues begin and end, and what the MR shows there."""
    ranges = {"air": (0.0, 0.0), **_LOOKS[look], "cortical bone": _CORTICAL}
    hounsfield = torch.tensor([value for _, pair in _TISSUES for value in pair])
    if scan.map is None:
        raise ValueError("Expected a CT with its intensity map.")
    shown = [uniform(generator, *ranges[name]) for name, _ in _TISSUES]
    return scan.map.forward(hounsfield).tolist(), [value for value in shown for _ in range(2)]


def _grey_knots(generator: torch.Generator) -> tuple[Sequence[float], Sequence[float]]:
    """Air stays air; what was between dark and bright gets any grey."""
    places = (0.0, 0.08, 0.25, 0.45, 0.7, 1.0, 2.0)
    greys = [uniform(generator, 0.05, 1.0) for _ in places[2:]]
    return places, [0.0, 0.0, *greys]


def piecewise_linear(values: Tensor, places: Sequence[float], shown: Sequence[float]) -> Tensor:
    """Linear between the points (places[i], shown[i]), constant beyond them; `places` increase."""
    out = torch.full_like(values, shown[0])
    for i in range(len(places) - 1):
        width = places[i + 1] - places[i]
        slope = (shown[i + 1] - shown[i]) / max(width, 1e-6)
        out = out + slope * (values - places[i]).clamp(0, width)
    return out


def _with_noise(picture: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """|p + σ (n₁ + i n₂)|: magnitude noise (Gudbjartsson & Patz 1995).

    σ is a share of the brightest tissue.
    """
    noise = local_generator(new_seed(generator), picture.device)
    real, imaginary = (
        torch.randn(picture.shape, generator=noise, device=picture.device) for _ in range(2)
    )
    return torch.hypot(picture + deviation * real, deviation * imaginary)


def _coded(picture: Tensor, grid: Grid) -> PackedVolume:
    """As `unifuse pack` would hold it."""
    top = max(float(picture.max()), 1e-6)
    return PackedVolume((picture * (255 / top)).round().to(torch.uint8), grid, "mr", top, _UNITS)


def _scanner(scan: PackedVolume, spacing_mm: float, generator: torch.Generator) -> Grid:
    """Voxels as scanners make them, along the axes of `scan`.

    Nothing finer than `spacing_mm` is there to be scanned.
    """
    in_plane, slices = SCANNERS[scan.kind]
    pixel, thickness = (max(choice(generator, drawn), spacing_mm) for drawn in (in_plane, slices))
    across = slice_axis(scan.grid)
    sides = [thickness if axis == across else pixel for axis in range(3)]
    affine = scan.grid.affine.copy()
    affine[:3, :3] = scan.grid.directions * sides
    return Grid((1, 1, 1), affine)
