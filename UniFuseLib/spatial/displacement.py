"""Where things are. The only file that knows `align_corners`.

Flows are voxels of the grid they live on, components in array order (d, h, w), pull convention
`out[x] = volume[x + flow[x]]`. World is RAS mm; LPS exists only where files
and ITK are met (`io/`, `evaluation/baselines/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.spatial.joined import joined

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid

_SLAB_VOXELS = 1 << 20  # of a grid that is sampled at once: about 50 MB of temporaries


def identity_grid(shape: tuple[int, int, int] | torch.Size, like: Tensor) -> Tensor:
    """x[c, i, j, k] = (i, j, k)[c]: the identity map in voxels, `(1, 3, d, h, w)`.

    Args:
        shape: (d, h, w).
        like: whose device and dtype it gets.
    """
    axes = [torch.arange(n, device=like.device, dtype=like.dtype) for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def no_flow(volume: Tensor) -> Tensor:
    """φ `(b, 3, d, h, w)` that moves nothing, for volumes `(b, c, d, h, w)`."""
    return volume.new_zeros(volume.shape[0], 3, *volume.shape[2:], dtype=torch.float32)


def sample_at(volume: Tensor, index: Tensor, mode: str = "bilinear") -> Tensor:
    """out[x] = volume[index[x]], trilinear (or `nearest`); outside the grid the border repeats.

    Args:
        volume: `(b, c, d, h, w)`, any unit.
        index: `(b, 3, d', h', w')` continuous array indices into `volume`, components (d, h, w).
        mode: `bilinear` (trilinear in 3-D) or `nearest`.

    Returns:
        `(b, c, d', h', w')`.

    Raises:
        ValueError: `index` has another shape.
    """
    if index.ndim != 5 or index.shape[1] != 3:
        raise ValueError(f"Expected index (b, 3, d, h, w), got {tuple(index.shape)}.")
    values, index = _wide(volume), _wide(index)
    # grid_sample wants [-1, 1] with the last array axis first; a single-voxel axis maps to 0
    unit = [_unit(index[:, axis], volume.shape[2 + axis]).to(values.dtype) for axis in (2, 1, 0)]
    locations = torch.stack(unit, dim=1).permute(0, 2, 3, 4, 1)
    if locations.shape[0] != volume.shape[0]:
        locations = locations.expand(volume.shape[0], -1, -1, -1, -1)
    out = F.grid_sample(values, locations, mode=mode, padding_mode="border", align_corners=True)
    return out.to(volume.dtype)


def _unit(index: Tensor, length: int) -> Tensor:
    """-1 at the first and 1 at the last voxel of an axis."""
    last = length - 1
    return (index * (2 / last)).sub_(1.0) if last else index * 0.0


def sample_cubic(volume: Tensor, index: Tensor) -> Tensor:
    """out[x] = volume[index[x]] by cubic convolution.

    Keys 1981, doi 10.1109/TASSP.1981.1163711, with a = -1/2. Noise and edges keep more of their
    sharpness than under `sample_at`; outside the grid the border repeats.

    Args:
        volume: `(d, h, w)`, any unit.
        index: `(1, 3, d', h', w')` continuous array indices, components (d, h, w).

    Returns:
        `(1, 1, d', h', w')`.
    """
    first = index.floor()
    weights = [_keys(fraction) for fraction in (index - first)[0]]
    places = [
        [(start.long() + k).clamp(0, n - 1) for k in range(-1, 3)]
        for start, n in zip(first[0], volume.shape, strict=True)
    ]
    _, height, width = volume.shape
    flat = volume.reshape(-1)
    out = torch.zeros_like(index[:, :1])
    for i in range(4):
        for j in range(4):
            rows = (places[0][i] * height + places[1][j]) * width
            line = sum(weights[2][k] * flat[rows + places[2][k]] for k in range(4))
            out += weights[0][i] * weights[1][j] * line
    return out


def _keys(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of the neighbours -1, 0, 1, 2 of a point at fraction `t` between 0 and 1."""
    before = -0.5 * t * (1 - t) ** 2
    left = 1 - 2.5 * t**2 + 1.5 * t**3
    right = 0.5 * t + 2 * t**2 - 1.5 * t**3
    after = -0.5 * t**2 * (1 - t)
    return before, left, right, after


def warp(volume: Tensor, flow: Tensor, mode: str = "bilinear") -> Tensor:
    """Pull `volume` through `flow`: out[x] = volume[x + flow[x]].

    Args:
        volume: `(b, c, d, h, w)`, any unit.
        flow: `(b, 3, d, h, w)` in voxels of this grid; components in array order (d, h, w).
        mode: `bilinear` (trilinear in 3-D) or `nearest`.

    Returns:
        `(b, c, d, h, w)`; samples outside the grid repeat the border.
    """
    flow = _wide(flow)
    if torch.is_grad_enabled() or flow.device.type != "cpu":
        return sample_at(volume, identity_grid(flow.shape[2:], flow) + flow, mode)
    # the indices of a whole grid, and what `sample_at` makes of them, would be a gigabyte at 256³
    found = (warp_rows(volume, flow, rows, mode) for rows in _slabs(flow.shape[2:]))
    return joined(found, dim=2, length=flow.shape[2])


def warp_rows(volume: Tensor, flow: Tensor, rows: slice, mode: str = "bilinear") -> Tensor:
    """Rows of `warp` along d, to the same bits, `(b, c, rows, h, w)`.

    Args:
        volume: see `warp`.
        flow: see `warp`, all of it.
        rows: of the flow.
        mode: see `warp`.
    """
    part = _wide(flow)[:, :, rows]
    index = identity_grid(part.shape[2:], part)
    index[:, 0] += rows.start
    return sample_at(volume, index + part, mode)


