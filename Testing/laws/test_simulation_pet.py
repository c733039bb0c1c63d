"""PET with few counts: reconstruction, point spread, noise, and nothing that moves."""

import warnings
from dataclasses import replace

import numpy as np
import torch

from Testing.laws.slices import H, W, blobs, limb
from UniFuseLib.simulation import pet_low_dose
from UniFuseLib.simulation.ct_metal import apply_metal, sample_metal
from UniFuseLib.simulation.mr_motion import estimate_shift
from UniFuseLib.simulation.parameters import local_generator
from UniFuseLib.simulation.pet_low_dose import (
    Scanner,
    apply_low_dose,
    gaussian_matrix,
    sample_low_dose,
    smooth,
)


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
