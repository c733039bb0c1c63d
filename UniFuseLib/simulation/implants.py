"""Where metal sits: rods, screws, plates, joint heads, fillings, placed along bone.

All are made of capsules and boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.simulation.parameters import Triple, choice, integer, normal, triple, uniform

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.simulation.spectrum import Metal

BONE_HU, BODY_HU = 250.0, -250.0
_QUARTERS = (-0.375, -0.125, 0.125, 0.375)  # middles of a slice's quarters, share of its thickness


@dataclass(frozen=True)
class Implant:
    """One solid piece of metal; positions in mm along (d, h, w) from the centre of voxel (0, 0, 0).

    Attributes:
        shape: `capsule`: all points within `size[0]` of the segment start-end (a ball if both are
            equal). `box`: a bar from start to end, `2·size[0]` wide along `normal × axis`,
            `2·size[1]` thick along `normal`.
        start: one end of the axis.
        end: the other end.
        size: mm, see shape.
        normal: unit vector, for boxes.
    """

    shape: Literal["capsule", "box"]
    start: Triple
    end: Triple
    size: tuple[float, float]
    normal: Triple = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Site:
    """A place for an implant: bone's centre (mm), its unit axis, and its radius (mm)."""

    centre: np.ndarray
    axis: np.ndarray
    radius: float


def sample_implants(
    generator: torch.Generator, volume: Tensor, spacing_mm: Triple, severity: float
) -> tuple[Metal, tuple[Implant, ...]]:
    """One or two kits of implants at random places of the bone (or body).

    Args:
        generator: of all draws.
        volume: `(d, h, w)` HU.
        spacing_mm: along (d, h, w).
        severity: [0, 1]; more is larger and denser.
    """
    kit = choice(generator, KITS[: 3 + round(2 * severity)])
    metals: tuple[Metal, ...] = (
        ("gold", "iron") if kit is _fillings else ("titanium", "titanium", "iron")
    )
    count = 2 if uniform(generator, 0, 1) < 0.3 * severity else 1
    scale = 0.75 + 0.5 * severity
    pieces: list[Implant] = []
    for _ in range(count):
        pieces += kit(generator, find_site(generator, volume, spacing_mm), scale)
    return choice(generator, metals), tuple(pieces)


def find_site(generator: torch.Generator, volume: Tensor, spacing_mm: Triple) -> Site:
    """Mean, principal axis and radius of the bone within 25 mm of a random bone voxel."""
    hu = volume.detach().cpu()
    candidates = torch.nonzero(hu > BONE_HU)
    if len(candidates) < 30:
        candidates = torch.nonzero(hu > BODY_HU)
    if len(candidates) == 0:
        candidates = torch.nonzero(torch.ones_like(hu))
    points = candidates.numpy() * np.array(spacing_mm)
    anchor = points[integer(generator, 0, len(points))]
    near = points[np.linalg.norm(points - anchor, axis=1) < 25]
    values, vectors = np.ones(3), np.eye(3)
    if len(near) > 3:
        values, vectors = np.linalg.eigh(np.cov(near.T) + 1e-3 * np.eye(3))
    radius = float(np.clip(2 * np.sqrt(values[0]), 4, 20))
    # joints and flat bones have no shaft: there, the axis of the body serves
    axis = vectors[:, -1] if values[-1] > 2.5 * values[-2] else np.array([1.0, 0.0, 0.0])
    return Site(near.mean(0), axis, radius)


def _rod(generator: torch.Generator, site: Site, scale: float) -> list[Implant]:
    """A nail along the bone's marrow."""
    half = site.axis * uniform(generator, 30, 90)
    return [_capsule(site.centre - half, site.centre + half, scale * uniform(generator, 3.5, 6))]


def _screws(generator: torch.Generator, site: Site, scale: float) -> list[Implant]:
    """Two to four screws across the bone."""
    count = 2 + integer(generator, 0, 3)
    return _across(generator, site, scale, count, _perpendicular(generator, site.axis))


def _across(
    generator: torch.Generator, site: Site, scale: float, count: int, way: np.ndarray
) -> list[Implant]:
    pitch, reach = uniform(generator, 10, 18), site.radius + uniform(generator, 4, 12)
    pieces = []
    for k in range(count):
        centre = site.centre + site.axis * pitch * (k - (count - 1) / 2)
        tilt = way + 0.15 * np.array([normal(generator) for _ in range(3)])
        half, radius = tilt * reach, scale * uniform(generator, 1.4, 2.6)
        pieces.append(_capsule(centre - half, centre + half, radius))
    return pieces


