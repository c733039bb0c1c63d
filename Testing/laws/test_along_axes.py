"""Sampling axis by axis is trilinear sampling, wherever axes lie along each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from turned_grid import oblique

from UniFuseLib.spatial import along_axes, resampling
from UniFuseLib.spatial.along_axes import inside_along, lines_of, sample_along
from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.displacement import sample_at
from UniFuseLib.spatial.resampling import box_places, inside, resample, sample_box
from UniFuseLib.spatial.volume import Grid, Volume, affine_of

SHAPE = (7, 9, 11)
BOX = (slice(2, 8), slice(0, 5), slice(3, 10))
ORDERS = [(0, 1, 2), (2, 0, 1), (1, 0, 2), (2, 1, 0)]


def noise(channels: int = 2) -> torch.Tensor:
    return torch.randn(1, channels, *SHAPE, generator=torch.Generator().manual_seed(channels))


def monomial(order: tuple[int, int, int], scale: tuple[float, float, float]) -> np.ndarray:
    """Axis k of the box runs along axis `order[k]` of the volume, by `scale[k]` voxels a voxel; the
    box's middle lies near the volume's far corner.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = 0
    matrix[order, range(3)] = scale
    middle = np.array([(side.start + side.stop - 1) / 2 for side in BOX])
    matrix[:3, 3] = 0.83 * (np.array(SHAPE) - 1) - matrix[:3, :3] @ middle
    return matrix


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("scale", [(0.7, 0.4, 1.3), (-0.7, 0.4, -1.3), (2.0, -1.0, 1.0)])
def test_it_is_trilinear_sampling(
    order: tuple[int, int, int], scale: tuple[float, float, float]
) -> None:
    """Places lie inside the volume and beyond every one of its faces."""
    matrix = monomial(order, scale)
    lines = lines_of(matrix, BOX)
    assert lines is not None
    places = box_places(matrix, BOX)
    expected = sample_at(noise(), places)
    torch.testing.assert_close(sample_along(noise(), lines), expected, atol=2e-6, rtol=0)
    assert torch.equal(inside_along(lines, SHAPE), inside(places, SHAPE))
    assert 0 < inside_along(lines, SHAPE).float().mean() < 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_thin_box_is_cut_where_it_is_thin_first(
    monkeypatch: pytest.MonkeyPatch, axis: int
) -> None:
    box = tuple(slice(2, 4) if k == axis else slice(0, n) for k, n in enumerate(SHAPE))
    lines = lines_of(np.diag([0.6, 0.7, 0.8, 1.0]), box)
    assert lines is not None
    made = []
    taken = along_axes._taken

    def counted(volume: torch.Tensor, axis: int, index: torch.Tensor) -> torch.Tensor:
        made.append(taken(volume, axis, index))
        return made[-1]

    monkeypatch.setattr(along_axes, "_taken", counted)
    sample_along(noise(), lines)
    assert max(part.numel() for part in made) <= 2 * 2 * 7 * 9 * 11 // SHAPE[axis]


def test_whole_voxels_are_taken_as_they_are() -> None:
    matrix = monomial((0, 1, 2), (1.0, 1.0, -1.0))
    matrix[:3, 3] = [1, 2, 9]
    box = (slice(1, 4), slice(0, 6), slice(0, 5))
    lines = lines_of(matrix, box)
    assert lines is not None
    assert torch.equal(sample_along(noise(), lines), noise()[:, :, 2:5, 2:8, 5:10].flip(4))


@pytest.mark.parametrize("turn", [1e-5, 0.3])
def test_axes_that_lie_askew_are_sampled_voxel_by_voxel(turn: float) -> None:
    matrix = monomial((0, 1, 2), (0.7, 0.4, 1.3))
    matrix[0, 1] = turn
    assert lines_of(matrix, BOX) is None
    assert torch.equal(
        sample_box(noise(), matrix, BOX), sample_at(noise(), box_places(matrix, BOX))
    )


def test_a_working_grid_lies_on_the_axes_of_an_oblique_reference() -> None:
    for flipped in (1.0, -1.0):
        grid = oblique((9, 12, 10), (3.0, 2.0, 2.5), 1)
        linear = grid.linear * [1.0, flipped, 1.0]
        reference = Grid(grid.shape, affine_of(linear, grid.origin))
        to_working = reference.index_to_index(working_grid(reference, 1.7))
        everything = tuple(slice(0, n) for n in reference.shape)
        assert lines_of(to_working, everything) is not None


@pytest.mark.parametrize("working_mm", [1.7, 4.0])
def test_resampling_onto_a_working_grid_is_the_same_both_ways(
    monkeypatch: pytest.MonkeyPatch, working_mm: float
) -> None:
    reference = oblique((9, 12, 10), (3.0, 2.0, 2.5), 1)
    values = np.random.default_rng(3).standard_normal(reference.shape).astype(np.float32)
    volume, grid = Volume(values, reference.affine), working_grid(reference, working_mm)
    by_lines = resample(volume, grid, -5.0)
    monkeypatch.setattr(resampling, "lines_of", lambda *_: None)
    by_voxel = resample(volume, grid, -5.0)
    torch.testing.assert_close(by_lines[0], by_voxel[0], atol=2e-6, rtol=0)
    assert torch.equal(by_lines[1], by_voxel[1])
