"""Laws of the projector and of what stands on it: CT metal and low-dose PET, on slices that are not
square.
"""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from UniFuseLib.simulation import ct_metal, pet_low_dose
from UniFuseLib.simulation.beam_hardening import log_signal, precorrect, water_log_signal
from UniFuseLib.simulation.ct_metal import (
    MetalParameters,
    apply_metal,
    sample_metal,
    tissue,
)
from UniFuseLib.simulation.implants import Implant, metal_fraction
from UniFuseLib.simulation.mr_motion import estimate_shift
from UniFuseLib.simulation.parameters import local_generator
from UniFuseLib.simulation.pet_low_dose import (
    Scanner,
    apply_low_dose,
    gaussian_matrix,
    sample_low_dose,
    smooth,
)
from UniFuseLib.simulation.projector import half_turn, projector, ramp_filter, system_entries
from UniFuseLib.simulation.spectrum import MEAN_MU_WATER, MU_METAL, MU_WATER, WEIGHT

H, W = 47, 61


def blobs(h: int = H, w: int = W) -> torch.Tensor:
    """A slice without any symmetry, zero at the border, `(1, h, w)`."""
    y, x = torch.meshgrid(torch.arange(float(h)), torch.arange(float(w)), indexing="ij")
    first = torch.exp(-((y - 0.35 * h) ** 2 / 30 + (x - 0.68 * w) ** 2 / 70))
    return (first + 0.7 * torch.exp(-((y - 0.65 * h) ** 2 / 45 + (x - 0.3 * w) ** 2 / 16)))[None]


def limb(depth: int = 9) -> tuple[torch.Tensor, tuple[float, float, float]]:
    """A leg: fat, muscle, a bone beside the middle; HU, and spacing in mm."""
    z, y, x = torch.meshgrid(*[torch.arange(float(n)) for n in (depth, 52, 64)], indexing="ij")
    taper = 0.85 + 0.03 * (z - depth / 2)
    radius = (((y - 26) / 21) ** 2 + ((x - 30) / 27) ** 2) / taper
    volume = torch.where(radius < 1, torch.where(radius < 0.7, 55.0, -95.0), -1000.0)
    bone = ((y - 23) ** 2 + (x - 36 - 0.3 * z) ** 2).sqrt()
    return torch.where(bone < 6, torch.where(bone < 3, 30.0, 1200.0), volume), (3.0, 2.0, 2.0)


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


def test_spectrum_is_of_120_kv_and_its_metals_are_in_order() -> None:
    assert abs(WEIGHT.sum() - 1) < 1e-12
    energy_kev = 22.5 + 5.0 * np.arange(len(WEIGHT))  # the middles of the 20 bins
    assert 55 < (WEIGHT * energy_kev).sum() < 72
    assert (np.diff(MU_WATER) < 0).all()
    at_60 = np.abs(energy_kev - 57.5).argmin()
    # NIST XCOM at 60 keV: water 0.0206 /mm; titanium 0.345, iron 0.949, gold 8.73 /mm
    assert abs(MU_WATER[at_60] - 0.0209) < 5e-4
    assert 0.34 < MU_METAL["titanium"][at_60] < 0.40
    assert MU_METAL["iron"][at_60] < 1.1 < 8.7 < MU_METAL["gold"][at_60]


def test_precorrection_is_exact_for_water() -> None:
    length = torch.tensor([1.0, 20.0, 80.0, 200.0, 400.0])
    zero = torch.zeros_like(length)
    corrected = precorrect(log_signal(length, zero, zero, "iron"))
    torch.testing.assert_close(corrected, length * MEAN_MU_WATER, rtol=4e-3, atol=1e-3)
    torch.testing.assert_close(
        water_log_signal(length),
        log_signal(length, zero, zero, "iron"),
        rtol=4e-3,
        atol=1e-3,
    )


def test_tissue_model_keeps_every_hu() -> None:
    hu = torch.tensor([-1000.0, -100.0, 0.0, 99.0, 101.0, 700.0, 1850.0, 2600.0])
    water, bone = tissue(hu)
    torch.testing.assert_close(water + bone * (1 + ct_metal.BONE_HU / 1000), 1 + hu / 1000)
    assert (bone[:4] == 0).all()
    assert (water >= 0).all()


def noise_only(noise_hu: float) -> MetalParameters:
    return MetalParameters(0.5, (), "titanium", noise_hu, 0.0, 0.9, 1.0, 42)


