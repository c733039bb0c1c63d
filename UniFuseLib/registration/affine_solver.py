"""Least squares between MIND-SSC descriptors of two volumes over the twelve parameters of an
affine.

One `Level` is one spacing. At the current A the degraded volume is resampled onto the reference's
grid and described anew, so the descriptors never turn with it; the step then is Levenberg's on the
generator of a small affine δ, A ← A · exp(δ), with the mean of both volumes' gradients (ESM, Malis
2004, doi 10.1109/ROBOT.2004.1308092).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.linalg import expm, logm
from torch import Tensor

from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.displacement import affine_index, sample_at
from UniFuseLib.spatial.mind import mind_ssc
from UniFuseLib.spatial.resampling import inside, resample, shrink
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

RIGID, AFFINE = 6, 12
_REACH = 2  # voxels that a descriptor of dilation 1 and radius 1 sees to each side
# 1 / mm²: what a turn, stretch or shear must gain to be believed; a limb alone does not fix its own
# length
_PRIOR = np.repeat([0.0, 3e-6, 1e-4, 2e-3], 3)


class Frame(NamedTuple):
    """Where an affine's parameters are measured: X = centre + radius · h."""

    centre: np.ndarray  # (3,) RAS mm
    radius: float  # mm: a turn of 1 / radius rad or a stretch of 1 / radius moves the body's edge by about 1 mm


class Loss(NamedTuple):
    """How a voxel counts whose descriptors differ by q = mean over channels of r²."""

    value: Callable[[Tensor], Tensor]  # 0 where nothing differs
    weight: Callable[[Tensor], Tensor]  # 2 dvalue/dq, of reweighted least squares


# by its size (Charbonnier): every voxel has a say, one outlier does not rule
BY_SIZE = Loss(lambda q: (q + 0.02**2).sqrt(), lambda q: (q + 0.02**2).rsqrt())
# saturating (Geman-McClure, r of 0.15 is half of the most): voxels that do not fit at all have next
# to no say
SATURATING = Loss(lambda q: q / (q + 0.15**2), lambda q: 2 * 0.15**2 / (q + 0.15**2).square())


class Side(NamedTuple):
    """One volume of a pair."""

    volume: Volume  # network intensities
    acquired: np.ndarray  # bool, on the volume's grid: False where the file is padded
    importance: np.ndarray | None = (
        None  # (0, 1], on the volume's grid: how much a voxel counts; None is all alike
    )


class Normal(NamedTuple):
    """The normal equations of one step, in the generators of `BASIS`, mm."""

    hessian: np.ndarray  # (12, 12)
    gradient: np.ndarray  # (12,)
    energy: float


def _basis() -> np.ndarray:
    """`(12, 12)`, columns: translation, rotation, stretch, shear along or about R, A, S; rows: a
    (3, 4) matrix.
    """
    columns = np.zeros((12, 3, 4))
    for n, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        columns[n, n, 3] = 1
        columns[3 + n, [i, j], [j, i]] = -1, 1
        columns[6 + n, n, n] = 1
        columns[9 + n, [i, j], [j, i]] = 1
    return columns.reshape(12, 12).T


BASIS = _basis()


def matrix_of(parameters: np.ndarray, frame: Frame) -> np.ndarray:
    """exp of the generator: twelve numbers in mm → `(4, 4)` RAS mm."""
    generator = np.zeros((4, 4))
    generator[:3] = (BASIS @ parameters).reshape(3, 4)
    generator[:3, :3] /= frame.radius
    return _about(frame, expm(generator))


def parameters_of(matrix: np.ndarray, frame: Frame) -> np.ndarray:
    """Inverse of `matrix_of`."""
    back = Frame(-frame.centre, frame.radius)
    generator = np.real(logm(_about(back, matrix)))[:3].copy()
    generator[:, :3] *= frame.radius
    return np.linalg.solve(BASIS, generator.ravel())


