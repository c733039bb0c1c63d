"""The windowed and point-wise comparisons: closed forms, and the libraries that compute the same
numbers.
"""

from __future__ import annotations

import numpy as np
import pytest

from UniFuseLib.evaluation.metrics.fusion import fusion_figures, sum_of_correlations_of_differences
from UniFuseLib.evaluation.metrics.restoration import restoration_figures
from UniFuseLib.evaluation.metrics.similarity import (
    PEAK_DB,
    correlation,
    mean_squared_error,
    psnr_of,
    ssim,
    ssim_map,
)
from UniFuseLib.evaluation.metrics.vif import vif

SHAPE = (17, 19, 23)


def noise(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).random(shape)


def structured(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(noise(seed, shape), 1.2)
    return (smooth - smooth.min()) / np.ptp(smooth)


def half_mask(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[2:-3, 3:-2, 4:-4] = True
    return mask


def test_mse_and_psnr_of_a_constant_offset():
    a = structured(0)
    assert mean_squared_error(a, a + 0.1, half_mask()) == pytest.approx(0.01)
    assert psnr_of(0.01) == pytest.approx(20.0)
    assert psnr_of(0.0) == PEAK_DB


def test_only_the_mask_counts():
    a, b, mask = structured(0), structured(0), half_mask()
    b[~mask] += 5.0
    assert mean_squared_error(a, b, mask) == 0.0
    assert correlation(a, b, mask) == pytest.approx(1.0)


@pytest.mark.parametrize(("gain", "expected"), [(2.0, 1.0), (-0.5, -1.0)])
def test_correlation_ignores_scale_and_offset(gain, expected):
    a = structured(1)
    assert correlation(a, gain * a + 0.3, half_mask()) == pytest.approx(expected)


def test_correlation_with_a_constant_is_zero():
    assert correlation(structured(1), np.full(SHAPE, 0.7)) == 0.0


def test_empty_mask_and_nan_are_refused():
    a = structured(0)
    with pytest.raises(ValueError, match="at least one voxel"):
        mean_squared_error(a, a, np.zeros(SHAPE, bool))
    with pytest.raises(ValueError, match="finite"):
        mean_squared_error(a, np.full(SHAPE, np.nan))
    with pytest.raises(ValueError, match="one shape"):
        mean_squared_error(a, a[1:])


def test_ssim_of_equal_volumes_is_one_and_of_two_constants_is_the_luminance_term():
    assert ssim(structured(0), structured(0)) == pytest.approx(1.0)
    c1, x, y = 0.01**2, 0.4, 0.6
    expected = (2 * x * y + c1) / (x * x + y * y + c1)
    assert ssim(np.full(SHAPE, x), np.full(SHAPE, y)) == pytest.approx(expected)


def test_ssim_map_agrees_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    a, b = structured(2), np.clip(structured(2) + 0.2 * noise(3), 0, 1)
    _, theirs = metrics.structural_similarity(
        a,
        b,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )
    np.testing.assert_allclose(ssim_map(a, b), theirs, atol=1e-9)


def test_ssim_agrees_with_monai_away_from_the_border():
    torch = pytest.importorskip("torch")
    regression = pytest.importorskip("monai.metrics.regression")
    a, b = structured(4), np.clip(structured(4) + 0.2 * noise(5), 0, 1)
    x, y = (torch.from_numpy(v).double()[None, None] for v in (a, b))
    theirs = regression.SSIMMetric(spatial_dims=3, data_range=1.0, win_size=11, kernel_sigma=1.5)(
        x, y
    )
    inside = np.zeros(SHAPE, bool)
    inside[5:-5, 5:-5, 5:-5] = True  # MONAI keeps only windows that lie inside the volume
    assert ssim(a, b, inside) == pytest.approx(float(theirs.mean()), abs=1e-5)


def test_vif_is_one_for_equal_zero_for_unrelated_constant_and_above_one_for_more_contrast():
    a = 255 * structured(6)
    assert vif(a, a) == pytest.approx(1.0, abs=1e-6)
    assert vif(a, np.full(SHAPE, 100.0)) == pytest.approx(0.0, abs=1e-9)
    assert vif(a, 1.5 * a) > 1.05
    assert vif(a, 255 - a) == pytest.approx(0.0, abs=1e-9)
    assert vif(np.full(SHAPE, 9.0), a) == 1.0


def test_vif_of_one_scale_in_closed_form():
    """d = g s + n without noise: every term is log(1 + g² σ² / σn²) / log(1 + σ² / σn²), between g²
    and 1.
    """
    a = 255 * structured(7)
    faint = vif(a, 0.5 * a)
    assert 0.25 < faint < 1.0
    assert vif(a, 0.5 * a, noise_variance=1e9) == pytest.approx(0.25, rel=1e-3)


def test_vif_agrees_with_torchmetrics_in_two_dimensions():
    torch = pytest.importorskip("torch")
    image = pytest.importorskip("torchmetrics.functional.image")
    a = 255 * structured(8, (61, 74))
    b = np.clip(a + 40 * noise(9, (61, 74)), 0, 255)
    x, y = (torch.from_numpy(v).double()[None, None] for v in (a, b))
    theirs = image.visual_information_fidelity(preds=y, target=x, sigma_n_sq=2.0)
    assert vif(a, b, border="valid") == pytest.approx(float(theirs), rel=1e-6)
    assert abs(vif(b, a, border="valid") - float(theirs)) > 1e-3  # which one is the source matters


def test_vif_refuses_unknown_borders_and_thin_volumes():
    with pytest.raises(ValueError, match="mirror or valid"):
        vif(noise(0), noise(1), border="wrap")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="voxels per axis"):
        vif(noise(0, (9, 60, 60)), noise(1, (9, 60, 60)), border="valid")


def test_scd_is_two_when_each_difference_is_the_other_source():
    a, b = structured(10), structured(11)
    assert sum_of_correlations_of_differences(a + b, a, b, half_mask()) == pytest.approx(2.0)
    # a copy of one source: nothing of the other, and r(A - B, A)
    copied = sum_of_correlations_of_differences(a, a, b, half_mask())
    assert copied == pytest.approx(correlation(a - b, a, half_mask()))


def test_fusion_figures_of_a_copy_of_both_sources():
    a, mask = structured(12), half_mask()
    figures = fusion_figures(a, a, a, mask)
    assert figures.mse == 0.0
    assert figures.psnr == PEAK_DB
    assert figures.cc == pytest.approx(1.0)
    assert figures.ssim == pytest.approx(2.0)
    assert figures.vif == pytest.approx(2.0, abs=1e-6)


def test_fusion_figures_do_not_depend_on_the_order_of_the_sources_and_average_them():
    a, b, mask = structured(13), structured(14), half_mask()
    mean = (a + b) / 2
    np.testing.assert_allclose(
        fusion_figures(mean, a, b, mask), fusion_figures(mean, b, a, mask), rtol=1e-12
    )
    assert fusion_figures(mean, a, b, mask).mse == pytest.approx(mean_squared_error(a, b, mask) / 4)
    assert fusion_figures(a, a, b, mask).mse == pytest.approx(mean_squared_error(a, b, mask) / 2)


def test_restoration_gain_is_the_decibels_won():
    clean, mask = structured(15), half_mask()
    figures = restoration_figures(clean + 0.01, clean, clean + 0.1, mask)
    assert figures.psnr_db == pytest.approx(40.0)
    assert figures.degraded_psnr_db == pytest.approx(20.0)
    assert figures.gain_db == pytest.approx(20.0)
    assert restoration_figures(clean + 0.1, clean, clean, mask).gain_db < 0


def test_psnr_agrees_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    a, b = structured(16), noise(17)
    theirs = metrics.peak_signal_noise_ratio(a, b, data_range=1.0)
    assert psnr_of(mean_squared_error(a, b)) == pytest.approx(theirs)
