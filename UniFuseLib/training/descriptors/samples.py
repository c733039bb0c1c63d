"""A batch of pairs with known correspondence: two contrasts, turned a little against each other,
degraded.

fixed[x] = first(A x),  moving[y] = second(M A y):  x of the fixed crop lies at y = A⁻¹ M⁻¹ A x of
the moving one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.displacement import affine_index, sample_at
from UniFuseLib.spatial.linear import cross_matrix, mapped
from UniFuseLib.training.descriptors.anatomy import Anatomy, Field, draw, pictures, shape_pictures
from UniFuseLib.training.descriptors.faults import degrade
from UniFuseLib.training.descriptors.network import STRIDE

#: finest and coarsest spacing of a crop
SPACINGS_MM = (1.3, 2.4)
_TILT_DEG = 25.0  # of both volumes together
_TURN_DEG = 8.0  # of one against the other
_SHIFT_MM = 8.0
_STRETCH = 0.02
_MARGIN = 4  # voxels at a crop's border where no point is drawn
_TISSUE = 0.06  # network intensity above air
_CUT = 0.35  # share of crops whose field of view ends inside: a slab has an edge near every voxel


class Batch(NamedTuple):
    """Pairs of one size; points are continuous indices into the descriptors (half resolution)."""

    fixed: Tensor  # (b, 1, n, n, n)
    moving: Tensor  # (b, 1, n, n, n)
    fixed_points: Tensor  # (b, m, 3)
    moving_points: Tensor  # (b, m, 3) the same places
    good: Tensor  # (b,) 1 where enough of both volumes was there to draw points, else 0
    slack: Tensor  # (b,) see anatomy.SLACK
    spacing_mm: Tensor  # (b,) of the descriptors
    groups: list[str]


class CropPair(NamedTuple):
    fixed: Tensor  # (2, n, n, n): intensities, 1 inside the field of view
    moving: Tensor
    correspondence: np.ndarray  # (4, 4) index of the fixed crop → index of the moving one
    slack: float
    spacing_mm: float
    group: str


def generators_of(
    seed: int, step: int, device: torch.device
) -> tuple[np.random.Generator, torch.Generator]:
    """Of one step: follow from the run's seed and the step alone."""
    random = np.random.default_rng((seed, step))
    return random, torch.Generator(device=device).manual_seed(int(random.integers(2**62)))


def draw_batch(
    anatomies: list[Anatomy],
    pairs: int,
    crop: int,
    points: int,
    random: np.random.Generator,
    noise: torch.Generator,
) -> Batch:
    """`pairs` crops of `crop`³ voxels (a multiple of 8), `points` places in each."""
    drawn = [draw_pair(draw(anatomies, random), crop, random, noise) for _ in range(pairs)]
    return batch_of(drawn, points, random, noise)


def batch_of(
    drawn: list[CropPair], points: int, random: np.random.Generator, noise: torch.Generator
) -> Batch:
    """Stacked, with points drawn in tissue, then degraded."""
    device = noise.device
    fixed, moving = (torch.stack([getattr(p, side) for p in drawn]) for side in ("fixed", "moving"))
    matrix = torch.as_tensor(
        np.stack([p.correspondence for p in drawn]), dtype=torch.float32, device=device
    )
    at_fixed, at_moving, good = draw_points(fixed, moving, matrix, points, noise)
    strength = torch.rand((2, len(drawn)), generator=noise, device=device)
    strength[1] *= 0.5  # one side is the better one
    if random.random() < 0.5:
        strength = strength.flip(0)
    return Batch(
        degrade(fixed[:, :1], strength[0], noise) * fixed[:, 1:],
        degrade(moving[:, :1], strength[1], noise) * moving[:, 1:],
        to_descriptors(at_fixed),
        to_descriptors(at_moving),
        good,
        torch.tensor([p.slack for p in drawn], device=device),
        torch.tensor([p.spacing_mm * STRIDE for p in drawn], device=device),
        [p.group for p in drawn],
    )


def to_descriptors(index: Tensor) -> Tensor:
    """Index of a volume → index of its descriptors: descriptor k covers voxels 2k and 2k + 1."""
    return (index - (STRIDE - 1) / 2) / STRIDE


def draw_pair(
    anatomy: Anatomy | None, crop: int, random: np.random.Generator, noise: torch.Generator
) -> CropPair:
    spacing = float(random.uniform(*SPACINGS_MM))
    centre = (
        np.zeros(3) if anatomy is None else anatomy.points[random.integers(len(anatomy.points))]
    )
    affine = crop_affine(centre, crop, spacing, random)
    moved = residual(affine, crop, random) @ affine
    corners = np.concatenate([_corners(affine, crop), _corners(moved, crop)])
    if anatomy is None:
        size = int(crop * 1.5)
        both = shape_pictures(centre, size, spacing, random, noise)
    else:
        both = pictures(anatomy, corners, random, noise)
    first, second = (_cut(f, centre, crop * spacing, random) for f in (both.first, both.second))
    return CropPair(
        read_crop(first, affine, crop),
        read_crop(second, moved, crop),
        np.linalg.solve(moved, affine),
        both.slack,
        spacing,
        "shapes" if anatomy is None else anatomy.group,
    )


