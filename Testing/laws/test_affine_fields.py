"""On which grid the registration compares: around the body, at the finest level askew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from head_phantom import REFERENCE, places, radius, scan, seen

from UniFuseLib.registration.affine_fields import body_grid
from UniFuseLib.registration.affine_levels import Levels
from UniFuseLib.spatial.axes import perpendicular_grid
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from UniFuseLib.registration.alignment_volume import AlignmentVolume


def head(thickness: int | None = None) -> AlignmentVolume:
    fixed = scan(REFERENCE, "t1")
    if thickness is None:
        return seen(fixed, "mr")
    middle = fixed.array.shape[0] // 2
    array = fixed.array[middle : middle + thickness]
    affine = fixed.affine.copy()
    affine[:3, 3] += middle * fixed.grid.linear[:, 0]
    return seen(Volume(array, affine), "mr")


def directions(linear: np.ndarray) -> np.ndarray:
    return linear / np.linalg.norm(linear, axis=0)


@pytest.mark.parametrize("spacing", list(Levels()))
def test_all_of_the_body_lies_on_the_grid(spacing: float) -> None:
    volume = head()
    grid, body = body_grid(volume, spacing)
    points = places(REFERENCE)[radius(places(REFERENCE)) < 0.95]
    index = np.linalg.solve(grid.linear, (points - grid.origin).T).T
    nearest = np.round(index).astype(int)
    assert (nearest >= 0).all()
    assert body[0, 0].numpy()[tuple(nearest.T)].all()
    np.testing.assert_allclose(grid.spacing, spacing)
    own = directions(grid.linear)
    np.testing.assert_allclose(own.T @ own, np.eye(3), atol=1e-9)
    litres = float(body.sum()) * spacing**3 / 1e6
    assert volume.body_ml() / 1000 < litres < 2.5 * volume.body_ml() / 1000


def test_only_the_finest_level_of_a_whole_body_is_turned() -> None:
    axes = directions(perpendicular_grid(REFERENCE).linear)
    for spacing in Levels():
        own = directions(body_grid(head(), spacing).grid.linear)
        nearest = np.abs(axes.T @ own).max(axis=0)
        if spacing == Levels().fine:
            assert (nearest < np.cos(np.deg2rad(15))).all()
        else:
            np.testing.assert_allclose(nearest, 1, atol=1e-9)


def test_a_slab_is_compared_along_its_slices() -> None:
    slab = head(thickness=8)
    axes = directions(perpendicular_grid(slab.values.grid).linear)
    own = directions(body_grid(slab, Levels().fine).grid.linear)
    np.testing.assert_allclose(np.abs(axes.T @ own).max(axis=0), 1, atol=1e-9)
