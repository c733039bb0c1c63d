"""Feature maps in slabs give what they give as a whole."""

from __future__ import annotations

import pytest
import torch

from UniFuseLib.network import slabs
from UniFuseLib.network.matching import local_correlation, structure_cost
from UniFuseLib.spatial.mind import box_mean

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