def _plate(generator: torch.Generator, site: Site, scale: float) -> list[Implant]:
    """A plate on the bone's surface with its screws."""
    way = _perpendicular(generator, site.axis)
    centre = site.centre + way * (site.radius + 1)
    half = site.axis * uniform(generator, 20, 50)
    size = (scale * uniform(generator, 4, 7), scale * uniform(generator, 1.2, 2.2))
    bar = Implant("box", triple(centre - half), triple(centre + half), size, triple(way))
    return [bar, *_across(generator, site, scale, 2 + integer(generator, 0, 3), way)]


def _fillings(generator: torch.Generator, site: Site, scale: float) -> list[Implant]:
    """Two to six small balls close together."""
    pieces = []
    for _ in range(2 + integer(generator, 0, 5)):
        centre = site.centre + np.array([normal(generator, 0, s) for s in (2.0, 10.0, 10.0)])
        pieces.append(_capsule(centre, centre + 1.5, scale * uniform(generator, 1.2, 2.8)))
    return pieces


def _joint_head(generator: torch.Generator, site: Site, scale: float) -> list[Implant]:
    """A ball on a stem."""
    end = site.centre + site.axis * uniform(generator, 40, 90)
    ball = _capsule(site.centre, site.centre, scale * uniform(generator, 9, 14))
    return [ball, _capsule(site.centre, end, scale * uniform(generator, 4, 6))]


#: from the least to the most metal
KITS: tuple[Callable[[torch.Generator, Site, float], list[Implant]], ...] = (
    _fillings,
    _screws,
    _plate,
    _rod,
    _joint_head,
)


def metal_fraction(
    implants: tuple[Implant, ...],
    shape: tuple[int, int, int],
    spacing_mm: Triple,
    start_mm: float = 0.0,
) -> Tensor:
    """Share of metal in each voxel, `(d, h, w)` in [0, 1].

    Edges are one pixel soft, and averaged over the thickness of the slices.

    Args:
        implants: positions in mm along (d, h, w).
        shape: of the result.
        spacing_mm: along (d, h, w).
        start_mm: position of the first slice's centre in the implants' frame.
    """
    fraction = torch.zeros(shape)
    y, x = (torch.arange(n) * s for n, s in zip(shape[1:], spacing_mm[1:], strict=True))
    pixel = min(spacing_mm[1:])
    for piece in implants:
        reach = piece.size[0] + piece.size[1] + spacing_mm[0]
        ends = sorted((piece.start[0], piece.end[0]))
        first = max(0, int((ends[0] - reach - start_mm) / spacing_mm[0]))
        last = min(shape[0], int((ends[1] + reach - start_mm) / spacing_mm[0]) + 2)
        for k in range(first, last):
            layers = [start_mm + (k + part) * spacing_mm[0] for part in _QUARTERS]
            grid = torch.meshgrid(torch.tensor(layers), y, x, indexing="ij")
            inside = (0.5 - _distance(piece, torch.stack(grid, dim=-1)) / pixel).clamp(0, 1)
            fraction[k] = torch.maximum(fraction[k], inside.mean(0))
    return fraction


def _distance(piece: Implant, points: Tensor) -> Tensor:
    """Signed distance in mm, negative inside, of `(..., 3)` points."""
    start = torch.tensor(piece.start, dtype=points.dtype)
    end = torch.tensor(piece.end, dtype=points.dtype)
    axis = end - start
    length = axis.norm()
    offset = points - start
    if piece.shape == "capsule":
        along = ((offset @ axis) / length.square().clamp(min=1e-9)).clamp(0, 1)
        return (offset - along[..., None] * axis).norm(dim=-1) - piece.size[0]
    unit = axis / length
    flat = torch.tensor(piece.normal, dtype=points.dtype)
    side = torch.linalg.cross(flat, unit)
    centred = offset - axis / 2
    beyond = [
        (centred @ unit).abs() - length / 2,
        (centred @ side).abs() - piece.size[0],
        (centred @ flat).abs() - piece.size[1],
    ]
    return torch.stack(beyond).amax(0)


def _perpendicular(generator: torch.Generator, axis: np.ndarray) -> np.ndarray:
    """A random unit vector at right angles to `axis`."""
    draw = np.array([normal(generator) for _ in range(3)])
    across = draw - (draw @ axis) * axis
    return across / np.linalg.norm(across)


def _capsule(start: np.ndarray, end: np.ndarray, radius: float) -> Implant:
    return Implant("capsule", triple(start), triple(end), (radius, 0.0))