def read_crop(field: Field, affine: np.ndarray, crop: int) -> Tensor:
    """`(2, n, n, n)`: out[x] = field at affine · x, 0 outside; and where the field has voxels."""
    values = field.values[None, None]
    index = affine_index(np.linalg.solve(field.affine, affine), (crop, crop, crop), values)
    last = torch.tensor(values.shape[2:], device=values.device).view(1, 3, 1, 1, 1) - 0.5
    inside = ((index >= -0.5) & (index <= last)).all(dim=1, keepdim=True).float()
    return torch.cat([sample_at(values, index) * inside, inside], dim=1)[0]


def _cut(field: Field, centre: np.ndarray, reach_mm: float, random: np.random.Generator) -> Field:
    """The field with its last slices along one axis gone, so that it ends within the crop; most
    stay whole.
    """
    if random.random() > _CUT:
        return field
    axis = int(random.integers(3))
    at = float(np.linalg.solve(field.affine, np.append(centre, 1.0))[axis])
    beyond = random.uniform(0.05, 0.45) * reach_mm / float(np.linalg.norm(field.affine[:3, axis]))
    length = int(np.clip(round(at + beyond), 2, field.values.shape[axis]))
    return Field(field.values.narrow(axis, 0, length), field.affine)


def crop_affine(
    centre: np.ndarray, crop: int, spacing_mm: float, random: np.random.Generator
) -> np.ndarray:
    """d → S, h → P, w → L up to a tilt, mirrors and, now and then, axes in another order."""
    axes = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    if random.random() < 0.2:
        axes = axes[:, random.permutation(3)]
    directions = _rotation(_TILT_DEG, random) @ axes * random.choice([-1.0, 1.0], 3)
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing_mm
    affine[:3, 3] = centre - affine[:3, :3] @ np.full(3, (crop - 1) / 2)
    return affine


def residual(affine: np.ndarray, crop: int, random: np.random.Generator) -> np.ndarray:
    """M: a small turn, stretch and shift about the crop's middle, RAS mm."""
    middle = affine[:3, :3] @ np.full(3, (crop - 1) / 2) + affine[:3, 3]
    matrix = np.eye(4)
    matrix[:3, :3] = _rotation(_TURN_DEG, random) @ np.diag(
        1 + random.uniform(-_STRETCH, _STRETCH, 3)
    )
    matrix[:3, 3] = middle - matrix[:3, :3] @ middle + random.uniform(-_SHIFT_MM, _SHIFT_MM, 3)
    return matrix


def _rotation(most_deg: float, random: np.random.Generator) -> np.ndarray:
    """About a random axis (Rodrigues), up to `most_deg`."""
    axis = random.normal(size=3)
    k = cross_matrix(axis / np.linalg.norm(axis))
    angle = np.deg2rad(random.uniform(0, most_deg))
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)


def _corners(affine: np.ndarray, crop: int) -> np.ndarray:
    index = np.stack(np.meshgrid(*[(0.0, crop - 1.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return mapped(affine, index)


def draw_points(
    fixed: Tensor, moving: Tensor, matrix: Tensor, points: int, noise: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """`(b, m, 3)` indices of the fixed crop and of the moving one, in tissue of both; and which
    samples have enough.
    """
    crop = fixed.shape[-1]
    line = torch.arange(crop // 2, device=fixed.device, dtype=torch.float32) * 2 + 0.5
    at = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), dim=-1).view(1, -1, 3)
    there = at @ matrix[:, :3, :3].transpose(1, 2) + matrix[:, None, :3, 3]
    weight = (
        _within(at, crop) * _within(there, crop) * _tissue(fixed, at.expand(len(fixed), -1, -1))
    )
    weight = weight * _tissue(moving, there)
    good = ((weight > 0).sum(dim=1) >= points).float()
    chosen = torch.multinomial(weight + 1e-9, points, replacement=True, generator=noise)
    jitter = torch.rand((len(fixed), points, 3), generator=noise, device=fixed.device) * 2 - 1
    at_fixed = at[0][chosen] + jitter
    at_moving = at_fixed @ matrix[:, :3, :3].transpose(1, 2) + matrix[:, None, :3, 3]
    return at_fixed, at_moving, good


def _within(index: Tensor, crop: int) -> Tensor:
    return ((index >= _MARGIN) & (index <= crop - 1 - _MARGIN)).all(dim=-1).float()


def _tissue(picture: Tensor, index: Tensor) -> Tensor:
    """1 near tissue and inside the field of view, else 0, at `(b, k, 3)` indices of `(b, 2, n, n,
    n)`.
    """
    near = F.max_pool3d((picture[:, :1] > _TISSUE).float(), 5, 1, 2)
    far_from_edge = 1 - F.max_pool3d(1 - picture[:, 1:], 3, 1, 1)
    values = sample_at(near * far_from_edge, index.transpose(1, 2)[..., None, None])
    return (values[:, 0, :, 0, 0] > 0.99).float()
