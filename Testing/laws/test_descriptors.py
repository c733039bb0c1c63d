"""Learned descriptors: where they lie, what the loss asks for, what the fine stage finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from UniFuseLib.experiments.descriptor_alignment import FineSettings, Scan, align_finely
from UniFuseLib.registration.affine_parameters import RIGID
from UniFuseLib.spatial.displacement import affine_index
from UniFuseLib.spatial.resampling import blocks_of
from UniFuseLib.spatial.volume import Grid, Volume
from UniFuseLib.training.descriptors import contrasts, loss
from UniFuseLib.training.descriptors.anatomy import Field, thickened
from UniFuseLib.training.descriptors.faults import degrade
from UniFuseLib.training.descriptors.network import DescriptorNetwork
from UniFuseLib.training.descriptors.samples import (
    Batch,
    crop_affine,
    draw_points,
    read_crop,
    residual,
    to_descriptors,
)
from UniFuseLib.training.descriptors.weights import finer, mind_descriptors

CPU = torch.device("cpu")


def turn(axis: int, degrees: float) -> np.ndarray:
    """`(3, 3)` right-handed rotation about a coordinate axis."""
    k = np.zeros((3, 3))
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    k[i, j], k[j, i] = -1, 1
    angle = np.deg2rad(degrees)
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)


def oblique(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    """No axis along R, A or S."""
    affine = np.eye(4)
    affine[:3, :3] = turn(0, 15) @ turn(1, -20) @ turn(2, 35) @ np.diag(spacing)
    affine[:3, 3] = (3.0, -5.0, 7.0)
    return Grid(shape, affine)


def world_of(shape: tuple[int, int, int], affine: np.ndarray) -> torch.Tensor:
    """RAS mm of every voxel, `(3, d, h, w)`."""
    return affine_index(affine, shape, torch.empty(0, dtype=torch.float64))[0]


def ramp(shape: tuple[int, int, int], affine: np.ndarray) -> torch.Tensor:
    """A linear function of the world: no axis and no sign can be swapped unnoticed."""
    slope = torch.tensor([0.7, -0.4, 1.1], dtype=torch.float64).view(3, 1, 1, 1)
    return (slope * world_of(shape, affine)).sum(dim=0).float()


def noise_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blobs(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """Smooth structure, `(d, h, w)` in [0, 1]."""
    coarse = torch.randn((1, 1, *(max(3, n // 5) for n in shape)), generator=noise_generator(seed))
    field = torch.nn.functional.interpolate(coarse, size=shape, mode="trilinear")[0, 0]
    return torch.sigmoid(2 * field).numpy()


def test_the_finer_grid_has_the_voxels_of_the_grid_as_blocks(oblique_grid: Grid) -> None:
    assert blocks_of(finer(oblique_grid), (2, 2, 2)).same_as(oblique_grid, 1e-9)


def test_descriptors_lie_between_their_two_voxels() -> None:
    line = torch.arange(12.0)
    assert torch.equal(to_descriptors(line.view(6, 2).mean(dim=1)), torch.arange(6.0))


@pytest.mark.parametrize("shape", [(16, 24, 8), (13, 18, 9)])
def test_descriptors_have_half_the_resolution_and_stay_below_one(
    shape: tuple[int, int, int],
) -> None:
    features = DescriptorNetwork()(torch.rand(2, 1, *shape))
    assert features.shape == (2, 16, *(math.ceil(n / 2) for n in shape))
    assert float(features.detach().norm(dim=1).max()) < 1


def test_another_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected \(b, 1, d, h, w\)"):
        DescriptorNetwork()(torch.rand(1, 2, 16, 16, 16))


def test_the_network_is_small() -> None:
    assert sum(p.numel() for p in DescriptorNetwork().parameters()) <= 300_000


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_descriptors_move_with_the_volume(axis: int) -> None:
    """By whole voxels of the coarsest features; far from the border nothing else changes."""
    torch.manual_seed(0)
    network, shape = DescriptorNetwork().eval(), (104, 96, 112)
    volume = torch.zeros(1, 1, *shape)
    volume[:, :, 44:60, 40:56, 48:64] = torch.rand(1, 1, 16, 16, 16)
    with torch.no_grad():
        first = network(volume)
        moved = network(torch.roll(volume, 8, 2 + axis))
    middle = first[:, :, 24:28, 22:26, 26:30]
    there = torch.roll(moved, -4, 2 + axis)[:, :, 24:28, 22:26, 26:30]
    assert torch.allclose(there, middle, atol=1e-5)
    assert not torch.allclose(moved[:, :, 24:28, 22:26, 26:30], middle, atol=1e-3)


def test_points_of_a_pair_are_the_same_places() -> None:
    """On an oblique anisotropic field, through a turn, a stretch and a shift."""
    random = np.random.default_rng(1)
    source = oblique((70, 60, 80), (2.5, 1.6, 2.1))
    field = Field(ramp(source.shape, source.affine) + 400, source.affine)
    affine = crop_affine(source.corners().mean(axis=0), 24, 1.7, random)
    moved = residual(affine, 24, random) @ affine
    fixed, moving = read_crop(field, affine, 24), read_crop(field, moved, 24)
    matrix = torch.as_tensor(np.linalg.solve(moved, affine), dtype=torch.float32)[None]
    here, there, good = draw_points(fixed[None], moving[None], matrix, 50, noise_generator())
    values = [loss.at_points(v[None, :1], p) for v, p in ((fixed, here), (moving, there))]
    assert bool(good[0])
    assert torch.allclose(values[0], values[1], atol=1e-2)
    assert float((here - there).norm(dim=-1).max()) > 1  # it did move


def test_thick_slices_stay_where_they_are(oblique_grid: Grid) -> None:
    field = Field(ramp(oblique_grid.shape, oblique_grid.affine), oblique_grid.affine)
    for axis in range(3):
        thick = thickened(field, axis, count=3, phase=1)
        expected = ramp(tuple(thick.values.shape), thick.affine)
        assert torch.allclose(thick.values, expected, atol=1e-4)


def test_a_curve_passes_through_its_values() -> None:
    curve = contrasts.Curve(np.linspace(0, 1, 256) ** 2, 1.0)
    x = torch.tensor([0.0, 0.25, 0.5, 0.9])
    assert torch.allclose(curve(x), x**2, atol=1e-3)


def test_bone_and_air_are_dark_in_an_mr_like_contrast_and_fat_is_not() -> None:
    air, fat, bone = torch.tensor([[0.0], [0.24], [0.95]])
    curves = [contrasts.mr_like(np.random.default_rng(seed)) for seed in range(40)]
    dark = [float(c(bone)) < 0.25 and float(c(air)) < 0.1 and float(c(fat)) > 0.2 for c in curves]
    assert np.mean(dark) > 0.6  # one in four is any contrast at all


def test_looks_of_labels_agree_where_a_label_ends() -> None:
    names = torch.tensor([0, 2, 3, 507, 515])
    codes = torch.zeros(12, 14, 16, dtype=torch.long)
    codes[3:9, 4:10, 5:11] = 4
    first, second = contrasts.looks_of_labels(
        codes, names, 1.5, np.random.default_rng(0), noise_generator()
    )
    for look in (first, second):
        assert look.shape == codes.shape
        inside, outside = look[4:8, 5:9, 6:10], look[:2]
        assert float((inside.mean() - outside.mean()).abs()) > 0.01


def test_faults_keep_shape_and_range_and_repeat() -> None:
    volumes = torch.rand(3, 1, 16, 16, 16)
    strength = torch.tensor([0.0, 0.5, 1.0])
    harmed = degrade(volumes, strength, noise_generator(3))
    assert harmed.shape == volumes.shape
    assert 0 <= float(harmed.min()) <= float(harmed.max()) <= 2
    assert torch.equal(harmed, degrade(volumes, strength, noise_generator(3)))
    assert not torch.equal(harmed, degrade(volumes, strength, noise_generator(4)))


def batch(points: int = 64, shift: float = 0.0) -> Batch:
    here = 2 + 8 * torch.rand((1, points, 3), generator=noise_generator(5))
    one = torch.ones(1)
    volume = torch.zeros(1, 1, 24, 24, 24)
    there = here + torch.tensor([shift, 0.0, 0.0])
    return Batch(volume, volume, here, there, one, one, 3 * one, [""])


def test_descriptors_that_tell_nothing_cost_the_logarithm_of_the_choices() -> None:
    constant = torch.full((1, 4, 12, 12, 12), 0.25)
    b = batch()
    places, regions = loss.contrastive_loss(constant, constant, b, noise_generator())
    apart = torch.cdist(b.moving_points, b.moving_points) >= 2
    expected = torch.log(1 + 48 + apart.sum(dim=-1)).mean()
    assert float(places) == pytest.approx(float(expected), abs=1e-4)
    assert float(regions) == pytest.approx(math.log(49), abs=1e-4)


def test_the_loss_is_lowest_at_the_true_correspondence() -> None:
    features = torch.from_numpy(np.stack([blobs((12, 12, 12), s) for s in range(6)]))[None] - 0.5
    losses = [
        sum(loss.contrastive_loss(features, features, batch(shift=s), noise_generator()))
        for s in (0.0, 1.0)
    ]
    assert float(losses[0]) < float(losses[1]) - 0.5


def test_pairs_without_enough_places_do_not_count() -> None:
    b = batch()
    b = Batch(*(torch.cat([v, v]) if isinstance(v, torch.Tensor) else v for v in b))
    features = torch.rand(2, 4, 12, 12, 12, generator=noise_generator())
    whole = loss.contrastive_loss(features, features, b, noise_generator())[0]
    features[1] = torch.rand(4, 12, 12, 12, generator=noise_generator(9))
    only = b._replace(good=torch.tensor([1.0, 0.0]))
    changed = features.clone()
    changed[1] = 0.1
    first, second = (
        loss.contrastive_loss(f, f, only, noise_generator())[0] for f in (features, changed)
    )
    assert float(first) == pytest.approx(float(second))
    assert float(first) != pytest.approx(float(whole))


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    network, volume = DescriptorNetwork(), torch.rand(1, 1, 24, 24, 24)
    features = network(volume), network(volume.square())
    places, regions = loss.contrastive_loss(*features, batch(), noise_generator())
    (places + regions).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0, name


def test_the_fine_stage_finds_a_motion_on_an_oblique_anisotropic_grid() -> None:
    """Red where two axes are swapped or a sign flips; the contrast is inverted besides."""
    fixed = oblique((30, 44, 36), (2.6, 1.7, 2.1))
    values = blobs(fixed.shape)
    motion = np.eye(4)
    motion[:3, :3] = turn(0, 3.0) @ turn(2, -2.0)
    motion[:3, 3] = (1.5, -2.0, 1.0)
    whole = np.ones(fixed.shape)
    still = Scan(Volume(values, fixed.affine), whole > 0, whole)
    moved = Scan(Volume(1 - values, motion @ fixed.affine), whole > 0, whole)
    settings = FineSettings(spacing_mm=2.5, freedom=RIGID)
    found = align_finely(mind_descriptors, moved, still, np.eye(4), settings)
    corners = fixed.corners()
    error = corners @ (found - motion)[:3, :3].T + (found - motion)[:3, 3]
    assert float(np.linalg.norm(error, axis=1).mean()) < 0.3
