"""The degraded volume restored where it lies: no interpolation of it, the network's change at X."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oblique_pair import DEGRADED, REFERENCE, places, rigid, smooth, textured

from UniFuseLib.postprocess import NetworkMaps, NetworkResult
from UniFuseLib.preprocessing.intensity import IntensityMap
from UniFuseLib.preprocessing.modality import ModalityGuess
from UniFuseLib.preprocessing.prepare import InputVolume
from UniFuseLib.restored_own import restore_own
from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.transform import Transform
from UniFuseLib.spatial.volume import Volume

WORKING = working_grid(REFERENCE, 2.0)
RULE = IntensityMap("percentile", scale=900.0, ceiling=4.0)
SLOPE = np.array([0.004, -0.007, 0.011])  # per mm of X, network intensities


@pytest.fixture
def transform() -> Transform:
    return Transform(smooth(4.0) + rigid(15.0, (5.0, -3.0, 2.0)), REFERENCE, DEGRADED)


def source(volume: Volume) -> InputVolume:
    guess = ModalityGuess("mr", "sure", "set")
    acquired = np.ones(volume.array.shape[:3], dtype=bool)
    return InputVolume(volume, "mr", RULE, guess, acquired)


def found(change: torch.Tensor) -> NetworkResult:
    """A network that adds `change` and keeps all detail."""
    size = (1, 1, *WORKING.shape)
    aligned = torch.rand(size, generator=torch.Generator().manual_seed(0))
    maps = NetworkMaps(
        aligned=aligned,
        restored=aligned + change,
        blend=torch.zeros(size),
        fusion_residual=torch.zeros(size),
        detail_weight=torch.ones(size),
        displacement=torch.zeros(1, 3, *WORKING.shape),
    )
    return NetworkResult(
        WORKING, torch.zeros(1, 3, *WORKING.shape), np.eye(4), torch.cat(maps, dim=1)
    )


def linear_change() -> torch.Tensor:
    """0.3 + SLOPE · (X - centre), exact under trilinear interpolation."""
    at = (places(WORKING) - places(REFERENCE).mean(axis=0)) @ SLOPE
    return torch.from_numpy(0.3 + at).float().reshape(1, 1, *WORKING.shape)


def test_a_network_that_changes_nothing_gives_the_volume_back(transform: Transform) -> None:
    values = textured(DEGRADED).array.round().astype(np.int16)
    own = restore_own(source(Volume(values, DEGRADED.affine)), found(torch.zeros(1)), transform)
    assert own.array.dtype == np.int16
    np.testing.assert_array_equal(own.array, values)
    assert own.changed.mean() > 0.3


def test_a_voxel_takes_the_change_at_its_place_in_the_reference(transform: Transform) -> None:
    volume = textured(DEGRADED)
    own = restore_own(source(volume), found(linear_change()), transform)
    inverse = transform.inverse()
    x = places(DEGRADED) + inverse.displacement.reshape(-1, 3)
    change = 0.3 + (x - places(REFERENCE).mean(axis=0)) @ SLOPE
    expected = volume.array + RULE.scale * change.reshape(DEGRADED.shape)
    index = np.linalg.solve(WORKING.linear, (x - WORKING.origin).T).T
    held = ((index >= 0) & (index <= np.array(WORKING.shape) - 1)).all(axis=1)
    inside = own.changed & (expected > 0) & held.reshape(DEGRADED.shape)  # below 0 the rule clips
    assert inside.mean() > 0.3
    assert np.abs(change).std() > 0.1
    np.testing.assert_allclose(own.array[inside], expected[inside], atol=1.5)
    np.testing.assert_array_equal(own.array[~own.changed], volume.array[~own.changed])


def test_whole_numbers_are_clipped_to_their_type(transform: Transform) -> None:
    values = np.full(DEGRADED.shape, 250, np.uint8)
    values[0] = 0
    own = restore_own(source(Volume(values, DEGRADED.affine)), found(torch.ones(1)), transform)
    assert set(np.unique(own.array[own.changed])) == {255}