class Level:
    """Both volumes at one spacing.

    Args:
        degraded, reference: network intensities, each on its own grid, and where they were
            acquired.
        body: bool on the reference's grid; a rim of one voxel is added, for the skin is a strong
            edge.
        spacing: mm. frame: of the parameters. loss: of the descriptors' difference.
    """

    def __init__(
        self,
        degraded: Side,
        reference: Side,
        body: np.ndarray,
        spacing: float,
        frame: Frame,
        loss: Loss = BY_SIZE,
    ) -> None:
        self.spacing, self.frame, self._loss = spacing, frame, loss
        self.grid = working_grid(reference.volume.grid, spacing)
        self._fixed = mind_ssc(resample(reference.volume, self.grid, 0.0)[0], dilation=1)
        self._fixed_gradient = _gradient(self._fixed)
        inside_body = resample(_mask_volume(body, reference), self.grid, 0.0)[0] > 0.5
        acquired = resample(_mask_volume(reference.acquired, reference), self.grid, 0.0)[0] > 0.99
        self.mask = F.max_pool3d(inside_body.float(), 3, 1, 1) * _eroded(acquired)
        self._importance = resample(_importance(reference), self.grid, 1.0)[0]
        step = tuple(float(s) for s in self.grid.spacing)
        self._moving = shrink(degraded.volume, step)
        others = (
            shrink(v, step).array
            for v in (_mask_volume(degraded.acquired, degraded), _importance(degraded))
        )
        stacked = np.stack([self._moving.array, *others]).astype(np.float32)
        self._values = torch.from_numpy(stacked)[None]
        world = affine_index(self.grid.affine, self.grid.shape, torch.zeros(1))
        centre = torch.as_tensor(frame.centre, dtype=torch.float32).view(1, 3, 1, 1, 1)
        ones = torch.ones_like(world[:, :1])
        self._h = torch.cat([(world - centre) / frame.radius, ones], dim=1)[0]

    def residual(self, matrix: np.ndarray) -> tuple[Tensor, Tensor]:
        """loss(m(degraded(A x)) - m(reference(x))), and the importance in body ∩ field of view,
        `(1, 1, d, h, w)`.
        """
        difference, _, weight = self._compare(matrix)
        return self._loss.value(_square(difference)), weight

    def energy(self, matrix: np.ndarray) -> tuple[float, float]:
        """Mean residual, and the part of the body that the degraded volume covers."""
        values, weight = self.residual(matrix)
        covered = float((weight > 0).sum()) / max(1.0, float(self.mask.sum()))
        return float((values * weight).sum()) / max(float(weight.sum()), 1.0), covered

    def normal(self, matrix: np.ndarray) -> Normal:
        """Gauss-Newton equations at A: with structure tensor S[x] = Σ_k w ∇m_k ∇m_kᵀ, H = Σ_x S[x]
        ⊗ h[x] h[x]ᵀ.
        """
        difference, moved, weight = self._compare(matrix)
        q = _square(difference)
        here = weight[0, 0] > 0
        r = difference[0][:, here]
        gradient = (_gradient(moved) + self._fixed_gradient)[:, :, here] / (2 * self.spacing)
        w = weight[0, 0][here] * self._loss.weight(q)[0, 0][here]
        tensor = torch.einsum("ikn,jkn,n->ijn", gradient, gradient, w)
        slope = torch.einsum("ikn,kn,n->in", gradient, r, w)
        h = self._h[:, here]
        # per voxel, whatever its importance: the less a body holds that counts, the more the prior
        # decides
        count = max(1, w.numel()) * difference.shape[1]
        hessian = torch.einsum("ijn,an,bn->iajb", tensor, h, h).double().numpy() / count
        rows = torch.einsum("in,an->ia", slope, h).double().numpy() / count
        axes = self.grid.directions  # derivatives along the grid's axes → along R, A, S
        hessian = np.einsum("ki,lj,iajb->kalb", axes, axes, hessian).reshape(12, 12)
        energy = float((self._loss.value(q) * weight).sum() / weight.sum().clamp(min=1))
        return Normal(BASIS.T @ hessian @ BASIS, BASIS.T @ (axes @ rows).ravel(), energy)

    def _compare(self, matrix: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """m(degraded∘A) - m(reference), m(degraded∘A), weight."""
        pull = np.linalg.solve(self._moving.affine, matrix @ self.grid.affine)
        index = affine_index(pull, self.grid.shape, self._values)
        values, acquired, importance = sample_at(self._values, index).split(1, dim=1)
        covered = inside(index, self._moving.array.shape) & (acquired > 0.99)
        moved = mind_ssc(values, dilation=1)
        return (
            moved - self._fixed,
            moved,
            self.mask * _eroded(covered) * importance * self._importance,
        )


def descend(
    level: Level,
    matrix: np.ndarray,
    steps: int,
    freedom: int = AFFINE,
    tell: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """A that lowers the level's residual plus prior, by at most `steps` Levenberg steps over the
    first generators.

    Args:
        matrix: `(4, 4)` RAS mm, the start.
        freedom: `RIGID` or `AFFINE`.
        tell: called before every step; may raise to stop.
    """
    damping, best, lowest = 1e-3, matrix, np.inf
    normal, parameters = level.normal(matrix), parameters_of(matrix, level.frame)
    for _ in range(steps):
        tell()
        energy = normal.energy + 0.5 * float((_PRIOR * parameters**2).sum())
        if energy <= lowest:
            best, lowest, kept, damping = (
                matrix,
                energy,
                (normal, parameters),
                max(damping / 4, 1e-4),
            )
        else:
            (normal, parameters), damping = kept, damping * 8
            if damping > 1:
                break
        step = _step(normal, parameters, freedom, damping, 2 * level.spacing)
        matrix = best @ matrix_of(step, level.frame)
        if np.abs(step).max() < 0.04 * level.spacing:
            return matrix
        normal, parameters = level.normal(matrix), parameters_of(matrix, level.frame)
    return best


def _step(
    normal: Normal, parameters: np.ndarray, freedom: int, damping: float, longest: float
) -> np.ndarray:
    """-(H + prior + damping · diag H)⁻¹ (g + prior · p) in the free generators, no longer than
    `longest` mm.
    """
    hessian = (normal.hessian + np.diag(_PRIOR))[:freedom, :freedom]
    gradient = (normal.gradient + _PRIOR * parameters)[:freedom]
    damped = hessian + np.diag(damping * np.diag(hessian) + 1e-9)
    step = np.zeros(AFFINE)
    step[:freedom] = -np.linalg.solve(damped, gradient)
    return step * min(1.0, longest / max(float(np.abs(step).max()), 1e-12))


def _square(difference: Tensor) -> Tensor:
    """q = mean over channels of r², `(1, 1, d, h, w)`."""
    return difference.square().mean(dim=1, keepdim=True)


def _eroded(mask: Tensor) -> Tensor:
    """Without the voxels whose descriptor sees across the border of the mask: 1 or 0, `(1, 1, d, h,
    w)`.
    """
    outside = F.pad(1 - mask.float(), [_REACH] * 6, value=1.0)
    side = 2 * _REACH + 1
    for kernel in (
        (side, 1, 1),
        (1, side, 1),
        (1, 1, side),
    ):  # one axis at a time: an eighth of the work
        outside = F.max_pool3d(outside, kernel, 1)
    return 1 - outside


def _mask_volume(mask: np.ndarray, side: Side) -> Volume:
    return Volume(mask.astype(np.float32), side.volume.affine)


def _importance(side: Side) -> Volume:
    values = np.ones(side.volume.array.shape) if side.importance is None else side.importance
    return Volume(values.astype(np.float32), side.volume.affine)


def _gradient(descriptors: Tensor) -> Tensor:
    """`(3, k, d, h, w)`: derivatives per voxel along d, h, w."""
    return torch.stack([torch.gradient(descriptors[0], dim=axis)[0] for axis in (1, 2, 3)])


def _about(frame: Frame, matrix: np.ndarray) -> np.ndarray:
    """X → centre + M (X - centre), M affine."""
    out = np.eye(4)
    out[:3, :3] = matrix[:3, :3]
    out[:3, 3] = frame.centre + matrix[:3, 3] - matrix[:3, :3] @ frame.centre
    return out
