"""CT whose dense voxels wrapped around in 12 bits is unwrapped, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest

from UniFuseLib.preprocessing.checks import check_volume
from UniFuseLib.preprocessing.signs import signs_of
from UniFuseLib.spatial.volume import Volume

AFFINE = np.diag([3.0, 1.5, 1.5, 1.0])
SHAPE = (20, 40, 44)


def head(noise: float = 15.0) -> np.ndarray:
    """Air, a skull of 700 to 1900 HU, brain, a tooth of 2600; whole numbers."""
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij")
    r = np.sqrt(sum(x**2 for x in axes))
    values = np.where(r < 0.85, 40.0, -1000.0)
    skull = (r > 0.65) & (r < 0.8)
    values[skull] = 700 + 1200 * (1 - np.abs(r[skull] - 0.725) / 0.075)
    values[np.sqrt((axes[0]) ** 2 + (axes[1] + 0.4) ** 2 + axes[2] ** 2) < 0.12] = 2600
    return np.round(values + np.random.default_rng(5).normal(0, noise, SHAPE)).astype(np.int16)


def wrapped(values: np.ndarray) -> np.ndarray:
    """Read as 12 bits with a sign, with 1024 added."""
    return np.where(values > 1023, values - 4096, values).astype(np.int16)


@pytest.mark.parametrize("kind", ["i2", "i4", "f4"])
def test_what_wrapped_around_is_raised_and_told(kind: str) -> None:
    stored = wrapped(head())
    assert stored.min() < -2000
    checked = check_volume(Volume(stored.astype(kind), AFFINE), "degraded")
    np.testing.assert_array_equal(checked.volume.array, head())
    (sentence,) = checked.warnings
    assert f"{int((head() > 1023).sum())} voxels amid bone or metal" in sentence
    assert signs_of(checked.volume).hounsfield


def test_a_ct_without_a_wrap_stays_as_it_is() -> None:
    checked = check_volume(Volume(head(), AFFINE), "degraded")
    np.testing.assert_array_equal(checked.volume.array, head())
    assert checked.warnings == ()


def dark_streaks() -> np.ndarray:
    """An extended scale: black beside metal of 6000."""
    values = head()
    values[values > 2500] = 6000
    black = np.random.default_rng(6).integers(-2100, -1900, (SHAPE[0], 4, 4))
    values[:, 15:19, 20:24] = black
    return values


def noisy_air() -> np.ndarray:
    values = head()
    outside = values < -900
    return np.where(outside, values - 700, values)


@pytest.mark.parametrize("make", [dark_streaks, noisy_air])
def test_other_low_values_are_not_raised(make: object) -> None:
    values = make()  # type: ignore[operator]
    checked = check_volume(Volume(values, AFFINE), "degraded")
    np.testing.assert_array_equal(checked.volume.array, values)
    assert not any("wrapped" in sentence for sentence in checked.warnings)


def test_a_signed_map_is_not_raised() -> None:
    """A phase of MR wraps as well, at other numbers, and has no air."""
    turns = np.random.default_rng(1).integers(-2048, 2048, SHAPE).astype(np.int16)
    checked = check_volume(Volume(turns, AFFINE), "degraded")
    np.testing.assert_array_equal(checked.volume.array, turns)
