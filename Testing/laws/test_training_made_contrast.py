"""Contrasts made from a scan: where they lie, what tissues look like, which scanner they get."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from UniFuseLib.preprocessing.intensity import IntensityMap
from UniFuseLib.simulation.degrade import slice_axis
from UniFuseLib.spatial.volume import Grid
from UniFuseLib.training.data import PackedSubject, PackedVolume
from UniFuseLib.training.made_contrast import made_mr, made_pair, piecewise_linear
from UniFuseLib.training.pairs import draw_pair
from UniFuseLib.training.sample_settings import SampleSettings
from UniFuseLib.training.samples import generator_of

CT = IntensityMap("knots", values=(-1024.0, -160.0, 240.0, 1600.0), units=(0.0, 0.15, 0.75, 1.0))
SHAPE = (30, 26, 34)
TISSUES = {"air": -1000.0, "fat": -100.0, "muscle": 55.0, "bone": 1200.0}


def oblique(spacing: tuple[float, float, float]) -> Grid:
    turn, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = [7.0, -5.0, 11.0]
    return Grid(SHAPE, affine)


def layers(spacing: tuple[float, float, float] = (4.0, 3.5, 5.0)) -> PackedVolume:
    """Four tissues one after the other along the first axis of an oblique, anisotropic CT."""
    hounsfield = torch.tensor(list(TISSUES.values())).repeat_interleave(8)[: SHAPE[0]]
    unit = CT.forward(hounsfield)[:, None, None].expand(SHAPE)
    codes = (unit * 255).round().to(torch.uint8).contiguous()
    return PackedVolume(codes, oblique(spacing), "ct", map=CT)


def middle(volume: PackedVolume) -> np.ndarray:
    return np.asarray(volume.grid.corners().mean(0))


@pytest.mark.parametrize("look", ["t1", "t2"])
def test_an_mr_like_contrast_shows_fat_bright_and_bone_and_air_dark(look: str) -> None:
    made = made_mr(layers(), look, generator_of(1, 2, 3))
    shown = made.codes.float()[:, 4:-4, 4:-4].mean((1, 2)) * (made.top / 255)
    air, fat, muscle, bone = (float(shown[k]) for k in (3, 11, 19, 27))
    assert made.kind == "mr"
    assert air < 0.1
    assert bone < 0.2
    assert fat > muscle > bone
    assert np.array_equal(made.grid.affine, layers().grid.affine)


def test_the_pair_is_one_anatomy_on_one_grid_around_the_centre() -> None:
    scan = layers()
    centre = scan.grid.affine[:3, :3] @ np.array([11.0, 6.0, 20.0]) + scan.grid.affine[:3, 3]
    first, second, _ = made_pair(scan, centre, 18.0, 1.5, generator_of(0, 0, 0))
    assert first.grid.shape == second.grid.shape
    np.testing.assert_allclose(first.grid.affine, second.grid.affine)
    at = np.linalg.solve(first.grid.affine, np.append(centre, 1.0))[:3]
    spacing = np.array(first.grid.spacing)
    assert (at * spacing >= 18.0).all()
    assert ((np.array(first.grid.shape) - 1 - at) * spacing >= 18.0).all()
    assert (np.array(first.grid.shape) < np.array(SHAPE)).any()  # no more than is read


def test_the_scanner_has_its_slices_across_the_long_axis_of_the_patient() -> None:
    scan = layers()
    found = set()
    for seed in range(40):
        first, _, scanner = made_pair(scan, middle(scan), 40.0, 1.5, generator_of(seed, 0, 0))
        np.testing.assert_allclose(scanner.directions, scan.grid.directions, atol=1e-12)
        across = slice_axis(scan.grid)
        in_plane = [float(s) for k, s in enumerate(scanner.spacing) if k != across]
        assert in_plane[0] == pytest.approx(in_plane[1])
        found.add((first.kind, round(float(scanner.spacing[across]), 2)))
    assert ("ct", 3.3) in found
    assert ("mr", 4.0) in found


def test_a_single_mr_gets_another_order_of_greys_and_keeps_its_own() -> None:
    scan = layers()
    mr = PackedVolume(scan.codes, scan.grid, "mr", top=1.2)
    first, second, _ = made_pair(mr, middle(mr), 60.0, 1.5, generator_of(3, 0, 0))
    own = [torch.equal(v.codes, first.codes) for v in (first, second)]
    assert own[0]
    assert not own[1]
    assert {first.kind, second.kind} == {"mr"}


def test_piecewise_linear_passes_through_its_points_and_stays_beyond_them() -> None:
    values = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0, 9.0])
    out = piecewise_linear(values, (0.0, 1.0, 2.0), (0.2, 0.8, 0.0))
    torch.testing.assert_close(out, torch.tensor([0.2, 0.2, 0.5, 0.8, 0.0, 0.0]))


def test_scans_that_stand_alone_are_drawn_only_with_a_made_partner() -> None:
    subjects = [PackedSubject("alone", {"ct": layers()})]
    for seed in range(5):
        settings = SampleSettings(crop=16, synthetic=0.0, made=1.0)
        pair, _ = draw_pair(subjects, settings, 1.5, generator_of(seed, 0, 0))
        assert {pair.degraded.kind, pair.reference.kind} <= {"ct", "mr"}
        assert pair.degraded is not pair.reference
