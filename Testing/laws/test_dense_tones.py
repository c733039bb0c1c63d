"""Laws of a restored CT's density: the scan is right on average, but for streaks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from UniFuseLib.restoration.aligned_pair import AlignedPair
from UniFuseLib.restoration.tones import dense_tones, metal_on
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.volume import Grid, Volume, affine_of

SHAPE = (30, 34, 38)
SOFT, BONE = 0.5, 0.85
NO_METAL = np.zeros(SHAPE, dtype=bool)


def head(lost: float, noise: float, spacing_mm: float = 1.5) -> tuple[AlignedPair, np.ndarray]:
    """Soft tissue with a block of bone; the restored volume is smooth, its bone too dark."""
    drawn = np.random.default_rng(1)
    inside = np.zeros(SHAPE, dtype=bool)
    inside[8:22, 10:24, 9:30] = True
    truth = np.where(inside, BONE, SOFT).astype(np.float32)
    scan = truth + drawn.normal(0, noise, SHAPE).astype(np.float32)
    restored = truth - np.float32(lost) * inside
    everywhere = torch.ones(1, 1, *SHAPE, dtype=torch.bool)
    volumes = [torch.from_numpy(array.astype(np.float32))[None, None] for array in (restored, scan)]
    return AlignedPair(*volumes, volumes[0], everywhere, everywhere, spacing_mm), inside


@pytest.mark.parametrize("lost", [0.05, 0.0, -0.03])
def test_bone_is_as_dense_as_the_scan_says(lost: float) -> None:
    pair, inside = head(lost, noise=0.1)
    change = dense_tones(pair, NO_METAL)[0, 0].numpy()
    assert change[inside].mean() == pytest.approx(lost, abs=0.01)
    assert not change[~inside].any()


def test_noise_does_not_come_back() -> None:
    pair, inside = head(0.05, noise=0.1)
    change = dense_tones(pair, NO_METAL)[0, 0].numpy()
    assert change[inside].std() < 0.001


def test_nothing_changes_beyond_the_body() -> None:
    pair, _ = head(0.05, noise=0.0)
    body = torch.zeros_like(pair.body)
    body[:, :, :, :18] = True
    change = dense_tones(pair._replace(body=body), NO_METAL)
    assert bool(change[body].any())
    assert not bool(change[~body].any())


@pytest.mark.parametrize(("spacing_mm", "streaks_count"), [(1.5, False), (3.0, True)])
def test_streaks_within_20_mm_of_metal_say_nothing(spacing_mm: float, streaks_count: bool) -> None:
    """They reach ten voxels to both sides of it: 15 mm, or 30 mm."""
    pair, _ = head(0.0, noise=0.0, spacing_mm=spacing_mm)
    bone = torch.full_like(pair.restored, BONE)
    degraded = bone.clone()
    degraded[..., 1:22] += 0.1
    metal = NO_METAL.copy()
    metal[:, :, 11] = True
    seen = pair._replace(restored=bone, degraded=degraded)
    assert bool(dense_tones(seen, metal).any()) is streaks_count
    assert float(dense_tones(seen, NO_METAL).max()) > 0.01


def test_a_few_voxels_say_nothing() -> None:
    pair, _ = head(0.05, noise=0.0)
    body = torch.zeros_like(pair.body)
    body[:, :, 10:15, 12:17, 12:19] = True  # 175 voxels
    assert not bool(dense_tones(pair._replace(body=body), NO_METAL).any())


def test_metal_is_found_on_another_grid_where_the_alignment_moves_it() -> None:
    """Oblique, anisotropic and non-cubic grids, a motion with three different angles."""
    turned = Rotation.from_euler("xyz", (11, 23, 37), degrees=True).as_matrix()
    origin = np.array([5.0, -3.0, 8.0])
    scan_grid = Grid((9, 14, 11), affine_of(turned @ np.diag([4.0, 0.9, 1.7]), origin))
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("zyx", (8, -5, 3), degrees=True).as_matrix()
    motion[:3, 3] = (6.0, -4.0, 2.0)
    place = np.array([2, 9, 4])
    hu = np.zeros(scan_grid.shape, np.float32)
    hu[tuple(place)] = 2900
    on_reference = mapped(np.linalg.inv(motion), mapped(scan_grid.affine, place.astype(float)))
    linear = Rotation.from_euler("xyz", (-9, 4, 15), degrees=True).as_matrix() @ np.diag([1.5] * 3)
    expected = (5, 12, 20)
    grid = Grid((13, 22, 31), affine_of(linear, on_reference - linear @ np.array(expected)))
    found = metal_on(grid, Volume(hu, scan_grid.affine), motion)
    assert np.argwhere(found).tolist() == [list(expected)]


def test_metal_beyond_the_grid_is_left_out() -> None:
    grid = Grid((4, 5, 6), np.eye(4))
    affine = np.eye(4)
    affine[:3, 3] = (-3.0, 0.0, 0.0)
    hu = np.zeros((9, 9, 9), np.float32)
    hu[0, 0, 0] = hu[8, 1, 1] = 2900
    assert not metal_on(grid, Volume(hu, affine), np.eye(4)).any()


def test_a_scan_full_of_metal_has_no_hounsfield_units() -> None:
    grid = Grid(SHAPE, np.eye(4))
    assert metal_on(grid, Volume(np.full(SHAPE, 9000, np.float32), np.eye(4)), np.eye(4)).all()
