"""Filling in planes: what every plane encloses, and nothing that reaches its border."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from UniFuseLib.spatial.holes import filled_in_planes


def plane_by_plane(mask: np.ndarray) -> np.ndarray:
    for axis in range(3):
        planes = [ndimage.binary_fill_holes(plane) for plane in np.moveaxis(mask, axis, 0)]
        mask = np.moveaxis(np.stack(planes), 0, axis)
    return mask


@pytest.mark.parametrize("share", [0.35, 0.5, 0.65])
def test_all_planes_at_once_are_filled_as_each_is(share: float) -> None:
    mask = np.random.default_rng(0).random((14, 19, 23)) < share
    filled = filled_in_planes(mask)
    np.testing.assert_array_equal(filled, plane_by_plane(mask))
    assert filled.sum() > mask.sum()


def test_a_tube_is_filled_and_a_gap_is_not() -> None:
    tube = np.zeros((7, 9, 11), dtype=bool)
    tube[:, 2:7, 3:8] = True
    tube[:, 3:6, 4:7] = False
    assert filled_in_planes(tube)[:, 3:6, 4:7].all()
    tube[:, :4, 5] = False
    np.testing.assert_array_equal(filled_in_planes(tube), tube)
