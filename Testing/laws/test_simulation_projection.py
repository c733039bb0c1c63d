"""Laws of the projector and of what stands on it: CT metal and low-dose PET, on slices that are not
square.
"""

import numpy as np
import pytest
import torch

from Testing.laws.slices import H, W, blobs
from UniFuseLib.simulation.parameters import local_generator
from UniFuseLib.simulation.projector import half_turn, projector, ramp_filter, system_entries


def test_projection_agrees_with_scikit_image() -> None:
    """An independent radon transform; its y axis points up, ours along h."""
    transform = pytest.importorskip("skimage.transform")
    picture, views = blobs(), 30
    beam = projector(half_turn((H, W), (1.0, 1.0), views))
    ours = beam.forward(picture.flip(1))[0].numpy()
    bins = beam.geometry.bins
    square = np.zeros((bins, bins))
    top, left = (bins - H) // 2, (bins - W) // 2
    square[top : top + H, left : left + W] = picture[0].numpy()
    theirs = transform.radon(square, np.arange(views) * 180 / views, circle=True).T
    assert np.linalg.norm(ours - theirs) < 4e-3 * np.linalg.norm(theirs)
    assert np.linalg.norm(ours - theirs[:, ::-1]) > 0.3 * np.linalg.norm(theirs)


def test_disc_has_chords_in_millimetres() -> None:
    """p(t) = 2 √(r² − t²) for every view, with pixels that are not square."""
    pixel = (0.8, 1.1)
    y, x = np.meshgrid(
        (np.arange(81) - 40) * pixel[0], (np.arange(59) - 29) * pixel[1], indexing="ij"
    )
    disc = torch.tensor(np.clip((20 - np.hypot(y, x)) / 0.8 + 0.5, 0, 1), dtype=torch.float32)[None]
    beam = projector(half_turn((81, 59), pixel, 12))
    t = (np.arange(beam.geometry.bins) - (beam.geometry.bins - 1) / 2) * beam.geometry.pitch_mm
    chord = 2 * np.sqrt(np.clip(400 - t**2, 0, None))
    error = np.abs(beam.forward(disc)[0].numpy() - chord)[:, np.abs(t) < 17]
    assert error.max() < 0.8
    assert error.mean() < 0.3


def test_back_projection_is_the_transpose() -> None:
    beam = projector(half_turn((11, 7), (1.0, 1.4), 9))
    generator = local_generator(0)
    f = torch.randn(2, 11, 7, generator=generator)
    p = torch.randn(2, 9, beam.geometry.bins, generator=generator)
    torch.testing.assert_close(
        (beam.forward(f) * p).sum(), (f * beam.backward(p)).sum(), rtol=1e-4, atol=1e-3
    )


def test_scipy_fallback_multiplies_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    geometry = half_turn((11, 7), (1.0, 1.4), 5)
    usual = projector(geometry).forward(blobs(11, 7))
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    from UniFuseLib.simulation.projector import Projector

    torch.testing.assert_close(
        Projector(geometry).forward(blobs(11, 7)), usual, rtol=1e-5, atol=1e-5
    )
    assert system_entries(geometry).shape == (5 * geometry.bins, 77)


@pytest.mark.parametrize("pixel", [(1.0, 1.0), (2.0, 2.0), (1.2, 2.0)])
def test_filtered_back_projection_restores_the_slice(pixel: tuple[float, float]) -> None:
    beam = projector(half_turn((H, W), pixel, 96))
    restored = beam.filtered_backward(beam.forward(blobs()))
    assert (restored - blobs()).norm() < 0.05 * blobs().norm()
    torch.testing.assert_close(restored.sum(), blobs().sum(), rtol=2e-3, atol=0)


def test_ramp_filter_removes_the_mean() -> None:
    flat = torch.ones(1, 1, 513)
    assert ramp_filter(flat, 1.0)[0, 0, 256].abs() < 2e-3
