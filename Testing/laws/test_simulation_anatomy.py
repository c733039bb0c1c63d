"""Laws of misalignments by anatomy and of what a scan shows, on oblique anisotropic grids."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from UniFuseLib.evaluation.sampling import covered, pull
from UniFuseLib.simulation.acquisition import (
    SLAB_SLICES,
    field_of_view,
    is_brain,
    stripped,
    thickened,
)
from UniFuseLib.simulation.anatomy import (
    BODY,
    HEAD,
    LARGE_TURN,
    Placed,
    moved_grid,
    place_by_anatomy,
    rigidly_scaled,
    sample_by_anatomy,
)
from UniFuseLib.simulation.cases import misalign
from UniFuseLib.simulation.displacement_scale import scale_to_mean
from UniFuseLib.simulation.field_of_view import as_array
from UniFuseLib.simulation.misalignment_field import Deformation
from UniFuseLib.simulation.parameters import local_generator
from UniFuseLib.simulation.tasks import BINS
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from UniFuseLib.simulation.misalignment import Misalignment, MisalignmentRange

SEEDS = range(3)


def oblique(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], angles: tuple[float, ...]
) -> Grid:
    """Axes turned and in another order, centred at (210, -95, 140) mm."""
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()[:, [2, 0, 1]]
    affine[:3, :3] = turn * np.array(spacing)
    affine[:3, 3] = np.array([210.0, -95.0, 140.0]) - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Grid(shape, affine)


REFERENCE = oblique((14, 18, 22), (11.0, 8.0, 6.0), (12.0, -20.0, 7.0))
SCAN = oblique((24, 26, 30), (6.0, 5.0, 4.5), (-14.0, 9.0, 31.0))


def places(grid: Grid) -> np.ndarray:
    index = np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1)
    return np.asarray(index @ grid.linear.T + grid.origin)


def body() -> np.ndarray:
    """An ellipsoid around the centre, on the reference grid."""
    centre = np.array([210.0, -95.0, 140.0])
    return np.asarray((((places(REFERENCE) - centre) / [45, 40, 50]) ** 2).sum(-1) < 1)


def blob(grid: Grid) -> Volume:
    """Two smooth blobs of different size; no symmetry that would hide a swap."""
    world = places(grid) - [210.0, -95.0, 140.0]
    first = np.exp(-(((world - [5, -8, 3]) / [28, 22, 35]) ** 2).sum(-1))
    second = np.exp(-(((world - [-24, 19, -21]) / [18, 24, 21]) ** 2).sum(-1))
    return Volume((first + 0.6 * second).astype(np.float32), grid.affine)


def place(kind: str, seed: int, bin_name: str) -> Placed:
    return place_by_anatomy(local_generator(seed), kind, SCAN, REFERENCE, body(), bin_name)


def elastic_mm(drawn: Misalignment) -> np.ndarray:
    """|φ(X) − R⁻¹X| inside the body, mm: what is not rigid."""
    inverse = np.linalg.inv(drawn.matrix)
    points = places(REFERENCE)
    there = points + as_array(Deformation(drawn).phi(REFERENCE))
    rigid = points @ inverse[:3, :3].T + inverse[:3, 3]
    return np.asarray(np.linalg.norm(there - rigid, axis=-1)[body()])


@pytest.mark.parametrize(("kind", "ranges"), [("head", HEAD), ("body", BODY)])
@pytest.mark.parametrize("seed", SEEDS)
def test_draws_stay_within_the_anatomy(kind: str, ranges: MisalignmentRange, seed: int) -> None:
    drawn = sample_by_anatomy(local_generator(seed), kind, SCAN, REFERENCE)
    assert max(map(abs, drawn.rotation_deg)) <= 20
    assert max(map(abs, drawn.translation_mm)) <= 30
    np.testing.assert_allclose(drawn.matrix[:3, :3].T @ drawn.matrix[:3, :3], np.eye(3), atol=1e-9)
    found = elastic_mm(drawn)
    assert found.max() <= ranges.elastic_mm + 0.05
    assert found.mean() > 0.02 * drawn.elastic_mm
    assert (HEAD.elastic_mm, BODY.elastic_mm) == (2.0, 10.0)


@pytest.mark.parametrize(("kind", "bin_name"), [("head", "3-8"), ("body", "8-15"), ("head", ">15")])
def test_the_mean_displacement_lies_in_the_bin(kind: str, bin_name: str) -> None:
    low, high = BINS[bin_name]
    for seed in range(2):
        placed = place(kind, seed, bin_name)
        field = as_array(Deformation(placed.misalignment).phi(REFERENCE))
        assert low <= np.linalg.norm(field[placed.body], axis=1).mean() < high
        assert placed.body[body()].mean() > 0.8
        assert not placed.body[~body()].any()


def test_a_large_turn_is_large_and_apart_means_that_no_place_is_shared() -> None:
    turned, apart = place("turned", 0, ">15"), place("apart", 0, ">15")
    angle = np.linalg.norm(turned.misalignment.rotation_deg)
    assert LARGE_TURN[0] <= angle <= LARGE_TURN[1]
    assert not covered(apart.grid, None, REFERENCE).any()
    for placed in (turned, apart):  # the field of view goes with the patient
        assert placed.body[body()].mean() > 0.8


def test_the_rigid_part_stands_in_the_header_and_resamples_nothing() -> None:
    drawn = sample_by_anatomy(local_generator(5), "turned", SCAN, REFERENCE)
    rigid = dataclasses.replace(drawn, elastic_mm=0.0)
    grid = moved_grid(SCAN, rigid)
    assert np.abs(grid.directions - SCAN.directions).max() > 0.3
    np.testing.assert_allclose(grid.spacing, SCAN.spacing, rtol=1e-9)
    moved = misalign(blob(SCAN), Deformation(rigid), 0.0, grid)
    np.testing.assert_allclose(moved.array, blob(SCAN).array, atol=1e-4)


@pytest.mark.parametrize(("kind", "bin_name"), [("body", "8-15"), ("turned", ">15")])
def test_the_label_reads_the_moved_scan_where_the_reference_point_lies(
    kind: str, bin_name: str
) -> None:
    """moved(φ(X)) = clean(X): another sign, order of axes or centre is far off."""
    placed = place(kind, 3, bin_name)
    deformation = Deformation(placed.misalignment)
    moved = misalign(blob(SCAN), deformation, 0.0, placed.grid)
    truth = as_array(deformation.phi(REFERENCE))
    expected, inside = blob(REFERENCE).array, placed.body
    found = pull(moved, truth, REFERENCE)
    assert np.abs(found - expected)[inside].mean() < 0.01
    flipped = pull(moved, -truth, REFERENCE)
    swapped = pull(moved, truth[..., [1, 0, 2]], REFERENCE)
    for wrong in (flipped, swapped, pull(moved, None, REFERENCE)):
        assert np.abs(wrong - expected)[inside].mean() > 0.05


def test_scaling_the_rigid_part_leaves_the_elastic_one() -> None:
    drawn = sample_by_anatomy(local_generator(1), "body", SCAN, REFERENCE)
    half = rigidly_scaled(drawn, 0.5)
    assert half.rotation_deg == tuple(0.5 * v for v in drawn.rotation_deg)
    assert half.translation_mm == tuple(0.5 * v for v in drawn.translation_mm)
    assert (half.elastic_mm, half.seed, half.box_mm) == (drawn.elastic_mm, drawn.seed, drawn.box_mm)


def test_same_seed_same_misalignment_and_field_of_view() -> None:
    for kind in ("head", "body", "turned", "apart"):
        first, second = (sample_by_anatomy(local_generator(7), kind, SCAN, REFERENCE) for _ in "ab")
        assert first == second
        assert np.array_equal(moved_grid(SCAN, first).affine, moved_grid(SCAN, second).affine)
    placed = [place("head", 7, "3-8") for _ in range(2)]
    assert placed[0].misalignment == placed[1].misalignment
    assert np.array_equal(placed[0].body, placed[1].body)
    views = [field_of_view(local_generator(4), SCAN, "") for _ in range(2)]
    assert views[0].same_as(views[1])


@pytest.mark.parametrize("acquisition", ["", "slab"])
def test_a_field_of_view_leaves_its_voxels_where_they_were(acquisition: str) -> None:
    for seed in SEEDS:
        view = field_of_view(local_generator(seed), SCAN, acquisition)
        first = SCAN.index_to_index(view)[:3, 3]
        offset = np.rint(-first).astype(int)
        np.testing.assert_allclose(-first, offset, atol=1e-6)
        assert (offset >= 0).all()
        assert (offset + view.shape <= np.array(SCAN.shape)).all()
        across = int(np.abs(SCAN.directions[2]).argmax())
        if acquisition == "slab":
            assert view.shape[across] == SLAB_SLICES
        kept = [k for k in range(3) if acquisition != "slab" or k != across]
        assert all(view.shape[k] >= 0.85 * SCAN.shape[k] for k in kept)


def test_thick_slices_leave_every_point_in_its_place() -> None:
    """A linear ramp in world coordinates stays that ramp."""
    grid = oblique((40, 18, 22), (1.5, 2.0, 2.5), (5.0, 8.0, -4.0))
    slope = np.array([2.0, -1.0, 3.0])
    ramp = Volume((places(grid) @ slope).astype(np.float32), grid.affine)
    thick = thickened(ramp, across=0)
    assert thick.grid.shape == (10, 18, 22)
    np.testing.assert_allclose(thick.grid.spacing, [6.0, 2.0, 2.5])
    np.testing.assert_allclose(thick.array[1:-1], (places(thick.grid) @ slope)[1:-1], atol=0.5)


def test_stripping_keeps_brain_and_fluid_alone() -> None:
    labels = np.zeros((3, 4, 5), np.int16)
    labels[0], labels[1], labels[2] = 2, 24, 515
    grid = oblique((3, 4, 5), (2.0, 1.5, 1.0), (5.0, 8.0, -4.0))
    volume = Volume(np.full((3, 4, 5), 7, np.int16), grid.affine)
    kept = stripped(volume, Volume(labels, grid.affine), -1000.0)
    assert kept.array.dtype == np.int16
    assert np.array_equal(kept.array == 7, is_brain(labels))
    assert (kept.array[2] == -1000).all()
    assert not is_brain(np.array([0, 500, 507, 511])).any()


def test_a_target_below_the_elastic_part_ends_within_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secant has no root there: it must neither run away nor call the body still."""
    tried: list[float] = []

    def mean(factor: float, _: object) -> float:
        tried.append(factor)
        return 4.0 + 1e-4 * factor

    place = "UniFuseLib.simulation.displacement_scale"
    monkeypatch.setattr(f"{place}.mean_displacement", mean)
    monkeypatch.setattr(f"{place}.Deformation", lambda scaled: scaled)
    for target in (0.5, 9.0):
        scale_to_mean(1.0, np.zeros((1, 3)), target, scaled=lambda _, factor: factor)  # type: ignore[arg-type, return-value]
    assert max(tried) <= 32.0
