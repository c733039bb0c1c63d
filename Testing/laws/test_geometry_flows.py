"""Laws of `displacement.py` on a grid where no two axes agree in length, spacing or direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from UniFuseLib.spatial import displacement as g

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid

SHAPE = (7, 9, 11)


@pytest.fixture
def noise() -> Tensor:
    return torch.rand(1, 2, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def smooth_flow(scale: float = 0.6, seed: int = 1) -> Tensor:
    """`(1, 3, 7, 9, 11)` voxels, different along every axis."""
    rng = np.random.default_rng(seed)
    field = np.stack([ndimage.gaussian_filter(rng.normal(size=SHAPE), 2.0) for _ in range(3)])
    return torch.from_numpy(scale * field / np.abs(field).max())[None]


def test_identity_flow_changes_nothing(noise: Tensor) -> None:
    torch.testing.assert_close(g.warp(noise, torch.zeros(1, 3, *SHAPE, dtype=torch.float64)), noise)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_warp_pulls_along_the_axis_of_its_component(noise: Tensor, axis: int) -> None:
    flow = torch.zeros(1, 3, *SHAPE, dtype=torch.float64)
    flow[:, axis] = 2
    pulled = g.warp(noise, flow)
    n = SHAPE[axis]
    torch.testing.assert_close(pulled.narrow(axis + 2, 0, n - 2), noise.narrow(axis + 2, 2, n - 2))
    border = noise.narrow(axis + 2, n - 1, 1)
    torch.testing.assert_close(pulled.narrow(axis + 2, n - 1, 1), border)


def test_warp_agrees_with_scipy(noise: Tensor) -> None:
    flow = smooth_flow(2.0)
    index = (g.identity_grid(SHAPE, flow) + flow)[0].numpy()
    expected = ndimage.map_coordinates(noise[0, 1].numpy(), index, order=1, mode="nearest")
    np.testing.assert_allclose(g.warp(noise, flow)[0, 1].numpy(), expected, atol=1e-12)


def test_nearest_takes_voxels_as_they_are() -> None:
    labels = torch.arange(7 * 9 * 11, dtype=torch.float64).view(1, 1, *SHAPE)
    warped = g.warp(labels, smooth_flow(2.0), mode="nearest")
    assert torch.equal(warped, warped.round())


def test_one_voxel_thick_volumes_are_sampled() -> None:
    volume = torch.rand(1, 1, 1, 4, 5)
    torch.testing.assert_close(g.warp(volume, torch.zeros(1, 3, 1, 4, 5)), volume)


def test_composition_of_affine_flows_is_exact() -> None:
    """On linear fields trilinear sampling is exact, so warp(warp(v, outer), inner) = warp(v,
    compose(outer, inner)).
    """
    x = g.identity_grid(SHAPE, torch.zeros(1, dtype=torch.float64))
    ramp = 3 * x[:, :1] - 2 * x[:, 1:2] + 0.5 * x[:, 2:]
    outer = torch.zeros_like(x)
    outer[:, 0] = 0.05 * x[:, 2]
    inner = torch.zeros_like(x)
    inner[:, 2] = 0.1 * x[:, 1] - 0.4
    twice = g.warp(g.warp(ramp, outer), inner)
    once = g.warp(ramp, g.compose(outer, inner))
    here = (..., slice(1, -1), slice(1, -1), slice(2, -2))
    torch.testing.assert_close(twice[here], once[here])
    assert not torch.allclose(once[here], g.warp(ramp, g.compose(inner, outer))[here], atol=1e-3)


def test_resized_flow_moves_the_same_millimetres() -> None:
    """A flow that is linear in space stays the same map when the grid is refined, faces on
    faces.
    """
    fine = (14, 27, 11)
    ratio = torch.tensor([2.0, 3.0, 1.0], dtype=torch.float64).view(1, 3, 1, 1, 1)
    x = g.identity_grid(SHAPE, torch.zeros(1, dtype=torch.float64))
    coarse = torch.cat([0.1 * x[:, 1:2], 0.2 * x[:, 2:], -0.1 * x[:, :1]], dim=1)
    resized = g.resize_flow(coarse, fine)
    y = (g.identity_grid(fine, x) + 0.5) / ratio - 0.5
    expected = torch.cat([0.1 * y[:, 1:2], 0.2 * y[:, 2:], -0.1 * y[:, :1]], dim=1) * ratio
    here = (..., slice(2, -2), slice(3, -3), slice(None))
    torch.testing.assert_close(resized[here], expected[here])


def test_integration_of_a_constant_velocity_is_itself() -> None:
    velocity = (
        torch.tensor([0.5, -1.0, 0.25], dtype=torch.float64)
        .view(1, 3, 1, 1, 1)
        .expand(1, 3, *SHAPE)
    )
    torch.testing.assert_close(g.integrate(velocity), velocity)


def test_integrated_flow_and_its_negative_cancel() -> None:
    velocity = smooth_flow(0.4)
    back_and_forth = g.compose(g.integrate(velocity), g.integrate(-velocity))
    assert back_and_forth[..., 1:-1, 1:-1, 1:-1].abs().max() < 0.03
    assert g.integrate(velocity).abs().max() > 0.3


def test_jacobian_of_a_linear_flow_is_its_determinant() -> None:
    m = torch.tensor([[0.1, 0.2, 0.0], [0.0, -0.3, 0.4], [0.25, 0.0, 0.05]], dtype=torch.float64)
    flow = torch.einsum("ij,bjdhw->bidhw", m, g.identity_grid(SHAPE, m))
    expected = torch.linalg.det(torch.eye(3, dtype=torch.float64) + m)
    torch.testing.assert_close(g.jacobian_determinant(flow), expected.expand(1, *SHAPE))


def test_a_fold_has_a_negative_jacobian() -> None:
    flow = torch.zeros(1, 3, *SHAPE)
    flow[:, 1] = -1.5 * torch.arange(9.0).view(1, 9, 1)
    assert (g.jacobian_determinant(flow) < 0).all()


def test_affine_index_follows_the_matrix() -> None:
    matrix = np.array([[1.1, 0.2, 0, 3], [0, 0.9, 0.3, -2], [0.1, 0, 1, 0.5], [0, 0, 0, 1.0]])
    index = g.affine_index(matrix, SHAPE, torch.zeros(1, dtype=torch.float64))
    np.testing.assert_allclose(
        index[0, :, 3, 7, 2].numpy(), (matrix @ [3, 7, 2, 1])[:3], atol=1e-12
    )


def test_flow_in_world_is_the_difference_of_places(oblique_grid: Grid) -> None:
    flow = smooth_flow(2.0)
    u = g.flow_to_world(flow, oblique_grid)
    x = np.array([4, 2, 9])
    there = oblique_grid.affine @ [*(x + flow[0, :, 4, 2, 9].numpy()), 1]
    here = oblique_grid.affine @ [*x, 1]
    np.testing.assert_allclose(u[0, :, 4, 2, 9].numpy(), (there - here)[:3], atol=1e-12)
    torch.testing.assert_close(g.world_to_flow(u, oblique_grid), flow)
