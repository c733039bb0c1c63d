"""Packed volumes are read at any place of the world as ITK would read them."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from Testing.laws.turned_grid import oblique
from UniFuseLib.spatial.displacement import affine_index, sample_cubic, warp
from UniFuseLib.spatial.volume import Grid
from UniFuseLib.training.data import PackedVolume

LPS = np.diag([-1.0, -1.0, 1.0])


def noise_volume(grid: Grid, seed: int = 0) -> PackedVolume:
    codes = np.random.default_rng(seed).integers(0, 256, grid.shape).astype(np.uint8)
    return PackedVolume(torch.from_numpy(codes), grid, "mr", top=1.7)


def itk_geometry(image: sitk.Image, grid: Grid) -> sitk.Image:
    """An image of a (d, h, w) array has its axes reversed and lives in LPS."""
    image.SetSpacing([float(s) for s in grid.spacing[::-1]])
    image.SetDirection((LPS @ grid.directions[:, ::-1]).ravel().tolist())
    image.SetOrigin((LPS @ grid.affine[:3, 3]).tolist())
    return image


def itk_resample(
    volume: PackedVolume, grid: Grid, interpolator: int, transform: sitk.Transform
) -> np.ndarray:
    moving = itk_geometry(
        sitk.GetImageFromArray(volume.codes.numpy().astype(np.float64)), volume.grid
    )
    fixed = itk_geometry(sitk.GetImageFromArray(np.zeros(grid.shape)), grid)
    return sitk.GetArrayFromImage(
        sitk.Resample(moving, fixed, transform, interpolator, 0.0, sitk.sitkFloat64)
    )


SOURCE = oblique((7, 9, 11), (2.1, 1.3, 0.8), 1)


TARGET = oblique((11, 8, 13), (0.9, 1.4, 1.1), 2)


def test_read_is_itks_linear_resampling() -> None:
    volume = noise_volume(SOURCE)
    expected = itk_resample(volume, TARGET, sitk.sitkLinear, sitk.Transform()) * (1.7 / 255)
    found = volume.read(TARGET)[0, 0].numpy()
    assert 0.2 < (expected > 0).mean() < 0.95  # the target leaves the source's field of view
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_read_through_a_displacement_in_ras() -> None:
    volume = noise_volume(SOURCE)
    displacement = torch.from_numpy(
        np.random.default_rng(3).uniform(-2, 2, (1, 3, *TARGET.shape))
    ).float()
    lps = np.moveaxis(displacement[0].double().numpy(), 0, -1) @ LPS
    field = itk_geometry(sitk.GetImageFromArray(lps, isVector=True), TARGET)
    expected = itk_resample(
        volume, TARGET, sitk.sitkLinear, sitk.DisplacementFieldTransform(field)
    ) * (1.7 / 255)
    found = volume.read(TARGET, displacement)[0, 0].numpy()
    # a point on a face may fall on either side of it
    assert (np.abs(found - expected) > 2e-4).mean() < 0.005


def test_read_labels_is_itks_nearest_neighbour() -> None:
    volume = noise_volume(SOURCE)
    expected = itk_resample(volume, TARGET, sitk.sitkNearestNeighbor, sitk.Transform())
    assert (volume.read_labels(TARGET).numpy() != expected).mean() < 0.005


def test_read_far_outside_is_background() -> None:
    far = TARGET.affine.copy()
    far[:3, 3] += 500
    assert noise_volume(SOURCE).read(Grid(TARGET.shape, far)).abs().max() == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_narrowed_volume_is_the_same_scan_with_less_around_it(axis: int) -> None:
    volume = noise_volume(SOURCE)
    narrow = volume.narrowed(axis, 2, 4)
    inside = slice(2, 6)
    expected = torch.zeros(SOURCE.shape)
    kept = tuple(inside if k == axis else slice(None) for k in range(3))
    expected[kept] = volume.read(SOURCE)[0, 0][kept]
    torch.testing.assert_close(narrow.read(SOURCE)[0, 0], expected, atol=1e-4, rtol=0)


def test_cubic_reading_keeps_noise_and_passes_through_the_voxels() -> None:
    values = torch.rand(7, 9, 11, generator=torch.Generator().manual_seed(0))
    at_voxels = affine_index(np.eye(4), (7, 9, 11), values)
    torch.testing.assert_close(sample_cubic(values, at_voxels)[0, 0], values)
    ramp = affine_index(np.diag([1.0, 2.0, 3.0, 1.0]), (7, 9, 11), values)[0].sum(0)  # d + 2h + 3w
    between = at_voxels[:, :, 2:-3, 2:-3, 2:-3] + torch.tensor([0.3, 0.6, 0.8]).view(1, 3, 1, 1, 1)
    expected = (between[0] * torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1, 1)).sum(0)
    torch.testing.assert_close(sample_cubic(ramp, between)[0, 0], expected)
    half = at_voxels + 0.5
    assert (
        sample_cubic(values, half).std()
        > 1.15 * warp(values[None, None], torch.full((1, 3, 7, 9, 11), 0.5)).std()
    )
