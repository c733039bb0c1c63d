"""Test-time optimisation of the field: Gauss-Newton on MIND-SSC from the network's field, followed
as far as it helps.

    E(c) = mean over the body of |m(degraded ∘ (φ + δ)) - m(reference)| + λ · bending energy of δ

δ hangs on cubic B-spline control points c (Rueckert et al. 1999, doi 10.1109/42.796284) 20 voxels
apart; the step is that of reweighted least squares with the mean of both volumes' gradients, as in
`affine_problem.py`, and conjugate gradients solve it. Descriptors also fit what truly differs
between the scans. So only a part of φ + δ is followed, by how far the residual falls: empirical
Bayes (Efron and Morris 1973, doi 10.1080/01621459.1973.10481350), with constants measured on
training patients.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.errors import InputError
from UniFuseLib.network.layers import crop_to, pad_to_multiple
from UniFuseLib.spatial.bspline import bspline_basis
from UniFuseLib.spatial.displacement import (
    identity_grid,
    jacobian_determinant,
    resize,
    resize_flow,
    sample_at,
)
from UniFuseLib.spatial.mind import CHANNELS, mind_ssc

if TYPE_CHECKING:
    from collections.abc import Callable

_PITCH = 20  # voxels of the working grid between control points
_LEAST_SIDE = 8  # voxels of the descriptors; smaller volumes are left as they are
_FLOOR = 0.02  # residuals below it count by their square
_RIDGE = 1e-7  # holds control points that no voxel of the body sees
_CG_STEPS, _CG_TOLERANCE = 60, 1e-3
_STEEPNESS = 3  # 2 is James and Stein's; takes more from a field whose evidence is strong
_DRAWS = 3  # fractions of a voxel at which a residual is measured


class _Pass(NamedTuple):
    stride: int  # voxels of the working grid per voxel of the descriptors
    share: float  # of the steps
    span: tuple[float, float]  # of the running time


# 3 mm (at 4.5 mm one case ends at 1.5 instead of 0.95 mm); then, where that found much, five times
# as dear, 1.5 mm
_PASSES = (_Pass(2, 1.0, (0.0, 0.2)), _Pass(1, 0.5, (0.2, 1.0)))


class Manner(NamedTuple):
    """How a pair of modalities is refined."""

    stiffness: float  # λ
    least: float  # part of the field that is followed at least
    chance: (
        float | None
    )  # relative fall of the residual that aligned pairs give; None: `least` is followed, whatever


# (degraded, reference) → measured to gain in every misalignment bin (docs/decisions/0041)
_HELPS = {
    ("mr", "mr"): Manner(0.01, 0.35, 0.05),
    ("ct", "mr"): Manner(1.0, 0.25, None),
}
_CAUTIOUS = Manner(1.0, 0.25, None)  # of all other pairs, where steps are asked for

AUTO_STEPS = 4
LARGEST = 100


class Refined(NamedTuple):
    """What `refine` returns."""

    flow: Tensor  # (1, 3, d, h, w) voxels
    part: float | None  # of φ + δ that was followed, 0 to 1; None: φ was left as it is
    gain: float  # fall of the residual from no field at all to φ + δ, relative
    steps: int  # that were made, at both resolutions together


def steps_for(choice: str | int, degraded_modality: str, reference_modality: str) -> int:
    """`off` → 0, `auto` → `AUTO_STEPS` where pairs of these modalities gain in every bin, a number
    → itself.

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
        raise InputError(
            f"Expected refine to be off, auto or a number of steps up to {LARGEST}, got {choice!r}."
        )
    return steps


def manner_of(degraded_modality: str, reference_modality: str) -> Manner:
    """The measured one; for pairs that were not measured to gain a stiff field, of which a quarter
    is followed.
    """
    return _HELPS.get((degraded_modality, reference_modality), _CAUTIOUS)


