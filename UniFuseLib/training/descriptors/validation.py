"""How well descriptors find places again: on pairs of held-out training patients, the same ones
every time on one kind of device. CUDA draws other ones than the CPU: compare within one kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.mind import mind_ssc
from UniFuseLib.training.descriptors.loss import at_points
from UniFuseLib.training.descriptors.network import STRIDE
from UniFuseLib.training.descriptors.samples import Batch, draw_batch, generators_of

if TYPE_CHECKING:
    from UniFuseLib.training.data import PackedSubject
    from UniFuseLib.training.descriptors.anatomy import Anatomy

#: training subjects that are never trained on: limbs (the first two with T1), two heads as labels,
#: one in MR, five CTs of the neck
HELD_OUT = (
    *(f"ct_pet_mr/STS_{number}" for number in ("009", "034", "002", "020")),
    *(f"labels/synthseg_{number}" for number in ("15", "16")),
    "mr_multi/openms_patient03_study2",
    *(f"ct_headneck_openkbp/kbp{number}" for number in (17, 58, 112, 227, 299)),
)
_SEED = 2024
_POINTS = 256
_PAIRS = 6  # of each group
# of the lattice of displacements that are compared, voxels of the descriptors
_REACH, _STEP = 2.0, 0.5

Describe = Callable[[Tensor], Tensor]


def split(subjects: list[PackedSubject]) -> tuple[list[PackedSubject], list[PackedSubject]]:
    """(trained on, held out)."""
    held = set(HELD_OUT)
    return [s for s in subjects if s.name not in held], [s for s in subjects if s.name in held]


def validation_batches(
    anatomies: list[Anatomy], crop: int, device: torch.device
) -> list[tuple[str, Batch]]:
    """A batch of every group that is there."""
    groups = sorted({a.group for a in anatomies})
    batches = []
    for number, group in enumerate(groups):
        random, noise = generators_of(_SEED, number, device)
        members = [a for a in anatomies if a.group == group]
        batches.append((group, draw_batch(members, _PAIRS, crop, _POINTS, random, noise)))
    return batches


@torch.no_grad()
def validate(describe: Describe, batches: list[tuple[str, Batch]]) -> dict[str, dict[str, float]]:
    """Group → `right`: share of places whose best match among neighbours and far places is the
    place itself; `place_mm`: mean error of single places within 2 voxels; `shift_mm`: error of a
    crop's shift from all its places.
    """
    return {group: _figures(describe, batch) for group, batch in batches}


def mean_of(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    """Over groups."""
    names = sorted({name for values in figures.values() for name in values})
    return {
        name: round(float(np.mean([values[name] for values in figures.values()])), 4)
        for name in names
    }


def _figures(describe: Describe, batch: Batch) -> dict[str, Any]:
    fixed, moving = describe(batch.fixed), describe(batch.moving)
    here = at_points(fixed, batch.fixed_points)
    lattice, likeness = _likeness(here, moving, batch)
    mm = batch.spacing_mm
    place = (_peak(likeness, lattice).norm(dim=-1) * mm[:, None]).mean(dim=1)
    shift = _peak(likeness.mean(dim=1), lattice).norm(dim=-1) * mm
    good = batch.good > 0
    right = _right(here, moving, batch).mean(dim=1)
    values = {"right": right, "place_mm": place, "shift_mm": shift}
    return {
        name: round(float(value[good].mean()), 4) if bool(good.any()) else 0.0
        for name, value in values.items()
    }


def _likeness(here: Tensor, moving: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Displacements `(b, k, 3)` around the truth, and -½ |f - f'|² at each, `(b, m, k)`."""
    line = torch.arange(-_REACH, _REACH + _STEP / 2, _STEP, device=here.device)
    lattice = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), dim=-1).view(1, -1, 3)
    # off the truth by a known fraction of a step: a peak on the lattice would be right by
    # construction
    random = torch.Generator().manual_seed(_SEED)
    off = (torch.rand((len(here), 1, 3), generator=random) - 0.5).to(here.device) * _STEP
    lattice = lattice + off
    parts = []
    for displacements in lattice.split(81, dim=1):
        there = at_points(moving, batch.moving_points[:, :, None] + displacements[:, None])
        parts.append(-0.5 * (there - here[:, :, None]).square().sum(dim=-1))
    return lattice, torch.cat(parts, dim=-1)


def _peak(likeness: Tensor, lattice: Tensor) -> Tensor:
    """Displacement of the largest likeness, a parabola through its neighbours along each axis: `(b,
    ..., 3)`.
    """
    count = round(lattice.shape[1] ** (1 / 3))
    cube = likeness.unflatten(-1, (count,) * 3)
    best = likeness.argmax(dim=-1)
    at = torch.stack([best // count**2, best // count % count, best % count], dim=-1)
    offset = lattice[:, 0].view(len(lattice), *[1] * (likeness.ndim - 2), 3)
    out = offset + at * _STEP
    middle = at.clamp(1, count - 2)
    flat = cube.flatten(-3)

    def value(index: Tensor) -> Tensor:
        place = (index[..., 0] * count + index[..., 1]) * count + index[..., 2]
        return flat.gather(-1, place[..., None])[..., 0]

    for axis in range(3):
        one = F.one_hot(torch.tensor(axis), 3).to(at.device)
        low, high, top = value(middle - one), value(middle + one), value(middle)
        bend = (low + high - 2 * top).clamp(max=-1e-6)
        part = (0.5 * (low - high) / bend).clamp(-0.5, 0.5) * (at[..., axis] == middle[..., axis])
        out[..., axis] += part * _STEP
    return out


def _right(here: Tensor, moving: Tensor, batch: Batch) -> Tensor:
    """1 where the place itself is likelier than 26 neighbours 1.5 voxels away and all places
    beyond, `(b, m)`.
    """
    line = torch.tensor([-1.0, 0.0, 1.0], device=here.device)
    around = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), dim=-1).view(-1, 3)
    around = around[around.norm(dim=-1) > 0]
    around = 1.5 * around / around.norm(dim=-1, keepdim=True)
    here = F.normalize(here, dim=-1)
    there = F.normalize(at_points(moving, batch.moving_points), dim=-1)
    near = F.normalize(at_points(moving, batch.moving_points[:, :, None] + around), dim=-1)
    own = (here * there).sum(dim=-1)
    best_near = torch.einsum("bmc,bmkc->bmk", here, near).amax(dim=-1)
    far = (here @ there.transpose(1, 2)).masked_fill(
        torch.cdist(batch.moving_points, batch.moving_points) < 2.0, -torch.inf
    )
    return ((own > best_near) & (own > far.amax(dim=-1))).float()


def mind(volumes: Tensor) -> Tensor:
    """MIND-SSC at the resolution of the descriptors, for comparison."""
    return mind_ssc(F.avg_pool3d(volumes.float(), STRIDE), dilation=1)
