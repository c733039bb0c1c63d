"""Test-time optimisation: it finds a known remainder in mm, where both volumes were acquired, and
follows it where it generalises.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from UniFuseLib.contract import standard_contract
from UniFuseLib.errors import Cancelled, InputError
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import place
from UniFuseLib.registration import bspline_refinement as refinement
from UniFuseLib.registration.affine import unmoved
from UniFuseLib.registration.bspline_pair import RefinementPair, Side
from UniFuseLib.registration.bspline_problem import RefinementProblem
from UniFuseLib.registration.bspline_refinement import (
    AUTO_STEPS,
    Level,
    Refined,
    RefinementPolicy,
    policy_of,
    refine,
    steps_for,
)
from UniFuseLib.registration.deformation import deform, gain_of
from UniFuseLib.spatial.displacement import flow_to_world, identity_grid, jacobian_determinant, warp
from UniFuseLib.spatial.volume import Grid, Volume

SHAPE = (40, 56, 48)
SPACING = 1.5  # mm
SAME_MM = 0.1  # 0.07 is left; stiffness, smoothing or points in voxels give 0.12 to 0.8
SOFT = RefinementPolicy((Level(500.0),), least_gain=0.0, least_t=3.0)
UNASKED = RefinementPolicy((Level(500.0),), least_gain=-1.0, least_t=-1e9)
NO_MOTION = unmoved()


def anatomy(seed: int = 0) -> torch.Tensor:
    """Blobs of 6 to 24 mm, `(1, 1, 40, 56, 48)` in about 0..1."""
    generator = torch.Generator().manual_seed(seed)
    coarse, fine = (
        torch.rand(1, 1, *(n // k + 1 for n in SHAPE), generator=generator) for k in (8, 4)
    )
    coarse, fine = (F.interpolate(v, size=SHAPE, mode="trilinear") for v in (coarse, fine))
    return (coarse + fine) / 2


def noise(seed: int) -> torch.Tensor:
    return 0.2 * torch.randn(1, 1, *SHAPE, generator=torch.Generator().manual_seed(seed))


EVERYWHERE = torch.ones(1, 1, *SHAPE, dtype=torch.bool)
INSIDE = (..., slice(8, -8), slice(8, -8), slice(8, -8))
NOWHERE = torch.zeros(1, 3, *SHAPE)


def pair_of(
    degraded: torch.Tensor, reference: torch.Tensor, body: torch.Tensor = EVERYWHERE
) -> RefinementPair:
    everywhere = torch.ones_like(degraded, dtype=torch.bool)
    return RefinementPair(Side(degraded, everywhere), Side(reference, everywhere), body, SPACING)


def shift_of(*shift: float) -> torch.Tensor:
    return torch.tensor(shift).view(1, 3, 1, 1, 1).expand(1, 3, *SHAPE).contiguous()


def wave() -> torch.Tensor:
    """A smooth field of up to 2.5 voxels, another one along each axis."""
    d, h, w = identity_grid(SHAPE, NOWHERE)[0]
    waves = (torch.sin(h / 12), torch.cos(w / 11), torch.sin(d / 10 + 1))
    sizes = (2.5, 2.0, 1.5)
    return torch.stack([size * wave for size, wave in zip(sizes, waves, strict=True)])[None]


def error(found: torch.Tensor, truth: torch.Tensor) -> float:
    return float((found - truth)[INSIDE].norm(dim=1).mean())


@pytest.mark.parametrize("shift", [(1.6, 0.0, 0.0), (0.0, -1.6, 0.0), (0.0, 0.0, 1.6)])
def test_a_known_shift_is_found_across_contrasts(shift: tuple[float, float, float]) -> None:
    truth = shift_of(*shift)
    moved = warp(anatomy(), -truth)  # degraded(x + shift) is reference(x)
    found = refine(pair_of(moved, 1 - anatomy()), NOWHERE, 6, SOFT)
    assert found.used
    assert error(found.flow, truth) < 0.35 * 1.6
    assert error(found.flow, -truth) > 2  # the law would see a wrong sign


def test_a_bent_field_is_found_with_every_component_in_its_place() -> None:
    truth = wave()
    # degraded(x + u(x)) = reference(x): the reference is the degraded volume pulled through u
    pair = pair_of(anatomy(), 1 - warp(anatomy(), truth))
    found = refine(pair, NOWHERE, 8, SOFT).flow
    assert error(found, truth) < 0.4 * error(NOWHERE, truth)
    for swapped in ((1, 0, 2), (0, 2, 1), (2, 1, 0)):  # the bar above would see it
        assert error(found[:, list(swapped)], truth) > 0.5 * error(NOWHERE, truth)


def test_it_goes_on_from_the_networks_field() -> None:
    truth = shift_of(2.0, 0.0, -2.0)
    start = 0.6 * truth
    found = refine(pair_of(warp(anatomy(), -truth), anatomy()), start, 4, SOFT).flow
    assert error(found, truth) < 0.6 * error(start, truth)


def test_an_aligned_noisy_pair_is_not_drawn_half_way_between_the_voxels() -> None:
    """Interpolation smooths noise away: where only one volume is interpolated, half a voxel off
    fits best.
    """
    pair = pair_of(anatomy() + noise(1), 1 - anatomy() + noise(2))
    found = refine(pair, NOWHERE, 8, UNASKED).flow
    assert abs(found[INSIDE].mean(dim=(2, 3, 4))).max() < 0.15


def test_chance_is_not_followed_and_the_reason_is_given() -> None:
    truth = shift_of(0.0, 3.0, 0.0)
    far = refine(pair_of(warp(anatomy(), -truth), 1 - anatomy()), NOWHERE, 6, SOFT)
    start = shift_of(0.0, 0.0, 0.3)
    chance = refine(pair_of(noise(1), noise(2)), start, 6, SOFT)
    assert far.used
    assert far.reason is None
    assert not chance.used
    assert torch.equal(chance.flow, start)
    assert "not fitted to" in (chance.reason or "")


def cut(volume: torch.Tensor, axis: int, begin: int) -> Side:
    """Padded by a constant in front of `begin`."""
    acquired = EVERYWHERE.clone()
    acquired.narrow(2 + axis, 0, begin).fill_(False)
    return Side(torch.where(acquired, volume, -1.0), acquired)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_edges_of_a_padding_do_not_pull(axis: int) -> None:
    """Two volumes that agree end three voxels apart: their edges would fit where they do not."""
    degraded, reference = cut(anatomy(), axis, 12), cut(anatomy(), axis, 15)
    known = RefinementPair(degraded, reference, EVERYWHERE, SPACING)
    blind = pair_of(degraded.values, reference.values)
    moved = [refine(p, NOWHERE, 6, UNASKED).flow[:, axis].abs().max() for p in (known, blind)]
    assert moved[0] < 0.1
    assert moved[1] > 1  # the law would see an edge that is compared


def phantom(points: np.ndarray) -> np.ndarray:
    """A head-sized ellipsoid full of waves: RAS mm `(..., 3)` → MR units."""
    r, a, s = np.moveaxis(points, -1, 0)
    waves = np.sin(r / 7 + 0.3 * a / 9) + np.sin(a / 8 - s / 23) + np.sin(s / 6 + r / 31)
    inside = (r / 62) ** 2 + (a / 70) ** 2 + (s / 55) ** 2 < 1
    return np.where(inside, 400 + 100 * waves, 20 + 3 * np.sin(r) * np.sin(a) * np.sin(s))


def world(grid: Grid) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def oblique(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    """About the origin, turned by 20° and 10°, axes in another order than the working grid's."""
    c, s = np.cos(np.deg2rad(20)), np.sin(np.deg2rad(20))
    k, t = np.cos(np.deg2rad(10)), np.sin(np.deg2rad(10))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ [[1, 0, 0], [0, k, -t], [0, t, k]]
    affine = np.eye(4)
    affine[:3, :3] = turn[:, [1, 2, 0]] * np.array(spacing)
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Grid(shape, affine)


