"""Simulated degradations of a batch of crops, as many at once as there are samples: noise, streaks,
ghosts, blur, bias.

Coarser than the simulators of `simulation/`, which take one whole scan at a time, and thousands of
times faster: descriptors only have to be indifferent to what they look like.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.displacement import interpolate_nodes

_HARMONICS = (3, 5, 7, 9, 12, 15, 19, 23)  # of streaks around the metal


def degrade(volumes: Tensor, strength: Tensor, random: torch.Generator) -> Tensor:
    """The volumes with faults, each by chance, `(b, 1, n, n, n)` in [0, 2].

    Args:
        volumes: `(b, 1, n, n, n)` network intensities.
        strength: `(b,)` in [0, 1], how much each volume is harmed.
        random: on the device of `volumes`.
    """
    much = strength.view(-1, 1, 1, 1, 1)
    x = volumes.clamp(min=0)
    x = x * torch.exp(0.15 * _normal(x, random))
    x = x.clamp(min=1e-4) ** torch.exp(0.35 * _normal(x, random) * _gate(x, 0.5, random))
    x = x * torch.exp(0.3 * much * _gate(x, 0.5, random) * _field(x, 4, random))
    x = x * torch.exp(0.25 * much * _gate(x, 0.4, random) * _field(x, 16, random))
    x = torch.lerp(x, _blurred(x), much * _gate(x, 0.5, random) * _uniform(x, random))
    x = _ghosts(x, 0.3 * much * _gate(x, 0.2, random) * _uniform(x, random), random)
    x = x + 0.5 * much * _gate(x, 0.15, random) * _uniform(x, random) * _streaks(x, random)
    x = x + 0.1 * much * _gate(x, 0.7, random) * _uniform(x, random) * _noise(x, random)
    x = x + 0.3 * much * _gate(x, 0.3, random) * _uniform(x, random) * _blurred(_noise(x, random))
    top = 0.7 + 1.3 * _uniform(x, random)
    return torch.where(_gate(x, 0.3, random) > 0, torch.minimum(x, top), x).clamp(0, 2)


def _uniform(x: Tensor, random: torch.Generator) -> Tensor:
    """One number of [0, 1) for every sample, `(b, 1, 1, 1, 1)`."""
    return torch.rand((len(x), 1, 1, 1, 1), generator=random, device=x.device)


def _normal(x: Tensor, random: torch.Generator) -> Tensor:
    return torch.randn((len(x), 1, 1, 1, 1), generator=random, device=x.device)


def _gate(x: Tensor, share: float, random: torch.Generator) -> Tensor:
    """1 for about `share` of the samples, else 0."""
    return (_uniform(x, random) < share).to(x.dtype)


def _noise(x: Tensor, random: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=random, device=x.device)


def _field(x: Tensor, points: int, random: torch.Generator) -> Tensor:
    """Smooth noise of about unit size, `points` lattice points along each axis."""
    coarse = torch.randn((len(x), 1, points, points, points), generator=random, device=x.device)
    return interpolate_nodes(coarse, x.shape[2:])


def _blurred(x: Tensor) -> Tensor:
    """Means over 3³ voxels, twice."""
    once = F.avg_pool3d(F.pad(x, [1] * 6, mode="replicate"), 3, 1)
    return F.avg_pool3d(F.pad(once, [1] * 6, mode="replicate"), 3, 1)


def _ghosts(x: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """A shifted copy takes `amount` of the picture; one shift and axis for the whole batch."""
    axis = 2 + int(torch.randint(3, (), generator=random, device=x.device))
    shift = int(
        torch.randint(x.shape[axis] // 8, x.shape[axis] // 2, (), generator=random, device=x.device)
    )
    return x + amount * (torch.roll(x, shift, axis) - x)


def _streaks(x: Tensor, random: torch.Generator) -> Tensor:
    """Rays around a line along the first axis, weaker with the distance from a point on it."""
    n = x.shape[-1]
    line = torch.linspace(-1, 1, n, device=x.device)
    z, y, w = (line.view([1, 1] + [-1 if k == axis else 1 for k in range(3)]) for axis in range(3))
    cz, cy, cw = (1.2 * _uniform(x, random) - 0.6 for _ in range(3))
    angle = torch.atan2(y - cy, w - cw)
    rays = torch.zeros_like(angle)
    for k in _HARMONICS:
        rays = rays + torch.cos(k * angle + 2 * math.pi * _uniform(x, random)) / math.sqrt(
            len(_HARMONICS) / 2
        )
    distance = (y - cy).square() + (w - cw).square() + 4 * (z - cz).square()
    return rays * torch.exp(-2 * distance)
