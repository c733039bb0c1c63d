"""Baseline registrations find a known translation between oblique, anisotropic grids.

No adapter may swap or flip.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from UniFuseLib.errors import InputError, MissingDependencyError
from UniFuseLib.evaluation import baselines
from UniFuseLib.evaluation.baselines.denoising import noise_level
from UniFuseLib.evaluation.baselines.dependency import require
from UniFuseLib.evaluation.baselines.itk_bridge import displacement_of, itk_grid, to_image
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.fusion.rules import (
    fuse_average,
    fuse_laplacian,
    fuse_maximum,
    fuse_wavelet,
)
from UniFuseLib.spatial.volume import Grid, Volume

SHIFT = np.array([3.0, -2.0, 5.0])  # RAS mm


def turned(axis: int, radians: float) -> np.ndarray:
    matrix = np.eye(3)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix[i, i] = matrix[j, j] = np.cos(radians)
    matrix[i, j], matrix[j, i] = -np.sin(radians), np.sin(radians)
    return matrix


def frame(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], turns: tuple[float, ...]
) -> Grid:
    affine = np.eye(4)
    axes = turned(0, turns[0]) @ turned(1, turns[1]) @ turned(2, turns[2])
    # d → S, h → P, w → L before the turn: what scanners write
    affine[:3, :3] = axes @ np.array([[0.0, 0, -1], [0, -1, 0], [1, 0, 0]]) @ np.diag(spacing)
    affine[:3, 3] = np.array([4.0, -9.0, 12.0]) - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Grid(shape, affine)


@pytest.fixture(scope="module")
def pair() -> tuple[Volume, Volume, np.ndarray]:
    """(moving, fixed, body): a textured ellipsoid, moved by SHIFT: fixed(X) = moving(X + SHIFT)."""
    big = frame((70, 70, 70), (1.5, 1.5, 1.5), (0.0, 0.0, 0.0))
    texture = gaussian_filter(np.random.default_rng(0).random(big.shape), 4)
    texture = (texture - texture.min()) / np.ptp(texture)
    index = np.stack(np.meshgrid(*map(np.arange, big.shape), indexing="ij"), axis=-1) - 34.5
    inside = 1 / (1 + np.exp(np.linalg.norm(index * [1.0, 1.2, 0.9], axis=-1) - 22))
    source = Volume((inside * (0.4 + 0.6 * texture)).astype(np.float32), big.affine)
    fixed_grid = frame((30, 37, 44), (2.6, 2.0, 1.7), (0.25, -0.35, 0.6))
    moving_grid = frame((40, 34, 47), (1.9, 2.4, 1.6), (-0.2, 0.1, -0.25))
    fixed = Volume(pull(source, None, fixed_grid), fixed_grid.affine)
    moving = Volume(
        pull(source, np.zeros((*moving_grid.shape, 3)) - SHIFT, moving_grid), moving_grid.affine
    )
    return moving, fixed, fixed.array > 0.2


# what the method reaches on this pair; the untouched error is 6.2 mm, a flipped sign would give
# about 12
@pytest.mark.parametrize(
    ("name", "reach"),
    [
        ("rigid", 0.3),
        pytest.param("bspline", 0.8, marks=pytest.mark.slow),
        pytest.param("syn", 1.0, marks=[pytest.mark.slow, pytest.mark.bench]),
        pytest.param("convexadam", 1.8, marks=[pytest.mark.slow, pytest.mark.bench]),
        pytest.param("elastix", 1.8, marks=[pytest.mark.slow, pytest.mark.bench]),
    ],
)
def test_known_translation_is_found(pair, name, reach):
    moving, fixed, body = pair
    try:
        found = baselines.registration(name)(moving, fixed)
    except MissingDependencyError as missing:
        pytest.skip(str(missing))
    assert found.shape == (*fixed.array.shape, 3)
    error = np.linalg.norm(found[body] - SHIFT, axis=1)
    assert error.mean() < reach
    np.testing.assert_allclose(found[body].mean(axis=0), SHIFT, atol=1.2)


def test_rigid_starts_from_the_centres_where_no_place_is_shared(pair):
    moving, fixed, body = pair
    far = moving.affine.copy()
    far[:3, 3] += [260.0, -140.0, 90.0]
    found = baselines.registration("rigid")(Volume(moving.array, far), fixed)
    expected = SHIFT + np.array([260.0, -140.0, 90.0])
    assert np.linalg.norm(found[body] - expected, axis=1).mean() < 0.3


def test_chosen_registrations_keep_their_order_and_refuse_what_is_unknown():
    assert baselines.chosen_registrations(["bspline", "rigid"]) == ["rigid", "bspline"]
    assert baselines.chosen_registrations([]) == []
    with pytest.raises(InputError, match="average"):
        baselines.chosen_registrations(["rigid", "average"])


def test_identity_stays(pair):
    moving, fixed, _ = pair
    assert not baselines.registration("identity")(moving, fixed).any()


def test_itk_image_lies_where_the_volume_lies(pair):
    moving, _, _ = pair
    image = to_image(moving)
    for index in ((0, 0, 0), (3, 5, 7), (39, 33, 46)):
        d, h, w = index
        lps = np.array(image.TransformIndexToPhysicalPoint((w, h, d)))
        ras = moving.affine[:3, :3] @ index + moving.affine[:3, 3]
        np.testing.assert_allclose(lps * [-1, -1, 1], ras, atol=1e-5)
    assert image.GetPixel(7, 5, 3) == pytest.approx(float(moving.array[3, 5, 7]))
    np.testing.assert_allclose(
        itk_grid(moving.grid).direction.T @ itk_grid(moving.grid).direction, np.eye(3), atol=1e-9
    )


def test_displacement_of_an_itk_translation_is_ras():
    import SimpleITK as sitk

    grid = frame((5, 6, 7), (2.0, 1.5, 1.0), (0.3, 0.2, -0.1))
    field = displacement_of(sitk.TranslationTransform(3, (1.0, 2.0, 3.0)), grid)
    np.testing.assert_allclose(field, np.broadcast_to([-1.0, -2.0, 3.0], field.shape), atol=1e-6)


def random(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((19, 22, 27)).astype(np.float32)


def test_fusion_rules_in_closed_form():
    a, b = random(0), random(1)
    np.testing.assert_allclose(fuse_average(a, b), (a + b) / 2)
    np.testing.assert_array_equal(fuse_maximum(a, b), np.where(a > b, a, b))
    assert [baselines.fusion(n) for n in ("average", "maximum")] == [fuse_average, fuse_maximum]


def test_noise_level_is_that_of_white_noise_and_not_of_a_gradient():
    grid = np.indices((20, 24, 28))
    noise = 5.0 * np.random.default_rng(0).standard_normal(grid.shape[1:])
    body = np.ones(grid.shape[1:], bool)
    assert noise_level(noise + 3.0 * grid[0] - 2.0 * grid[2], body) == pytest.approx(5.0, rel=0.05)


@pytest.mark.parametrize("fuse", [fuse_laplacian, fuse_wavelet])
def test_multiscale_fusion_of_equal_volumes_is_the_volume_and_details_win(fuse):
    try:
        a = random(2)
        np.testing.assert_allclose(fuse(a, a), a, atol=1e-5)
    except MissingDependencyError as missing:
        pytest.skip(str(missing))
    flat = np.full_like(a, a.mean())
    fused = fuse(a, flat)
    # all details of `a` are kept over the flat volume's, its lowest frequencies are halved
    assert np.corrcoef(fused.ravel(), a.ravel())[0, 1] > 0.95
    np.testing.assert_allclose(fuse(flat, a), fused, atol=1e-5)


def test_non_local_means_takes_noise_away_and_keeps_units():
    pytest.importorskip("skimage")
    grid = frame((18, 22, 26), (3.0, 1.0, 1.0), (0.1, 0.2, 0.3))
    clean = np.where(np.indices(grid.shape)[2] > 12, 900.0, -100.0).astype(np.float32)
    noisy = clean + 60 * np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)
    found = baselines.restoration("nlm")(Volume(noisy, grid.affine), "pet")
    assert np.abs(found.array - clean).mean() < 0.5 * np.abs(noisy - clean).mean()
    assert baselines.restoration("none")(Volume(noisy, grid.affine), "ct").array is noisy


def test_choose_names_unknown_baselines_and_completes_kinds():
    chosen = baselines.choose(["rigid", "identity", "average", "none"])
    assert chosen == (["none"], ["identity", "rigid"], ["average"])
    with pytest.raises(InputError, match="magic"):
        baselines.choose(["magic"])


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(
        baselines, "find_spec", lambda name: None if name in ("ants", "pywt") else object()
    )
    with pytest.raises(MissingDependencyError, match="PyWavelets, antspyx"):
        baselines.choose(None)
    assert baselines.choose(["none", "rigid", "average"])[1] == ["rigid"]
    with pytest.raises(MissingDependencyError, match="no-such-package"):
        require("no_such_module", "no-such-package")
