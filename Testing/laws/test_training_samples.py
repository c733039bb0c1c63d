"""Samples against closed-form anatomy: volumes that are known functions of RAS mm, on oblique,
anisotropic grids.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from Testing.laws.turned_grid import oblique
from UniFuseLib.degradation import CLASSES, DEGRADATION_OF
from UniFuseLib.preprocessing.intensity import IntensityMap
from UniFuseLib.simulation.misalignment import REMAINDER, MisalignmentRange
from UniFuseLib.spatial.displacement import affine_index, warp
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Grid, Volume
from UniFuseLib.training.crops import whole_grid
from UniFuseLib.training.data import PackedSubject, PackedVolume
from UniFuseLib.training.pairs import draw_pair
from UniFuseLib.training.sample_settings import SampleSettings
from UniFuseLib.training.samples import Sample, draw_batch, draw_sample, generator_of
from UniFuseLib.training.scanner import bring, scanner_grid

# --- samples ------------------------------------------------------------------------------------


def anatomy(points: torch.Tensor, kind: str) -> torch.Tensor:
    """A smooth function of RAS mm `(1, 3, d, h, w)` in [0, 1], another one for every kind."""
    phase = {"mr": 0.0, "ct": 1.0, "pet": 2.0}[kind]
    r, a, s = points[:, 0:1], points[:, 1:2], points[:, 2:3]
    waves = (
        torch.sin(r / 7 + phase)
        + torch.sin(a / 9 + r / 25 + 2 * phase)
        + torch.sin(s / 8 - a / 30 + 3 * phase)
    )
    return 0.5 + waves / 6


def scan(kind: str, seed: int) -> PackedVolume:
    grid = oblique((96, 76, 104), (1.3, 1.5, 1.1), seed)
    like = torch.empty(0, dtype=torch.float64)
    values = anatomy(affine_index(grid.affine, grid.shape, like), kind)[0, 0]
    codes = (values * 255).round().to(torch.uint8)
    maps = {
        "ct": IntensityMap(
            "knots", values=(-1024.0, -160.0, 240.0, 1600.0), units=(0.0, 0.15, 0.75, 1.0)
        ),
        "mr": IntensityMap("percentile", scale=700.0, ceiling=2.0),
        "pet": IntensityMap("percentile", scale=5.0, gamma=0.5, ceiling=16.0),
    }
    return PackedVolume(codes, grid, kind, map=maps[kind])


@pytest.fixture(scope="module")
def subjects() -> list[PackedSubject]:
    return [
        PackedSubject(
            "one", {kind: scan(kind, seed) for seed, kind in enumerate(("mr", "ct", "pet"), 5)}
        )
    ]


SETTINGS = SampleSettings(crop=24, spacings_mm=(1.5,), synthetic=0.0, still=0.0, clean=1.0)
INTERIOR = (..., slice(8, -8), slice(8, -8), slice(8, -8))


def difference(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first - second)[INTERIOR].abs().mean())


@pytest.mark.parametrize("seed", range(4))
def test_the_label_brings_the_misaligned_volume_back(
    subjects: list[PackedSubject], seed: int
) -> None:
    sample = draw_sample(subjects, SETTINGS, generator_of(seed, 0, 0))
    before = difference(sample.fine, sample.clean)
    assert before > 0.005
    after = difference(warp(sample.fine, sample.flow), sample.clean)
    assert after < 0.1 * before
    # the law would not notice a field in the wrong direction, order or unit if these were as good
    for wrong in (-sample.flow, sample.flow.flip(1), sample.flow * 1.5):
        assert difference(warp(sample.fine, wrong), sample.clean) > 3 * after


@pytest.mark.parametrize("seed", range(4))
def test_the_moved_reference_lies_in_the_frame_of_the_fine_volume(
    subjects: list[PackedSubject], seed: int
) -> None:
    sample = draw_sample(subjects, SETTINGS, generator_of(seed, 1, 0))
    before = difference(sample.reference_moved, sample.reference)
    assert difference(warp(sample.reference_moved, sample.flow), sample.reference) < 0.1 * before


def test_without_misalignment_nothing_moves(subjects: list[PackedSubject]) -> None:
    sample = draw_sample(subjects, replace(SETTINGS, still=1.0), generator_of(0, 0, 0))
    assert sample.flow.abs().max() < 1e-4
    # the edge of the field of view is a voxel of the scanner wide
    inside = (sample.clean > 0) & (sample.fine > 0)
    different = (sample.fine - sample.clean).abs() > 1e-4
    assert (different & inside)[INTERIOR].sum() == 0
    assert different.float().mean() < 0.1


def test_ranges_are_millimetres_on_any_spacing(subjects: list[PackedSubject]) -> None:
    """A pure translation: as long in mm on a fine grid as on a coarse one."""
    only = MisalignmentRange(rotation_deg=0, translation_mm=6, scale=0, elastic_mm=0)
    lengths = []
    for spacing in (1.0, 2.0):
        settings = replace(SETTINGS, spacings_mm=(spacing,), ranges=only)
        sample = draw_sample(subjects, settings, generator_of(7, 0, 0))
        torch.testing.assert_close(sample.spacing_mm, torch.full((1, 3), spacing))
        lengths.append(float((sample.flow * spacing).norm(dim=1).mean()))
    assert 0.5 < lengths[0] < 6 * 3**0.5
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-3)


def test_a_clean_input_is_the_fine_volume(subjects: list[PackedSubject]) -> None:
    sample = draw_sample(subjects, SETTINGS, generator_of(3, 0, 0))
    assert CLASSES[int(sample.label)] == "clean"
    torch.testing.assert_close(sample.degraded, sample.fine, atol=0, rtol=0)


@pytest.mark.parametrize("kind", ["mr", "ct", "pet"])
def test_the_class_is_that_of_the_degraded_modality(
    subjects: list[PackedSubject], kind: str
) -> None:
    pairings = tuple((kind, other) for other in ("mr", "ct", "pet") if other != kind)
    settings = replace(SETTINGS, clean=0.0, pairings=pairings)
    sample = draw_sample(subjects, settings, generator_of(1, 2, 3))
    assert CLASSES[int(sample.label)] == DEGRADATION_OF[kind]
    assert difference(sample.degraded, sample.fine) > 1e-3
    assert (
        difference(sample.degraded, sample.fine) < 0.3
    )  # this anatomy is half bone: CT has strong streaks


def test_every_pairing_is_drawn_in_both_directions(subjects: list[PackedSubject]) -> None:
    kinds = {id(volume.codes): kind for kind, volume in subjects[0].volumes.items()}
    drawn = set()
    for step in range(60):
        pair, _ = draw_pair(subjects, SETTINGS, 1.5, generator_of(0, step, 0))
        drawn.add((kinds[id(pair.degraded.codes)], kinds[id(pair.reference.codes)]))
    assert drawn == {(a, b) for a in kinds.values() for b in kinds.values() if a != b}


def test_the_reference_of_the_task_is_drawn_most_often() -> None:
    volumes = {
        role: scan(kind, 3)
        for role, kind in (("t1", "mr"), ("t2", "mr"), ("ct", "ct"), ("pet", "pet"))
    }
    kind_of = {id(volume.codes): volume.kind for volume in volumes.values()}
    drawn: dict[str, list[str]] = {kind: [] for kind in ("mr", "ct", "pet")}
    for step in range(300):
        pair, _ = draw_pair(
            [PackedSubject("one", volumes)], SETTINGS, 1.5, generator_of(0, step, 0)
        )
        drawn[kind_of[id(pair.degraded.codes)]].append(kind_of[id(pair.reference.codes)])
    for degraded, task in (("mr", "mr"), ("ct", "mr"), ("pet", "ct")):
        assert 0.5 < drawn[degraded].count(task) / len(drawn[degraded]) < 0.8
        assert len(drawn[degraded]) > 60  # every class as often as the others


def test_the_same_seed_step_and_place_make_the_same_sample(subjects: list[PackedSubject]) -> None:
    settings = replace(SETTINGS, clean=0.0, ranges=REMAINDER)
    one, again = (draw_sample(subjects, settings, generator_of(1, 2, 3)) for _ in range(2))
    for first, second in zip(one, again, strict=True):
        assert torch.equal(first, second)
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert not torch.equal(draw_sample(subjects, settings, generator_of(*other)).flow, one.flow)


@pytest.mark.parametrize("seed", range(4))
def test_a_partial_field_of_view_ends_inside_the_crop(
    subjects: list[PackedSubject], seed: int
) -> None:
    sample = draw_sample(
        subjects, replace(SETTINGS, partial=1.0, still=1.0), generator_of(seed, 5, 0)
    )
    for volume in (sample.clean, sample.reference):
        assert 0.02 < (volume == 0).float().mean() < 0.6
        assert volume[..., 12, 12, 12] > 0  # never around the middle


def test_a_batch_holds_its_samples_in_order(subjects: list[PackedSubject]) -> None:
    batch = draw_batch(subjects, SETTINGS, [generator_of(1, 0, place) for place in range(3)])
    assert isinstance(batch, Sample)
    alone = draw_sample(subjects, SETTINGS, generator_of(1, 0, 2))
    assert torch.equal(batch.fine[2:], alone.fine)
    assert torch.equal(batch.flow[2:], alone.flow)


@pytest.mark.parametrize("seed", range(5))
def test_a_whole_frame_lies_inside_the_volume_and_nearly_fills_it(seed: int) -> None:
    whole = oblique((40, 31, 52), (1.9, 2.3, 1.6), seed)
    frame = whole_grid(whole, np.zeros(3), 24, 1.0, generator_of(seed, 0, 0))
    # outer faces of the frame in voxels of the whole volume
    faces = (np.stack([np.full(3, -0.5), np.full(3, 23.5)])) @ frame.affine[
        :3, :3
    ].T + frame.affine[:3, 3]
    inside = (faces - whole.affine[:3, 3]) @ np.linalg.inv(whole.affine[:3, :3]).T
    assert (inside[0] >= -0.5 - 1e-9).all()
    assert (inside[1] <= np.array(whole.shape) - 0.5 + 1e-9).all()
    assert ((inside[1] - inside[0]) >= 0.8 * np.array(whole.shape) - 1e-9).all()


def test_a_whole_frame_makes_a_lawful_sample(subjects: list[PackedSubject]) -> None:
    sample = draw_sample(subjects, replace(SETTINGS, frame="whole", crop=40), generator_of(0, 0, 0))
    before = difference(sample.fine, sample.clean)
    assert difference(warp(sample.fine, sample.flow), sample.clean) < 0.2 * before
    assert len(set(sample.spacing_mm[0].tolist())) == 3


# --- the scanner --------------------------------------------------------------------------------

NATIVE = oblique((20, 34, 28), (3.3, 1.5, 2.0), 9)
CROP = Grid((24, 24, 24), oblique((24, 24, 24), (1.5, 1.5, 1.5), 11).affine)


@pytest.mark.parametrize("kind", ["mr", "ct", "pet"])
def test_the_scanned_region_has_the_scanners_voxels_and_holds_the_crops_middle(kind: str) -> None:
    region = scanner_grid(NATIVE, CROP, kind)
    np.testing.assert_allclose(region.affine[:3, :3], NATIVE.affine[:3, :3])
    first = NATIVE.index_to_index(region)[:3, 3]
    np.testing.assert_allclose(first, first.round(), atol=1e-6)  # on the scanner's own voxels
    middle = np.linalg.solve(region.affine, np.append(CROP.corners().mean(0), 1.0))[:3]
    np.testing.assert_allclose(middle, (np.array(region.shape) - 1) / 2, atol=0.51)
    assert (np.array(region.shape) * region.spacing > 1.2 * 24 * 1.5).all()


def test_scans_come_to_the_crop_as_to_the_working_grid() -> None:
    values = np.random.default_rng(0).random(NATIVE.shape).astype(np.float32)
    for crop in (CROP, Grid((8, 9, 7), CROP.affine @ np.diag([2.6, 2.6, 2.6, 1.0]))):
        expected, coverage = resample(Volume(values, NATIVE.affine), crop, 0.0)
        found = bring(torch.from_numpy(values)[None, None], NATIVE, crop)
        torch.testing.assert_close(found[coverage > 0], expected[coverage > 0], atol=1e-4, rtol=0)
        assert (coverage > 0).float().mean() > 0.5
