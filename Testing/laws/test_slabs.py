"""Feature maps in slabs give what they give as a whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from turned_grid import oblique

from UniFuseLib.network import slabs
from UniFuseLib.network.build import build, preset
from UniFuseLib.network.encoder import depth_to_space
from UniFuseLib.network.matching import local_correlation, structure_cost
from UniFuseLib.preprocessing.working_pair import _wholly
from UniFuseLib.report.measurements import folds_percent
from UniFuseLib.spatial import displacement, resampling
from UniFuseLib.spatial.displacement import jacobian_determinant, warp
from UniFuseLib.spatial.joined import joined
from UniFuseLib.spatial.mind import box_mean
from UniFuseLib.spatial.resampling import block_mean, resample
from UniFuseLib.spatial.volume import Volume

SHAPE = (7, 9, 11)


@pytest.mark.parametrize(("numbers", "count"), [(1, 7), (2 * 12 * 9 * 11, 4), (10**9, 1)])
def test_slabs_are_all_rows_once(monkeypatch: pytest.MonkeyPatch, numbers: int, count: int) -> None:
    monkeypatch.setattr(slabs, "_NUMBERS", numbers)
    rows = list(slabs.slabs(torch.zeros(1, 12, *SHAPE)))
    assert len(rows) == count
    assert [k for part in rows for k in range(part.start, part.stop)] == list(range(7))


@pytest.mark.parametrize("compare", [local_correlation, structure_cost])
@pytest.mark.parametrize("radius", [1, 2])
def test_comparing_in_slabs_is_comparing_the_whole(
    monkeypatch: pytest.MonkeyPatch, compare, radius: int
) -> None:
    random = torch.Generator().manual_seed(0)
    moved, reference = torch.randn(2, 2, 5, *SHAPE, generator=random)
    whole = compare(moved, reference, radius)
    monkeypatch.setattr(slabs, "_NUMBERS", 2 * 5 * 9 * 11 * 3)  # slabs of 3, 3 and 1 rows
    torch.testing.assert_close(compare(moved, reference, radius), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("radius", [1, 2])
def test_box_mean_keeps_channels_apart(radius: int) -> None:
    """Channel c of the mean is the mean of channel c, over a cube with the border repeated."""
    volume = torch.randn(2, 3, *SHAPE, generator=torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(volume, [radius] * 6, mode="replicate")
    expected = torch.nn.functional.avg_pool3d(padded, 2 * radius + 1, stride=1)
    torch.testing.assert_close(box_mean(volume, radius), expected)


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_slabs_with_their_neighbours_are_the_whole_to_the_last_bit(
    monkeypatch: pytest.MonkeyPatch, reach: int
) -> None:
    monkeypatch.setattr(slabs, "_SMALL", 0)
    monkeypatch.setattr(slabs, "_PLANES", 3)  # slabs of 3, 3 and 1 planes
    volume = torch.randn(1, 2, *SHAPE, generator=torch.Generator().manual_seed(2))
    whole = box_mean(volume, reach)
    assert torch.equal(slabs.by_slabs(lambda v: box_mean(v, reach), volume, reach), whole)
    if reach:
        short = slabs.by_slabs(lambda v: box_mean(v, reach), volume, reach - 1)
        assert not torch.allclose(short, whole)


def test_slabs_of_maps_of_two_resolutions_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "_SMALL", 0)
    monkeypatch.setattr(slabs, "_PLANES", 3)
    generator = torch.Generator().manual_seed(8)
    coarse = torch.randn(1, 8, *SHAPE, generator=generator)
    fine = torch.randn(1, 1, *(2 * n for n in SHAPE), generator=generator)

    def both(coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        return box_mean(depth_to_space(coarse) * fine, 2)

    whole = both(coarse, fine)
    assert torch.equal(slabs.by_slabs(both, (coarse, fine), reach=1, scale=2), whole)


@pytest.mark.parametrize(("rows", "around"), [((0, 3), (0, 5)), ((3, 6), (1, 7)), ((6, 7), (4, 7))])
def test_rows_are_found_again_among_their_neighbours(
    rows: tuple[int, int], around: tuple[int, int]
) -> None:
    wide, inner = slabs.widened(slice(*rows), reach=2, depth=7)
    assert wide == slice(*around)
    assert list(range(7))[wide][inner] == list(range(7))[slice(*rows)]


def test_thick_slabs_are_whole_where_gradients_need_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "_LARGE", 27 * 9 * 11 * 3)
    features = torch.zeros(1, 4, *SHAPE)
    assert list(slabs.thick_slabs(features, 27)) == [slice(0, 7)]
    with torch.no_grad():
        thick = list(slabs.thick_slabs(features, 27))
    assert thick == [slice(0, 3), slice(3, 6), slice(6, 7)]


def test_the_network_gives_the_same_in_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = build(preset("default")).eval()
    for parameter in model.parameters():  # its heads start next to zero
        torch.nn.init.normal_(parameter, std=0.05)
    smooth = torch.nn.functional.interpolate(torch.rand(2, 1, 7, 5, 6), size=(40, 24, 32))
    degraded, reference = smooth[:, None] + 0.05 * torch.rand(2, 1, 1, 40, 24, 32)
    with torch.no_grad():
        whole = model(degraded, reference)
        monkeypatch.setattr(slabs, "_SMALL", 0)
        monkeypatch.setattr(slabs, "_LARGE", 1)  # slabs of one plane each
        monkeypatch.setattr(slabs, "_PLANES", 3)
        found = model(degraded, reference)
    assert whole.flow.abs().max() > 0.05
    torch.testing.assert_close(whole.moved, warp(degraded, whole.flow))
    for name in ("flow", "logits", "moved", "restored", "fused", "blend", "detail_weight"):
        expected = getattr(whole, name)
        torch.testing.assert_close(getattr(found, name), expected, rtol=0, atol=5e-5)


def test_parts_are_joined_as_they_would_be_concatenated() -> None:
    volume = torch.randn(2, 3, *SHAPE, generator=torch.Generator().manual_seed(3))
    for dim, lengths in ((1, [1, 2]), (2, [3, 3, 1])):
        for gradients in (False, True):
            with torch.set_grad_enabled(gradients):
                parts = iter(volume.split(lengths, dim=dim))
                assert torch.equal(joined(parts, dim, sum(lengths)), volume)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_a_volume_is_warped_in_slabs_to_the_last_bit(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    generator = torch.Generator().manual_seed(4)
    volume, flow = torch.randn(2, 1, 3, *SHAPE, generator=generator)
    whole = warp(volume, 3 * flow, mode)  # with gradients: at once
    monkeypatch.setattr(displacement, "_SLAB_VOXELS", 3 * 9 * 11)  # slabs of 3, 3 and 1 rows
    with torch.no_grad():
        assert torch.equal(warp(volume, 3 * flow, mode), whole)


@pytest.mark.parametrize("factors", [(1, 1, 1), (2, 3, 1), (3, 2, 4)])
def test_means_of_blocks_are_taken_in_slabs(
    monkeypatch: pytest.MonkeyPatch, factors: tuple[int, int, int]
) -> None:
    array = np.random.default_rng(5).integers(-1000, 1000, SHAPE).astype(np.int16)
    whole = block_mean(array, factors)
    assert whole.dtype == np.float32
    monkeypatch.setattr(resampling, "BLOCK_VOXELS", 1)
    np.testing.assert_array_equal(block_mean(array, factors), whole)


def test_folds_are_counted_in_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = torch.randn(1, 3, *SHAPE, generator=torch.Generator().manual_seed(6))
    mask = torch.rand(1, 1, *SHAPE, generator=torch.Generator().manual_seed(7)) > 0.4
    monkeypatch.setattr(resampling, "BLOCK_VOXELS", 2 * 9 * 11)
    folded = (jacobian_determinant(flow)[:, None] <= 0)[mask]
    assert folds_percent(flow, mask) == pytest.approx(100 * float(folded.double().mean()))


def test_a_mask_that_holds_all_is_the_field_of_view() -> None:
    source, grid = (
        oblique((9, 12, 10), (3.0, 2.0, 2.5), 1),
        oblique((14, 8, 11), (2.0, 2.0, 3.0), 2),
    )
    mask = Volume(np.ones(source.shape, dtype=bool), source.affine)
    share, coverage = resample(mask, grid, 0.0)
    assert 0.05 < coverage.mean() < 0.95
    assert torch.equal(_wholly(mask, grid), share > 0.99)
    assert torch.equal(_wholly(mask, grid), coverage > 0)
