"""Test-time optimisation: it finds a known remainder, follows it as far as it is worth, and never
folds.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from UniFuseLib.errors import Cancelled, InputError
from UniFuseLib.network.layers import crop_to
from UniFuseLib.registration import bspline_refinement as refinement
from UniFuseLib.registration.bspline_refinement import (
    AUTO_STEPS,
    Manner,
    Refined,
    believed_part,
    manner_of,
    refine,
    steps_for,
)
from UniFuseLib.spatial.displacement import identity_grid, warp

SHAPE = (40, 56, 48)
WHOLLY = Manner(stiffness=0.01, least=1.0, chance=None)


def anatomy(seed: int = 0) -> torch.Tensor:
    """Blobs of 4 to 16 voxels, `(1, 1, 40, 56, 48)` in about 0..1."""
    generator = torch.Generator().manual_seed(seed)
    coarse, fine = (
        torch.rand(1, 1, *(n // k + 1 for n in SHAPE), generator=generator) for k in (8, 4)
    )
    return sum(0.5 * F.interpolate(v, size=SHAPE, mode="trilinear") for v in (coarse, fine))


def noise(seed: int) -> torch.Tensor:
    return 0.2 * torch.randn(1, 1, *SHAPE, generator=torch.Generator().manual_seed(seed))


EVERYWHERE = torch.ones(1, 1, *SHAPE, dtype=torch.bool)
INSIDE = (..., slice(8, -8), slice(8, -8), slice(8, -8))
NOWHERE = torch.zeros(1, 3, *SHAPE)


def everywhere(*shift: float) -> torch.Tensor:
    return torch.tensor(shift).view(1, 3, 1, 1, 1).expand(1, 3, *SHAPE).contiguous()


def wave() -> torch.Tensor:
    """A smooth field of up to 2.5 voxels, another one along each axis."""
    d, h, w = identity_grid(SHAPE, NOWHERE)[0]
    waves = (torch.sin(h / 9), torch.cos(w / 8), torch.sin(d / 7 + 1))
    return torch.stack([size * wave for size, wave in zip((2.5, 2.0, 1.5), waves, strict=True)])[
        None
    ]


def error(found: torch.Tensor, truth: torch.Tensor) -> float:
    return float((found - truth)[INSIDE].norm(dim=1).mean())


@pytest.mark.parametrize("shift", [(1.6, 0.0, 0.0), (0.0, -1.6, 0.0), (0.0, 0.0, 1.6)])
def test_a_known_shift_is_found_across_contrasts(shift: tuple[float, float, float]) -> None:
    truth = everywhere(*shift)
    clean = anatomy()
    moved = warp(clean, -truth)  # degraded(x + shift) is reference(x)
    found = refine(moved, 1 - clean, NOWHERE, EVERYWHERE, 6, WHOLLY).flow
    assert error(found, truth) < 0.35 * 1.6
    assert error(found, -truth) > 2  # the law would see a wrong sign


def test_a_bent_field_is_found_with_every_component_in_its_place() -> None:
    truth = wave()
    # degraded(x + u(x)) = reference(x): the reference is the degraded volume pulled through u
    degraded = anatomy()
    found = refine(degraded, 1 - warp(degraded, truth), NOWHERE, EVERYWHERE, 8, WHOLLY).flow
    assert error(found, truth) < 0.4 * error(NOWHERE, truth)
    for swapped in ((1, 0, 2), (0, 2, 1), (2, 1, 0)):
        assert error(found[:, list(swapped)], truth) > 0.5 * error(
            NOWHERE, truth
        )  # the bar above would see it


def test_it_goes_on_from_the_networks_field() -> None:
    truth = everywhere(2.0, 0.0, -2.0)
    moved = warp(anatomy(), -truth)
    start = 0.6 * truth
    found = refine(moved, anatomy(), start, EVERYWHERE, 4, WHOLLY).flow
    assert error(found, truth) < 0.6 * error(start, truth)


def test_an_aligned_noisy_pair_is_not_drawn_half_way_between_the_voxels() -> None:
    """Interpolation smooths noise away: where only one volume is interpolated, half a voxel off
    fits best.
    """
    degraded, reference = anatomy() + noise(1), 1 - anatomy() + noise(2)
    found = refine(degraded, reference, NOWHERE, EVERYWHERE, 8, Manner(1.0, 1.0, None)).flow
    assert abs(found[INSIDE].mean(dim=(2, 3, 4))).max() < 0.15


def test_a_large_remainder_is_followed_and_chance_is_not() -> None:
    manner = Manner(stiffness=0.01, least=0.35, chance=0.05)
    truth = everywhere(0.0, 3.0, 0.0)
    far = refine(warp(anatomy(), -truth), 1 - anatomy(), NOWHERE, EVERYWHERE, 6, manner)
    still = refine(anatomy() + noise(1), 1 - anatomy() + noise(2), NOWHERE, EVERYWHERE, 6, manner)
    assert far.part > 0.9
    assert far.gain > 0.1
    assert still.part == 0.35
    assert still.gain < 0.05


def test_what_was_found_is_taken_up_at_full_resolution_and_chance_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manner = Manner(stiffness=0.01, least=0.35, chance=0.05)
    levels: list[int] = []
    plain = refinement._Level.__init__

    def counted(self: object, *args: object) -> None:
        levels.append(args[-1])
        plain(self, *args)

    monkeypatch.setattr(refinement._Level, "__init__", counted)
    truth = wave()
    pair = anatomy(), 1 - warp(anatomy(), truth)
    both = refine(*pair, NOWHERE, EVERYWHERE, 6, manner)
    assert levels == [2, 1]
    refine(anatomy() + noise(1), 1 - anatomy() + noise(2), NOWHERE, EVERYWHERE, 6, manner)
    assert levels == [2, 1, 2]
    monkeypatch.setattr(refinement, "_PASSES", refinement._PASSES[:1])
    coarse = refine(*pair, NOWHERE, EVERYWHERE, 6, manner)
    assert error(both.flow, truth) < 0.8 * error(coarse.flow, truth)


def test_a_voxel_of_the_coarse_pass_is_two_of_an_odd_grid_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half as many voxels of an odd side leave one over: the field would be stretched over it."""
    monkeypatch.setattr(refinement, "_PASSES", refinement._PASSES[:1])
    along_h = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1, 1)
    monkeypatch.setattr(
        refinement._Level, "step", lambda _, control, stiffness: along_h.expand_as(control)
    )
    odd = [crop_to(v, (23, 31, 27)) for v in (anatomy(), anatomy(), NOWHERE, EVERYWHERE)]
    torch.testing.assert_close(refine(*odd, 1, WHOLLY).flow, 2 * along_h.expand(1, 3, 23, 31, 27))


