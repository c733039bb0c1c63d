"""The nine figures of fused pictures against second implementations and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from UniFuseLib.evaluation.metrics.pictures import (
    average_gradient,
    entropy,
    mutual_information,
    picture_figures,
    q_abf,
    spatial_frequency,
)


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, B and F: smooth structure with noise, integers 0..255, sides of two lengths."""
    generator = np.random.default_rng(3)
    y, x = np.mgrid[0:72, 0:96]
    a = 120 + 80 * np.sin(x / 9) + generator.normal(0, 6, x.shape)
    b = 110 + 90 * np.cos(y / 7 + x / 31) + generator.normal(0, 4, x.shape)
    fused = np.maximum(a, b)
    first, second, third = (v.clip(0, 255).round() for v in (a, b, fused))
    return first, second, third


def test_entropy_and_mutual_information_as_scikit_image_and_scikit_learn_have_them(pictures):
    measure = pytest.importorskip("skimage.measure")
    a, _, fused = pictures
    assert entropy(fused) == pytest.approx(measure.shannon_entropy(fused, base=2))
    metrics = pytest.importorskip("sklearn.metrics")
    expected = metrics.mutual_info_score(a.astype(int).ravel(), fused.astype(int).ravel())
    assert mutual_information(a, fused) == pytest.approx(expected / math.log(2))


def test_mutual_information_of_a_picture_with_itself_is_its_entropy(pictures):
    a = pictures[0]
    assert mutual_information(a, a) == pytest.approx(entropy(a))
    assert mutual_information(a, np.zeros_like(a)) == pytest.approx(0, abs=1e-9)


def test_frequency_and_gradient_of_a_ramp():
    """F = 3x + 4y: both axes count, each in its own direction."""
    y, x = np.mgrid[0:20, 0:30].astype(float)
    assert spatial_frequency(3 * x + 4 * y) == pytest.approx(5.0)
    assert average_gradient(3 * x + 4 * y) == pytest.approx(5 / math.sqrt(2))


def test_frequency_and_gradient_pixel_by_pixel(pictures):
    fused = pictures[2]
    h, w = fused.shape
    across = [(fused[i, j + 1] - fused[i, j]) ** 2 for i in range(h) for j in range(w - 1)]
    down = [(fused[i + 1, j] - fused[i, j]) ** 2 for i in range(h - 1) for j in range(w)]
    assert spatial_frequency(fused) == pytest.approx(math.sqrt(np.mean(across) + np.mean(down)))
    slopes = [
        math.sqrt(((fused[i, j + 1] - fused[i, j]) ** 2 + (fused[i + 1, j] - fused[i, j]) ** 2) / 2)
        for i in range(h - 1)
        for j in range(w - 1)
    ]
    assert average_gradient(fused) == pytest.approx(np.mean(slopes))


def _slow_q_abf(fused: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Pixel by pixel, from the paper's equations; the border mirrors."""

    def gradient(picture: np.ndarray, i: int, j: int) -> tuple[float, float]:
        at = np.pad(picture, 1, mode="symmetric")[i : i + 3, j : j + 3]
        gx = at[0, 2] + 2 * at[1, 2] + at[2, 2] - at[0, 0] - 2 * at[1, 0] - at[2, 0]
        gy = at[2, 0] + 2 * at[2, 1] + at[2, 2] - at[0, 0] - 2 * at[0, 1] - at[0, 2]
        return math.hypot(gx, gy), math.atan(gy / gx) if gx else math.pi / 2

    kept = total = 0.0
    for i in range(fused.shape[0]):
        for j in range(fused.shape[1]):
            g_f, angle_f = gradient(fused, i, j)
            for source in (a, b):
                g_s, angle_s = gradient(source, i, j)
                ratio = min(g_s, g_f) / max(g_s, g_f) if max(g_s, g_f) > 0 else 0.0
                turn = 1 - abs(angle_s - angle_f) / (math.pi / 2)
                q_g = 0.9994 / (1 + math.exp(-15 * (ratio - 0.5)))
                q_a = 0.9879 / (1 + math.exp(-22 * (turn - 0.8)))
                kept, total = kept + q_g * q_a * g_s, total + g_s
    return kept / total


def test_q_abf_as_the_paper_s_equations_pixel_by_pixel(pictures):
    a, b, fused = (v[:24, :31] for v in pictures)
    assert q_abf(fused, a, b) == pytest.approx(_slow_q_abf(fused, a, b), rel=1e-6)


def test_edges_that_are_kept_score_higher_than_edges_that_are_lost(pictures):
    a, b, _ = pictures
    assert q_abf(a, a, a) > 0.95
    assert q_abf(np.full_like(a, 90.0), a, b) < 0.01


def test_structural_similarity_as_scikit_image_has_it(pictures):
    metrics = pytest.importorskip("skimage.metrics")
    a, b, fused = pictures
    expected = sum(
        metrics.structural_similarity(
            fused,
            source,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            full=True,
        )[1].mean()
        for source in (a, b)
    )
    assert picture_figures(fused, a, b).ssim == pytest.approx(expected, abs=1e-6)


def test_visual_information_as_torchmetrics_has_it_inside_the_border(pictures):
    """torchmetrics drops every window that leaves the picture, as `border="valid"` does."""
    functional = pytest.importorskip("torchmetrics.functional.image")
    import torch

    from UniFuseLib.evaluation.metrics.vif import vif

    a, _, fused = pictures
    expected = functional.visual_information_fidelity(
        *(torch.from_numpy(v)[None, None] for v in (fused, a))
    )
    assert vif(a, fused, border="valid") == pytest.approx(float(expected), rel=1e-3)


def test_the_sum_of_correlations_of_differences_by_numpy(pictures):
    a, b, fused = pictures
    expected = (
        np.corrcoef((fused - b).ravel(), a.ravel())[0, 1]
        + np.corrcoef((fused - a).ravel(), b.ravel())[0, 1]
    )
    assert picture_figures(fused, a, b).scd == pytest.approx(expected)
    assert picture_figures(fused, a, b).sd == pytest.approx(float(np.std(fused)))