def push(points: np.ndarray) -> np.ndarray:
    """u at RAS points, mm: another wave along R, A and S."""
    r, a, s = np.moveaxis(points, -1, 0)
    return np.stack([2.2 * np.sin(a / 30), 1.4 * np.cos(s / 28), -1.8 * np.sin(r / 33)], axis=-1)


def found_mm(
    degraded: Volume,
    reference: Volume,
    spacing: float,
    policy: RefinementPolicy | None = None,
) -> tuple[Refined, np.ndarray]:
    """What `refine` finds between two MR volumes, and its RAS mm at the phantom's points."""
    prepared = prepare_pair(degraded, reference, ("mr", "mr"), standard_contract(), spacing)
    working = place(prepared, NO_MOTION)
    pair = RefinementPair(
        Side(working.degraded, working.degraded_acquired),
        Side(working.reference, working.reference_acquired),
        working.mask,
        spacing,
    )
    nothing = torch.zeros(1, 3, *working.grid.shape)
    found = refine(pair, nothing, 4, policy or policy_of("mr", "mr"))
    displacement = flow_to_world(found.flow, working.grid)[0].permute(1, 2, 3, 0).numpy()
    index = (POINTS - working.grid.affine[:3, 3]) @ np.linalg.inv(working.grid.affine[:3, :3]).T
    d, h, w = np.rint(index).astype(int).T
    return found, displacement[d, h, w]