def test_the_part_that_is_followed_scales_the_whole_field() -> None:
    truth = everywhere(2.0, 0.0, -2.0)
    pair = warp(anatomy(), -truth), anatomy()
    whole = refine(*pair, 0.5 * truth, EVERYWHERE, 3, Manner(1.0, 1.0, None))
    quarter = refine(*pair, 0.5 * truth, EVERYWHERE, 3, Manner(1.0, 0.25, None))
    torch.testing.assert_close(quarter.flow, 0.25 * whole.flow)
    assert (quarter.part, whole.part) == (0.25, 1.0)


def test_a_stiffer_field_bends_less() -> None:
    degraded = anatomy()
    reference = 1 - warp(degraded, wave())
    bent = [
        refine(degraded, reference, NOWHERE, EVERYWHERE, 4, Manner(s, 1.0, None)).flow
        for s in (0.001, 10.0)
    ]
    soft, stiff = (
        sum(float(f.diff(n=2, dim=axis).square().mean()) for axis in (2, 3, 4)) for f in bent
    )
    assert stiff < 0.1 * soft


def test_where_nothing_is_compared_nothing_moves() -> None:
    moved = warp(anatomy(), torch.full((1, 3, *SHAPE), 1.5))
    found = refine(moved, anatomy(), NOWHERE, torch.zeros_like(EVERYWHERE), 4, WHOLLY).flow
    assert found.abs().max() < 1e-4


def test_a_field_that_would_fold_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def wild(self: object, control: torch.Tensor, stiffness: float) -> torch.Tensor:
        return -100 * identity_grid(control.shape[2:], control)

    monkeypatch.setattr(refinement._Level, "step", wild)
    start = everywhere(0.0, 1.0, 0.0)
    found = refine(anatomy(), anatomy(), start, EVERYWHERE, 1, WHOLLY)
    assert torch.equal(found.flow, start)
    assert (found.part, found.steps) == (None, 1)


def test_a_volume_too_small_for_descriptors_keeps_its_field() -> None:
    small = torch.rand(1, 1, 12, 40, 40, generator=torch.Generator().manual_seed(0))
    start = torch.full((1, 3, 12, 40, 40), 0.3)
    assert refine(small, small, start, small > -1, 4, WHOLLY) == Refined(start, None, 0.0, 0)


