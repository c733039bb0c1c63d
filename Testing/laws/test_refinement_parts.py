"""Parts of the refinement: masked descriptors, splines and their adjoint, bending, the step."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage

from UniFuseLib.registration import bspline_problem, bspline_solver
from UniFuseLib.registration.bspline_lattice import ControlLattice, SplineWeights
from UniFuseLib.registration.bspline_pair import RefinementPair, Side
from UniFuseLib.registration.bspline_problem import (
    NormalEquations,
    RefinementProblem,
    tensor_product,
)
from UniFuseLib.registration.bspline_solver import (
    conjugate_gradients,
    even,
    gauss_newton,
    held_out_gain,
)
from UniFuseLib.registration.masked_filters import normalised_smoothing
from UniFuseLib.spatial.displacement import identity_grid
from UniFuseLib.spatial.masked_mind import REACH, masked_mind_ssc
from UniFuseLib.spatial.mind import mind_ssc

SHAPE = (14, 18, 16)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_where_all_was_acquired_descriptors_are_those_of_mind() -> None:
    volumes = drawn(2, 1, *SHAPE)
    found = masked_mind_ssc(volumes, torch.ones(1, 1, *SHAPE))
    inner = slice(REACH, -REACH)
    plain = mind_ssc(volumes, 1)[..., inner, inner, inner]
    torch.testing.assert_close(found.values[..., inner, inner, inner], plain)
    assert found.valid[..., inner, inner, inner].all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_descriptors_see_nothing_that_was_not_acquired(axis: int) -> None:
    acquired = torch.ones(1, 1, *SHAPE)
    acquired.narrow(2 + axis, 0, 5).fill_(0)
    volume = drawn(1, 1, *SHAPE)
    first = masked_mind_ssc(volume, acquired)
    second = masked_mind_ssc(torch.where(acquired > 0, volume, 1e3), acquired)
    torch.testing.assert_close(first.values, second.values)
    assert not first.valid.narrow(2 + axis, 0, 5).any()
    assert first.valid.narrow(2 + axis, 5, 1).any()  # the first acquired layer is described


def test_a_single_plane_is_described_by_its_own_four_channels() -> None:
    acquired = torch.zeros(1, 1, *SHAPE)
    acquired[:, :, :, 7] = 1
    valid = masked_mind_ssc(drawn(1, 1, *SHAPE), acquired).valid
    assert (valid[0, :, 4:-4, 7, 4:-4].sum(0) == 4).all()


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (2, 1, 0)])
def test_descriptors_of_a_turned_volume_are_the_turned_descriptors(
    order: tuple[int, int, int],
) -> None:
    """As sets: the channels change places."""
    volume, acquired = drawn(1, 1, *SHAPE), (drawn(1, 1, *SHAPE, seed=1) > -1).float()
    axes = (0, 1, *(2 + axis for axis in order))
    plain = masked_mind_ssc(volume, acquired).values.permute(axes)
    turned = masked_mind_ssc(volume.permute(axes), acquired.permute(axes)).values
    torch.testing.assert_close(turned.sort(dim=1)[0], plain.sort(dim=1)[0])


def lattice() -> tuple[ControlLattice, SplineWeights]:
    found = ControlLattice(SHAPE, 2.0, 7.0)
    return found, found.weights(tuple(torch.linspace(0.3, n - 1.4, n - 3) for n in SHAPE))


def test_gathering_is_the_adjoint_of_the_field() -> None:
    found, weights = lattice()
    control = torch.randn_like(found.zeros(torch.device("cpu")))
    field = torch.randn(1, 3, *(n - 3 for n in SHAPE))
    left, right = (weights.field(control) * field).sum(), (control * weights.gather(field)).sum()
    torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_control_points_that_rise_along_an_axis_make_a_field_that_does(axis: int) -> None:
    """Splines reproduce straight lines: 1 mm per pitch is 1/pitch per mm, along the same axis."""
    found, _ = lattice()
    control = found.zeros(torch.device("cpu"))
    control = control + identity_grid(control.shape[2:], control)[:, axis : axis + 1]
    field = found.field(control)
    slopes = [field.diff(dim=2 + a).mean().item() for a in range(3)]
    expected = [2.0 / 7.0 if a == axis else 0.0 for a in range(3)]
    assert slopes == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("spacing", [1.0, 1.5, 2.0, 3.0])
def test_control_points_lie_at_the_same_mm_whatever_the_spacing(spacing: float) -> None:
    shape = tuple(round(n / spacing) for n in (54, 66, 42))
    found = ControlLattice((shape[0], shape[1], shape[2]), spacing, 20.0)
    control = found.zeros(torch.device("cpu"))
    middle = [n // 2 for n in control.shape[2:]]
    control[:, :, middle[0], middle[1], middle[2]] = 1
    centre = tuple(torch.tensor([(n - 1) / 2]) for n in shape)
    beside = (centre[0] + 10 / spacing, centre[1], centre[2])
    assert found.weights(centre).field(control)[0, 0].item() == pytest.approx((2 / 3) ** 3)
    half = 2 / 3 - 1 / 4 + 1 / 16  # β³(1/2)
    assert found.weights(beside).field(control)[0, 0].item() == pytest.approx(half * (2 / 3) ** 2)


def test_bending_is_the_derivative_of_its_energy() -> None:
    found = ControlLattice((40, 60, 50), 1.0, 10.0)
    control = drawn(1, 3, 5, 6, 7).double().requires_grad_()
    energy = sum(
        (1 if a == b else 2) * control.diff(dim=a).diff(dim=b).square().sum()
        for a in (2, 3, 4)
        for b in range(a, 5)
    )
    (gradient,) = torch.autograd.grad(0.5 * energy * 10.0**3 / 10.0**4, control)
    torch.testing.assert_close(found.bending_gradient(control), gradient)


@pytest.mark.parametrize("pitch", [5.0, 8.0])
def test_bending_is_an_integral_in_mm(pitch: float) -> None:
    """½ ∫ (∂²u / ∂x²)² dV of u = a x² / 2 is a² V / 2, however dense the control points."""
    found = ControlLattice((40, 80, 60), 1.0, pitch)
    control = found.zeros(torch.device("cpu")).double()
    x = (torch.arange(control.shape[3]) - control.shape[3] // 2) * pitch
    control[:, 1] = (0.03 * x**2 / 2)[:, None]
    doubled = float((control * found.bending_gradient(control)).sum())
    inner = [control.shape[2], control.shape[3] - 2, control.shape[4]]
    assert doubled == pytest.approx(0.03**2 * inner[0] * inner[1] * inner[2] * pitch**3, rel=1e-3)


def test_every_entry_of_the_structure_tensor_meets_its_component() -> None:
    """A wrong entry would only slow the descent, which then stops short."""
    gradient, field = drawn(3, 4, 5, 6), drawn(3, 4, 5, 6, seed=1)
    entries = torch.stack([gradient[i] * gradient[j] for i, j in bspline_problem.ENTRIES])
    expected = gradient * (gradient * field).sum(0)  # (g gᵀ) v = g (g · v)
    torch.testing.assert_close(tensor_product(entries, field[None])[0], expected)


def test_sums_over_blocks_stand_for_the_sums_over_points() -> None:
    """Odd sides too: the last point is alone in its block."""
    weights = torch.rand(19, 6)
    blocks = SplineWeights(weights, weights, weights).of_blocks().d
    assert len(blocks) == 10
    torch.testing.assert_close(blocks[-1], weights[18])
    counts = 8 * F.avg_pool3d(even(torch.ones(1, 19, 1, 1)), 2)[0, :, 0, 0]
    torch.testing.assert_close((counts[:, None] * blocks).sum(0), weights.sum(0))


def test_conjugate_gradients_solve() -> None:
    root, truth = drawn(12, 12).double(), drawn(12, seed=1).double()
    matrix = root @ root.T + torch.eye(12, dtype=torch.float64)
    found = conjugate_gradients(lambda x: matrix @ x, matrix @ truth)
    torch.testing.assert_close(found, truth, rtol=1e-2, atol=1e-2)


def equations(gradient: torch.Tensor) -> tuple[NormalEquations, ControlLattice]:
    """Points 3 mm apart, each with a unit tensor."""
    shape = (32, 40, 36)
    found = ControlLattice(shape, 3.0, 30.0)
    places = tuple(torch.arange(n) for n in shape)
    tensor = torch.zeros(6, *shape)
    tensor[:3] = 1
    weights = found.weights(places)
    return NormalEquations(torch.ones(shape), gradient, tensor, weights), found


def test_a_step_goes_down_along_every_axis() -> None:
    """With unit tensors everywhere the step is minus the gradient, a constant field."""
    gradient = torch.tensor([0.5, -1.0, 2.0]).view(1, 3, 1, 1, 1).expand(1, 3, 32, 40, 36)
    here, found = equations(gradient)
    step = gauss_newton(here, found.zeros(torch.device("cpu")), found, 100.0)
    torch.testing.assert_close(here.weights.field(step), -gradient, rtol=1e-2, atol=1e-2)


def test_what_is_everywhere_generalises_and_noise_does_not() -> None:
    common = torch.tensor([0.5, -1.0, 2.0]).view(1, 3, 1, 1, 1).expand(1, 3, 32, 40, 36)
    noise = drawn(1, 3, 32, 40, 36)
    real, chance = (held_out_gain(*equations(g), 100.0) for g in (common + noise, noise))
    assert real.t > 10
    # E of a unit tensor: ½ |g|² of the common part at every point, its energy there is 1
    assert real.gain == pytest.approx(0.5 * (0.25 + 1 + 4), rel=0.1)
    assert chance.t < 2
    assert chance.gain < 0.02


def test_an_empty_comparison_gains_nothing() -> None:
    here, found = equations(torch.zeros(1, 3, 32, 40, 36))
    nothing = here.where(torch.zeros(32, 40, 36))
    assert held_out_gain(nothing, found, 100.0) == bspline_solver.HeldOut(0.0, 0.0)


def test_outside_of_the_field_of_view_nothing_is_compared() -> None:
    volume = torch.rand(1, 1, 24, 30, 28, generator=torch.Generator().manual_seed(0))
    everywhere = torch.ones_like(volume, dtype=torch.bool)
    pair = RefinementPair(Side(volume, everywhere), Side(volume, everywhere), everywhere, 3.0)
    away = torch.zeros(1, 3, 24, 30, 28)
    away[:, 1] = 15.0  # half of the volume
    energies = []
    for flow in (torch.zeros_like(away), away):
        problem = RefinementProblem(pair, flow)
        tensor = problem.normal_equations(problem.lattice.zeros(flow.device)).tensor
        energies.append((tensor[:3].sum(0) > 0).float().mean((0, 2)))
    assert energies[0][4:-4].min() > 0.5
    assert (energies[1][17:] == 0).all()
    assert energies[1][4:12].min() > 0.5


@pytest.mark.parametrize("deviation", [0.6, 0.87, 2.5])
def test_smoothing_is_a_gaussian_mean_of_what_is_known_along_all_axes(deviation: float) -> None:
    """Against SciPy's, on a grid whose sides differ and one of which is shorter than the kernel."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(4, 9, 14)).astype(np.float32)
    known = (generator.random(values.shape) > 0.3).astype(np.float32)
    known[1:3, 3:6, 5:9] = 1
    found = normalised_smoothing(
        torch.from_numpy(values)[None, None], torch.from_numpy(known)[None, None], deviation
    )
    radius = math.ceil(3 * deviation)

    def blurred(volume: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(
            volume.astype(float), deviation, mode="constant", cval=0.0, radius=radius
        )

    expected = blurred(values * known) / np.maximum(blurred(known), 1e-3)
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-5)
