"""Sampling in the world: SimpleITK's linear resampling is the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy import ndimage

from UniFuseLib.io import volumes as io
from UniFuseLib.spatial import resampling
from UniFuseLib.spatial.resampling import block_mean, inside, resample, shrink
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from pathlib import Path


def simpleitk_resample(volume: Volume, grid: Grid, fill: float, folder: Path) -> np.ndarray:
    io.write_volume(volume, folder / "moving.mha")
    io.write_volume(Volume(np.zeros(grid.shape, np.float32), grid.affine), folder / "fixed.mha")
    moving, fixed = (sitk.ReadImage(str(folder / f"{name}.mha")) for name in ("moving", "fixed"))
    return sitk.GetArrayFromImage(
        sitk.Resample(moving, fixed, sitk.Transform(), sitk.sitkLinear, fill)
    )


def other_grid() -> Grid:
    """Sticks out of the oblique fixture on several sides; other axis codes, spacing and shape."""
    affine = np.array(
        [[-1.1, 0.1, 0.05, 9.0], [0.1, 0.02, 1.4, -14.0], [0.08, 1.2, 0.0, -1.0], [0, 0, 0, 1.0]]
    )
    axes, _ = np.linalg.qr(affine[:3, :3])
    affine[:3, :3] = axes * np.sign(np.diag(axes.T @ affine[:3, :3])) * [1.1, 1.2, 1.4]
    return Grid((13, 10, 12), affine)


@pytest.mark.parametrize("block", [200, 1 << 20])
def test_resample_agrees_with_simpleitk(
    tmp_path: Path, oblique_volume: Volume, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resampling, "BLOCK_VOXELS", block)
    ours, coverage = resample(oblique_volume, other_grid(), -7.0)
    expected = simpleitk_resample(oblique_volume, other_grid(), -7.0, tmp_path)
    np.testing.assert_array_equal(coverage[0, 0].numpy() > 0, expected > -7)
    assert 0.1 < float(coverage.mean()) < 0.9
    np.testing.assert_allclose(ours[0, 0].numpy(), expected, atol=1e-4)


def test_resample_onto_the_own_grid_changes_nothing(oblique_volume: Volume) -> None:
    ours, coverage = resample(oblique_volume, oblique_volume.grid, 0.0)
    np.testing.assert_allclose(ours[0, 0].numpy(), oblique_volume.array, atol=1e-6)
    assert coverage.min() == 1


def test_inside_is_bounded_by_the_faces() -> None:
    index = torch.zeros(1, 3, 1, 1, 4)
    index[0, 2, 0, 0] = torch.tensor([-0.51, -0.49, 10.49, 10.51])
    assert inside(index, (7, 9, 11)).flatten().tolist() == [False, True, True, False]


def test_block_mean_repeats_the_border() -> None:
    array = np.arange(5 * 2 * 3, dtype=np.float32).reshape(5, 2, 3)
    means = block_mean(array, (2, 1, 3))
    assert means.shape == (3, 2, 1)
    np.testing.assert_allclose(means[0, 1, 0], array[:2, 1].mean())
    np.testing.assert_allclose(means[2, 0, 0], array[4, 0].mean())


def test_shrunk_volume_stays_in_place(oblique_volume: Volume) -> None:
    """The centre of mass of a bright spot moves by no more than rounding when blocks are
    averaged.
    """
    spot = np.zeros((24, 24, 24), np.float32)
    spot[10, 14, 7] = 1
    fine = Volume(ndimage.gaussian_filter(spot, 1.5), oblique_volume.affine)
    coarse = shrink(fine, (4.3, 4.3, 4.3))
    assert coarse.array.shape == (12, 8, 5)

    def centre(volume: Volume) -> np.ndarray:
        index = np.array(ndimage.center_of_mass(volume.array))
        return (volume.affine @ [*index, 1])[:3]

    np.testing.assert_allclose(centre(coarse), centre(fine), atol=0.05)


def test_fine_detail_does_not_alias() -> None:
    """A checkerboard of single voxels is grey on a grid three times as coarse."""
    i, j, k = np.indices((24, 24, 24))
    board = Volume(((i + j + k) % 2).astype(np.float32), np.eye(4))
    values, _ = resample(board, Grid((8, 8, 8), np.diag([3.0, 3.0, 3.0, 1.0])), 0.5)
    assert float((values - 0.5).abs().max()) < 0.06


def test_inside_is_the_same_of_arrays_and_tensors_and_ends_at_each_axis_own_face() -> None:
    shape = (7, 9, 11)
    just_in = np.array([[6.5, 8.5, 10.5], [-0.5, -0.5, -0.5], [6.4, 0.0, 10.4]])
    just_out = np.array([[6.6, 8.5, 10.5], [6.5, 8.6, 10.5], [6.5, 8.5, 10.6], [0.0, -0.6, 0.0]])
    points = np.concatenate([just_in, just_out])
    found = inside(points, shape)[:, 0]
    assert found.tolist() == [True] * 3 + [False] * 4
    channels = torch.from_numpy(points.T[None, :, :, None, None])
    assert inside(channels, shape)[0, 0, :, 0, 0].tolist() == found.tolist()
    assert inside(points.T, (*shape, 3), axis=0)[0].tolist() == found.tolist()