_SIDE = np.linspace(-33, 33, 7)
POINTS = np.stack(np.meshgrid(_SIDE, _SIDE, _SIDE, indexing="ij"), axis=-1).reshape(-1, 3)
SCAN = oblique((80, 64, 100), (1.9, 2.1, 1.5))


@pytest.fixture(scope="module")
def scans() -> tuple[Volume, Volume]:
    """One pair of oblique, anisotropic scans, bent."""
    reference = Volume(phantom(world(SCAN)), SCAN.affine)
    other = oblique((110, 90, 70), (1.5, 1.6, 2.2))
    inverse = world(other)
    for _ in range(20):  # degraded(Y) = reference(X) with X + u(X) = Y
        inverse = world(other) - push(inverse)
    return Volume(phantom(inverse) ** 0.7, other.affine), reference


@pytest.mark.parametrize("spacing", [1.5, 2.5, 3.0])
def test_a_field_of_mm_is_found_on_oblique_anisotropic_scans(
    scans: tuple[Volume, Volume], spacing: float
) -> None:
    truth, (found, moved) = push(POINTS), found_mm(*scans, spacing)
    length = np.linalg.norm(truth, axis=1).mean()
    assert found.levels == 4
    assert np.linalg.norm(moved - truth, axis=1).mean() < 0.2  # the first level alone: 0.43
    for swapped in ((1, 0, 2), (0, 2, 1), (2, 1, 0)):  # the bar above would see it
        assert np.linalg.norm(moved[:, list(swapped)] - truth, axis=1).mean() > 0.6 * length


def test_a_pair_gives_one_answer_in_mm_at_any_working_spacing(
    scans: tuple[Volume, Volume],
) -> None:
    """By the first level: the last one is as far from the truth as this."""
    policy = policy_of("mr", "mr")
    policy = policy._replace(levels=policy.levels[:1])
    first, *others = (found_mm(*scans, spacing, policy)[1] for spacing in (1.5, 2.5, 3.0))
    for other in others:
        assert np.linalg.norm(other - first, axis=1).mean() < SAME_MM


@pytest.mark.parametrize("spacing", [1.5, 3.0])
@pytest.mark.parametrize("stripped", ["degraded", "reference"])
def test_a_stripped_copy_stays_where_it_is(spacing: float, stripped: str) -> None:
    whole = Volume(phantom(world(SCAN)), SCAN.affine)
    core = (np.linalg.norm(world(SCAN) / [44, 50, 40], axis=-1) < 1).astype(float)
    copy = Volume(whole.array * core, SCAN.affine)
    pair = (copy, whole) if stripped == "degraded" else (whole, copy)
    _, moved = found_mm(*pair, spacing)
    assert np.linalg.norm(moved, axis=1).max() < 0.1


@pytest.mark.parametrize("spacing", [1.5, 3.0])
def test_a_thin_slab_moves_in_its_plane_and_not_through_it(spacing: float) -> None:
    """Eight slices of 3 mm of a scan that lies 2 mm along one axis of the slices."""
    grid = oblique((80, 8, 100), (1.5, 3.0, 1.5))
    reference = Volume(phantom(world(SCAN)), SCAN.affine)
    shift = 2.0 * grid.directions[:, 2]
    slab = Volume(phantom(world(grid) - shift) ** 0.7, grid.affine)
    found, moved = found_mm(slab, reference, spacing)
    near = np.abs(POINTS @ grid.directions[:, 1]) < 9
    along = moved[near] @ grid.directions
    assert found.used
    np.testing.assert_allclose(along.mean(axis=0), [0.0, 0.0, 2.0], atol=0.35)
    assert np.abs(along[:, 1]).max() < 0.6


