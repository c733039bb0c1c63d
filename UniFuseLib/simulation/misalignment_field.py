"""The two maps of a misalignment, evaluated wherever they are asked for: ψ and its exact inverse φ.

v is a stationary velocity field on a cubic B-spline lattice, sampled on an isotropic *field grid*
in RAS mm that covers all fields of view, so that the two scans may live on different, oblique and
anisotropic grids. No field is inverted numerically (Arsigny et al. 2006, doi 10.1007/11866565_113).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.simulation.parameters import local_generator
from UniFuseLib.spatial.bspline import bspline_basis
from UniFuseLib.spatial.displacement import affine_index, integrate, sample_at
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    from UniFuseLib.simulation.misalignment import Misalignment

#: the control lattice reaches this far beyond the box, whatever the strength: scaling a
#: misalignment keeps its shape
LATTICE_MARGIN_MM = 80.0


class Deformation:
    """ψ and φ of one misalignment, evaluated wherever they are asked for.

    Args:
        parameters: from `sample_misalignment`.
        device: where the fields are computed and returned.
    """

    def __init__(self, parameters: Misalignment, device: torch.device | str = "cpu") -> None:
        self.parameters = parameters
        self.device = torch.device(device)
        self.forward_matrix = parameters.matrix
        self.inverse_matrix = np.linalg.inv(parameters.matrix)
        self.field_grid = _field_grid(parameters, self.inverse_matrix)

    @cached_property
    def velocity(self) -> Tensor:
        """v in voxels of the field grid, `(1, 3, d, h, w)`, components (R, A, S)."""
        return bspline_velocity(self.parameters, self.field_grid).to(self.device)

    @cached_property
    def _outward(self) -> Tensor:
        return integrate(self.velocity) * self.parameters.field_mm

    @cached_property
    def _inward(self) -> Tensor:
        return integrate(-self.velocity) * self.parameters.field_mm

    def psi(self, grid: Grid) -> Tensor:
        """ψ(X) − X at the voxels of `grid`, RAS mm `(1, 3, d, h, w)`.

        moved[x] = clean(X + this)
        """
        elastic = sample_at(self._outward, self._field_index(grid.affine, grid))
        turn = torch.as_tensor(self.forward_matrix[:3, :3], dtype=elastic.dtype, device=self.device)
        shift = affine_index((self.forward_matrix - np.eye(4)) @ grid.affine, grid.shape, elastic)
        return shift + torch.einsum("ij,bjdhw->bidhw", turn, elastic)

    def phi(self, grid: Grid) -> Tensor:
        """u(X) = φ(X) − X at the voxels of `grid`, RAS mm `(1, 3, d, h, w)`: the label."""
        elastic = sample_at(
            self._inward, self._field_index(self.inverse_matrix @ grid.affine, grid)
        )
        matrix = (self.inverse_matrix - np.eye(4)) @ grid.affine
        return affine_index(matrix, grid.shape, elastic) + elastic

    def phi_at(self, points: np.ndarray) -> np.ndarray:
        """u(X) = φ(X) − X for single points: `(n, 3)` RAS mm → `(n, 3)` RAS mm."""
        back = mapped(self.inverse_matrix, points)
        index = (back - self.field_grid.affine[:3, 3]) / self.parameters.field_mm
        located = torch.as_tensor(index.T, dtype=torch.float32, device=self.device)
        elastic = sample_at(self._inward, located.reshape(1, 3, -1, 1, 1)).reshape(3, -1).T
        return back - points + elastic.cpu().numpy()

    def _field_index(self, affine: np.ndarray, grid: Grid) -> Tensor:
        """Continuous indices into the field grid of the points affine·x, x in `grid`."""
        like = torch.empty(0, device=self.device, dtype=torch.float32)
        return affine_index(np.linalg.solve(self.field_grid.affine, affine), grid.shape, like)


def bspline_velocity(parameters: Misalignment, grid: Grid) -> Tensor:
    """v(x) = Σ c_ijk β³(x/h − i) β³(y/h − j) β³(z/h − k), its peak in the box is `elastic_mm`.

    Args:
        parameters: of the misalignment.
        grid: RAS-aligned and isotropic; the lattice hangs on the box, not on this grid.

    Returns:
        `(1, 3, d, h, w)` in voxels of `grid`, components along its axes (R, A, S).
    """
    pitch, box = parameters.control_mm, np.array(parameters.box_mm)
    lower = box[0] - LATTICE_MARGIN_MM
    points = np.ceil((box[1] - box[0] + 2 * LATTICE_MARGIN_MM) / pitch).astype(int) + 3
    control = torch.randn(3, *points.tolist(), generator=local_generator(parameters.seed))
    inside = [np.arange(box[0][k], box[1][k] + pitch / 4, pitch / 4) for k in range(3)]
    peak = _spread(control, inside, lower, pitch).square().sum(0).max().sqrt().clamp(min=1e-12)
    axes = [grid.affine[k, 3] + parameters.field_mm * np.arange(grid.shape[k]) for k in range(3)]
    scale = parameters.elastic_mm / parameters.field_mm / peak
    return (_spread(control, axes, lower, pitch) * scale)[None]


def _spread(control: Tensor, axes: list[np.ndarray], lower: np.ndarray, pitch: float) -> Tensor:
    """Lattice `(c, i, j, k)` → values `(c, d, h, w)` at the positions `axes` in mm."""
    for k, position in enumerate(axes):
        basis = bspline_basis(torch.from_numpy((position - lower[k]) / pitch), control.shape[1])
        basis = basis.float()
        # (c, j, k, d): after three turns (c, d, h, w)
        control = torch.tensordot(control, basis, dims=([1], [1]))
    return control


def _field_grid(parameters: Misalignment, inverse: np.ndarray) -> Grid:
    """RAS-aligned isotropic grid around the box, the box seen through R⁻¹, and the reach of v."""
    box = np.array(parameters.box_mm)
    corners = np.stack(np.meshgrid(*box.T, indexing="ij"), -1).reshape(-1, 3)
    everything = np.concatenate([corners, mapped(inverse, corners)])
    margin = parameters.elastic_mm + 2 * parameters.field_mm
    lower, upper = everything.min(0) - margin, everything.max(0) + margin
    affine = np.diag([parameters.field_mm] * 3 + [1.0])
    affine[:3, 3] = lower
    size = np.ceil((upper - lower) / parameters.field_mm).astype(int) + 1
    return Grid((int(size[0]), int(size[1]), int(size[2])), affine)
