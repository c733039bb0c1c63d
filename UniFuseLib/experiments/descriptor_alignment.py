"""The fine stage of an affine on any descriptors: Gauss-Newton from a start that is near.

The moving volume is described once a round, turned by the matrix so far: descriptors never have to
bear more than the rest. Within a round descriptors are interpolated; the step is that of ESM (Malis
2004, doi 10.1109/ROBOT.2004.1308092), voxels reweighted by the size of their difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.registration.affine_parameters import BASIS, RIGID, BodyFrame, matrix_of
from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.displacement import sample_at
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.resampling import inside, resample
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from UniFuseLib.training.descriptors.weights import Describe

_REACH = 2  # voxels that are left out along the edge of a field of view
_FLOOR = 0.02  # differences below it count by their square
_ENOUGH_MM = 0.02  # a step that moves nothing further than that ends a round
_DAMPING = 1e-3


class Scan(NamedTuple):
    """One volume of a pair.

    Attributes:
        volume: network intensities.
        acquired: on its grid, False where the file is padded.
        weight: on its grid, 0 to 1: how much a voxel counts; 0 outside the body.
    """

    volume: Volume
    acquired: np.ndarray
    weight: np.ndarray


class Normal(NamedTuple):
    """E(δ) ≈ energy + gradientᵀ δ + ½ δᵀ hessian δ, in the generators of `BASIS`, mm."""

    hessian: np.ndarray  # (12, 12)
    gradient: np.ndarray  # (12,)
    energy: float


@dataclass(frozen=True)
class FineSettings:
    """Of the fine stage.

    Attributes:
        spacing_mm: of the descriptors. freedom: `RIGID` or `AFFINE`.
        rounds: descriptions of the moving volume. steps: at most, in each round.
    """

    spacing_mm: float = 3.0
    freedom: int = RIGID
    rounds: int = 2
    steps: int = 8


def align_finely(
    describe: Describe,
    moving: Scan,
    fixed: Scan,
    matrix: np.ndarray,
    settings: FineSettings = FineSettings(),  # noqa: B008 (frozen)
) -> np.ndarray:
    """A with moving(A X) like fixed(X) by the descriptors, `(4, 4)` RAS mm, from `matrix`.

    Args:
        describe: see `training/descriptors/weights.py`.
        moving: its weight is not looked at.
        fixed: its weight counts, on its own grid.
        matrix: the start, `(4, 4)` RAS mm; within two voxels of the descriptors of the truth.
        settings: of the descent.
    """
    grid = working_grid(fixed.volume.grid, settings.spacing_mm)
    with torch.no_grad():
        target = describe(fixed.volume, grid)
        weight = _on(grid, fixed, fixed.weight) * _eroded(_on(grid, fixed, fixed.acquired) > 0.99)
        frame = _frame(grid, weight)
        for _ in range(settings.rounds):
            turned = _moved(moving, np.linalg.inv(matrix))
            here = weight * _eroded(_on(grid, turned, turned.acquired) > 0.99)
            level = _Level(target, describe(turned.volume, grid), here, grid, frame)
            change = level.descend(settings)
            matrix = matrix @ change
            if _moved_mm(change, frame) < _ENOUGH_MM:
                break
    return matrix


def _on(grid: Grid, scan: Scan, mask: np.ndarray) -> Tensor:
    """`mask` on `grid`, `(1, 1, d, h, w)`, 0 outside the field of view."""
    return resample(Volume(mask.astype(np.float32), scan.volume.affine), grid, 0.0)[0]


def _moved(scan: Scan, matrix: np.ndarray) -> Scan:
    """The same scan with `matrix` put before its affine."""
    return scan._replace(volume=Volume(scan.volume.array, matrix @ scan.volume.affine))


class _Level:
    """Descriptors of both volumes on one grid."""

    def __init__(
        self, fixed: Tensor, moving: Tensor, weight: Tensor, grid: Grid, frame: BodyFrame
    ) -> None:
        self._grid, self._frame = grid, frame
        here = weight[0, 0] > 0
        self._index = here.nonzero().T.float()  # (3, n)
        self._weight = weight[0, 0][here]
        self._fixed = fixed[0][:, here]  # (c, n)
        self._fixed_gradient = _gradient(fixed)[:, :, here]
        self._both = torch.cat([moving, _gradient(moving).flatten(0, 1)[None]], dim=1)
        world = torch.as_tensor(grid.affine[:3, :3], dtype=torch.float32) @ self._index
        world = world + torch.as_tensor(grid.affine[:3, 3:], dtype=torch.float32)
        centre = torch.as_tensor(frame.centre, dtype=torch.float32)[:, None]
        self._h = torch.cat([(world - centre) / frame.radius, torch.ones_like(world[:1])])

    def descend(self, settings: FineSettings) -> np.ndarray:
        """δ `(4, 4)` RAS mm with moving(δ X) like fixed(X)."""
        best, lowest, damping = np.eye(4), np.inf, _DAMPING
        matrix = best
        for _ in range(settings.steps):
            normal = self._normal(matrix)
            if normal.energy < lowest:
                best, lowest, kept, damping = matrix, normal.energy, normal, max(damping / 4, 1e-4)
            else:
                damping *= 8
                if damping > 1:
                    break
            step = _step(kept, settings, damping)
            matrix = best @ matrix_of(step, self._frame)
            if np.abs(step).max() < _ENOUGH_MM:
                return matrix if self._normal(matrix).energy <= lowest else best
        return best

    def _normal(self, matrix: np.ndarray) -> Normal:
        """At δ = `matrix`."""
        pull = torch.as_tensor(
            np.linalg.solve(self._grid.affine, matrix @ self._grid.affine), dtype=torch.float32
        )
        index = pull[:3, :3] @ self._index + pull[:3, 3:]
        covered = inside(index[None, :, :, None, None], self._grid.shape)[0, 0, :, 0, 0]
        values = sample_at(self._both, index[None, :, :, None, None])[0, :, :, 0, 0]
        count = len(self._fixed)
        difference = values[:count] - self._fixed
        gradient = (values[count:].unflatten(0, (3, count)) + self._fixed_gradient) / (
            2 * self._grid.spacing[0]
        )
        q = difference.square().mean(dim=0)
        weight = self._weight * covered
        total = weight.sum().clamp(min=1)
        w = weight * (q + _FLOOR**2).rsqrt() / (total * count)
        tensor = torch.einsum("ikn,jkn,n->ijn", gradient, gradient, w)
        slope = torch.einsum("ikn,kn,n->in", gradient, difference, w)
        h = self._h
        hessian = torch.einsum("ijn,an,bn->iajb", tensor, h, h).double().numpy()
        rows = torch.einsum("in,an->ia", slope, h).double().numpy()
        axes = self._grid.directions
        hessian = np.einsum("ki,lj,iajb->kalb", axes, axes, hessian).reshape(12, 12)
        energy = float(((q + _FLOOR**2).sqrt() * weight).sum() / total)
        return Normal(BASIS.T @ hessian @ BASIS, BASIS.T @ (axes @ rows).ravel(), energy)


def _step(normal: Normal, settings: FineSettings, damping: float) -> np.ndarray:
    """-(H + damping · diag H)⁻¹ g in the free generators, no longer than a voxel; `(12,)` mm."""
    free = slice(settings.freedom)
    hessian = normal.hessian[free, free]
    step = np.zeros(len(BASIS))
    damped = hessian + np.diag(damping * np.diag(hessian) + 1e-9)
    step[free] = -np.linalg.solve(damped, normal.gradient[free])
    return step * min(1.0, settings.spacing_mm / max(float(np.abs(step).max()), 1e-12))


def _gradient(features: Tensor) -> Tensor:
    """`(3, c, d, h, w)`: derivatives per voxel along d, h, w."""
    return torch.stack([torch.gradient(features[0], dim=axis)[0] for axis in (1, 2, 3)])


def _eroded(mask: Tensor) -> Tensor:
    """Without the voxels near the border of the mask or of the grid, `(1, 1, d, h, w)` 1 or 0."""
    outside = F.pad(1 - mask.float(), [_REACH] * 6, value=1.0)
    side = 2 * _REACH + 1
    for kernel in ((side, 1, 1), (1, side, 1), (1, 1, side)):  # an eighth of the work
        outside = F.max_pool3d(outside, kernel, 1)
    return 1 - outside


def _frame(grid: Grid, weight: Tensor) -> BodyFrame:
    """About the middle of what counts; a turn of 1 / radius moves its edge by about 1 mm."""
    index = (weight[0, 0] > 0).nonzero().double().numpy()
    index = index if len(index) else np.zeros((1, 3))
    points = mapped(grid.affine, index)
    centre = points.mean(axis=0)
    radius = 1.5 * float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean() / 3))
    return BodyFrame(centre, max(radius, 1.0))


def _moved_mm(matrix: np.ndarray, frame: BodyFrame) -> float:
    """The largest displacement of the six points at `radius` from the centre."""
    points = frame.centre + frame.radius * np.concatenate([np.eye(3), -np.eye(3)])
    return float(
        np.linalg.norm(points @ (matrix[:3, :3] - np.eye(3)).T + matrix[:3, 3], axis=1).max()
    )