def test_a_stiffer_field_bends_less() -> None:
    pair = pair_of(anatomy(), 1 - warp(anatomy(), wave()))
    soft, stiff = (
        refine(pair, NOWHERE, 4, UNASKED._replace(levels=(Level(weight),))).flow
        for weight in (100.0, 1e6)
    )

    def bent(flow: torch.Tensor) -> float:
        return sum(float(flow.diff(n=2, dim=axis).square().mean()) for axis in (2, 3, 4))

    assert bent(stiff) < 0.1 * bent(soft)


def test_where_nothing_is_compared_nothing_moves() -> None:
    moved = warp(anatomy(), torch.full((1, 3, *SHAPE), 1.5))
    nobody = torch.zeros_like(EVERYWHERE)
    found = refine(pair_of(moved, anatomy(), nobody), NOWHERE, 4, UNASKED)
    assert found.flow.abs().max() < 1e-4


def test_a_field_that_would_fold_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def wild(_: RefinementProblem, control: torch.Tensor) -> torch.Tensor:
        return -2 * identity_grid(SHAPE, control)

    monkeypatch.setattr(RefinementProblem, "field", wild)
    start = shift_of(0.0, 1.0, 0.0)
    assert (jacobian_determinant(wild(None, start)) < 0).all()
    found = refine(pair_of(anatomy(), anatomy()), start, 1, UNASKED)
    assert torch.equal(found.flow, start)
    assert (found.used, found.steps) == (False, 1)
    assert "fold" in (found.reason or "")


LEVELS = RefinementPolicy((Level(2000.0), Level(100.0, 15.0)), least_gain=0.004, least_t=3.0)


def test_a_supple_level_follows_what_a_stiff_one_cannot() -> None:
    truth = wave()
    pair = pair_of(warp(anatomy(), -truth), 1 - anatomy())
    stiff = refine(pair, NOWHERE, 4, LEVELS._replace(levels=LEVELS.levels[:1]))
    both = refine(pair, NOWHERE, 4, LEVELS)
    assert (stiff.levels, both.levels) == (1, 2)
    assert stiff.steps < both.steps <= 8
    assert both.held_out == stiff.held_out  # of the first level
    assert error(both.flow, truth) < 0.75 * error(stiff.flow, truth)


def test_a_level_that_does_not_generalise_leaves_the_field_of_those_before() -> None:
    """Noise of its own in each volume: where they lie right, a supple field follows chance."""
    truth = shift_of(0.0, 1.6, 0.0)
    pair = pair_of(warp(anatomy(), -truth) + noise(1), 1 - anatomy() + noise(2))
    stiff = refine(pair, NOWHERE, 6, LEVELS._replace(levels=LEVELS.levels[:1]))
    both = refine(pair, NOWHERE, 6, LEVELS)
    assert stiff.used
    assert torch.equal(both.flow, stiff.flow)
    assert (both.levels, both.steps, both.reason) == (1, stiff.steps, None)
    followed = refine(pair, NOWHERE, 6, LEVELS._replace(least_gain=-1.0, least_t=-1e9))
    assert error(followed.flow, truth) > error(stiff.flow, truth)


def test_a_level_that_would_fold_leaves_the_field_of_those_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = pair_of(warp(anatomy(), -wave()), 1 - anatomy())
    stiff = refine(pair, NOWHERE, 4, LEVELS._replace(levels=LEVELS.levels[:1]))
    usual = RefinementProblem.field

    def wild(problem: RefinementProblem, control: torch.Tensor) -> torch.Tensor:
        if problem.lattice.pitch == 15.0:
            return -2 * identity_grid(SHAPE, control)
        return usual(problem, control)

    monkeypatch.setattr(RefinementProblem, "field", wild)
    found = refine(pair, NOWHERE, 4, LEVELS)
    assert torch.equal(found.flow, stiff.flow)
    assert (found.used, found.levels, found.reason) == (True, 1, None)


@pytest.mark.parametrize("shape", [(2, 30, 30), (3, 5, 40), (2, 2, 2)])
def test_a_tiny_volume_is_no_error(shape: tuple[int, int, int]) -> None:
    small = torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(0))
    for spacing in (1.5, 25.0):
        pair = replace(pair_of(small, small, small > -1), spacing=spacing)
        found = refine(pair, torch.zeros(1, 3, *shape), 4, SOFT)
        assert torch.isfinite(found.flow).all()


def test_it_can_be_stopped_and_reports_how_far_it_is() -> None:
    fractions: list[float] = []

    def progress(fraction: float) -> None:
        fractions.append(fraction)
        if fraction > 0.5:
            raise Cancelled("stopped")

    moved = pair_of(warp(anatomy(), -wave()), anatomy())
    with pytest.raises(Cancelled):
        refine(moved, NOWHERE, 4, LEVELS, progress)
    assert fractions == sorted(fractions)
    assert len(fractions) > 4
    assert fractions[-1] < 1  # in the second level


