"""Laws of a restored CT: what stands out of the noise comes back, noise and streaks do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation

from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY, IntensityMap, fit
from UniFuseLib.restoration.aligned_pair import AlignedPair
from UniFuseLib.restoration.dense_structures import dense_structures, metal_on
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.volume import Grid, Volume, affine_of

SHAPE = (30, 34, 38)
NO_METAL = np.zeros(SHAPE, dtype=bool)
BRAIN, CALCIFICATION = 35.0, 550.0


def ct_rule() -> IntensityMap:
    return fit(np.zeros(SHAPE, np.float32), None, "ct", DEFAULT_INTENSITY)


def head(noise_hu: float, spacing_mm: float = 1.5) -> tuple[AlignedPair, np.ndarray]:
    """A brain with a calcification of 4.5 mm, of which nothing is left where it was restored."""
    drawn = np.random.default_rng(1)
    calcified = np.zeros(SHAPE, dtype=bool)
    calcified[14:17, 16:19, 18:21] = True
    truth = np.where(calcified, CALCIFICATION, BRAIN)
    rule = ct_rule()
    scan = rule.forward((truth + drawn.normal(0, noise_hu, SHAPE)).astype(np.float32))
    restored = rule.forward(np.full(SHAPE, BRAIN, np.float32))
    everywhere = torch.ones(1, 1, *SHAPE, dtype=torch.bool)
    r, d = (torch.from_numpy(np.asarray(array))[None, None] for array in (restored, scan))
    return AlignedPair(r, d, r, everywhere, everywhere, spacing_mm), calcified


def come_back(pair: AlignedPair, metal: np.ndarray = NO_METAL) -> np.ndarray:
    """HU that come back."""
    rule = ct_rule()
    change = dense_structures(pair, metal, rule).change
    gained = rule.inverse((pair.restored + change)[0, 0].numpy())
    return np.asarray(gained - rule.inverse(pair.restored[0, 0].numpy()))


def test_a_calcification_comes_back_and_noise_does_not() -> None:
    pair, calcified = head(noise_hu=60.0)
    found = come_back(pair)
    lost = CALCIFICATION - BRAIN
    assert found[calcified].mean() == pytest.approx(lost, rel=0.1)
    beside = ~ndimage.binary_dilation(calcified, np.ones((3, 3, 3)), iterations=2)
    assert np.count_nonzero(found[beside]) < 1e-4 * beside.sum()


def test_what_noise_hides_stays_away() -> None:
    """Twelve times the noise: the same structure is one deviation."""
    pair, calcified = head(noise_hu=700.0)
    assert abs(come_back(pair)[calcified].mean()) < 0.1 * CALCIFICATION


def test_noise_is_measured_around() -> None:
    """One third of the scan is ten times as noisy: to the deviation of all that is no structure."""
    pair, _ = head(noise_hu=20.0, spacing_mm=3.0)
    rule = ct_rule()
    drawn = np.random.default_rng(2)
    noisy = drawn.normal(BRAIN, 200.0, (10, *SHAPE[1:])).astype(np.float32)
    degraded = pair.degraded.clone()
    degraded[0, 0, 20:] = torch.from_numpy(np.asarray(rule.forward(noisy)))
    found = come_back(pair._replace(degraded=degraded))
    assert np.count_nonzero(found[25:]) < 5e-3 * found[25:].size


def test_what_is_darker_than_restored_stays() -> None:
    """Beside bone that comes back: its edge takes nothing away."""
    pair, calcified = head(noise_hu=0.0)
    rule = ct_rule()
    edge = ndimage.binary_dilation(calcified, np.ones((3, 3, 3))) & ~calcified
    restored = rule.inverse(pair.restored) + 100 * torch.from_numpy(edge)[None, None]
    found = come_back(pair._replace(restored=rule.forward(restored)))
    assert found[calcified].min() > 300
    assert np.abs(found[edge]).max() < 1


def test_a_scan_without_noise_needs_more_than_a_trace() -> None:
    """What is restored 80 HU too low is no structure, 300 HU are one."""
    pair, calcified = head(noise_hu=0.0)
    rule = ct_rule()
    for lost, comes in ((80.0, False), (300.0, True)):
        restored = rule.inverse(pair.degraded) - lost * torch.from_numpy(calcified)[None, None]
        seen = pair._replace(restored=rule.forward(restored))
        assert bool((come_back(seen)[calcified] > lost / 2).all()) is comes


def test_detail_is_kept_where_a_structure_comes_back() -> None:
    pair, calcified = head(noise_hu=60.0)
    weight = dense_structures(pair, NO_METAL, ct_rule()).weight[0, 0].numpy()
    assert weight[calcified].min() > 0.9
    assert weight[:8].max() == 0
    assert 0 <= weight.min() <= weight.max() <= 1


def test_air_and_soft_tissue_stay_as_they_were_restored() -> None:
    """A scan 300 HU above a restored volume of lung: neither is dense."""
    pair, _ = head(noise_hu=0.0)
    rule = ct_rule()
    lung, denser = (
        torch.full_like(pair.restored, float(rule.forward(np.float32(hu)))) for hu in (-800, -500)
    )
    seen = pair._replace(restored=lung, degraded=denser)
    assert not come_back(seen).any()


def test_nothing_comes_back_beyond_the_body() -> None:
    pair, calcified = head(noise_hu=60.0)
    body = pair.body.clone()
    body[:, :, 15:] = False
    found = come_back(pair._replace(body=body))
    assert found[14][calcified[14]].min() > 100
    assert not found[15:].any()


@pytest.mark.parametrize(("spacing_mm", "comes"), [(1.5, False), (3.0, True)])
def test_near_metal_nothing_comes_back(spacing_mm: float, comes: bool) -> None:
    """Ten voxels from it: 15 mm, or 30 mm."""
    pair, calcified = head(noise_hu=60.0, spacing_mm=spacing_mm)
    metal = NO_METAL.copy()
    metal[:, :, 8] = True
    found = come_back(pair, metal)
    assert bool(found[calcified].any()) is comes


@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_turned_arrays_give_the_same(axes: tuple[int, int, int]) -> None:
    pair, _ = head(noise_hu=60.0)
    turn = (0, 1, *[axis + 2 for axis in axes])
    r, d, body = (some.permute(turn) for some in (pair.restored, pair.degraded, pair.body))
    turned = AlignedPair(r, d, r, body, body, pair.spacing_mm)
    metal = NO_METAL.copy()
    metal[25:, :4, 30:] = True
    found = come_back(turned, metal.transpose(axes))
    np.testing.assert_allclose(found, come_back(pair, metal).transpose(axes), atol=0.5)


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