@pytest.mark.parametrize("wanted", [20.0, 60.0])
def test_noise_has_the_wanted_deviation_and_no_bias(wanted: float) -> None:
    volume, spacing = limb()
    change = (apply_metal(volume, spacing, noise_only(wanted)) - volume)[volume == 55.0]
    assert 0.7 * wanted < float(change.std()) < 1.4 * wanted
    assert abs(float(change.mean())) < 0.15 * wanted


def test_hardly_any_noise_and_no_metal_changes_nothing() -> None:
    volume, spacing = limb()
    assert (apply_metal(volume, spacing, noise_only(0.01)) - volume).abs().max() < 2


def test_metal_is_bright_streaks_are_dark_and_lie_in_its_slices() -> None:
    """Two rods across the slice: between them, along their line, the beam is hardest and the
    picture too dark.
    """
    volume, spacing = limb()
    rods = tuple(
        Implant("capsule", (9.0, 52.0, x), (15.0, 52.0, x), (4.0, 0.0)) for x in (36.0, 84.0)
    )
    parameters = replace(noise_only(0.01), implants=rods, metal="iron")
    change = apply_metal(volume, spacing, parameters) - volume
    assert float((volume + change)[4, 26, 18]) > 2500
    assert float((volume + change)[4, 26, 42]) > 2500
    assert float(change[4, 25:28, 24:34].mean()) < -200
    assert abs(float(change[4, 8:12, 24:34].mean())) < 60
    assert change[0].abs().max() < 2


def test_metal_fraction_has_the_volume_of_a_capsule() -> None:
    """π r² l + 4/3 π r³, in mm³, on anisotropic voxels."""
    spacing = (2.0, 1.0, 1.3)
    rod = Implant("capsule", (12.0, 14.0, 12.0), (30.0, 22.0, 26.0), (5.0, 0.0))
    fraction = metal_fraction((rod,), (22, 38, 32), spacing)
    length = np.linalg.norm(np.subtract(rod.end, rod.start))
    expected = np.pi * 25 * length + 4 / 3 * np.pi * 125
    assert abs(float(fraction.sum()) * np.prod(spacing) - expected) < 0.04 * expected


def test_metal_sits_where_it_was_put() -> None:
    spacing = (3.0, 1.0, 2.0)
    ball = Implant("capsule", (9.0, 12.0, 30.0), (9.0, 12.0, 30.0), (4.5, 0.0))
    fraction = metal_fraction((ball,), (9, 33, 27), spacing)
    index = torch.stack(
        torch.meshgrid(*[torch.arange(float(n)) for n in fraction.shape], indexing="ij")
    )
    centre = (index * fraction).flatten(1).sum(1) / fraction.sum()
    torch.testing.assert_close(
        centre * torch.tensor(spacing), torch.tensor([9.0, 12.0, 30.0]), atol=0.15, rtol=0
    )


def test_implants_are_placed_in_bone() -> None:
    volume, spacing = limb(13)
    for seed in range(4):
        parameters = sample_metal(local_generator(seed), volume, spacing, severity=0.2)
        fraction = metal_fraction(parameters.implants, (13, 52, 64), spacing)
        assert fraction.sum() > 0
        assert volume[fraction > 0.5].max() > 250  # it touches the bone


@pytest.mark.parametrize("seed", [0, 1])
def test_metal_and_noise_do_not_move_the_picture(seed: int) -> None:
    volume, spacing = limb(12)
    parameters = sample_metal(local_generator(seed), volume, spacing, severity=0.4)
    degraded = apply_metal(volume, spacing, parameters)
    # streaks are no movement: compare what a radiologist would, soft tissue against air
    shift = estimate_shift(degraded.clamp(-1000, 100) + 1000, volume.clamp(-1000, 100) + 1000)
    assert max(abs(s) for s in shift) <= 0.1


