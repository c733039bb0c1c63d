"""Which volume is pulled, and at what spacings: slabs, halves, stripped volumes."""

from __future__ import annotations

import numpy as np
import pytest
from head_phantom import DEGRADED, REFERENCE, error_mm, places, radius, rigid, scan, seen

from UniFuseLib.registration.affine import register
from UniFuseLib.registration.affine_levels import (
    Levels,
    better_as_reference,
    levels_of,
    thickness_mm,
)
from UniFuseLib.spatial.volume import Volume

TRUTH = rigid((6.0, -5.0, 7.0, 5.0, -4.0, 6.0))


def cut(volume: Volume, axis: int, first: int, count: int) -> Volume:
    """Slices `first` to before `first + count` of an axis, where they lie."""
    affine = volume.affine.copy()
    affine[:3, 3] += first * affine[:3, axis]
    return Volume(volume.array.take(range(first, first + count), axis=axis), affine)


def thin(volume: Volume, axis: int) -> Volume:
    """About 28 mm in the middle."""
    count = round(28 / volume.grid.spacing[axis])
    return cut(volume, axis, (volume.array.shape[axis] - count) // 2, count)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_thickness_is_that_of_the_plate_however_it_lies(axis: int) -> None:
    sides = np.array([150.0, 130.0, 170.0])
    sides[axis] = 24.0
    steps = [np.linspace(-side / 2, side / 2, 25) for side in sides]
    plate = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    turn = rigid((0, 0, 0, 25.0, -40.0, 60.0))[:3, :3]
    assert thickness_mm(plate @ turn.T + [40, -200, 900]) == pytest.approx(25, abs=0.5)


def test_thin_bodies_climb_at_finer_spacings() -> None:
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (20_000, 3))
    assert levels_of(points * [160, 140, 60]) == Levels()
    coarse, medium, fine = levels_of(points * [160, 27, 150])
    assert coarse == pytest.approx(4.5, abs=0.1)
    assert medium == coarse
    assert fine == Levels().fine
    assert levels_of(points * [9, 160, 150]) == (3.0, 3.0, 3.0)


def test_the_one_that_shows_less_is_not_pulled() -> None:
    whole, other = seen(scan(DEGRADED, "t2"), "mr"), seen(scan(REFERENCE, "t1"), "mr")
    assert not better_as_reference(whole, other)
    for axis in range(3):
        slab = seen(thin(scan(DEGRADED, "t2"), axis), "mr")
        assert better_as_reference(slab, other)
        assert not better_as_reference(other, slab)


@pytest.mark.parametrize(("stays", "pulled"), [("pet", "ct"), ("pet", "mr"), ("ct", "mr")])
def test_of_two_modalities_one_stays_whichever_is_the_reference(stays: str, pulled: str) -> None:
    one = seen(scan(DEGRADED, "t2"), "mr")
    other = seen(scan(REFERENCE, "t1"), "mr")
    for first, second in ((one, other), (other, one)):
        staying = first._replace(modality=stays)
        moving = second._replace(modality=pulled)
        assert better_as_reference(staying, moving)
        assert not better_as_reference(moving, staying)


def test_a_slab_is_not_pulled_whatever_its_modality() -> None:
    slab = seen(thin(scan(DEGRADED, "t2"), 0), "mr")
    whole = seen(scan(REFERENCE, "t1"), "mr")._replace(modality="pet")
    assert better_as_reference(slab, whole)
    assert not better_as_reference(whole, slab)


def test_what_was_stripped_is_pulled() -> None:
    fixed, moving = scan(REFERENCE, "t1"), seen(scan(DEGRADED, "t2"), "mr")
    inner = radius(places(REFERENCE)) < 0.75
    brain = seen(Volume(np.where(inner, fixed.array, 0), fixed.affine), "mr")
    assert brain.body_ml() < 0.75 * moving.body_ml() < brain.seen_ml()
    assert better_as_reference(moving, brain)
    assert not better_as_reference(brain, moving)


def test_the_volume_of_a_body_is_that_of_its_voxels() -> None:
    moving = seen(scan(DEGRADED, "t2"), "mr")
    expected = moving.body.sum() * np.prod(moving.values.grid.spacing) / 1000
    assert moving.body_ml() == pytest.approx(expected)


@pytest.mark.parametrize("side", ["degraded", "reference"])
def test_a_slab_is_found_on_either_side(side: str) -> None:
    """The pose is that of the whole volumes: not its inverse, whichever of them was pulled."""
    moving, fixed = scan(DEGRADED, "t2", TRUTH, 30), scan(REFERENCE, "t1", None, 30, seed=9)
    if side == "degraded":
        moving = thin(moving, 1)
    else:
        fixed = thin(fixed, 0)
    result = register(seen(moving, "mr"), seen(fixed, "mr"))
    assert error_mm(np.eye(4), TRUTH) > 10
    assert error_mm(result.matrix, TRUTH) < 1.2
    assert result.evidence is not None
    assert (result.evidence.covered < 0.4) == (side == "degraded")
    assert any("rests on" in warning for warning in result.warnings) == (
        result.evidence.covered < 0.3
    )