def test_it_can_be_stopped_and_tells_how_far_it_is() -> None:
    fractions: list[float] = []

    def tell(fraction: float) -> None:
        fractions.append(fraction)
        if fraction > 0.5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        refine(anatomy(), anatomy(), NOWHERE, EVERYWHERE, 10, WHOLLY, tell)
    assert fractions == sorted(fractions)
    assert len(fractions) > 5


def test_the_same_input_gives_the_same_field() -> None:
    pair = anatomy(1), anatomy(2)
    first, second = (refine(*pair, NOWHERE, EVERYWHERE, 2, WHOLLY) for _ in range(2))
    assert torch.equal(first.flow, second.flow)
    assert first.gain == second.gain


def test_splines_and_their_adjoint() -> None:
    torch.testing.assert_close(refinement._basis(23, 5, 23 // 5 + 4).sum(1), torch.ones(23))
    level = refinement._Level(anatomy(), anatomy(), NOWHERE, EVERYWHERE, 2)
    generator = torch.Generator().manual_seed(0)
    control = torch.randn(level.control.shape, generator=generator)
    field = torch.randn(level.start.shape, generator=generator)
    torch.testing.assert_close(
        (level.field(control) * field).sum(),
        (control * level.gather(field)).sum(),
        rtol=1e-3,
        atol=1e-2,
    )


def test_every_entry_of_the_structure_tensor_meets_its_component() -> None:
    """A wrong entry would only slow the descent, which then stops short."""
    generator = torch.Generator().manual_seed(0)
    gradient, field = (torch.randn(3, 4, 5, 6, generator=generator) for _ in range(2))
    entries = torch.stack([gradient[i] * gradient[j] for i, j in refinement._ENTRIES])
    expected = gradient * (gradient * field).sum(0)  # (g gᵀ) v = g (g · v)
    torch.testing.assert_close(refinement._product(entries, field[None])[0], expected)


def test_sums_over_blocks_stand_for_the_sums_over_voxels() -> None:
    """Odd sides too: the last voxel is alone in its block."""
    level = refinement._Level(anatomy(), anatomy(), NOWHERE, EVERYWHERE, 2)
    basis = level._spread[0][:19]
    blocks = refinement._means_of_two(basis)
    assert len(blocks) == 10
    torch.testing.assert_close(blocks[-1], basis[18])
    weight = torch.ones(1, 19, 1, 1)
    counts = 8 * F.avg_pool3d(refinement._even(weight), 2)[0, :, 0, 0]
    torch.testing.assert_close((counts[:, None] * blocks).sum(0), basis.sum(0))


def test_bending_is_that_of_second_differences() -> None:
    control = torch.randn(
        1, 3, 5, 6, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    control.requires_grad_()
    energy = sum(
        (1 if a == b else 2) * control.diff(dim=a).diff(dim=b).square().sum()
        for a in (2, 3, 4)
        for b in range(a, 5)
    )
    (gradient,) = torch.autograd.grad(0.5 * energy / (5 * 6 * 7), control)
    torch.testing.assert_close(refinement._bending_gradient(control), gradient)


def test_conjugate_gradients_solve() -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(12, 12, generator=generator, dtype=torch.float64)
    matrix, truth = (
        root @ root.T + torch.eye(12, dtype=torch.float64),
        torch.randn(12, generator=generator).double(),
    )
    found = refinement._conjugate_gradients(lambda x: matrix @ x, matrix @ truth)
    torch.testing.assert_close(found, truth, rtol=1e-2, atol=1e-2)


def test_choices() -> None:
    assert steps_for("off", "mr", "mr") == 0
    assert steps_for("auto", "mr", "mr") == AUTO_STEPS
    assert steps_for("auto", "pet", "ct") == 0
    assert steps_for("25", "pet", "ct") == steps_for(25, "pet", "ct") == 25
    assert manner_of("pet", "ct").least < 0.5
    assert manner_of("pet", "ct").chance is None
    for wrong in ("often", -1, "100000"):
        with pytest.raises(InputError, match="off, auto or a number"):
            steps_for(wrong, "mr", "mr")


def test_the_weaker_the_evidence_the_less_is_believed() -> None:
    parts = [believed_part(evidence) for evidence in (-1.0, 0.0, 0.9, 1.0, 1.5, 3.0, 1e6)]
    assert parts[:4] == [0, 0, 0, 0]
    assert 0.5 < parts[4] < parts[5] < parts[6] <= 1