def test_ordered_subsets_converge_on_counts_without_noise() -> None:
    """The error to the truth falls with every round, and the counts are explained in the end."""
    truth = torch.cat([blobs() * 4 + 0.1, blobs().flip(2) * 2 + 0.1])
    scanner = Scanner((H, W), (2.0, 2.0), 0.1, "cpu")
    factors = [torch.ones(2, len(p.geometry.angles), p.geometry.bins) for p in scanner.subsets]
    counts = [y + 0.5 for y in scanner.project(truth, factors)]
    start = torch.full_like(truth, float(truth.mean()))
    errors = [
        float((scanner.osem(counts, factors, 0.5, start, n) - truth).norm() / truth.norm())
        for n in (1, 4, 12)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.08
    wrong = [c.flip(2) for c in counts]
    assert (scanner.osem(wrong, factors, 0.5, start, 12) - truth).norm() > 0.3 * truth.norm()


def test_point_spread_is_as_wide_as_it_says() -> None:
    """Half the peak at half the width, mass kept, along each axis in mm."""
    volume = torch.zeros(21, 31, 41)
    volume[10, 15, 20] = 1
    spread = smooth(volume, (2.0, 1.5, 1.0), 8.0)
    torch.testing.assert_close(spread.sum(), torch.tensor(1.0), atol=1e-3, rtol=0)
    for place in ((12, 15, 20), (10, 15, 24)):  # 4 mm away along d and along w
        assert abs(float(spread[place] / spread[10, 15, 20]) - 0.5) < 0.03
    torch.testing.assert_close(gaussian_matrix(9, 2.0).sum(1), torch.ones(9))


def patient() -> tuple[torch.Tensor, tuple[float, float, float]]:
    z, y, x = torch.meshgrid(*[torch.arange(float(n)) for n in (14, 30, 38)], indexing="ij")
    body = ((((y - 15) / 12) ** 2 + ((x - 18) / 15) ** 2) < 1).float() * 1.2
    hot = 6 * torch.exp(-((z - 5) ** 2 / 6 + (y - 11) ** 2 / 8 + (x - 23) ** 2 / 10))
    return smooth(body + hot, (3.3, 4.0, 4.0), 6.0), (3.3, 4.0, 4.0)


def test_low_dose_keeps_the_mean_and_gets_noisier_with_fewer_counts() -> None:
    volume, spacing = patient()
    parameters = sample_low_dose(local_generator(3), severity=0.5)
    noise = []
    for dose in (1 / 2, 1 / 10, 1 / 50):
        scan = apply_low_dose(volume, spacing, replace(parameters, dose_fraction=dose))
        torch.testing.assert_close(scan.mean(), volume.mean(), rtol=1e-4, atol=0)
        assert scan.min() >= 0
        noise.append(float((scan - volume)[volume > 0.8].std()))
    # Poisson: five times fewer counts, √5 times the noise; the iterations bend it a little
    assert 1.7 < noise[1] / noise[0] < 2.9
    assert 1.6 < noise[2] / noise[1] < 2.9
    hot = volume > 4
    assert (
        abs(float(apply_low_dose(volume, spacing, parameters)[hot].mean() / volume[hot].mean()) - 1)
        < 0.1
    )


def test_low_dose_does_not_move_the_picture() -> None:
    """Noise lets every single estimate err; over ten scans nothing is left."""
    volume, spacing = patient()
    shifts = [
        estimate_shift(
            apply_low_dose(volume, spacing, sample_low_dose(local_generator(seed), severity=0.5)),
            volume,
        )
        for seed in range(10)
    ]
    assert np.abs(np.mean(shifts, axis=0)).max() <= 0.1


def test_finer_grids_get_noise_of_the_scanner_s_size() -> None:
    """On a grid of 2 mm the noise is as coarse as the scanner's pixels: neighbours agree."""
    volume, spacing = patient()
    fine = torch.nn.functional.interpolate(volume[None, None], scale_factor=2.0, mode="trilinear")[
        0, 0
    ]
    parameters = replace(
        sample_low_dose(local_generator(0), severity=0.8), pixel_mm=4.0, slice_mm=3.3
    )
    scan = apply_low_dose(fine, (spacing[0] / 2, 2.0, 2.0), parameters)
    noise = (scan - fine)[8:-8, 20:40, 24:48]
    neighbours = np.corrcoef(noise[:, :, 1:].flatten(), noise[:, :, :-1].flatten())[0, 1]
    assert neighbours > 0.6


def test_empty_volume_stays_empty() -> None:
    empty = torch.zeros(4, 9, 11)
    assert (
        apply_low_dose(empty, (3.0, 4.0, 4.0), sample_low_dose(local_generator(0))).abs().max() == 0
    )


def test_same_parameters_same_bytes() -> None:
    volume, spacing = limb()
    metal = sample_metal(local_generator(8), volume, spacing)
    assert sample_metal(local_generator(8), volume, spacing) == metal
    assert torch.equal(apply_metal(volume, spacing, metal), apply_metal(volume, spacing, metal))
    suv, suv_spacing = patient()
    dose = sample_low_dose(local_generator(8))
    assert torch.equal(
        apply_low_dose(suv, suv_spacing, dose), apply_low_dose(suv, suv_spacing, dose)
    )
    other = replace(dose, seed=dose.seed + 1)
    assert not torch.equal(
        apply_low_dose(suv, suv_spacing, dose), apply_low_dose(suv, suv_spacing, other)
    )


def test_no_warning_reaches_the_user() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pet_low_dose.Scanner((9, 11), (3.0, 3.0), 5.0, "cpu").project(
            torch.ones(1, 9, 11), [torch.ones(())] * 8
        )