def test_a_step_that_hardly_moves_ends_a_level() -> None:
    settled = UNASKED._replace(settled_mm=policy_of("mr", "mr").settled_mm)
    still, moved = pair_of(anatomy(), anatomy()), pair_of(warp(anatomy(), -wave()), anatomy())
    assert refine(still, NOWHERE, 10, settled).steps == 1
    assert 2 <= refine(moved, NOWHERE, 10, settled).steps < 10
    assert refine(still, NOWHERE, 10, UNASKED).steps == 10
    assert policy_of("ct", "mr").settled_mm == 0  # who asks for steps gets them


def test_the_same_input_gives_the_same_field() -> None:
    pair = pair_of(anatomy(1), anatomy(2))
    first, second = (refine(pair, NOWHERE, 2, UNASKED) for _ in range(2))
    assert torch.equal(first.flow, second.flow)
    assert first.held_out == second.held_out


def test_choices() -> None:
    assert steps_for("off", "mr", "mr") == 0
    assert steps_for("auto", "mr", "mr") == AUTO_STEPS
    assert steps_for("auto", "pet", "ct") == 0
    assert steps_for("25", "pet", "ct") == steps_for(25, "pet", "ct") == 25
    stiff, supple = policy_of("pet", "ct").levels, policy_of("mr", "mr").levels
    assert stiff[0].bending_weight >= supple[0].bending_weight
    assert refine(pair_of(anatomy(), anatomy()), NOWHERE, 0, SOFT) == Refined(NOWHERE, 0, None, 0)
    for wrong in ("often", -1, "100000"):
        with pytest.raises(InputError, match="off, auto or a number"):
            steps_for(wrong, "mr", "mr")


def test_every_auto_pair_has_a_policy() -> None:
    assert {pair for pair in refinement.MEASURED if steps_for("auto", *pair)} == set(
        refinement.MEASURED
    )


MR_ON_MR = ("mr", "mr")


def test_a_predicted_field_that_lies_nearer_is_where_the_refinement_begins() -> None:
    truth = shift_of(6.0, -5.0, 4.0)  # 13 mm: beyond what the refinement finds from rest
    pair = pair_of(warp(anatomy(), -truth), anatomy())
    found = deform(pair, lambda: 0.9 * truth, MR_ON_MR, AUTO_STEPS)
    assert found.start == "network"
    assert error(found.flow, truth) < 0.1 * error(NOWHERE, truth)


@pytest.mark.parametrize("steps", [0, AUTO_STEPS])
def test_a_predicted_field_that_does_not_fit_is_left_out(steps: int) -> None:
    pair = pair_of(anatomy(), anatomy())
    found = deform(pair, lambda: shift_of(1.0, 1.0, -1.0), MR_ON_MR, steps)
    assert found.start == "rest"
    assert error(found.flow, NOWHERE) < 0.02


def unasked() -> torch.Tensor:
    raise AssertionError("the network's field is computed")


def test_the_network_is_not_asked_about_a_pair_that_the_refinement_hardly_moves() -> None:
    truth = 0.15 * wave()
    pair = pair_of(warp(anatomy(), -truth), anatomy())
    found = deform(pair, unasked, MR_ON_MR, AUTO_STEPS)
    assert found.refined.used
    assert error(found.flow, truth) < 0.7 * error(NOWHERE, truth)
    with pytest.raises(AssertionError, match="is computed"):
        deform(pair, unasked, MR_ON_MR, 0)  # nothing was refined: nobody knows


def test_a_predicted_field_counts_only_where_it_was_measured_to_help() -> None:
    truth = shift_of(0.0, 0.0, 3.0)
    pair = pair_of(warp(anatomy(), -truth), anatomy())
    found = deform(pair, unasked, ("ct", "mr"), 0)
    assert found.start == "rest"
    assert not found.flow.any()


def test_the_gain_of_a_field_is_the_loss_of_going_back() -> None:
    truth = wave()
    pair = pair_of(warp(anatomy(), -truth), anatomy())
    forth, back = gain_of(pair, truth, NOWHERE), gain_of(pair, NOWHERE, truth)
    assert forth.gain > 0.03 > back.gain
    assert forth.t == pytest.approx(-back.t, abs=0.5)
