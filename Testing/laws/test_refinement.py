"""Test-time optimisation: it finds a known remainder, leaves an aligned pair alone, and never folds."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from UniFuseLib import refinement
from UniFuseLib.errors import Cancelled, InputError
from UniFuseLib.geometry import index_grid, warp
from UniFuseLib.refinement import AUTO_STEPS, refine, steps_for

SHAPE = (40, 56, 48)


def anatomy(seed: int = 0) -> torch.Tensor:
    """Blobs of 4 to 16 voxels, `(1, 1, 40, 56, 48)` in about 0..1."""
    generator = torch.Generator().manual_seed(seed)
    coarse, fine = (torch.rand(1, 1, *(n // k + 1 for n in SHAPE), generator=generator) for k in (8, 4))
    return sum(0.5 * F.interpolate(v, size=SHAPE, mode="trilinear") for v in (coarse, fine))


def noise(seed: int) -> torch.Tensor:
    return 0.2 * torch.randn(1, 1, *SHAPE, generator=torch.Generator().manual_seed(seed))


EVERYWHERE = torch.ones(1, 1, *SHAPE, dtype=torch.bool)
INSIDE = (..., slice(8, -8), slice(8, -8), slice(8, -8))
NOWHERE = torch.zeros(1, 3, *SHAPE)


@pytest.mark.parametrize("shift", [(1.6, 0.0, 0.0), (0.0, -1.6, 0.0), (0.0, 0.0, 1.6)])
def test_a_known_shift_is_found_across_contrasts(shift: tuple[float, float, float]) -> None:
    truth = torch.tensor(shift).view(1, 3, 1, 1, 1).expand(1, 3, *SHAPE)
    clean = anatomy()
    moved = warp(clean, -truth)  # degraded(x + shift) is reference(x)
    found = refine(moved, 1 - clean, NOWHERE, EVERYWHERE, 60)
    error = (found - truth)[INSIDE].norm(dim=1).mean()
    assert error < 0.35 * 1.6
    assert (found + truth)[INSIDE].norm(dim=1).mean() > 2  # the law would see a wrong sign


def test_it_goes_on_from_the_networks_field() -> None:
    truth = torch.tensor([2.0, 0.0, -2.0]).view(1, 3, 1, 1, 1).expand(1, 3, *SHAPE)
    moved = warp(anatomy(), -truth)
    start = 0.6 * truth
    found = refine(moved, anatomy(), start.contiguous(), EVERYWHERE, 30)
    assert (found - truth)[INSIDE].norm(dim=1).mean() < 0.6 * (start - truth)[INSIDE].norm(dim=1).mean()


def test_an_aligned_noisy_pair_is_not_drawn_half_way_between_the_voxels() -> None:
    """Interpolation smooths noise away: where only one volume is interpolated, half a voxel off fits best."""
    degraded, reference = anatomy() + noise(1), 1 - anatomy() + noise(2)
    found = refine(degraded, reference, NOWHERE, EVERYWHERE, 30)
    assert found[INSIDE].abs().mean() < 0.15  # read on its voxels, the reference pulls 0.28 away


def test_where_nothing_is_compared_nothing_moves() -> None:
    moved = warp(anatomy(), torch.full((1, 3, *SHAPE), 1.5))
    found = refine(moved, anatomy(), NOWHERE, torch.zeros_like(EVERYWHERE), 10)
    assert found.abs().max() < 1e-4


def test_a_field_that_would_fold_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def wild(moving: torch.Tensor, fixed: torch.Tensor, start: torch.Tensor, *rest: object) -> torch.Tensor:
        return -3 * index_grid(start.shape[2:], start)

    monkeypatch.setattr(refinement, "_descend", wild)
    assert torch.equal(refine(anatomy(), anatomy(), NOWHERE, EVERYWHERE, 4), NOWHERE)


def test_it_can_be_stopped_and_tells_how_far_it_is() -> None:
    fractions: list[float] = []

    def tell(fraction: float) -> None:
        fractions.append(fraction)
        if fraction > 0.5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        refine(anatomy(), anatomy(), NOWHERE, EVERYWHERE, 20, tell)
    assert fractions == sorted(fractions)
    assert len(fractions) > 5


def test_the_same_input_gives_the_same_field() -> None:
    pair = anatomy(1), anatomy(2)
    assert torch.equal(refine(*pair, NOWHERE, EVERYWHERE, 6), refine(*pair, NOWHERE, EVERYWHERE, 6))


def test_basis_is_a_partition_of_unity() -> None:
    torch.testing.assert_close(refinement._basis(23, 5, 23 // 5 + 4).sum(1), torch.ones(23))


def test_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refinement, "_HELPS", frozenset({("ct", "mr")}))
    assert steps_for("off", "ct", "mr") == 0
    assert steps_for("auto", "ct", "mr") == AUTO_STEPS
    assert steps_for("auto", "mr", "ct") == 0
    assert steps_for("25", "mr", "mr") == steps_for(25, "mr", "mr") == 25
    for wrong in ("often", -1, "100000"):
        with pytest.raises(InputError, match="off, auto or a number"):
            steps_for(wrong, "mr", "mr")
