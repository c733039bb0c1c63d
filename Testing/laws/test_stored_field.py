"""A field on fewer voxels sends every voxel to the same place, on oblique and anisotropic grids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from oblique_pair import places, turned

from UniFuseLib.io.volumes import read_displacement, write_displacement
from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.coarser import sampled
from UniFuseLib.spatial.composed import ComposedField
from UniFuseLib.spatial.field import DisplacementField
from UniFuseLib.spatial.nodes import same_corners
from UniFuseLib.spatial.stored import SAME_MM, stored
from UniFuseLib.spatial.volume import affine_of

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = turned((31, 40, 36), (1.1, 0.6, 0.8), 25.0)
WORKING = working_grid(REFERENCE, 1.5)


def field(wave_mm: float, length_mm: float = 40.0) -> ComposedField:
    """A turn and a shift, and a wave of its own along every axis beyond them."""
    a = np.deg2rad(8)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    x = places(WORKING) * 2 * np.pi / length_mm
    wave = wave_mm * np.sin(x[:, [1, 2, 0]] + [0.3, 0.7, 1.1])
    v = torch.from_numpy(wave.T.reshape(1, 3, *WORKING.shape)).float()
    return ComposedField(REFERENCE, WORKING, v, affine_of(turn, np.array([4.0, -7.0, 11.0])))


@pytest.mark.parametrize(("wave_mm", "largest"), [(0.0, 0.003), (0.05, 0.05), (0.4, 0.2)])
def test_a_smoother_field_needs_fewer_voxels(wave_mm: float, largest: float) -> None:
    u = field(wave_mm)
    kept = stored(u)
    assert same_corners(kept.grid, REFERENCE)
    again = sampled(DisplacementField(kept.displacement, kept.grid), REFERENCE)
    apart = np.linalg.norm(again - u.whole(), axis=-1).max()
    assert apart == pytest.approx(kept.largest_error_mm, abs=1e-4)
    assert apart <= SAME_MM
    assert np.prod(kept.grid.shape) <= largest * np.prod(REFERENCE.shape)


def test_what_needs_all_voxels_keeps_them() -> None:
    u = field(3.0, length_mm=6.0)
    kept = stored(u)
    assert kept.grid is REFERENCE
    assert kept.largest_error_mm == 0
    np.testing.assert_array_equal(kept.displacement, u.whole())


def test_the_user_is_followed_and_told_the_error() -> None:
    u = field(3.0, length_mm=12.0)
    assert stored(u, "full").grid is REFERENCE
    kept = stored(u, 5.0)
    assert (kept.grid.spacing <= 5.0 + 1e-9).all()
    assert kept.largest_error_mm > SAME_MM


def test_itk_reads_the_same_places_from_the_file(tmp_path: Path) -> None:
    u = field(0.3)
    kept = stored(u)
    assert kept.grid.shape != REFERENCE.shape
    path = tmp_path / "deformation.nii.gz"
    write_displacement(kept.displacement, kept.grid, path)
    back, grid = read_displacement(path)
    assert grid.same_as(kept.grid)
    np.testing.assert_allclose(back, kept.displacement, atol=1e-5)
    image = sitk.ReadImage(str(path), sitk.sitkVectorFloat64)
    itk = sitk.DisplacementFieldTransform(image)
    index = np.random.default_rng(1).integers(0, REFERENCE.shape, size=(60, 3))
    x = index @ REFERENCE.linear.T + REFERENCE.origin
    lps = np.array([-1.0, -1.0, 1.0])
    found = np.array([itk.TransformPoint(point) for point in (x * lps).tolist()]) * lps
    np.testing.assert_allclose(found, x + u[tuple(index.T)], atol=SAME_MM + 0.005)