def _slabs(shape: torch.Size) -> list[slice]:
    """Rows of d, about `_SLAB_VOXELS` together."""
    step = max(1, _SLAB_VOXELS // (shape[1] * shape[2]))
    return [slice(start, min(start + step, shape[0])) for start in range(0, shape[0], step)]


def _per_axis(numbers: list[float], like: Tensor) -> Tensor:
    """One number for d, h and w each, to be multiplied with `(b, 3, d, h, w)`."""
    return like.new_tensor(numbers).view(1, 3, 1, 1, 1)


def _wide(values: Tensor) -> Tensor:
    """At least float32: half precision cannot tell voxel 200 from voxel 200.5."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """out[x] = inner[x] + outer[x + inner[x]], so that warp(v, out) = warp(warp(v, outer), inner).

    Args:
        outer: `(b, 3, d, h, w)` voxels, the one that warps first.
        inner: `(b, 3, d, h, w)` voxels.
    """
    return inner + warp(outer, inner)


def resize_flow(flow: Tensor, shape: tuple[int, int, int] | torch.Size) -> Tensor:
    """The same displacement on a grid with other voxels over the same extent.

    Voxel *faces* coincide, not centres.

    Args:
        flow: `(b, 3, d, h, w)` voxels of its own grid.
        shape: voxels of the new grid; each component is scaled to its voxels.
    """
    ratio = [new / old for new, old in zip(shape, flow.shape[2:], strict=True)]
    return resize(flow, shape) * _per_axis(ratio, flow)


def resize(volume: Tensor, shape: tuple[int, int, int] | torch.Size) -> Tensor:
    """Trilinear on a grid with other voxels over the same extent (voxel faces coincide)."""
    if tuple(volume.shape[2:]) == tuple(shape):
        return volume
    return F.interpolate(volume, size=tuple(shape), mode="trilinear", align_corners=False)


def interpolate_nodes(nodes: Tensor, shape: tuple[int, int, int] | torch.Size) -> Tensor:
    """Trilinear between nodes whose outermost ones lie on the outermost voxels.

    Args:
        nodes: `(b, c, i, j, k)`.
        shape: (d, h, w) voxels of the result.
    """
    return F.interpolate(nodes, size=tuple(shape), mode="trilinear", align_corners=True)


def integrate(velocity: Tensor, steps: int = 6) -> Tensor:
    """exp(v) by scaling and squaring: flow of the stationary velocity field (Arsigny et al. 2006).

    Args:
        velocity: `(b, 3, d, h, w)` voxels.
        steps: number of squarings.
    """
    flow = velocity / 2**steps
    for _ in range(steps):
        flow = compose(flow, flow)
    return flow


def jacobian_determinant(flow: Tensor) -> Tensor:
    """det(I + ∂flow/∂x) by central differences (one-sided at the border); ≤ 0 is a fold.

    Args:
        flow: `(b, 3, d, h, w)` voxels, at least two voxels per axis.

    Returns:
        `(b, d, h, w)`, without unit: local volume ratio.
    """
    # row: component of the flow, column: axis of differentiation
    (dd, dh, dw), (hd, hh, hw), (wd, wh, ww) = (
        torch.gradient(flow[:, component], dim=(1, 2, 3)) for component in range(3)
    )
    dd, hh, ww = dd + 1, hh + 1, ww + 1
    by_d = dd * (hh * ww - hw * wh)
    by_h = dh * (hd * ww - hw * wd)
    by_w = dw * (hd * wh - hh * wd)
    return by_d - by_h + by_w


def affine_index(matrix: np.ndarray, shape: tuple[int, int, int], like: Tensor) -> Tensor:
    """out[x] = matrix · (x, 1): continuous indices `(1, 3, d, h, w)`.

    Args:
        matrix: `(4, 4)`, index → index.
        shape: (d, h, w) of the grid of x.
        like: whose device and dtype the result gets.
    """
    m = torch.as_tensor(np.asarray(matrix), dtype=like.dtype, device=like.device)
    # a sum of one line along each axis: a twentieth of the work of a product at every voxel
    d, h, w = (
        m[:3, k : k + 1] * torch.arange(n, dtype=like.dtype, device=like.device)
        for k, n in enumerate(shape)
    )
    plane = (d + m[:3, 3:])[:, :, None] + h[:, None, :]
    return (plane[..., None] + w[:, None, None, :])[None]


def flow_to_world(flow: Tensor, grid: Grid) -> Tensor:
    """u[x] = A · flow[x]: voxels (d, h, w) → RAS mm (R, A, S), both `(b, 3, d, h, w)`.

    A is the affine of `grid` without its origin.
    """
    return _multiply(grid.linear, flow)


def world_to_flow(displacement: Tensor, grid: Grid) -> Tensor:
    """flow[x] = A⁻¹ · u[x]: RAS mm → voxels (d, h, w), both `(b, 3, d, h, w)`."""
    return _multiply(np.linalg.inv(grid.linear), displacement)


def _multiply(matrix: np.ndarray, field: Tensor) -> Tensor:
    """out[x] = matrix · field[x], `(b, 3, d, h, w)`."""
    m = torch.as_tensor(matrix, dtype=field.dtype, device=field.device)
    return torch.einsum("ij,bjdhw->bidhw", m, field)
