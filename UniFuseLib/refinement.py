"""Test-time optimisation of the field: a few steps of descent on MIND-SSC and bending energy, from the network's field.

    E(δ) = mean over the body of |m(degraded ∘ (φ + δ)) - m(reference)| + λ · mean |∂²δ|²

δ hangs on cubic B-spline control points: smooth, few, and never far from the network's field where nothing tells
otherwise. Adam on such descriptors is what convexAdam ends with (Siebert et al. 2021, doi 10.1007/978-3-030-97281-3_2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.errors import InputError
from UniFuseLib.geometry import index_grid, jacobian_determinant, resize, resize_flow, sample
from UniFuseLib.network.mind import mind_ssc


class Level(NamedTuple):
    """One resolution."""

    stride: int  # voxels of the working grid per voxel of this level
    pitch: int  # voxels of this level between control points
    share: float  # of all steps


# 36 and 30 mm between the control points at a working spacing of 1.5 mm
_LEVELS = (Level(4, 6, 0.4), Level(2, 10, 0.6))
_RATE = 0.1  # voxels of the level per step
_BENDING = 1.0  # ten times less made three of six pairs worse
# Pairs (degraded, reference) that gain in every misalignment bin: none yet. CT on MR and PET on CT gain beyond 3 mm and
# lose where little is to be done (docs/decisions/0041)
_HELPS: frozenset[tuple[str, str]] = frozenset()
_LEAST_SIDE = 8  # voxels of a level; smaller volumes skip it


AUTO_STEPS = 40
LARGEST = 1000


def steps_for(choice: str | int, degraded_modality: str, reference_modality: str) -> int:
    """`off` → 0, `auto` → `AUTO_STEPS` where pairs of these modalities gain in every bin, a number → itself.

    Raises:
        InputError: anything else.
    """
    if choice == "off":
        return 0
    if choice == "auto":
        return AUTO_STEPS if (degraded_modality, reference_modality) in _HELPS else 0
    try:
        steps = int(choice)
    except ValueError:
        steps = -1
    if not 0 <= steps <= LARGEST:
        raise InputError(f"Expected refine to be off, auto or a number of steps up to {LARGEST}, got {choice!r}.")
    return steps


def refine(
    degraded: Tensor,
    reference: Tensor,
    flow: Tensor,
    mask: Tensor,
    steps: int,
    tell: Callable[[float], None] = lambda fraction: None,
) -> Tensor:
    """φ + δ after `steps` steps, coarse to fine; φ itself where that would fold.

    Args:
        degraded, reference: `(1, 1, d, h, w)` network intensities on the working grid, any device.
        flow: φ `(1, 3, d, h, w)` voxels. mask: `(1, 1, d, h, w)` bool, where the two are compared.
        tell: called with the fraction done; may raise to stop.

    Returns:
        `(1, 3, d, h, w)` voxels.
    """
    refined, done = flow.float(), 0
    for level in _LEVELS:
        count = round(level.share * steps)
        shape = torch.Size(n // level.stride for n in flow.shape[2:])
        if min(shape) < _LEAST_SIDE or count == 0:
            continue
        start = resize_flow(refined, shape)

        def one_step(k: int, before: int = done) -> None:
            tell(min(1.0, (before + k) / steps))

        delta = _descend(_describe(degraded, level), _describe(reference, level), start, mask, level, count, one_step)
        refined = refined + resize_flow(delta, flow.shape[2:])
        done += count
    folds = (jacobian_determinant(refined)[:, None] <= 0) & mask.to(refined.device)
    return flow if bool(folds.any()) else refined


def _describe(volume: Tensor, level: Level) -> Tensor:
    return mind_ssc(F.avg_pool3d(volume.float(), level.stride), dilation=1)


def _descend(
    moving: Tensor,
    fixed: Tensor,
    start: Tensor,
    mask: Tensor,
    level: Level,
    steps: int,
    one_step: Callable[[int], None],
) -> Tensor:
    """δ `(1, 3, d, h, w)` voxels of the level."""
    shape = start.shape[2:]
    weight = resize(mask.to(start.device, torch.float32), shape)
    weight = weight / weight.sum().clamp(min=1)
    points = [n // level.pitch + 4 for n in shape]
    control = torch.zeros(1, 3, *points, device=start.device, requires_grad=True)
    optimiser = torch.optim.Adam([control], lr=_RATE)
    spread = [_basis(n, level.pitch, p).to(start.device) for n, p in zip(shape, points, strict=True)]
    here, generator = index_grid(shape, start), torch.Generator().manual_seed(0)
    with torch.enable_grad():
        for k in range(steps):
            one_step(k)
            optimiser.zero_grad()
            delta = _on_grid(control, spread)
            # between the voxels, elsewhere in every step: interpolation smooths, so that a volume read on its voxels
            # would fit best where the other one is read half way between them
            at = here + (torch.rand(1, 3, 1, 1, 1, generator=generator) - 0.5).to(here.device)
            difference = (sample(moving, at + start + delta) - sample(fixed, at)).abs().mean(1, keepdim=True)
            energy = (difference * weight).sum() + _BENDING * _bending(control)
            energy.backward()
            optimiser.step()
    return _on_grid(control, spread).detach()


def _basis(count: int, pitch: int, points: int) -> Tensor:
    """Cubic B-spline weights `(count, points)`: rows sum to 1."""
    position = (torch.arange(count) + 0.5) / pitch + 1
    distance = (position[:, None] - torch.arange(points)[None]).abs()
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance).clamp(min=0) ** 3 / 6
    return torch.where(distance < 1, near, far)


def _on_grid(control: Tensor, spread: list[Tensor]) -> Tensor:
    """Control points `(1, 3, i, j, k)` → `(1, 3, d, h, w)`."""
    for axis, basis in enumerate(spread, start=2):
        control = torch.tensordot(control, basis, dims=([axis], [1])).movedim(-1, axis)
    return control


def _bending(control: Tensor) -> Tensor:
    """Mean |∂²δ|² over the control points, second differences along each axis."""
    return sum((control.diff(n=2, dim=axis).square().mean() for axis in (2, 3, 4)), control.new_zeros(()))