@torch.no_grad()
def refine(
    degraded: Tensor,
    reference: Tensor,
    flow: Tensor,
    mask: Tensor,
    steps: int,
    manner: Manner,
    tell: Callable[[float], None] = lambda fraction: None,
) -> Refined:
    """part · (φ + δ) after `steps` steps; φ itself where that would fold.

    Args:
        degraded, reference: `(1, 1, d, h, w)` network intensities on the working grid, any device.
        flow: φ `(1, 3, d, h, w)` voxels. mask: `(1, 1, d, h, w)` bool, where the two are compared.
        tell: called with the fraction done; may raise to stop.
    """
    if min(n // _PASSES[0].stride for n in flow.shape[2:]) < _LEAST_SIDE or steps == 0:
        return Refined(flow, None, 0.0, 0)
    shape = (flow.shape[2], flow.shape[3], flow.shape[4])
    # whole voxels of the coarse pass, or its field would be stretched over the rest
    degraded, reference, field = (
        pad_to_multiple(v.float(), _PASSES[0].stride) for v in (degraded, reference, flow)
    )
    body = _even(mask[0].float())[None]
    gain, part, made = 0.0, 1.0, 0
    with torch.autocast(flow.device.type, enabled=False):
        for number, (stride, share, (begin, end)) in enumerate(_PASSES):
            level = _Level(degraded, reference, field, body, stride)
            count = math.ceil(share * steps)
            # measured in voxels of the level, where they are half as large the same field bends
            # four times as much
            stiffness = manner.stiffness * (stride / _PASSES[0].stride) ** 2
            control = level.control
            for k in range(count):
                tell(begin + (end - begin) * k / count)
                control = control + level.step(control, stiffness)
                made += 1
            field = field + resize_flow(level.field(control), field.shape[2:])
            if number == 0:
                gain = level.gain(control)
                part = _part(gain, manner)
                if part <= manner.least:
                    break  # no evidence for more than that
    tell(1.0)
    found = crop_to(part * field, shape)
    folds = (jacobian_determinant(found)[:, None] <= 0) & mask.to(flow.device)
    return (
        Refined(flow, None, gain, made) if bool(folds.any()) else Refined(found, part, gain, made)
    )


def _part(gain: float, manner: Manner) -> float:
    return (
        manner.least
        if manner.chance is None
        else max(manner.least, believed_part(gain / manner.chance))
    )


def believed_part(evidence: float) -> float:
    """1 - 1 / evidence³, 0 where negative; evidence is 1 where a pair that is aligned already gives
    as much.
    """
    return max(0.0, 1 - evidence**-_STEEPNESS) if evidence > 0 else 0.0


class _Level:
    """Both volumes' descriptors at one resolution, and the control points of δ above them."""

    def __init__(
        self, degraded: Tensor, reference: Tensor, flow: Tensor, mask: Tensor, stride: int
    ) -> None:
        self.moving, self.fixed = (
            mind_ssc(F.avg_pool3d(v, stride), dilation=1) for v in (degraded, reference)
        )
        shape = self.fixed.shape[2:]
        self.start = resize_flow(flow, shape)
        weight = resize(mask.to(flow.device, torch.float32), shape)
        self.weight = weight / weight.sum().clamp(min=1)
        pitch = _PITCH // stride
        points = [n // pitch + 4 for n in shape]
        self.control = torch.zeros(1, 3, *points, device=flow.device)
        self._spread = [
            _basis(n, pitch, p).to(flow.device) for n, p in zip(shape, points, strict=True)
        ]
        self._spread_blocks = [_means_of_two(basis) for basis in self._spread]
        self._here = identity_grid(shape, self.start)
        self._random = torch.Generator().manual_seed(0)

    def field(self, control: Tensor) -> Tensor:
        """δ: control points `(1, 3, i, j, k)` → `(1, 3, d, h, w)` voxels of this level."""
        return _along_axes(control, self._spread, 1)

    def gather(self, field: Tensor) -> Tensor:
        """The adjoint of `field`."""
        return _along_axes(field, self._spread, 0)

    def gain(self, control: Tensor) -> float:
        """Fall of the residual from no field at all to φ + δ, relative."""
        before = self.residual(torch.zeros_like(self.start))
        return (before - self.residual(self.start + self.field(control))) / max(before, 1e-9)

    def residual(self, flow: Tensor) -> float:
        """Mean over the body of |m(degraded ∘ flow) - m(reference)|."""
        self._random.manual_seed(1)
        total = 0.0
        for _ in range(_DRAWS):
            moved, fixed = self._described(flow)
            size = ((moved - fixed).square().mean(1, keepdim=True) + _FLOOR**2).sqrt()
            total += float((size * self.weight).sum()) / _DRAWS
        return total

    def step(self, control: Tensor, stiffness: float) -> Tensor:
        """Gauss-Newton: (Bᵀ S B + λ R) Δc = -(Bᵀ g + λ R c), S and g of each voxel, B the splines,
        R the bending.
        """
        moved, fixed = self._described(self.start + self.field(control))
        weight = (
            self.weight
            * ((moved - fixed).square().mean(1, keepdim=True) + _FLOOR**2).rsqrt()
            / CHANNELS
        )
        slope = torch.zeros_like(self.start)
        tensor = torch.zeros((6, *slope.shape[2:]), device=slope.device)
        for k in range(
            CHANNELS
        ):  # one at a time: all gradients at once would be the largest tensor of a fusion
            channel = (moved[:, k : k + 1] + fixed[:, k : k + 1]) / 2
            gradient = torch.cat(torch.gradient(channel, dim=(2, 3, 4)), dim=1)
            weighted = weight * gradient
            slope += weighted * (moved[:, k : k + 1] - fixed[:, k : k + 1])
            for n, (i, j) in enumerate(_ENTRIES):
                tensor[n] += weighted[0, i] * gradient[0, j]

        # sums over blocks of eight voxels: splines hardly change within one
        blocks = 8 * F.avg_pool3d(_even(tensor), 2)

        def normal(c: Tensor) -> Tensor:
            force = _product(blocks, _along_axes(c, self._spread_blocks, 1))
            return (
                _along_axes(force, self._spread_blocks, 0)
                + stiffness * _bending_gradient(c)
                + _RIDGE * c
            )

        return _conjugate_gradients(
            normal, -self.gather(slope) - stiffness * _bending_gradient(control)
        )

    def _described(self, flow: Tensor) -> tuple[Tensor, Tensor]:
        # both between their voxels, elsewhere every time: interpolation smooths, so that a volume
        # read on its voxels would fit best where the other one is read half way between them
        at = self._here + (torch.rand(1, 3, 1, 1, 1, generator=self._random) - 0.5).to(
            self._here.device
        )
        return sample_at(self.moving, at + flow), sample_at(self.fixed, at)


def _along_axes(field: Tensor, spread: list[Tensor], side: int) -> Tensor:
    """`(1, 3, ...)` times a matrix along each axis: its columns (side 1) or its rows (0) meet the
    field.
    """
    for axis, basis in enumerate(spread, start=2):
        field = torch.tensordot(field, basis, dims=([axis], [side])).movedim(-1, axis)
    return field


def _means_of_two(basis: Tensor) -> Tensor:
    """Rows 0 and 1, 2 and 3, ...; of an odd number the last one alone."""
    basis = torch.cat([basis, basis[-1:]]) if len(basis) % 2 else basis
    return (basis[0::2] + basis[1::2]) / 2


def _even(tensor: Tensor) -> Tensor:
    """Zeros appended, so that every axis but the first has an even length."""
    d, h, w = (n % 2 for n in tensor.shape[1:])
    return F.pad(tensor, [0, w, 0, h, 0, d])


_ENTRIES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # of a symmetric matrix


def _product(tensor: Tensor, field: Tensor) -> Tensor:
    """S v at every voxel: `(6, d, h, w)`, `(1, 3, d, h, w)` → `(1, 3, d, h, w)`."""
    xx, yy, zz, xy, xz, yz = tensor
    x, y, z = field[0]
    return torch.stack(
        [xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z]
    )[None]


def _conjugate_gradients(matrix: Callable[[Tensor], Tensor], right: Tensor) -> Tensor:
    """x with matrix(x) = right, matrix symmetric and positive; from 0."""
    x, rest = torch.zeros_like(right), right
    direction, size = rest, float(rest.square().sum())
    enough = _CG_TOLERANCE**2 * size
    for _ in range(_CG_STEPS):
        if size <= enough:
            break
        image = matrix(direction)
        length = size / float((direction * image).sum())
        x, rest = x + length * direction, rest - length * image
        size, before = float(rest.square().sum()), size
        direction = rest + (size / before) * direction
    return x


def _basis(count: int, pitch: int, points: int) -> Tensor:
    """Cubic B-spline weights `(count, points)`: rows sum to 1."""
    return bspline_basis((torch.arange(count) + 0.5) / pitch, points)


def _bending_gradient(control: Tensor) -> Tensor:
    """R c, where cᵀ R c is the sum of all squared second differences over the control points, by
    their number.
    """
    total = torch.zeros_like(control)
    for a in (2, 3, 4):
        total += _adjoint(_adjoint(control.diff(dim=a).diff(dim=a), a), a)
        for b in range(a + 1, 5):
            total += 2 * _adjoint(_adjoint(control.diff(dim=a).diff(dim=b), a), b)
    return total / control[0, 0].numel()


def _adjoint(difference: Tensor, axis: int) -> Tensor:
    """The transpose of `diff` along an axis."""
    pad = [0, 0] * (4 - axis) + [1, 1]
    return -F.pad(difference, pad).diff(dim=axis)
